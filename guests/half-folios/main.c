// SPDX-License-Identifier: GPL-2.0-only
/*
 * A range that MADV_COLD, MADV_PAGEOUT or MADV_FREE is for begins and ends in the middle of a large
 * folio.
 *
 * The kernel splits both folios, and leaves its lazy MMU section to do so. If it does not, the
 * section that it enters afterwards is a nested one, so the task stays in lazy MMU mode.
 *
 * Expected: the folios at both ends are split, those in between are not, each page holds what
 * was written to it, and afterwards an update of the task is not delayed.
 */
#define _GNU_SOURCE
#include "device.h"
#include "vcpus.h"

#define PER_FOLIO	16UL
#define FOLIO		(PER_FOLIO * PAGE)
#define FOLIOS		6UL
#define NR		(FOLIOS * PER_FOLIO)

static int module;

static bool large(int kpageflags, const char *page)
{
	uint64_t entry;

	pagemap(page, 1, &entry);
	return page_flags(kpageflags, entry) & (KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL);
}

/* Returns how many of the folios are large. */
static unsigned long count_large(const char *area)
{
	int kpageflags = open_proc("/proc/kpageflags");
	unsigned long found = 0;

	for (unsigned long i = 0; i < FOLIOS; i++)
		found += large(kpageflags, area + i * FOLIO);
	close(kpageflags);
	return found;
}

static void test(const char *what, int advice)
{
	char *mapped = map_pages(NR + PER_FOLIO, -1);
	char *area = (char *)(((uintptr_t)mapped + FOLIO - 1) / FOLIO * FOLIO);
	unsigned long before, after, wrong = 0;
	bool delayed;

	madvise(mapped, (NR + PER_FOLIO) * PAGE, MADV_HUGEPAGE);
	for (unsigned long i = 0; i < NR; i++)
		*(volatile unsigned long *)(area + i * PAGE) = i + 1;
	before = count_large(area);
	if (madvise(area + FOLIO / 2, NR * PAGE - FOLIO, advice))
		ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
	delayed = ioctl(module, 0);
	after = count_large(area);
	for (unsigned long i = 0; i < NR; i++)
		wrong += *(volatile unsigned long *)(area + i * PAGE) != i + 1;
	ksft_print_msg("%s: %lu large folios, then %lu; %lu pages are wrong%s\n", what, before, after,
		       wrong, delayed ? "; still in a section" : "");
	result_if_met(before == FOLIOS && after == FOLIOS - 2, !wrong && !delayed, "%s\n", what);
	munmap(mapped, (NR + PER_FOLIO) * PAGE);
}

int main(void)
{
	pid_t yielding;

	ksft_print_header();
	ksft_set_plan(3);
	module = open_device("/proc/half_folios");
	put("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "madvise");
	yielding = start_yielding();
	test("MADV_COLD", MADV_COLD);
	test("MADV_PAGEOUT", MADV_PAGEOUT);
	test("MADV_FREE", MADV_FREE);
	kill(yielding, SIGKILL);
	ksft_finished();
}
