// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads on other vCPUs write to pages that KSM merges with each other.
 *
 * Expected: every byte is what the writer of its page wrote last. A merged page is
 * read-only in each page table. If an entry is not write-protected in time, or stays
 * writable in a TLB, a write goes to all pages that are merged with that one.
 *
 * Method: pages have one of four contents, and each write turns one content into the next.
 * So ksmd finds equal pages all the time, and some change while it compares them. A writer
 * keeps the entry in its TLB for a while before it writes, so that ksmd may merge the page
 * in between.
 */
#define _GNU_SOURCE
#include "crew.h"

#define NR_PAGES	240UL	/* few, so that ksmd and a writer meet */
#define SECONDS		40
#define KSM		"/sys/kernel/mm/ksm/"

static uint64_t one_of_four(unsigned long page, unsigned int turn)
{
	return (page + turn) % 4 * 0x9e3779b97f4a7c15;
}

int main(void)
{
	unsigned long most = 0, shared = 0, rounds = 0, written, wrong, copied;
	char *at, *there;
	bool ok = true;
	time_t end;

	ksft_print_header();
	ksft_set_plan(2);
	crew_setup();
	at = map_pages(NR_PAGES, -1);
	there = reserve(NR_PAGES);
	if (madvise(at, NR_PAGES * PAGE, MADV_MERGEABLE))
		ksft_exit_fail_msg("MADV_MERGEABLE: %s\n", strerror(errno));
	crew.dwell = 20000;
	crew_begin(at, NR_PAGES, one_of_four);
	put(KSM "sleep_millisecs", "0");
	put(KSM "pages_to_scan", "1000");
	put(KSM "smart_scan", "0");
	put(KSM "run", "1");
	copied = vmstat("cow_ksm");
	for (end = time(NULL) + SECONDS; time(NULL) < end || vmstat("cow_ksm") - copied < 2 * NR_PAGES; rounds++) {
		unsigned long now;

		/* ksmd merges only pages that have not changed since its last look. */
		crew_rest();
		sleep_ms(100);
		now = number_in(KSM "pages_sharing", "");
		most = now > most ? now : most;
		shared += now;
		crew_work();
		sleep_ms(50);
		switch (rounds % 4) {
		case 0:
			ok &= crew_fork(rounds / 4);
			break;
		case 1:
			crew_move(there);
			break;
		case 2:
			crew_protect();
			break;
		case 3:
			put(KSM "run", "2");
			put(KSM "run", "1");
			break;
		}
	}
	crew_rest();
	written = crew_written();
	wrong = crew_wrong();
	copied = vmstat("cow_ksm") - copied;
	ksft_print_msg("%lu rounds: up to %lu pages were merged, %lu written, %lu of them to a merged page, %lu wrong\n",
		       rounds, most, written, copied, wrong);
	result_if_met(most > NR_PAGES / 4 && copied > NR_PAGES, ok && !wrong,
		      "no byte is lost or in another page\n");
	put(KSM "run", "2");
	wrong = crew_wrong();
	ksft_print_msg("%lu pages are merged after all are parted, %lu wrong\n",
		       number_in(KSM "pages_sharing", ""), wrong);
	ksft_test_result(!number_in(KSM "pages_sharing", "") && !wrong,
			 "no byte is lost when the pages are parted again\n");
	ksft_finished();
}
