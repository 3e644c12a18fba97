// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread on another vCPU writes to pages while fork copies their entries. The entries are
 * writable and clean: of pages that a read brought back from swap, or of pages after MADV_FREE.
 *
 * The bug: fork reads the parent's entry, write-protects it, and makes the child's entry of what
 * it has read. If the thread writes in between, only the parent's entry gets dirty. Reclaim takes
 * the page for clean as soon as the parent has unmapped it, and drops it. On Xen PV the time in
 * between is long: the write protection traps, or is queued.
 *
 * Expected: what the child has read once stays, also when reclaim has taken the page from it.
 *
 * Method: one pass over the pages, from the last to the first (pass.h), meets a fork, which comes
 * from the first. The child reads all pages, and after the parent has unmapped them it lets
 * reclaim have them, and reads them again. The swap device is asynchronous, so that Linux keeps the
 * pages that were swapped in in the swap cache.
 */
#define _GNU_SOURCE

#include "pass.h"

#define FORKS	80

/* What the children found, in memory that they share with their parent. */
struct looks {
	_Atomic bool seen;	/* the child has read all pages */
	_Atomic bool alone;	/* the parent has unmapped them */
	unsigned long met;	/* pages that the child had as they were written */
	unsigned long dropped;	/* others that were empty later, as MADV_FREE allows */
	unsigned long changed;	/* pages that were wrong later */
};

static void look_twice(struct looks *looks, uint64_t base, bool may_drop)
{
	uint64_t first[NR];

	for (unsigned long i = 0; i < NR; i++) {
		first[i] = atomic_load(word(area, i));
		looks->met += first[i] == base + i;
	}
	atomic_store(&looks->seen, true);
	while (!atomic_load(&looks->alone))
		sleep_ms(1);
	if (may_drop)
		madvise(area, NR * PAGE, MADV_PAGEOUT);
	else
		page_out(area, NR);
	for (unsigned long i = 0; i < NR; i++) {
		uint64_t now = atomic_load(word(area, i));
		bool dropped = may_drop && first[i] == 1 && !now;

		looks->dropped += dropped;
		looks->changed += now != first[i] && !dropped;
	}
}

static void fork_and_look(struct looks *looks, uint64_t base, unsigned int round, bool may_drop)
{
	int status = -1;
	pid_t child;

	atomic_store(&looks->seen, false);
	atomic_store(&looks->alone, false);
	start_pass(base);
	wait_for_it(round % ROUNDS);
	child = start_child();
	if (!child) {
		look_twice(looks, base, may_drop);
		_exit(0);
	}
	end_pass();
	while (!atomic_load(&looks->seen))
		sleep_ms(1);
	munmap(area, NR * PAGE);
	atomic_store(&looks->alone, true);
	if (waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("the child ended with %d\n", status);
}

static void swapped_in(struct looks *looks)
{
	unsigned long all = 0, copies = 0;

	memset(looks, 0, sizeof(*looks));
	for (unsigned int round = 0; round < FORKS && !looks->changed; round++) {
		area = map(-1);
		fill(area);
		all += NR;
		page_out(area, NR);
		for (unsigned long i = 0; i < NR; i++)
			(void)atomic_load(word(area, i));
		copies += clean_copies(area, NR);
		fork_and_look(looks, (round + 1UL) << 32, round, false);
	}
	ksft_print_msg("of %lu pages, %lu were clean copies, %lu were written to before the child had them, %lu changed\n",
		       all, copies, looks->met, looks->changed);
	result_if_met(looks->met && looks->met < all && copies > all / 2, !looks->changed,
		      "swapped in%s\n", looks->changed ? ": a page changed" : "");
}

static void freed(struct looks *looks)
{
	unsigned long all = 0;

	memset(looks, 0, sizeof(*looks));
	for (unsigned int round = 0; round < FORKS && !looks->changed; round++) {
		area = map(-1);
		fill(area);
		all += NR;
		madvise(area, NR * PAGE, MADV_FREE);
		fork_and_look(looks, (round + 1UL) << 32, round, true);
	}
	ksft_print_msg("of %lu pages, %lu were written to before the child had them, %lu of the others dropped, %lu changed\n",
		       all, looks->met, looks->dropped, looks->changed);
	result_if_met(looks->met && looks->met < all && looks->dropped, !looks->changed,
		      "after MADV_FREE\n");
}

int main(void)
{
	struct looks *looks = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ksft_print_header();
	ksft_set_plan(2);
	if (looks == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	run("mkswap /dev/nullb0 65536");
	if (swapon("/dev/nullb0", 0))
		ksft_exit_fail_msg("swapon: %s\n", strerror(errno));
	pass_setup();
	swapped_in(looks);
	freed(looks);
	ksft_finished();
}
