// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures, as cost.h documents, what workloads cost: operations on 2048 pages, and workloads
 * of many small operations.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "cost.h"
#include "pages.h"

#define NR	2048UL
#define LEN	(NR * PAGE)
#define PMD	(512 * PAGE)
#define ROUNDS	12
#define PROGRAMS	100	/* that one round of exec runs */
#define TURNS	1000	/* of one round of switch; each is two switches */

/* Returns a free place at the beginning of a page table: all runs have the same sections. */
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

static void wait_for(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("a child failed: %s\n", strerror(errno));
}

static void fork_and_exit(void)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	wait_for(child);
}

/* The program is this one; with an argument, it ends at once. */
static void run_programs(void)
{
	for (int i = 0; i < PROGRAMS; i++) {
		pid_t child = fork();

		if (!child) {
			execl("/proc/self/exe", "test", "end", NULL);
			_exit(1);
		}
		wait_for(child);
	}
}

/* Makes a file of LEN bytes, all of it in the page cache. */
static int make_file(void)
{
	static char zeros[PAGE];
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	for (unsigned long i = 0; i < NR; i++)
		if (write(fd, zeros, PAGE) != PAGE)
			ksft_exit_fail_msg("/tmp: %s\n", strerror(errno));
	return fd;
}

/* A process that sends back each byte. Both processes sleep only in read(). */
struct partner {
	pid_t pid;
	int to[2], from[2];
};

static void start_partner(struct partner *partner)
{
	char byte;

	if (pipe2(partner->to, O_CLOEXEC) || pipe2(partner->from, O_CLOEXEC))
		ksft_exit_fail_msg("pipe2: %s\n", strerror(errno));
	partner->pid = fork();
	if (partner->pid)
		return;
	close(partner->to[1]);
	while (read(partner->to[0], &byte, 1) == 1)
		if (write(partner->from[1], &byte, 1) != 1)
			_exit(1);
	_exit(0);
}

static void take_turns(const struct partner *partner)
{
	char byte = 0;

	for (int i = 0; i < TURNS; i++)
		if (write(partner->to[1], &byte, 1) != 1 || read(partner->from[0], &byte, 1) != 1)
			ksft_exit_fail_msg("the other process: %s\n", strerror(errno));
}

static void stop_partner(const struct partner *partner)
{
	close(partner->to[1]);
	wait_for(partner->pid);
}

/* Not in TIMED(), in which each instruction counts. */
static void check(int failed, const struct cost *cost)
{
	if (failed)
		ksft_exit_fail_msg("%s: %s\n", cost->name, strerror(errno));
}

enum {
	TOUCH, MPROTECT_RO, MPROTECT_RW, FORK, MREMAP, DONTNEED, MUNMAP, FILE_MAP, EXEC, SWITCH,
	NR_COSTS
};

/* begins_after=SECONDS of the kernel's command line: so long dom0 can act. */
static void wait_to_begin(void)
{
	const char *seconds = getenv("begins_after");

	if (!seconds)
		return;
	printf("bench: begins after %s s\n", seconds);
	fflush(stdout);
	sleep(atoi(seconds));
	printf("bench: begins now\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct cost cost[NR_COSTS] = {
		[TOUCH] = { .name = "first-touch" },
		[MPROTECT_RO] = { .name = "mprotect-ro" },
		[MPROTECT_RW] = { .name = "mprotect-rw" },
		[FORK] = { .name = "fork-exit" },
		[MREMAP] = { .name = "mremap" },
		[DONTNEED] = { .name = "madvise-dontneed" },
		[MUNMAP] = { .name = "munmap" },
		[FILE_MAP] = { .name = "map-file" },
		[EXEC] = { .name = "exec" },
		[SWITCH] = { .name = "switch" },
	};
	struct partner partner;
	int file;

	(void)argv;
	if (argc > 1)
		_exit(0);
	ksft_print_header();
	ksft_set_plan(1);
	wait_to_begin();
	irqs_off_open("/sys/module/bench/parameters/irqs_off");
	start_partner(&partner);
	file = make_file();
	for (int round = 0; round < ROUNDS; round++) {
		char *from = map(reserve(0));
		char *to = reserve(PMD) + 3 * PAGE;
		char *moved;
		int failed;

		TIMED(&cost[TOUCH], touch(from));
		TIMED(&cost[MPROTECT_RO], failed = mprotect(from, LEN, PROT_READ));
		check(failed, &cost[MPROTECT_RO]);
		TIMED(&cost[MPROTECT_RW], failed = mprotect(from, LEN, PROT_READ | PROT_WRITE));
		check(failed, &cost[MPROTECT_RW]);
		TIMED(&cost[FORK], fork_and_exit());
		/* The fork left the entries write-protected: make each page writable again. */
		touch(from);
		TIMED(&cost[MREMAP], moved = mremap(from, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, to));
		check(moved != to, &cost[MREMAP]);
		TIMED(&cost[DONTNEED], failed = madvise(to, LEN, MADV_DONTNEED));
		check(failed, &cost[DONTNEED]);
		touch(to);
		TIMED(&cost[MUNMAP], failed = munmap(to, LEN));
		check(failed, &cost[MUNMAP]);
		TIMED(&cost[FILE_MAP], from = map_and_read(file, NR));
		munmap(from, LEN);
		/* Two rounds are enough: each runs many programs. */
		if (round < 2)
			TIMED(&cost[EXEC], run_programs());
		TIMED(&cost[SWITCH], take_turns(&partner));
	}
	stop_partner(&partner);
	print_costs(cost, NR_COSTS);
	ksft_test_result_pass("every workload ran\n");
	ksft_finished();
}
