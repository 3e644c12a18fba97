// SPDX-License-Identifier: GPL-2.0-only
/*
 * munmap and madvise take thousands of pages from threads that write to them. Another process
 * allocates pages meanwhile.
 *
 * Expected: nobody writes to a page that another has got. A page may be freed only when no
 * entry maps it, and no TLB has an entry of it. If the clearing of its entry is still queued
 * then, or the TLB flush comes later, a writer writes to a page of the other process.
 *
 * Method: each writer exchanges a word in neighbouring pages, over and over, until one
 * of them is gone. Then it goes on to the next ones, so that it is always where pages are
 * being taken. Linux frees pages in lists of at most about 10 000: each round has more. The
 * other process, the taker, looks whether this word is still 0 in its pages. By their
 * numbers in /proc/self/pagemap it tells which of its pages were the writers' before.
 */
#define _GNU_SOURCE
#include "vcpus.h"

#define PIECE	128UL	     /* pages that are taken at once in the rounds of pieces */
#define NR	(94 * PIECE) /* pages that are taken in a round */
#define WINDOW	PIECE	     /* neighbouring pages that a writer is in */
#define TAKEN	8192UL	     /* pages that the taker has room for */
#define BURST	32	     /* pages that it takes at once where it interrupts */
#define PAUSE	300	     /* us between these */
#define SECONDS 6	     /* for each test, which makes one round at least */
#define MAX_PFN (1UL << 18)
#define WRITTEN 7UL /* the word of a page that writers write */

static char *area;
static _Atomic bool open_; /* the writers may write */
static unsigned int writers;
static _Atomic unsigned int writing;
static _Atomic unsigned long met, wrong;

/* Of the taker, in memory that both processes have. */
static struct {
	_Atomic int round,
		ended;	    /* that has begun; and whose pages are all taken from the writers */
	_Atomic int looked; /* the round of which the rest is known */
	unsigned long taken, again, spoiled;
	bool writers[MAX_PFN]; /* the page was the writers' when the round began */
} * taker;

static void sleep_us(unsigned int us)
{
	struct timespec time = { .tv_nsec = us * 1000L };

	nanosleep(&time, NULL);
}

static uint64_t stamp(unsigned long i)
{
	return (i + 1) * 0x9e3779b97f4a7c15;
}

/* Writes to a page. Returns whether it was there, and not a new one. */
static bool write_to(unsigned long i)
{
	volatile bool there = false;

	if (!sigsetjmp(gone, 0)) {
		uint64_t was;

		landing = true;
		was = atomic_exchange((_Atomic uint64_t *)(area + i * PAGE) + WRITTEN, stamp(i));
		there = was == stamp(i);
		if (was && !there)
			atomic_fetch_add(&wrong, 1);
	}
	landing = false;
	return there;
}

static bool write_window(unsigned long first)
{
	bool there = true;

	for (unsigned long i = first; i < first + WINDOW && there; i++)
		there = write_to(i);
	return there;
}

static void *writer(void *arg)
{
	on_cpu((uintptr_t)arg);
	for (;;) {
		while (!atomic_load(&open_))
			sleep_ms(1);
		atomic_fetch_add(&writing, 1);
		for (unsigned long first = 0; atomic_load(&open_); first = (first + WINDOW) % NR) {
			unsigned long turns = 0;
			bool there = true;

			while (atomic_load(&open_) && (there = write_window(first)))
				turns++;
			/* It wrote here, and then a page was gone. */
			if (turns && !there)
				atomic_fetch_add(&met, 1);
		}
		atomic_fetch_sub(&writing, 1);
	}
	return NULL;
}

static void look_at(const char *at, unsigned long nr)
{
	static uint64_t entry[TAKEN];

	pagemap(at, nr, entry);
	taker->taken += nr;
	for (unsigned long i = 0; i < nr; i++) {
		const uint64_t *page = (const uint64_t *)(at + i * PAGE);

		taker->again += taker->writers[(entry[i] & PM_PFN) % MAX_PFN];
		if (page[WRITTEN] || page[0] != i + 1) {
			printf("# the taker's page %lu holds %lx and %lx\n", i, page[0],
			       page[WRITTEN]);
			taker->spoiled++;
		}
	}
	fflush(stdout);
}

/*
 * On the vCPU that frees the pages, the taker interrupts that often, and gets those that were
 * freed last.
 */
static void take(int cpu)
{
	struct sched_param param = { .sched_priority = 1 };
	bool interrupts = cpu == 0;

	on_cpu(cpu);
	if (interrupts && sched_setscheduler(0, SCHED_FIFO, &param))
		ksft_exit_fail_msg("SCHED_FIFO: %s\n", strerror(errno));
	for (int round = 1;; round++) {
		char *at = map_pages(TAKEN, -1);
		unsigned long nr = 0;

		while (atomic_load(&taker->round) < round)
			sleep_ms(1);
		while (nr < TAKEN && atomic_load(&taker->ended) < round) {
			*(volatile uint64_t *)(at + nr * PAGE) = nr + 1;
			nr++;
			if (interrupts && nr % BURST == 0)
				sleep_us(PAUSE);
		}
		while (atomic_load(&taker->ended) < round)
			sleep_ms(1);
		look_at(at, nr);
		munmap(at, TAKEN * PAGE);
		atomic_store(&taker->looked, round);
	}
}

static void map_again(char *at, unsigned long nr)
{
	if (mmap(at, nr * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) != at)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
}

static void unmap(char *at, unsigned long nr)
{
	if (munmap(at, nr * PAGE))
		ksft_exit_fail_msg("munmap: %s\n", strerror(errno));
}

static void dontneed(char *at, unsigned long nr)
{
	if (madvise(at, nr * PAGE, MADV_DONTNEED))
		ksft_exit_fail_msg("madvise: %s\n", strerror(errno));
}

static void note_pages(void)
{
	static uint64_t entry[NR];

	memset(taker->writers, 0, sizeof(taker->writers));
	pagemap(area, NR, entry);
	for (unsigned long i = 0; i < NR; i++)
		taker->writers[(entry[i] & PM_PFN) % MAX_PFN] = true;
}

static void test(const char *name, void (*take_away)(char *at, unsigned long nr),
		 unsigned long piece)
{
	static int round;
	time_t limit = time(NULL) + SECONDS;

	taker->taken = taker->again = taker->spoiled = 0;
	atomic_store(&met, 0);
	atomic_store(&wrong, 0);
	do {
		map_again(area, NR);
		for (unsigned long page = 0; page < NR; page++)
			write_to(page);
		note_pages();
		atomic_store(&taker->round, ++round);
		atomic_store(&open_, true);
		while (atomic_load(&writing) < writers)
			sleep_ms(1);
		for (unsigned long first = 0; first < NR; first += piece)
			take_away(area + first * PAGE, piece);
		atomic_store(&taker->ended, round);
		/* The pages are still gone: a late write is a write to a page of the taker. */
		sleep_ms(5);
		atomic_store(&open_, false);
		while (atomic_load(&writing) || atomic_load(&taker->looked) < round)
			sleep_ms(1);
	} while (time(NULL) < limit);
	ksft_print_msg(
		"%s: writers met %lu pages that went; of %lu pages that the taker got, %lu were theirs, %lu spoiled; %lu wrong\n",
		name, met, taker->taken, taker->again, taker->spoiled, wrong);
	/* The rest says nothing of the kernel. */
	result_if_met(met && taker->again, !taker->spoiled && !wrong,
		      "%s frees no page that is written to\n", name);
}

int main(void)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t child;

	writers = cpus > 2 ? cpus - 2 : 1;
	ksft_print_header();
	ksft_set_plan(3);
	catch_faults();
	on_cpu(0);
	area = map_pages(NR, -1);
	taker = mmap(NULL, sizeof(*taker), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (taker == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	child = start_child();
	if (!child)
		take((writers + 1) % cpus);
	for (uintptr_t me = 0; me < writers; me++)
		start_thread(writer, (void *)(me + 1));
	test("munmap", unmap, NR);
	test("munmap in pieces", unmap, PIECE);
	test("MADV_DONTNEED in pieces", dontneed, PIECE);
	kill(child, SIGKILL);
	ksft_finished();
}
