// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process forks until the guest's memory is used up. Each child writes to all its pages, and so
 * copies them.
 *
 * Sections end early then: fork fails between two entries or two page tables, and undoes what it
 * has copied; a child is killed in the middle of anything; reclaim unmaps pages everywhere.
 *
 * Expected: forks fail or children are killed, and the parent and the children that are left
 * hold what they have written. More than one is left, and in the next round as many.
 *
 * Method: the kernel may kill children only, and kills one for most of those that are started. Each
 * says in shared memory when it has written and when it has compared its pages.
 */
#define _GNU_SOURCE
#include "vcpus.h"

#define NR		2048UL	/* pages of each process, 8 MiB */
#define CHILDREN	100
#define ROUNDS		4

static struct {
	_Atomic bool compare;			/* the children may compare, and end */
	_Atomic bool written[CHILDREN];		/* all pages */
	_Atomic bool right[CHILDREN];		/* all pages held what was written */
} *shared;

static char *area;

static _Atomic uint64_t *word(unsigned long i)
{
	return (_Atomic uint64_t *)(area + i * PAGE);
}

static void fill(uint64_t base)
{
	for (unsigned long i = 0; i < NR; i++)
		atomic_store(word(i), base + i);
}

static bool holds(uint64_t base)
{
	for (unsigned long i = 0; i < NR; i++)
		if (atomic_load(word(i)) != base + i)
			return false;
	return true;
}

static void work(unsigned int child, uint64_t inherited)
{
	bool right = holds(inherited);
	uint64_t own = (child + 1UL) << 32;

	fill(own);
	atomic_store(&shared->written[child], true);
	while (!atomic_load(&shared->compare))
		sleep_ms(10);
	atomic_store(&shared->right[child], right && holds(own));
	_exit(0);
}

/* Waits until the child has written to all its pages. Returns false if it ended before. */
static bool has_written(pid_t child, unsigned int nr, int *status)
{
	while (!atomic_load(&shared->written[nr])) {
		if (waitpid(child, status, WNOHANG) == child)
			return false;
		sleep_ms(1);
	}
	return true;
}

struct outcome {
	unsigned int forked, failed, killed, wrong;
};

/* Whether it was the kernel that killed the child, to have memory. */
static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Forks until a fork fails, or the child that was just started ends. */
static struct outcome fork_to_the_limit(uint64_t base)
{
	pid_t children[CHILDREN] = {};
	struct outcome is = {};
	int status;

	memset(shared, 0, sizeof(*shared));
	while (is.forked < CHILDREN && !is.failed && !is.killed && !is.wrong) {
		pid_t child = fork();

		if (child < 0) {
			is.failed++;
			break;
		}
		if (!child) {
			put("/proc/self/oom_score_adj", "1000");
			work(is.forked, base);
		}
		children[is.forked] = child;
		if (!has_written(child, is.forked, &status)) {
			children[is.forked] = 0;
			is.killed += was_killed(status);
			is.wrong += !was_killed(status);
		}
		is.forked++;
	}
	atomic_store(&shared->compare, true);
	for (unsigned int i = 0; i < is.forked; i++) {
		if (!children[i] || waitpid(children[i], &status, 0) != children[i])
			continue;
		if (was_killed(status))
			is.killed++;
		else if (status || !atomic_load(&shared->right[i]))
			is.wrong++;
	}
	return is;
}

int main(void)
{
	unsigned int wrong = 0, limits = 0, least = CHILDREN, most = 0, left;

	ksft_print_header();
	ksft_set_plan(2);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	area = map_pages(NR, -1);
	put("/proc/self/oom_score_adj", "-1000");
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct outcome is;
		uint64_t base = (round + 1UL) << 48;
		bool right;

		fflush(stdout);
		fill(base);
		is = fork_to_the_limit(base);
		right = holds(base);
		left = is.forked - is.killed;
		ksft_print_msg("%u children; %u forks failed, %u children were killed, %u of the others are wrong%s\n",
			       is.forked, is.failed, is.killed, is.wrong, right ? "" : "; the parent is wrong");
		wrong += is.wrong + !right;
		limits += is.failed || is.killed;
		least = left < least ? left : least;
		most = left > most ? left : most;
	}
	result_if_met(limits == ROUNDS, !wrong, "parent and children hold what they have written\n");
	ksft_test_result(least > 1 && least + 4 >= most,
			 "as many children are left in each round\n");
	ksft_finished();
}
