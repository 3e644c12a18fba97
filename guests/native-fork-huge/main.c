// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread on a second processor writes to large folios while fork copies their entries, which are
 * writable and clean: the folios were given to MADV_FREE. A folio is a huge page, which one entry
 * maps, or has 16 pages, whose 16 entries fork copies at once.
 *
 * The bug: fork reads the parent's entries, write-protects them, and makes the child's entries of what
 * it has read. If the thread writes in between, only the parent's entry gets dirty. When the
 * parent has unmapped the folio, reclaim takes it for clean, and drops it.
 *
 * Expected: what the child has read once stays, also when reclaim has tried to take the folio, but
 * for folios that were not written to since MADV_FREE.
 *
 * Method: the thread goes once through the folios, last one first, so that it meets fork, which
 * comes from the first. fork takes long before it comes to the folios. So the thread waits before,
 * longer if it came before fork to all folios, and shorter if to none. It writes to the last page of
 * a folio. The child reads that word, lets reclaim have the folios when the parent has unmapped them, and
 * reads the words again.
 */
#define _GNU_SOURCE
#include "vcpus.h"

#define HUGE	(2UL << 20)
#define SMALL	(64UL << 10)
#define NR	16UL
#define LEAST	20UL /* rounds in which thread and fork met, for a test to say something */
#define SECONDS 60   /* for each test */
#define AT_MOST 150  /* seconds, if they met too seldom by then */

/* What the children found, in memory that they share with their parent. */
static struct looks {
	_Atomic bool seen;     /* the child has read a word of all folios */
	_Atomic bool alone;    /* the parent has unmapped them */
	unsigned long written; /* folios that were written to before the copy, in this round */
	unsigned long met;     /* rounds in which some were, and not all */
	unsigned long dropped; /* folios that were not written to, and were empty later */
	unsigned long changed; /* folios that were written to, and wrong later */
} *looks;

static char *area;
static unsigned long size; /* of a folio */
static _Atomic unsigned int asked, answered; /* the pass */
static _Atomic uint64_t value;		     /* that it writes, plus the folio's number */
static _Atomic unsigned int delay = 10000;   /* before it */

static _Atomic uint64_t *word(unsigned long i)
{
	return (_Atomic uint64_t *)(area + (i + 1) * size - PAGE);
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

/* Maps the area anew. Each folio must be of the size. */
static void map_area(void)
{
	int kpageflags = open_proc("/proc/kpageflags");

	if (mmap(area, NR * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != area ||
	    madvise(area, NR * size, MADV_HUGEPAGE))
		ksft_exit_fail_msg("mmap or MADV_HUGEPAGE: %s\n", strerror(errno));
	for (unsigned long i = 0; i < NR; i++) {
		uint64_t first, last;

		atomic_store(word(i), 1);
		pagemap(area + i * size, 1, &first);
		pagemap((char *)word(i), 1, &last);
		if (!(page_flags(kpageflags, first) & KPF_COMPOUND_HEAD) ||
		    !(page_flags(kpageflags, last) & KPF_COMPOUND_TAIL))
			ksft_exit_fail_msg("folio %lu has not %lu KiB\n", i, size / 1024);
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
	madvise(area, NR * size, MADV_PAGEOUT);
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
	madvise(area, NR * size, MADV_FREE);
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
	munmap(area, NR * size);
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

static void test(const char *what, unsigned long folio)
{
	unsigned long rounds = 0;
	time_t from = time(NULL);

	size = folio;
	memset(looks, 0, sizeof(*looks));
	while (!looks->changed && time(NULL) < from + (looks->met < LEAST ? AT_MOST : SECONDS))
		fork_and_look(++rounds << 32);
	ksft_print_msg("%s: %lu forks, %lu of them met, the last after a delay of %u; %lu of %lu dropped, %lu changed\n",
		       what, rounds, looks->met, delay, looks->dropped, rounds * NR, looks->changed);
	result_if_met(looks->met >= LEAST && looks->dropped > rounds, !looks->changed, "%s after MADV_FREE%s\n",
		      what, looks->changed ? ": a folio changed" : "");
}

int main(void)
{
	char *reserved;

	ksft_print_header();
	ksft_set_plan(2);
	looks = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	reserved = mmap(NULL, (NR + 1) * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (looks == MAP_FAILED || reserved == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	area = (char *)(((uintptr_t)reserved + HUGE - 1) / HUGE * HUGE);
	put("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "madvise");
	on_cpu(0);
	start_thread(passes, NULL);
	test("huge pages", HUGE);
	test("folios of 64 KiB", SMALL);
	ksft_finished();
}
