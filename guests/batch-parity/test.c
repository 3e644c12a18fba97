// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates in sections that are not nested.
 *
 * Expected: the updates of a section go out in as few batches as the arm's queue allows:
 * all batches but the last one are full. The same holds for the updates before a flush in a
 * section, and for those after it. Nothing else goes out. The first batch of a long section
 * shows how many updates the queue takes, which must be 31, as in Linux 6.12, or more.
 *
 * Interrupts are off, so that the batches are the section's alone.
 */
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "lazy_mmu_test.h"

#define MAX_UPDATES	512

static const unsigned int sizes[] = { 1, 2, 31, 32, 33, 64, 127, 128, 129, MAX_UPDATES };
static struct mm_struct *loader_mm;
static unsigned int capacity;	/* of the queue, in updates */

static int update_page(pte_t *ptep, unsigned long addr, void *data)
{
	struct target t = {
		.ptep = ptep,
		.bit = READ_ONCE(ptep->pte) & _PAGE_SOFTW1,
	};

	update(&t);

	return 0;
}

/* flushed: the section was flushed after so many updates, or was not if 0. */
static void check(struct kunit *test, unsigned int nr, unsigned int flushed,
		  const struct batches *b)
{
	unsigned int i, room, left = nr, sum = 0;

	KUNIT_ASSERT_LE(test, b->nr, ARRAY_SIZE(b->batch));
	for (i = 0; i < b->nr && left; i++) {
		/* How many updates are left up to the flush, and after it up to the end. */
		room = left > nr - flushed ? left - (nr - flushed) : left;
		KUNIT_EXPECT_EQ(test, b->batch[i].calls, 1);
		KUNIT_EXPECT_EQ(test, b->batch[i].updates, min(room, capacity));
		left -= min(left, b->batch[i].updates);
		sum += b->batch[i].updates;
	}
	KUNIT_EXPECT_EQ(test, i, b->nr);
	KUNIT_EXPECT_EQ(test, sum, nr);
}

/* Runs first: what a long section sends at once. */
static void queue_takes_31(struct kunit *test)
{
	struct batches *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct target *t = targets(test, MAX_UPDATES);
	section_t section;
	unsigned long flags;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	batches_begin(test, b);
	batches_irq_save(b, flags);
	section = section_enter();
	for (i = 0; i < MAX_UPDATES; i++)
		update(&t[i]);
	section_leave(section);
	batches_irq_restore(b, flags);
	batches_end(b);
	capacity = b->batch[0].updates;
	kunit_info(test, "the queue takes %u updates\n", capacity);
	KUNIT_EXPECT_GE(test, capacity, 31);
}

static void batches(struct kunit *test)
{
	struct batches *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct target *t = targets(test, MAX_UPDATES);
	unsigned int i, j;
	unsigned long flags;
	section_t section;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		batches_begin(test, b);
		batches_irq_save(b, flags);
		section = section_enter();
		for (j = 0; j < sizes[i]; j++)
			update(&t[j]);
		section_leave(section);
		batches_irq_restore(b, flags);
		batches_end(b);
		check(test, sizes[i], 0, b);

		batches_begin(test, b);
		batches_irq_save(b, flags);
		section = section_enter();
		for (j = 0; j < sizes[i]; j++) {
			update(&t[j]);
			if (j == sizes[i] / 2)
				arch_flush_lazy_mmu_mode();
		}
		section_leave(section);
		batches_irq_restore(b, flags);
		batches_end(b);
		check(test, sizes[i], sizes[i] / 2 + 1, b);
	}
}

/* A generic caller, on user pages of the task that loaded this module. */
static void generic_caller(struct kunit *test)
{
	struct batches *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned long map, addr, flags;
	unsigned int i, j, round;
	int err = 0;

	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_ASSERT_NOT_NULL(test, loader_mm);
	kthread_use_mm(loader_mm);
	/* A section is within one page table, so begin at the start of one. */
	map = vm_mmap(NULL, 0, PMD_SIZE + MAX_UPDATES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(map));
	addr = ALIGN(map, PMD_SIZE);
	for (i = 0; i < MAX_UPDATES; i++)
		err |= put_user(i, (unsigned int __user *)(addr + i * PAGE_SIZE));

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* Twice, so that the bit is 0 again when mm looks at the entry. */
		for (round = 0; round < 2; round++) {
			batches_begin(test, b);
			batches_irq_save(b, flags);
			err |= apply_to_page_range(loader_mm, addr, sizes[i] * PAGE_SIZE,
						   update_page, NULL);
			batches_irq_restore(b, flags);
			batches_end(b);
			check(test, sizes[i], 0, b);
		}
	}

	for (i = 0; i < MAX_UPDATES; i++) {
		err |= get_user(j, (unsigned int __user *)(addr + i * PAGE_SIZE));
		KUNIT_EXPECT_EQ(test, i, j);
	}
	vm_munmap(map, PMD_SIZE + MAX_UPDATES * PAGE_SIZE);
	kthread_unuse_mm(loader_mm);
	KUNIT_EXPECT_EQ(test, err, 0);
}

/* Runs in the task that loads the module; the tests have a thread each. */
static int suite_init(struct kunit_suite *suite)
{
	loader_mm = current->mm;

	return 0;
}

static struct kunit_case cases[] = {
	KUNIT_CASE(queue_takes_31),
	KUNIT_CASE(batches),
	KUNIT_CASE(generic_caller),
	{}
};

static struct kunit_suite suite = {
	.name = "batch_parity",
	.suite_init = suite_init,
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("The batches of lazy MMU sections that are not nested");
MODULE_LICENSE("GPL");
