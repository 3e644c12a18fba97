// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread on a second processor writes to pages, or reads them, while fork write-protects
 * their entries. There is no Xen: Linux changes an entry by cmpxchg, and the processor sets
 * bits in it at the same time.
 *
 * Expected:
 *   - after MADV_FREE, which lets the kernel drop clean pages, a page that was written to
 *     holds what was written, however hard reclaim tries: the dirty bit was not lost
 *   - each page that was read counts as referenced in /proc/self/smaps: the accessed bit was
 *     not lost
 *   - a child sees nothing that the parent writes after fork() has returned
 *
 * Method: the thread goes once through the pages, last page first, so that it meets fork at
 * one of them. They are in the same entry only for a moment, so this is done over and over
 * for seconds, each time with another pause between two pages. The thread leaves one page of
 * eight alone, so that the test shows that it finds clean and old pages, too.
 */
#define _GNU_SOURCE
#include "vcpus.h"

#define NR	400UL
#define EIGHTH	(NR / 8)
#define LEAST	30UL /* rounds in which thread and fork met, for the test to say something */
#define SECONDS 12   /* for each test */
#define AT_MOST 45   /* seconds, if they met too seldom by then */
#define PAUSES	16
#define LAST	(PAGE / sizeof(uint64_t) - 1) /* the last word of a page */

static char *area;
static bool writes;			     /* the thread, or else it reads */
static _Atomic unsigned int asked, answered; /* the pass */
static _Atomic uint64_t value;		     /* that it writes, plus the page's number */
static _Atomic long at;			     /* the page that it has visited last */

static _Atomic uint64_t *word(unsigned long i, unsigned long nr)
{
	return (_Atomic uint64_t *)(area + i * PAGE) + nr;
}

static void *passes(void *unused)
{
	on_cpu(1);
	for (unsigned int pass = 1;; pass++) {
		while (atomic_load(&asked) < pass)
			;
		for (long i = NR - 1; i >= 0; i--) {
			if (i % 8 == 0)
				continue;
			if (writes)
				atomic_store(word(i, 0), atomic_load(&value) + i);
			else
				(void)atomic_load(word(i, 0));
			atomic_store(&at, i);
			for (volatile unsigned int n = 0; n < pass % PAUSES * 8; n++)
				;
		}
		atomic_store(&answered, pass);
	}
	return unused;
}

static void begin_pass(uint64_t base)
{
	atomic_store(&value, base);
	atomic_store(&at, NR);
	atomic_fetch_add(&asked, 1);
}

static bool passing(void)
{
	return atomic_load(&answered) < atomic_load(&asked);
}

static void end_pass(void)
{
	while (passing())
		;
}

static void fill(void)
{
	if (madvise(area, NR * PAGE, MADV_DONTNEED))
		ksft_exit_fail_msg("madvise: %s\n", strerror(errno));
	for (unsigned long i = 0; i < NR; i++) {
		atomic_store(word(i, 0), 1);
		atomic_store(word(i, LAST), i + 1);
	}
}

/* Forks during a pass. The child ends at once. Returns whether the pass was not over then. */
static bool fork_meanwhile(uint64_t base)
{
	int status = -1;
	pid_t child;
	bool met;

	begin_pass(base);
	child = start_child();
	if (!child)
		_exit(0);
	met = passing();
	end_pass();
	if (waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("the child ended with %d\n", status);
	return met;
}

static void test_dirty(void)
{
	unsigned long rounds = 0, met = 0, dropped = 0, lost = 0;
	time_t from = time(NULL);

	writes = true;
	while (time(NULL) < from + (met < LEAST ? AT_MOST : SECONDS)) {
		uint64_t base = ++rounds << 32;

		fill();
		madvise(area, NR * PAGE, MADV_FREE);
		met += fork_meanwhile(base);
		madvise(area, NR * PAGE, MADV_PAGEOUT);
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t first = atomic_load(word(i, 0)), last = atomic_load(word(i, LAST));

			if (i % 8)
				lost += first != base + i || last != i + 1;
			else
				dropped += !first && !last;
		}
	}
	ksft_print_msg(
		"%lu forks, %lu of them met; %lu of %lu clean pages dropped, %lu written ones lost\n",
		rounds, met, dropped, rounds * EIGHTH, lost);
	result_if_met(met >= LEAST && dropped > rounds * EIGHTH / 2, !lost,
		      "fork keeps what is written to lazily freed pages\n");
}

/* Returns how many of the pages are referenced. The area is a mapping of its own. */
static unsigned long referenced(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long start, end, kib = 0;
	bool here = false;
	char line[256];

	if (!smaps)
		ksft_exit_fail_msg("smaps: %s\n", strerror(errno));
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start == (uintptr_t)area && end == start + NR * PAGE;
		else if (here && sscanf(line, "Referenced: %lu", &kib) == 1)
			break;
	}
	fclose(smaps);
	return kib * 1024 / PAGE;
}

/* A processor that has an entry in its TLB does not set the bit again. */
static void clear_referenced(void)
{
	char *other = map_pages(64, -1);

	put("/proc/self/clear_refs", "1");
	/* A wide munmap() flushes all TLBs. */
	memset(other, 1, 64 * PAGE);
	munmap(other, 64 * PAGE);
}

static void test_accessed(void)
{
	unsigned long rounds = 0, met = 0, before = 0, extra = 0, lost = 0;
	time_t from = time(NULL);

	writes = false;
	while (time(NULL) < from + (met < LEAST ? AT_MOST : SECONDS)) {
		unsigned long found;

		rounds++;
		fill();
		clear_referenced();
		before += referenced();
		met += fork_meanwhile(0);
		found = referenced();
		if (found < NR - EIGHTH)
			lost += NR - EIGHTH - found;
		else
			extra += found - (NR - EIGHTH);
	}
	ksft_print_msg(
		"%lu forks, %lu of them met; %lu pages referenced before, %lu that were not read, %lu of those read are not\n",
		rounds, met, before, extra, lost);
	result_if_met(met >= LEAST, !before && !extra && !lost,
		      "fork leaves no page old that was read meanwhile\n");
}

static void test_apart(void)
{
	_Atomic unsigned long *passed =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long rounds = 0, met = 0, failed = 0;
	time_t from = time(NULL);

	writes = true;
	fill();
	while (time(NULL) < from + (met < LEAST ? AT_MOST : SECONDS)) {
		uint64_t during = (2 * ++rounds) << 32, after = during + (1UL << 32);
		int status = -1;
		pid_t child;

		begin_pass(during);
		child = start_child();
		if (!child) {
			bool ok = true;

			while (atomic_load(passed) < rounds)
				sched_yield();
			for (unsigned long i = 0; i < NR; i++)
				ok &= atomic_load(word(i, 0)) < after &&
				      atomic_load(word(i, LAST)) == i + 1;
			_exit(!ok);
		}
		met += passing();
		end_pass();
		begin_pass(after);
		end_pass();
		atomic_store(passed, rounds);
		waitpid(child, &status, 0);
		failed += status != 0;
		for (unsigned long i = 0; i < NR; i++)
			failed += (i % 8 && atomic_load(word(i, 0)) != after + i) ||
				  atomic_load(word(i, LAST)) != i + 1;
	}
	ksft_print_msg("%lu forks, %lu of them met; %lu wrong\n", rounds, met, failed);
	result_if_met(met >= LEAST, !failed, "a child sees nothing of what its parent writes later\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(3);
	on_cpu(0);
	area = map_pages(NR + 2, -1);
	/* Else it could become a part of the next mapping. */
	if (mprotect(area, PAGE, PROT_NONE) || mprotect(area + (NR + 1) * PAGE, PAGE, PROT_NONE))
		ksft_exit_fail_msg("mprotect: %s\n", strerror(errno));
	area += PAGE;
	start_thread(passes, NULL);
	test_dirty();
	test_accessed();
	test_apart();
	ksft_finished();
}
