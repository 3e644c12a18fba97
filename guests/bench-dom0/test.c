// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives dom0 something to map: prints "dom0: frame MFN COUNT" for 2048 pages, and "dom0: grant
 * REFERENCE COUNT" for 1024 of them. The pages stay until the guest ends.
 */
#include <linux/module.h>
#include <linux/sort.h>
#include <xen/grant_table.h>
#include <xen/page.h>

#define NR	  2048
#define NR_GRANTS 1024

static int compare(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

static void print_run(const char *what, unsigned long first, unsigned int count)
{
	if (count)
		pr_info("dom0: %s %lu %u\n", what, first, count);
}

/* Prints numbers that follow each other as one line. */
static void print_runs(const char *what, const unsigned long *numbers, unsigned int nr)
{
	unsigned int i, begin = 0;

	for (i = 1; i <= nr; i++) {
		if (i < nr && numbers[i] == numbers[i - 1] + 1)
			continue;
		print_run(what, numbers[begin], i - begin);
		begin = i;
	}
}

static unsigned long frames[NR], grants[NR_GRANTS];

static int __init bench_dom0_init(void)
{
	int i, ref;

	for (i = 0; i < NR; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		if (!page)
			return -ENOMEM;
		frames[i] = pfn_to_mfn(page_to_pfn(page));
	}
	sort(frames, NR, sizeof(*frames), compare, NULL);
	for (i = 0; i < NR_GRANTS; i++) {
		ref = gnttab_grant_foreign_access(0, frames[i], 0);
		if (ref < 0)
			return ref;
		grants[i] = ref;
	}
	print_runs("frame", frames, NR);
	print_runs("grant", grants, NR_GRANTS);

	return 0;
}

module_init(bench_dom0_init);
MODULE_DESCRIPTION("Pages of a guest that dom0 maps");
MODULE_LICENSE("GPL");
