// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process forks while a device has taken pages of it for itself.
 *
 * Expected: the parent and the child each have what was in the pages, and neither sees what
 * the other writes. copy_pte_range() gives such a page back to the parent, by an update, and
 * then copies the entry of the parent. If the update is still queued when the entry is read,
 * the entry is that of the device yet: it is no page, and its bits are taken for a frame
 * number. Linux 6.12 and 7.3 do that.
 *
 * Method: the device of lib/test_hmm.c takes every second page. The pages between them show
 * whether a neighbour was hit. At the end, other memory is filled and read, since a page
 * that lost a reference would be given to somebody else.
 */
#define _GNU_SOURCE
#include "hmm.h"
#include "vcpus.h"

#define NR	64UL
#define ROUNDS	50U
#define OTHER	2048UL	/* pages */

static char *copy;

static uint64_t content(unsigned long page, unsigned int round)
{
	return (uint64_t)round << 32 | page << 8 | 0x5a;
}

static void fill(char *at, unsigned long nr, unsigned int round)
{
	for (unsigned long i = 0; i < nr; i++)
		for (unsigned long word = 0; word < PAGE / 8; word += 64)
			((volatile uint64_t *)(at + i * PAGE))[word] = content(i, round);
}

static unsigned long wrong(const char *at, unsigned long nr, unsigned int round)
{
	unsigned long found = 0;

	for (unsigned long i = 0; i < nr; i++)
		for (unsigned long word = 0; word < PAGE / 8; word += 64)
			if (((const volatile uint64_t *)(at + i * PAGE))[word] != content(i, round)) {
				found++;
				break;
			}
	return found;
}

/* Gives every second page to the device. Returns how many it has. */
static unsigned long take(const char *at)
{
	for (unsigned long i = 0; i < NR; i += 2)
		if (hmm(HMM_DMIRROR_EXCLUSIVE, at + i * PAGE, 1, copy))
			ksft_exit_fail_msg("HMM_DMIRROR_EXCLUSIVE: %s\n", strerror(errno));
	/* pagemap shows them as swapped out. */
	return pages_with(at, NR, PM_SWAP);
}

int main(void)
{
	unsigned long taken = 0, in_parent = 0, in_child = 0, in_other;
	char *at, *other;

	ksft_print_header();
	ksft_set_plan(3);
	copy = map_pages(1, -1);
	at = map_pages(NR, -1);
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		int go[2], status;
		pid_t child;

		fill(at, NR, round);
		taken += take(at);
		if (pipe(go))
			ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
		child = start_child();
		if (!child) {
			char byte;
			unsigned long bad;

			/* The parent has written by then. */
			if (read(go[0], &byte, 1) != 1)
				_exit(255);
			bad = wrong(at, NR, round);
			fill(at, NR, round + 1000);
			_exit(bad < 254 ? bad : 254);
		}
		in_parent += wrong(at, NR, round);
		fill(at, NR, round + 2000);
		if (write(go[1], "", 1) != 1 || waitpid(child, &status, 0) != child)
			ksft_exit_fail_msg("child: %s\n", strerror(errno));
		in_child += WIFEXITED(status) ? WEXITSTATUS(status) : NR;
		in_parent += wrong(at, NR, round + 2000);
		close(go[0]);
		close(go[1]);
	}
	other = map_pages(OTHER, -1);
	fill(other, OTHER, 1);
	in_parent += wrong(at, NR, ROUNDS + 2000);
	fill(at, NR, 1);
	in_other = wrong(other, OTHER, 1);
	ksft_print_msg("%u forks: the device had %lu pages; %lu wrong in the parent, %lu in the children, %lu elsewhere\n",
		       ROUNDS, taken, in_parent, in_child, in_other);
	ksft_test_result(taken == ROUNDS * NR / 2, "the device takes pages\n");
	ksft_test_result(!in_parent && !in_other, "the parent has its pages, and nobody else has them\n");
	ksft_test_result(!in_child, "each child has a copy from the moment of the fork\n");
	ksft_finished();
}
