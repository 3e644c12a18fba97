// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages go to the memory of a device, that of lib/test_hmm.c, while threads on other vCPUs
 * write to them. The faults of these threads bring the pages back.
 *
 * Expected: every byte is what the writer of its page wrote last. On the way to the device,
 * migrate_vma_collect_pmd() clears the pages' entries in a section. It clears the entry of a
 * page at once if only this process has the page, and delays it if a child has the page,
 * too. A write through an old entry goes to the place where the page was, and is lost. With the
 * series, it flushes the TLB of all vCPUs only when its updates have arrived (watched.h).
 */
#define _GNU_SOURCE
#include "crew.h"
#include "hmm.h"

#define NR_PAGES	240UL	/* few, so that a migration and a writer meet */
#define AT_ONCE		8UL	/* pages: so few go before a tick flushes the writer's TLB */
#define SECONDS		40
#define PARAMETER	"/sys/module/migrate/parameters/"

static char *copy;

static void to_device(const char *at)
{
	for (unsigned long i = 0; i < NR_PAGES; i += AT_ONCE) {
		/* ENOENT: a page was in use just then, or is back already. */
		if (hmm(HMM_DMIRROR_MIGRATE_TO_DEV, at + i * PAGE, AT_ONCE, copy) && errno != ENOENT)
			ksft_exit_fail_msg("HMM_DMIRROR_MIGRATE_TO_DEV: %s\n", strerror(errno));
	}
}

int main(void)
{
	unsigned long rounds = 0, went = 0, written, wrong, late;
	bool series = number_in(PARAMETER "has_state", "");
	char *at, *there;
	bool ok = true;

	ksft_print_header();
	ksft_set_plan(1 + series);
	put(PARAMETER "watch", "1");
	crew_setup();
	at = map_pages(NR_PAGES, -1);
	there = reserve(NR_PAGES);
	copy = map_pages(AT_ONCE, -1);
	crew.dwell = 20000;
	crew_begin(at, NR_PAGES, own_content);
	crew_work();
	for (time_t end = time(NULL) + SECONDS; time(NULL) < end; rounds++) {
		to_device(crew.at);
		/* pagemap shows pages on the device as swapped out. */
		went += pages_with(crew.at, NR_PAGES, PM_SWAP);
		switch (rounds % 4) {
		case 1:
			ok &= crew_fork(rounds / 4);
			break;
		case 2:
			crew_move(there);
			break;
		case 3:
			crew_protect();
			break;
		}
	}
	crew_rest();
	written = crew_written();
	wrong = crew_wrong();
	ksft_print_msg("%lu rounds: %lu pages went, %lu were written, %lu wrong\n",
		       rounds, went, written, wrong);
	result_if_met(went > 10 * NR_PAGES && written > 10 * NR_PAGES, ok && !wrong,
		      "no byte is lost on the way\n");
	late = number_in(PARAMETER "late_multi", "");
	if (series)
		ksft_test_result(!late, "no flush of all vCPUs comes before its updates have arrived\n");
	ksft_finished();
}
