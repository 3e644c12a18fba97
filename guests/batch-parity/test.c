// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same updates, not nested, in every arm: a line "record: …" for each
 * workload gives the batches that it took, in their order, as
 * calls x updates. The arms' lines are compared where the guests were run.
 *
 * Interrupts are off, so that the batches are the section's alone.
 */
#include <linux/module.h>

#include "lazy_mmu_test.h"

#define MAX	512

static int update_page(pte_t *ptep, unsigned long addr, void *data)
{
	struct target t = {
		.ptep = ptep,
		.bit = READ_ONCE(ptep->pte) & _PAGE_SOFTW1,
	};

	update(&t);

	return 0;
}

static void report(struct kunit *test, const char *what, unsigned int nr, const struct batches *b)
{
	unsigned int i, sum = 0;
	char line[512];
	int len = 0;

	KUNIT_ASSERT_LE(test, b->nr, ARRAY_SIZE(b->batch));
	for (i = 0; i < b->nr; i++) {
		sum += b->batch[i].updates;
		len += scnprintf(line + len, sizeof(line) - len, " %ux%u",
				 b->batch[i].calls, b->batch[i].updates);
	}
	pr_info("record: %s %u:%s\n", what, nr, line);
	KUNIT_EXPECT_EQ(test, sum, nr);
}

static void batches(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 2, 31, 32, 33, 64, MAX };
	struct batches *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct target *t = targets(test, MAX);
	unsigned int i, j;
	unsigned long flags;
	section_t section;
	void *pages;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		batches_begin(test, b);
		local_irq_save(flags);
		section = section_enter();
		for (j = 0; j < sizes[i]; j++)
			update(&t[j]);
		section_leave(section);
		local_irq_restore(flags);
		batches_end(b);
		report(test, "set_pte", sizes[i], b);

		batches_begin(test, b);
		local_irq_save(flags);
		section = section_enter();
		for (j = 0; j < sizes[i]; j++) {
			update(&t[j]);
			if (j == sizes[i] / 2)
				arch_flush_lazy_mmu_mode();
		}
		section_leave(section);
		local_irq_restore(flags);
		batches_end(b);
		report(test, "set_pte, flush", sizes[i], b);
	}

	pages = vzalloc(MAX * PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		batches_begin(test, b);
		local_irq_save(flags);
		err = apply_to_page_range(&init_mm, (unsigned long)pages,
					  sizes[i] * PAGE_SIZE, update_page, NULL);
		local_irq_restore(flags);
		batches_end(b);
		KUNIT_EXPECT_EQ(test, err, 0);
		report(test, "apply_to_page_range", sizes[i], b);
	}
	vfree(pages);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(batches),
	{}
};

static struct kunit_suite suite = {
	.name = "batch_parity",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("The batches of lazy MMU sections that are not nested");
MODULE_LICENSE("GPL");
