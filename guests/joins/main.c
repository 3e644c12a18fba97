// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second vCPU begins to run the process while a call changes page table entries in a lazy
 * MMU section.
 *
 * Expected: when the call has returned, this vCPU does not use the old entries any more. The
 * call's TLB flush goes to the vCPUs that run the process when the flush is called. If the
 * flush is called before the updates are in the page table, a vCPU that begins to run the
 * process in between keeps old entries in its TLB. Then
 *   - the pagemap scan misses what this vCPU writes after the scan
 *   - after mremap() or madvise(), this vCPU still reads and writes pages that were moved or
 *     are freed
 *
 * Method: another process has the second vCPU. It looks at the clock, and wakes up a thread of
 * this process there, during the call. The thread exchanges a word in the last pages, whose
 * updates arrive last, and once more when the call has returned. Each call leaves the range
 * mapped, so that the thread then gets a new page, which is 0. If the thread still found an old
 * page in one round, it wakes up a little later in the next one, and else a little earlier. So
 * most rounds are close to the moment at which the last updates arrive.
 */
#define _GNU_SOURCE
#include <semaphore.h>

#include "scan.h"
#include "vcpus.h"

#define NR	 127UL /* one less than a batch, which so is as long as can be */
#define TABLE	 512UL /* all pages are in one page table, which has this many entries */
#define LAST	 8UL
#define MEETINGS 30UL	    /* of call and thread, at least */
#define SECONDS	 20	    /* for each call */
#define AT_MOST	 45	    /* seconds, if there are too few meetings by then */
#define US	 1000L	    /* in ns */
#define AHEAD	 (500 * US) /* from here to the round's begin, so that all wait for it */

enum { OLD = 1, DURING, AFTER }; /* the word that a page gets before, during, after the call */

static char *area;
static char *elsewhere;	 /* where mremap moves it */
static sem_t end;
static _Atomic int calling, called;	   /* the round whose call has begun, and returned */
static uint64_t during[LAST], after[LAST]; /* what the thread found in the pages */
static bool had_old;			   /* the thread found an old page */
static bool met;			   /* and that was during the call */

/* In memory that the other process has, too. */
static struct {
	_Atomic uint64_t wake_at; /* of CLOCK_MONOTONIC, in ns; or 0 */
	sem_t wake;
} *shared;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 * US + time.tv_nsec;
}

static void exchange_last(uint64_t word, uint64_t *found)
{
	for (unsigned long i = LAST; i-- > 0;)
		found[i] =
			atomic_exchange((_Atomic uint64_t *)(area + (NR - LAST + i) * PAGE), word);
}

static bool found_old(void)
{
	for (unsigned long i = 0; i < LAST; i++)
		if (during[i] == OLD)
			return true;
	return false;
}

static void *join(void *unused)
{
	struct sched_param param = { .sched_priority = 1 };

	on_cpu(1);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		ksft_exit_fail_msg("SCHED_FIFO: %s\n", strerror(errno));
	for (int round = 1;; round++) {
		sem_wait(&shared->wake);
		/* From here on, no system call: the way into Xen and back flushes the TLB. */
		exchange_last(DURING, during);
		had_old = found_old();
		met = had_old && atomic_load(&calling) == round && atomic_load(&called) < round;
		while (atomic_load(&called) < round)
			;
		exchange_last(AFTER, after);
		sem_post(&end);
	}
	return unused;
}

/* Starts a process that runs on the second vCPU whenever the thread does not. */
static pid_t start_other(void)
{
	pid_t other = start_child();

	if (other)
		return other;
	on_cpu(1);
	for (;;) {
		uint64_t at = atomic_load(&shared->wake_at);

		if (!at || now() < at)
			continue;
		atomic_store(&shared->wake_at, 0);
		sem_post(&shared->wake);
	}
}

/* A place for the pages in one page table. */
static char *place(int fd)
{
	char *at = map_pages(NR + TABLE, fd);

	return at + -(uintptr_t)at % (TABLE * PAGE);
}

static unsigned long written; /* that the scan found */

static void scan_all(void)
{
	written = scan_pages(area, NR);
}

static unsigned long missed_by_scan(void)
{
	if (written != NR)
		ksft_exit_fail_msg("of %lu pages that were written, the scan found %lu\n", NR,
				   written);
	return LAST - scan_pages(area + (NR - LAST) * PAGE, LAST);
}

static void move_away(void)
{
	if (mremap(area, NR * PAGE, NR * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		   elsewhere) != elsewhere)
		ksft_exit_fail_msg("mremap: %s\n", strerror(errno));
}

static void advise(int advice)
{
	if (madvise(area, NR * PAGE, advice))
		ksft_exit_fail_msg("madvise: %s\n", strerror(errno));
}

static void drop(void)
{
	advise(MADV_DONTNEED);
}

static void punch_hole(void)
{
	advise(MADV_REMOVE);
}

/* Pages that the thread had during the call, and had still after it. */
static unsigned long kept(void)
{
	unsigned long nr = 0;

	for (unsigned long i = 0; i < LAST; i++)
		nr += during[i] == OLD && after[i] == DURING;
	return nr;
}

static unsigned long kept_after_move(void)
{
	if (madvise(elsewhere, NR * PAGE, MADV_DONTNEED))
		ksft_exit_fail_msg("madvise: %s\n", strerror(errno));
	return kept();
}

/* wrong says how many pages the thread must not have reached after the call. */
static void test(const char *name, void (*call)(void), unsigned long (*wrong)(void))
{
	static int round;
	unsigned long meetings = 0, failed = 0, rounds = 0;
	int64_t when = 0; /* the thread wakes up, after the call's begin */
	uint64_t sum = 0; /* the time of all calls */
	time_t from = time(NULL);

	while (time(NULL) < from + (meetings < MEETINGS ? AT_MOST : SECONDS)) {
		uint64_t start, stop;
		int64_t length;

		rounds++;
		round++;
		for (unsigned long i = 0; i < NR; i++)
			*(volatile uint64_t *)(area + i * PAGE) = OLD;
		start = now() + AHEAD;
		atomic_store(&shared->wake_at, start + when);
		while (now() < start)
			;
		start = now();
		atomic_store(&calling, round);
		call();
		stop = now();
		atomic_store(&called, round);
		sem_wait(&end);
		length = stop - start;
		sum += length;
		meetings += met;
		failed += wrong();
		when += had_old ? length / 16 : -length / 16;
		if (when > length || when < -AHEAD)
			when = 0;
	}
	ksft_print_msg("%s: %lu calls of %lu us; of %lu that the thread met, %lu pages wrong\n",
		       name, rounds, sum / rounds / US, meetings, failed);
	/* If too few meet, the machine was too slow, and nothing is known of the kernel. */
	result_if_met(meetings >= MEETINGS, !failed, "a vCPU that joins during %s keeps no old entry\n", name);
}

int main(void)
{
	int uffd, fd = memfd_create("joins", 0);
	pid_t other;

	ksft_print_header();
	ksft_set_plan(4);
	if (fd < 0 || ftruncate(fd, (NR + TABLE) * PAGE))
		ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
	on_cpu(0);
	sem_init(&end, 0, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	sem_init(&shared->wake, 1, 0);
	other = start_other();
	start_thread(join, NULL);

	area = place(-1);
	uffd = watch_writes(area, NR);
	test("the pagemap scan", scan_all, missed_by_scan);
	close(uffd);
	elsewhere = place(-1);
	test("mremap", move_away, kept_after_move);
	test("MADV_DONTNEED", drop, kept);
	area = place(fd);
	test("MADV_REMOVE of a shared file", punch_hole, kept);
	kill(other, SIGKILL);
	ksft_finished();
}
