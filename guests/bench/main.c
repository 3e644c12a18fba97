// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operations on 2048 pages cost the caller, in ticks of the time stamp counter.
 *
 * Under QEMU's icount the counter advances by one an instruction, of the guest and
 * of Xen together, so the figures are exact. On real hardware they are cycles.
 *
 * Method: each operation ROUNDS times, the least counts: what else the processor did
 * meanwhile, timer interrupts and dom0, only ever adds. A line "bench: NAME TICKS" a
 * workload.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "kselftest.h"

#define PAGE	4096UL
#define NR	2048UL
#define LEN	(NR * PAGE)
#define PMD	(512 * PAGE)
#define ROUNDS	12

/* Begins at an end of a page table, so that every run has the same sections. */
static char *reserve(unsigned long extra)
{
	char *room = mmap(NULL, LEN + PMD + extra, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t at = ((uintptr_t)room + PMD - 1) & ~(PMD - 1);

	if (room == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	munmap(room, LEN + PMD + extra);
	return (char *)at;
}

static char *map(char *at)
{
	char *area = mmap(at, LEN, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (area != at)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	madvise(area, LEN, MADV_NOHUGEPAGE);
	return area;
}

static void touch(char *area)
{
	for (unsigned long i = 0; i < NR; i++)
		*(volatile char *)(area + i * PAGE) = 1;
}

struct cost {
	const char *name;
	uint64_t least;
};

static void count(struct cost *cost, uint64_t begin)
{
	uint64_t ticks = __rdtsc() - begin;

	if (!cost->least || ticks < cost->least)
		cost->least = ticks;
}

#define TIMED(cost, operation)			\
	do {					\
		uint64_t begin = __rdtsc();	\
						\
		operation;			\
		count(cost, begin);		\
	} while (0)

static void fork_and_exit(void)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	if (child < 0 || waitpid(child, NULL, 0) != child)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
}

enum { TOUCH, MPROTECT_RO, MPROTECT_RW, FORK, MREMAP, DONTNEED, MUNMAP, NR_COSTS };

int main(void)
{
	struct cost cost[NR_COSTS] = {
		[TOUCH] = { .name = "first-touch" },
		[MPROTECT_RO] = { .name = "mprotect-ro" },
		[MPROTECT_RW] = { .name = "mprotect-rw" },
		[FORK] = { .name = "fork-exit" },
		[MREMAP] = { .name = "mremap" },
		[DONTNEED] = { .name = "madvise-dontneed" },
		[MUNMAP] = { .name = "munmap" },
	};

	ksft_print_header();
	ksft_set_plan(1);
	for (int round = 0; round < ROUNDS; round++) {
		char *from = map(reserve(0));
		char *to = reserve(PMD) + 3 * PAGE;

		TIMED(&cost[TOUCH], touch(from));
		TIMED(&cost[MPROTECT_RO], mprotect(from, LEN, PROT_READ));
		TIMED(&cost[MPROTECT_RW], mprotect(from, LEN, PROT_READ | PROT_WRITE));
		TIMED(&cost[FORK], fork_and_exit());
		/* The fork left the entries write-protected: give each page back to us. */
		touch(from);
		TIMED(&cost[MREMAP], mremap(from, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, to));
		TIMED(&cost[DONTNEED], madvise(to, LEN, MADV_DONTNEED));
		touch(to);
		TIMED(&cost[MUNMAP], munmap(to, LEN));
	}
	for (int i = 0; i < NR_COSTS; i++)
		printf("bench: %s %lu\n", cost[i].name, cost[i].least);
	ksft_test_result_pass("every workload ran\n");
	ksft_finished();
}
