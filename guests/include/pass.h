/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: a thread on a second vCPU that goes once through all pages, last page
 * first, so that it meets an operation on them between an entry's reading and its update.
 * The thread sets done[] of a page when its access is done. An access that faults, since
 * the area is gone, is not done.
 */
#ifndef PASS_H
#define PASS_H

#include "vcpus.h"

#define NR		300UL	/* neither a multiple of a batch nor of a page table */
#define ROUNDS		12
#define WORDS		(PAGE / sizeof(uint64_t))

static char *area;
static char *target;	/* where mremap moves it */
static _Atomic bool done[NR];
static _Atomic unsigned int asked, answered;
static _Atomic long reached;	/* the page that the pass has visited last */
static _Atomic long until;	/* the pass waits before each page below this one */
static _Atomic uint64_t value;	/* the pass writes this, plus the page's number */

static inline _Atomic uint64_t *word(char *at, unsigned long i)
{
	return (_Atomic uint64_t *)(at + i * PAGE);
}

static inline bool write_to(unsigned long i)
{
	atomic_store(word(area, i), atomic_load(&value) + i);
	return true;
}

/* What the pass does to a page. Returns false if it leaves the page alone. */
static bool (*visit)(unsigned long i) = write_to;

/* A pass must take longer than an operation takes to come to the pages. */
static inline void linger(void)
{
	for (volatile int i = 0; i < 4000; i++)
		;
}

static bool visited(unsigned long i)
{
	bool ok = false;

	if (!sigsetjmp(gone, 0)) {
		landing = true;
		ok = visit(i);
	}
	landing = false;
	return ok;
}

static inline void *passes(void *unused)
{
	on_cpu(1);
	for (unsigned int turn = 1;; turn++) {
		while (atomic_load(&asked) < turn)
			sleep_ms(1);
		for (long i = NR - 1; i >= 0; i--) {
			while (i < atomic_load(&until))
				;
			atomic_store(&done[i], visited(i));
			atomic_store(&reached, i);
			linger();
		}
		atomic_store(&answered, turn);
	}
	return unused;
}

/* From here on, the operations are the calling thread's. */
static inline void pass_setup(void)
{
	catch_faults();
	on_cpu(0);
	start_thread(passes, NULL);
}

static inline void start_pass(uint64_t base)
{
	for (unsigned long i = 0; i < NR; i++)
		atomic_store(&done[i], false);
	atomic_store(&value, base);
	atomic_store(&reached, NR);
	atomic_store(&until, NR);
	atomic_fetch_add(&asked, 1);
}

static inline void end_pass(void)
{
	atomic_store(&until, 0);
	while (atomic_load(&answered) < atomic_load(&asked))
		;
}

/*
 * Waits for the middle of the pass, each round a little later. The pass stops there until
 * this vCPU is there, too. Else it could be over when this vCPU loses its processor for a
 * while.
 */
static inline void wait_for_it(int round)
{
	long first = NR - 1 - round * (long)NR / ROUNDS;

	atomic_store(&until, first);
	while (atomic_load(&reached) > first)
		;
	atomic_store(&until, 0);
}

static inline char *map(int fd)
{
	return map_pages(NR, fd);
}

static inline uint64_t pattern(unsigned long i, unsigned long nr)
{
	return (i * WORDS + nr) * 0x0101010101010101;
}

/* Writes a pattern to all words but the first of each page, which is for the pass, and is 1. */
static inline void fill(char *at)
{
	for (unsigned long i = 0; i < NR; i++) {
		for (unsigned long nr = 1; nr < WORDS; nr++)
			((uint64_t *)(at + i * PAGE))[nr] = pattern(i, nr);
		atomic_store(word(at, i), 1);
	}
}

/* Whether all of a page, except its first word, is as fill() left it. */
static inline bool untouched(const void *page, unsigned long i)
{
	for (unsigned long nr = 1; nr < WORDS; nr++) {
		if (((const uint64_t *)page)[nr] != pattern(i, nr)) {
			ksft_print_msg("word %lu of page %lu has changed\n", nr, i);
			return false;
		}
	}
	return true;
}

/* Operations. Each returns where the pages are after it. */

static inline char *move(void)
{
	if (mremap(area, NR * PAGE, NR * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) != target)
		ksft_exit_fail_msg("mremap: %s\n", strerror(errno));
	return target;
}

static inline char *unmap(void)
{
	if (munmap(area, NR * PAGE))
		ksft_exit_fail_msg("munmap: %s\n", strerror(errno));
	return area;
}

static inline char *dontneed(void)
{
	if (madvise(area, NR * PAGE, MADV_DONTNEED))
		ksft_exit_fail_msg("madvise: %s\n", strerror(errno));
	return area;
}

/* Forks, and waits until the child has ended. */
static inline char *fork_once(void)
{
	int status = -1;
	pid_t child = start_child();

	if (!child)
		_exit(0);
	if (waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("the child ended with %d\n", status);
	return area;
}

static inline char *protect(void)
{
	if (mprotect(area, NR * PAGE, PROT_READ) ||
	    mprotect(area, NR * PAGE, PROT_READ | PROT_WRITE))
		ksft_exit_fail_msg("mprotect: %s\n", strerror(errno));
	return area;
}

#endif /* PASS_H */
