// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread on a second vCPU writes to pages while fork, munmap, madvise or mremap
 * works on them.
 *
 * Expected, of every page that was written to:
 *   - after MADV_FREE, which lets the kernel drop what is clean, it holds what was
 *     written, however hard reclaim tries: the processor's dirty bit was not lost
 *   - of a shared file, it is marked dirty (/proc/kpageflags)
 *   - once fork() has returned, a child sees none of the parent's writes: the parent's
 *     entries were write-protected in time
 *   - and all words that nobody wrote to are as they were
 *
 * Method: each round, all pages are clean and writable when the operation begins,
 * and the writer goes once through them, last page first, so that it meets the
 * operation between an entry's reading and its update. It says of each page when
 * its write is done; one that faults, in an area that is gone, is not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"

#define PAGE		4096UL
#define NR		300UL	/* neither a multiple of a batch nor of a page table */
#define ROUNDS		12
#define PFN_MASK	((1UL << 55) - 1)
#define KPF_DIRTY	(1UL << 4)

static char *area;
static char *target;	/* where mremap moves it */
static _Atomic bool done[NR];
static _Atomic unsigned int asked, answered;
static _Atomic uint64_t value;	/* what the writer writes, plus the page's number */
static _Thread_local sigjmp_buf gone;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(gone, 1);
}

static _Atomic uint64_t *word(char *at, unsigned long i)
{
	return (_Atomic uint64_t *)(at + i * PAGE);
}

static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ksft_exit_skip("no vCPU %d\n", cpu);
}

/* A pass must take longer than an operation does to come to the pages. */
static void linger(void)
{
	for (volatile int i = 0; i < 4000; i++)
		;
}

/* One pass over the pages each time that it is asked. */
static void *writer(void *unused)
{
	on_cpu(1);
	for (unsigned int turn = 1;; turn++) {
		while (atomic_load(&asked) < turn)
			;
		for (long i = NR - 1; i >= 0; i--) {
			if (sigsetjmp(gone, 1))
				continue;
			atomic_store(word(area, i), atomic_load(&value) + i);
			atomic_store(&done[i], true);
			linger();
		}
		atomic_store(&answered, turn);
	}
	return unused;
}

static void start_pass(uint64_t base)
{
	for (unsigned long i = 0; i < NR; i++)
		atomic_store(&done[i], false);
	atomic_store(&value, base);
	atomic_fetch_add(&asked, 1);
}

static void end_pass(void)
{
	while (atomic_load(&answered) < atomic_load(&asked))
		;
}

/* In the middle of the writer's pass, a little later each round. */
static void wait_for_it(int round)
{
	long first = NR - 1 - round * (long)NR / ROUNDS;

	while (!atomic_load(&done[first]) && atomic_load(&answered) < atomic_load(&asked))
		;
}

static char *map(int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	char *at = mmap(NULL, NR * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	madvise(at, NR * PAGE, MADV_NOHUGEPAGE);
	return at;
}

#define WORDS	(PAGE / sizeof(uint64_t))

static uint64_t pattern(unsigned long i, unsigned long nr)
{
	return (i * WORDS + nr) * 0x0101010101010101;
}

/* The first word, which the writer writes to, is 1. */
static void fill(char *at)
{
	for (unsigned long i = 0; i < NR; i++) {
		for (unsigned long nr = 1; nr < WORDS; nr++)
			((uint64_t *)(at + i * PAGE))[nr] = pattern(i, nr);
		atomic_store(word(at, i), 1);
	}
}

/* All of a page but its first word is as fill() left it. */
static bool untouched(char *at, unsigned long i)
{
	for (unsigned long nr = 1; nr < WORDS; nr++) {
		if (((uint64_t *)(at + i * PAGE))[nr] != pattern(i, nr)) {
			ksft_print_msg("word %lu of page %lu has changed\n", nr, i);
			return false;
		}
	}
	return true;
}

static pid_t start_child(void)
{
	pid_t child = fork();

	if (child < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	return child;
}

/* An operation returns where the pages are after it. */
static char *move(void)
{
	if (mremap(area, NR * PAGE, NR * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) != target)
		ksft_exit_fail_msg("mremap: %s\n", strerror(errno));
	return target;
}

static char *unmap(void)
{
	munmap(area, NR * PAGE);
	return area;
}

static char *dontneed(void)
{
	madvise(area, NR * PAGE, MADV_DONTNEED);
	return area;
}

/* Pages that may be dropped while they are clean, and are written to meanwhile. */
static void test_lazyfree(const char *name, char *(*operation)(void))
{
	unsigned long written = 0, dropped = 0, lost = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t base = (round + 1UL) << 32;
		char *at;

		area = map(-1);
		target = map(-1);
		fill(area);
		madvise(area, NR * PAGE, MADV_FREE);
		start_pass(base);
		wait_for_it(round);
		at = operation();
		end_pass();
		madvise(at, NR * PAGE, MADV_PAGEOUT);
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t now = atomic_load(word(at, i));

			written += done[i];
			dropped += !done[i] && !now;
			lost += done[i] && (now != base + i || !untouched(at, i));
		}
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
	}
	ksft_print_msg("%s: %lu pages written, %lu of the others dropped, %lu lost\n",
		       name, written, dropped, lost);
	ksft_test_result(written && !lost, "%s keeps what is written to lazily freed pages\n", name);
}

static int open_proc(const char *file)
{
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		ksft_exit_fail_msg("%s: %s\n", file, strerror(errno));
	return fd;
}

static void read_entries(int fd, unsigned long index, unsigned long nr, uint64_t *entry)
{
	ssize_t size = nr * sizeof(*entry);

	if (pread(fd, entry, size, index * sizeof(*entry)) != size)
		ksft_exit_fail_msg("pagemap or kpageflags: %s\n", strerror(errno));
}

static bool is_dirty(int kpageflags, uint64_t page)
{
	uint64_t flags;

	read_entries(kpageflags, page & PFN_MASK, 1, &flags);
	return flags & KPF_DIRTY;
}

/* Pages of a shared file that were read, and are then written to for the first time. */
static void test_shared(const char *name, char *(*operation)(void))
{
	int pagemap = open_proc("/proc/self/pagemap"), kpageflags = open_proc("/proc/kpageflags");
	unsigned long written = 0, clean = 0, lost = 0, wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t base = (round + 1UL) << 32;
		int fd = memfd_create("dirty", 0);
		uint64_t page[NR];

		if (fd < 0 || ftruncate(fd, NR * PAGE))
			ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
		area = map(fd);
		target = map(-1);
		for (unsigned long i = 0; i < NR; i++)
			(void)atomic_load(word(area, i));
		read_entries(pagemap, (uintptr_t)area / PAGE, NR, page);
		for (unsigned long i = 0; i < NR; i++)
			clean += !is_dirty(kpageflags, page[i]);
		start_pass(base);
		wait_for_it(round);
		operation();
		end_pass();
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t now = 0;

			pread(fd, &now, sizeof(now), i * PAGE);
			written += done[i];
			lost += done[i] && !is_dirty(kpageflags, page[i]);
			wrong += done[i] ? now != base + i : now && now != base + i;
		}
		close(fd);
	}
	close(pagemap);
	close(kpageflags);
	ksft_print_msg("%s: %lu pages written of %lu that were clean, %lu not marked, %lu wrong\n",
		       name, written, clean, lost, wrong);
	ksft_test_result(written && clean && !lost && !wrong,
			 "%s leaves every written page of a shared file dirty\n", name);
}

/*
 * The writer begins another pass only after fork() has returned, and the child looks
 * only after that pass.
 */
static void test_child_is_apart(void)
{
	_Atomic unsigned int *passed = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long failed = 0;

	area = map(-1);
	fill(area);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t before = (2 * round + 1UL) << 32, after = (2 * round + 2UL) << 32;
		int status = -1;
		pid_t child;

		start_pass(before);
		wait_for_it(round);
		child = start_child();
		if (!child) {
			bool ok = true;

			while (atomic_load(passed) <= (unsigned int)round)
				sched_yield();
			for (unsigned long i = 0; i < NR; i++)
				ok &= *word(area, i) < after && untouched(area, i);
			_exit(!ok);
		}
		end_pass();
		start_pass(after);
		end_pass();
		atomic_store(passed, round + 1);
		waitpid(child, &status, 0);
		failed += status != 0;
		for (unsigned long i = 0; i < NR; i++)
			failed += *word(area, i) != after + i || !untouched(area, i);
	}
	munmap(area, NR * PAGE);
	ksft_test_result(!failed, "a child sees nothing of what its parent writes later\n");
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_fault };
	pthread_t thread;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	ksft_print_header();
	ksft_set_plan(5);
	on_cpu(0);
	if (pthread_create(&thread, NULL, writer, NULL))
		ksft_exit_fail_msg("no thread\n");
	test_child_is_apart();
	test_lazyfree("mremap", move);
	test_shared("munmap", unmap);
	test_shared("madvise", dontneed);
	test_shared("mremap", move);
	ksft_finished();
}
