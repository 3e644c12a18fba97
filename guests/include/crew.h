/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: writers, each on a vCPU of its own, that write for seconds while the
 * first vCPU works on their pages. They know what each byte of the pages must be.
 *
 * A page belongs to one writer. The writer checks that the page holds what it has written
 * last, and then writes all of the page anew. The records of what was written are memory of
 * the program. So a child of fork has a copy of the records and a copy of the pages, and the
 * two must agree, whatever the writers did during the fork.
 */
#ifndef CREW_H
#define CREW_H

#include "vcpus.h"

#define WRITERS		3
#define CREW_MAX	8192UL
#define CREW_WORDS	(PAGE / sizeof(uint64_t))

static struct {
	char *_Atomic at; /* where the pages are */
	unsigned long nr;
	uint64_t (*content)(unsigned long page, unsigned int turn); /* its first word */
	unsigned long dwell; /* turns of a loop that a writer makes in a page before it writes */
	_Atomic unsigned int turn[CREW_MAX]; /* how often a page was written */
	_Atomic unsigned long in[WRITERS];   /* the page that a writer is in, plus 1 */
	_Atomic unsigned long written[WRITERS], wrong;
	_Atomic unsigned int working;
	_Atomic bool rest; /* all writers are to wait */
} crew;

static inline uint64_t own_content(unsigned long page, unsigned int turn)
{
	return (page << 32 | turn) * 0x9e3779b97f4a7c15;
}

static inline uint64_t content_of(unsigned long page, unsigned int turn, unsigned long nr)
{
	return crew.content(page, turn) + nr * 0x0101010101010101;
}

/* Whether the page holds this turn's words. If partly is set, it may begin with the next's. */
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

	/* If the pages go away meanwhile, begin again: they are elsewhere, or will come back. */
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
 * Keeps the page's entry in the TLB for a while, writable, and does not change the page.
 * This is needed since entries of a writer's other pages leave the TLB before the writer
 * comes back to them, and no entry survives a system call.
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

	/* With fewer than four vCPUs, writers share those that are not the first. */
	on_cpu(1 + me % (sysconf(_SC_NPROCESSORS_ONLN) - 1));
	for (unsigned long i = me;; i = i + WRITERS < crew.nr ? i + WRITERS : me) {
		/* Look at rest again after working is up: crew_rest() may have seen it at 0. */
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

/* To be called once. The crew rests until crew_work(). */
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

/* Gives the crew nr pages at a place, and writes each of them once. The crew rests. */
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

/* How many pages are not as they were written. The crew must rest. */
static inline unsigned long crew_wrong(void)
{
	unsigned long wrong = atomic_load(&crew.wrong);

	for (unsigned long i = 0; i < crew.nr; i++)
		wrong += !check_page(i);
	return wrong;
}

/* Forks while the crew writes. The child checks one page of four. Returns if all were right. */
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

/* Moves the pages there and back. A place that they leave stays reserved for them. */
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

/*
 * One of five operations on the crew's pages, while it writes: number "which" of fork, mremap,
 * MADV_PAGEOUT, mprotect and compaction. Returns whether a forked child's pages were right.
 */
static inline bool crew_disturb(unsigned int which, unsigned int round, char *there)
{
	switch (which) {
	case 0:
		return crew_fork(round);
	case 1:
		crew_move(there);
		break;
	case 2:
		madvise(atomic_load(&crew.at), crew.nr / 2 * PAGE, MADV_PAGEOUT);
		break;
	case 3:
		crew_protect();
		break;
	case 4:
		put("/proc/sys/vm/compact_memory", "1");
		break;
	}
	return true;
}

#endif /* CREW_H */
