// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bottom halves go off or on between the two ends of a section.
 *
 * The bug: Linux 7.x counts a task's sections in the task, and does not count where
 * in_interrupt() is true. That is so in an interrupt, but also in a task that has turned bottom
 * halves off. If they go off inside a section, its end is not counted: the task stays in lazy
 * MMU mode for good, and its later updates wait although it has no section. If they go on
 * inside, only the end is counted, and the count goes from 0 to 255.
 *
 * Linux 6.12 counts nothing, but it asks in_interrupt() before it queues an update, and so does
 * 7.x. If bottom halves go off in a section, updates go out at once that should come after those
 * in the queue.
 *
 * Expected: after each section its updates are in the page table, the last one of each entry, the
 * mode is off, and the next section batches. Updates wait in a section, too, where bottom halves
 * are off.
 *
 * Linux 7.2 and 7.3 pause the mode in every task that was forked, as the scenario fork-batches
 * shows. Here a test begins in a task that nothing has paused.
 */
#include <linux/bottom_half.h>
#include <linux/module.h>

#include "lazy_mmu_test.h"

static void begin(void)
{
#ifdef HAVE_LAZY_MMU_MODE_ENABLE
	current->lazy_mmu_state = (struct lazy_mmu_state) {};
#endif
}

/* A KUNIT_EXPECT that fails may sleep, so none stands where bottom halves or preemption are off. */

/* Whether updates go out at once outside of a section, and wait in one. */
static void expect_balanced(struct kunit *test, struct target *t)
{
	section_t section;

	KUNIT_EXPECT_FALSE(test, deferred(t));
	section = section_enter();
	KUNIT_EXPECT_TRUE(test, deferred(t));
	section_leave(section);
	KUNIT_EXPECT_TRUE(test, landed(t));
	KUNIT_EXPECT_FALSE(test, deferred(t));
}

static void off_before_the_end(struct kunit *test)
{
	struct target *t = targets(test, 2);
	section_t section;
	bool all;

	begin();
	section = section_enter();
	KUNIT_EXPECT_TRUE(test, deferred(&t[0]));
	local_bh_disable();
	section_leave(section);
	all = landed(&t[0]);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, all);
	expect_balanced(test, &t[1]);
}

static void on_before_the_end(struct kunit *test)
{
	struct target *t = targets(test, 2);
	section_t section;

	begin();
	local_bh_disable();
	section = section_enter();
	local_bh_enable();
	update(&t[0]);
	section_leave(section);
	KUNIT_EXPECT_TRUE(test, landed(&t[0]));
	expect_balanced(test, &t[1]);
}

static void off_all_the_time(struct kunit *test)
{
	struct target *t = targets(test, 2);
	section_t section;
	bool all;

	begin();
	local_bh_disable();
	section = section_enter();
	update(&t[0]);
	section_leave(section);
	all = landed(&t[0]);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, all);
	expect_balanced(test, &t[1]);
}

static void off_before_the_end_of_an_inner_section(struct kunit *test)
{
	struct target *t = targets(test, 3);
	section_t outer, inner;
	bool all;

	begin();
	outer = section_enter();
	inner = section_enter();
	KUNIT_EXPECT_TRUE(test, deferred(&t[0]));
	local_bh_disable();
	section_leave(inner);
	all = landed(&t[0]);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, all);
	KUNIT_EXPECT_TRUE(test, deferred(&t[1]));
	section_leave(outer);
	KUNIT_EXPECT_TRUE(test, landed(&t[1]));
	expect_balanced(test, &t[2]);
}

/* The same entry, before and after they go off. */
static void off_between_two_updates(struct kunit *test)
{
	struct target *t = targets(test, 3);
	section_t section;
	bool first, second;

	begin();
	/* A context switch would send the first one. */
	preempt_disable();
	section = section_enter();
	first = deferred(&t[0]);
	local_bh_disable();
	update(&t[0]);
	second = deferred(&t[1]);
	local_bh_enable();
	section_leave(section);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, first);
	KUNIT_EXPECT_TRUE(test, second);
	KUNIT_EXPECT_TRUE(test, landed(&t[0]));
	KUNIT_EXPECT_TRUE(test, landed(&t[1]));
	expect_balanced(test, &t[2]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(off_before_the_end),
	KUNIT_CASE(on_before_the_end),
	KUNIT_CASE(off_all_the_time),
	KUNIT_CASE(off_before_the_end_of_an_inner_section),
	KUNIT_CASE(off_between_two_updates),
	{}
};

static struct kunit_suite suite = {
	.name = "nested_bh",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("Lazy MMU sections in which bottom halves go off and on");
MODULE_LICENSE("GPL");
