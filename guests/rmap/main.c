// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim and compaction never take a page away in a lazy MMU section.
 *
 * Unmapping a page through its reverse mapping needs the entry's old value and needs the entry
 * to be gone when ptep_get_and_clear() returns. In a section Xen PV may queue the clear. So
 * no section may allocate memory in a way that reclaims, nor move pages.
 *
 * Method: threads write to more memory than the cgroup may have, so that each allocation may
 * have to reclaim, while fork, mremap, mprotect, madvise and compaction have their sections.
 * Half of the time the multi-generational LRU chooses what to reclaim. It has a section itself.
 * The module looks whether the mode is on whenever pages of this program are taken away.
 */
#define _GNU_SOURCE

#include "crew.h"

#define PAGES		3000UL
#define LIMIT		"8M"		/* less than PAGES pages */
#define SECONDS		10
#define LRU_GEN		"/sys/kernel/mm/lru_gen/enabled"
#define PARAMETER(name)	"/sys/module/rmap/parameters/" name

static unsigned long module_says(const char *parameter)
{
	return number_in(parameter, "");
}

int main(void)
{
	unsigned long out, out_before, moved, calls, queued, wrong;
	char *at, *there;
	bool ok = true;
	time_t end;

	ksft_print_header();
	ksft_set_plan(2);

	put(LRU_GEN, "0");
	put(PARAMETER("in_section"), "1");
	ksft_test_result(module_says(PARAMETER("queued")) == 1, "a section is seen\n");

	swap_to_memory("64M");
	enter_cgroup();
	crew_setup();
	at = map_pages(PAGES, -1);
	there = reserve(PAGES);
	put(CGROUPS OURS "/memory.max", LIMIT);
	crew_begin(at, PAGES, own_content);

	out = vmstat("pswpout");
	moved = vmstat("pgmigrate_success");
	calls = module_says(PARAMETER("calls"));
	queued = module_says(PARAMETER("queued"));
	put(PARAMETER("watch"), "1");
	crew_work();
	for (unsigned int half = 0; half < 2; half++) {
		put(LRU_GEN, half ? "7" : "0");
		out_before = vmstat("pswpout");
		end = time(NULL) + SECONDS / 2;
		for (unsigned int round = 0; time(NULL) < end || round < 10; round++)
			ok &= crew_disturb(round % 5, round / 5, there);
	}
	crew_rest();
	out_before -= out;
	out = vmstat("pswpout") - out;
	moved = vmstat("pgmigrate_success") - moved;
	calls = module_says(PARAMETER("calls")) - calls;
	queued = module_says(PARAMETER("queued")) - queued;
	wrong = crew_wrong();
	ksft_print_msg("%lu pages swapped out, %lu of them before lru_gen was on, %lu moved, notifier called %lu times, in a section %lu times, %lu wrong\n",
		       out, out_before, moved, calls, queued, wrong);
	result_if_met(out_before > PAGES / 2 && out - out_before > PAGES / 2 && moved > 100 && calls > PAGES,
		      !queued && ok && !wrong,
		      "no page is taken away in a section\n");
	ksft_finished();
}
