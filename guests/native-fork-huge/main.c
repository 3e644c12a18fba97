// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread on a second processor writes to huge pages while fork copies their entries. The entries
 * are writable and clean: of pages after MADV_FREE.
 *
 * The bug: fork reads the parent's entry, write-protects it, and makes the child's entry of what
 * it has read. If the thread writes in between, only the parent's entry gets dirty. When the
 * parent has unmapped the page, reclaim takes it for clean, and drops it.
 *
 * Expected: what the child has read once stays, also when reclaim has tried to take the page, but
 * for pages that were not written to since MADV_FREE.
 *
 * Method: the thread goes once through the pages, last page first, so that it meets fork, which
 * comes from the first. fork takes long before it comes to the pages. So the thread waits before,
 * longer if it came before fork to all pages, and shorter if to none. The child reads a word of
 * each page, lets reclaim have them when the parent has unmapped them, and reads the words again.
 */
#define _GNU_SOURCE
#include "vcpus.h"

#define HUGE	(2UL << 20)
#define NR	16UL
#define LEAST	20UL /* rounds in which thread and fork met, for the test to say something */
#define SECONDS 60
#define AT_MOST 150 /* seconds, if they met too seldom by then */

/* What the children found, in memory that they share with their parent. */
static struct looks {
	_Atomic bool seen;     /* the child has read a word of all pages */
	_Atomic bool alone;    /* the parent has unmapped them */
	unsigned long written; /* pages that were written to before the copy, in this round */
	unsigned long met;     /* rounds in which some were, and not all */
	unsigned long dropped; /* pages that were not written to, and were empty later */
	unsigned long changed; /* pages that were written to, and wrong later */
} *looks;

static char *area;
static _Atomic unsigned int asked, answered; /* the pass */
static _Atomic uint64_t value;		     /* that it writes, plus the page's number */
static _Atomic unsigned int delay = 10000;   /* before it */

static _Atomic uint64_t *word(unsigned long i)
{
	return (_Atomic uint64_t *)(area + i * HUGE);
}

static void pause_for(unsigned int times)
{
	for (volatile unsigned int n = 0; n < times; n++)
		;
}

static void *passes(void *unused)
{
	on_cpu(1);
	for (unsigned int pass = 1;; pass++) {
		while (atomic_load(&asked) < pass)
			;
		pause_for(atomic_load(&delay));
		for (long i = NR - 1; i >= 0; i--) {
			atomic_store(word(i), atomic_load(&value) + i);
			pause_for(pass % 8 * 50);
		}
		atomic_store(&answered, pass);
	}
	return unused;
}

/* Maps the area anew. Each page must be a huge one. */
static void map_area(void)
{
	int kpageflags = open_proc("/proc/kpageflags");

	if (mmap(area, NR * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != area ||
	    madvise(area, NR * HUGE, MADV_HUGEPAGE))
		ksft_exit_fail_msg("mmap or MADV_HUGEPAGE: %s\n", strerror(errno));
	for (unsigned long i = 0; i < NR; i++) {
		uint64_t entry;

		atomic_store(word(i), 1);
		pagemap((char *)word(i) + HUGE - PAGE, 1, &entry);
		if (!(page_flags(kpageflags, entry) & KPF_COMPOUND_TAIL))
			ksft_exit_fail_msg("page %lu is not a huge page\n", i);
	}
	close(kpageflags);
}

static void look_twice(uint64_t base)
{
	uint64_t first[NR];

	looks->written = 0;
	for (unsigned long i = 0; i < NR; i++) {
		first[i] = atomic_load(word(i));
		looks->written += first[i] == base + i;
	}
	atomic_store(&looks->seen, true);
	while (!atomic_load(&looks->alone))
		sleep_ms(1);
	madvise(area, NR * HUGE, MADV_PAGEOUT);
	for (unsigned long i = 0; i < NR; i++) {
		uint64_t now = atomic_load(word(i));

		if (first[i] == base + i)
			looks->changed += now != first[i];
		else
			looks->dropped += !now;
	}
}

static void fork_and_look(uint64_t base)
{
	int status = -1;
	pid_t child;

	map_area();
	madvise(area, NR * HUGE, MADV_FREE);
	atomic_store(&looks->seen, false);
	atomic_store(&looks->alone, false);
	atomic_store(&value, base);
	atomic_fetch_add(&asked, 1);
	child = start_child();
	if (!child) {
		look_twice(base);
		_exit(0);
	}
	while (atomic_load(&answered) < atomic_load(&asked))
		;
	while (!atomic_load(&looks->seen))
		sleep_ms(1);
	munmap(area, NR * HUGE);
	atomic_store(&looks->alone, true);
	if (waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("the child ended with %d\n", status);
	if (looks->written == NR)
		delay += delay / 16 + 1;
	else if (!looks->written)
		delay -= delay / 16;
	else
		looks->met++;
}

int main(void)
{
	unsigned long rounds = 0;
	time_t from = time(NULL);
	char *reserved;

	ksft_print_header();
	ksft_set_plan(1);
	looks = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	reserved = mmap(NULL, (NR + 1) * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (looks == MAP_FAILED || reserved == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	area = (char *)(((uintptr_t)reserved + HUGE - 1) / HUGE * HUGE);
	on_cpu(0);
	start_thread(passes, NULL);
	while (!looks->changed && time(NULL) < from + (looks->met < LEAST ? AT_MOST : SECONDS))
		fork_and_look(++rounds << 32);
	ksft_print_msg("%lu forks, %lu of them met, the last after a delay of %u; %lu of %lu pages dropped, %lu changed\n",
		       rounds, looks->met, delay, looks->dropped, rounds * NR, looks->changed);
	result_if_met(looks->met >= LEAST && looks->dropped > rounds, !looks->changed, "after MADV_FREE%s\n",
		      looks->changed ? ": a huge page changed" : "");
	ksft_finished();
}
