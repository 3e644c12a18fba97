/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: writers on vCPUs of their own, who go on for seconds, while the first
 * vCPU works on their pages, and who know what each byte of these must be.
 *
 * A page belongs to one writer. It finds there what it has written last, or something is
 * wrong, and then writes all of the page anew. The records of that are memory, too, so
 * that a child of fork finds its copy of the records and of the pages at one, whatever
 * the writers did meanwhile.
 */
#ifndef CREW_H
#define CREW_H

#include "vcpus.h"

#define WRITERS		3
#define CREW_MAX	8192UL
#define CREW_WORDS	(PAGE / sizeof(uint64_t))

static struct {
	char *_Atomic at;	/* where the pages are */
	unsigned long nr;
	uint64_t (*content)(unsigned long page, unsigned int turn);	/* its first word */
	unsigned long dwell;	/* turns of a loop that a writer is in a page before it writes */
	_Atomic unsigned int turn[CREW_MAX];	/* how often a page was written */
	_Atomic unsigned long in[WRITERS];	/* the page that a writer is in, plus 1 */
	_Atomic unsigned long written[WRITERS], wrong;
	_Atomic unsigned int working;
	_Atomic bool rest;	/* all wait */
} crew;

static inline uint64_t own_content(unsigned long page, unsigned int turn)
{
	return (page << 32 | turn) * 0x9e3779b97f4a7c15;
}

static inline uint64_t content_of(unsigned long page, unsigned int turn, unsigned long nr)
{
	return crew.content(page, turn) + nr * 0x0101010101010101;
}

/* Whether the page holds what was written in this turn, or in part the next already. */
static inline bool page_holds(const char *page, unsigned long i, unsigned int turn, bool partly)
{
	const volatile uint64_t *has = (const volatile uint64_t *)page;
	unsigned long nr = 0;

	if (partly)
		while (nr < CREW_WORDS && has[nr] == content_of(i, turn + 1, nr))
			nr++;
	for (; nr < CREW_WORDS; nr++) {
		uint64_t now = has[nr];

		if (now != content_of(i, turn, nr)) {
			ksft_print_msg("word %lu of page %lu is %lx, not %lx of turn %u\n",
				       nr, i, now, content_of(i, turn, nr), turn);
			return false;
		}
	}
	return true;
}

static void write_page(unsigned long i)
{
	volatile uint64_t *page;
	unsigned int turn = crew.turn[i];

	/* If the pages are gone in the middle of it, they are elsewhere, or will be back. */
	if (sigsetjmp(gone, 0))
		sched_yield();
	landing = true;
	page = (volatile uint64_t *)(atomic_load(&crew.at) + i * PAGE);
	for (unsigned long nr = 0; nr < CREW_WORDS; nr++)
		page[nr] = content_of(i, turn + 1, nr);
	landing = false;
}

static bool check_page(unsigned long i)
{
	bool holds;

	if (sigsetjmp(gone, 0))
		sched_yield();
	landing = true;
	holds = page_holds(atomic_load(&crew.at) + i * PAGE, i, crew.turn[i], false);
	landing = false;
	return holds;
}

/*
 * Has the page's entry in the TLB, writable, for a while, and the page stays as it is. The
 * entries of a writer's other pages do not live until it comes back, nor does one a system
 * call.
 */
static void dwell_in_page(unsigned long i)
{
	volatile uint64_t *page;

	if (sigsetjmp(gone, 0))
		sched_yield();
	landing = true;
	page = (volatile uint64_t *)(atomic_load(&crew.at) + i * PAGE);
	page[0] = content_of(i, crew.turn[i], 0);
	landing = false;
	for (volatile unsigned long n = 0; n < crew.dwell; n++)
		;
}

static inline void *writer(void *arg)
{
	unsigned int me = (uintptr_t)arg;

	on_cpu(me + 1);
	for (unsigned long i = me;; i = i + WRITERS < crew.nr ? i + WRITERS : me) {
		/* Again, once it counts as working: crew_rest() may have seen that none does. */
		while (atomic_load(&crew.rest)) {
			atomic_fetch_sub(&crew.working, 1);
			while (atomic_load(&crew.rest))
				sleep_ms(1);
			atomic_fetch_add(&crew.working, 1);
		}
		if (!check_page(i))
			atomic_fetch_add(&crew.wrong, 1);
		if (crew.dwell)
			dwell_in_page(i);
		atomic_store(&crew.in[me], i + 1);
		write_page(i);
		crew.turn[i]++;
		atomic_store(&crew.in[me], 0);
		atomic_fetch_add(&crew.written[me], 1);
	}
	return NULL;
}

/* Once. The crew rests until crew_work(). */
static inline void crew_setup(void)
{
	catch_faults();
	on_cpu(0);
	atomic_store(&crew.rest, true);
	atomic_store(&crew.working, WRITERS);
	for (uintptr_t me = 0; me < WRITERS; me++)
		start_thread(writer, (void *)me);
}

static inline void crew_rest(void)
{
	atomic_store(&crew.rest, true);
	while (atomic_load(&crew.working))
		sleep_ms(1);
}

/* On nr pages that are at a place; all are written before. */
static inline void crew_begin(char *at, unsigned long nr,
			      uint64_t (*content)(unsigned long page, unsigned int turn))
{
	crew_rest();
	atomic_store(&crew.at, at);
	crew.nr = nr;
	crew.content = content;
	atomic_store(&crew.wrong, 0);
	for (unsigned int me = 0; me < WRITERS; me++)
		atomic_store(&crew.written[me], 0);
	for (unsigned long i = 0; i < nr; i++) {
		crew.turn[i] = 0;
		write_page(i);
		crew.turn[i] = 1;
	}
}

static inline void crew_work(void)
{
	atomic_store(&crew.rest, false);
}

/* How many pages were written since crew_begin(). */
static inline unsigned long crew_written(void)
{
	unsigned long sum = 0;

	for (unsigned int me = 0; me < WRITERS; me++)
		sum += atomic_load(&crew.written[me]);
	return sum;
}

/* While the crew rests: how many pages are not as they were written. */
static inline unsigned long crew_wrong(void)
{
	unsigned long wrong = atomic_load(&crew.wrong);

	for (unsigned long i = 0; i < crew.nr; i++)
		wrong += !check_page(i);
	return wrong;
}

/* Forks while they write, and has the child look at one page of four. Says if all is well. */
static inline bool crew_fork(unsigned int round)
{
	int status = -1;
	pid_t child = start_child();

	if (!child) {
		bool ok = true;

		for (unsigned long i = round % 4; i < crew.nr; i += 4)
			ok &= page_holds(crew.at + i * PAGE, i, crew.turn[i],
					 crew.in[i % WRITERS] == i + 1);
		fflush(stdout);
		_exit(!ok);
	}
	return waitpid(child, &status, 0) == child && status == 0;
}

/* There and back. The place that is left stays reserved, since it comes back. */
static inline void crew_move(char *there)
{
	char *here = atomic_load(&crew.at);
	unsigned long len = crew.nr * PAGE;

	for (int i = 0; i < 2; i++) {
		char *from = i ? there : here, *to = i ? here : there;

		if (mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to ||
		    mmap(from, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
			 -1, 0) != from)
			ksft_exit_fail_msg("mremap: %s\n", strerror(errno));
		atomic_store(&crew.at, to);
	}
}

static inline char *reserve(unsigned long nr)
{
	char *at = mmap(NULL, nr * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return at;
}

static inline void crew_protect(void)
{
	char *at = atomic_load(&crew.at);

	if (mprotect(at, crew.nr * PAGE, PROT_READ) ||
	    mprotect(at, crew.nr * PAGE, PROT_READ | PROT_WRITE))
		ksft_exit_fail_msg("mprotect: %s\n", strerror(errno));
}

#endif /* CREW_H */
