// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task loses its vCPU inside nested sections.
 *
 * The bug: Linux 6.12 counts levels per CPU, and a context switch leaves only one
 * level. In a nested section, lazy MMU mode is still on when the switch wants to
 * enter lazy CPU mode, which is a BUG().
 *
 * Expected: the switch puts everything queued into the page tables. When the task
 * runs again, it goes on batching, in its innermost section and in all sections
 * around that one. The outermost leave() turns the mode off.
 *
 * Method: the task queues an update. Then it loses its vCPU: it sleeps, or it wakes
 * a task of a higher priority, which preempts it (this needs preempt=full). Then the
 * test looks at the entries.
 */
#include <linux/delay.h>
#include <linux/module.h>

#include "lazy_mmu_test.h"

struct away {
	struct target *t;
	void (*go)(struct away *away);
	struct task_struct *other;
	bool other_ran;

	unsigned long slept;
	unsigned long preempted;
	bool queued_before;
	bool landed_by_switch;
	bool queued_after;
};

static void go_to_sleep(struct away *away)
{
	msleep(20);
}

static int other_thread(void *data)
{
	struct away *away = data;

	WRITE_ONCE(away->other_ran, true);

	return 0;
}

static void be_preempted(struct away *away)
{
	wake_up_process(away->other);
}

static void lose_vcpu(void *data)
{
	struct away *away = data;
	unsigned long nvcsw, nivcsw;

	away->queued_before = deferred(&away->t[0]);
	nvcsw = current->nvcsw;
	nivcsw = current->nivcsw;
	away->go(away);
	away->slept = current->nvcsw - nvcsw;
	away->preempted = current->nivcsw - nivcsw;
	away->landed_by_switch = landed(&away->t[0]);
	away->queued_after = deferred(&away->t[1]);
}

static void check(struct kunit *test, struct away *away, unsigned int depth)
{
	bool landed_by_inner, queued_in_outer, landed_by_outer, off;
	section_t outer;

	away->t = targets(test, 4);

	outer = section_enter();
	nested(depth - 1, lose_vcpu, away);
	landed_by_inner = landed(&away->t[1]);
	queued_in_outer = deferred(&away->t[2]);
	section_leave(outer);
	landed_by_outer = landed(&away->t[2]);
	off = !deferred(&away->t[3]);

	KUNIT_EXPECT_TRUE(test, away->queued_before);
	KUNIT_EXPECT_TRUE(test, away->landed_by_switch);
	KUNIT_EXPECT_TRUE(test, away->queued_after);
	KUNIT_EXPECT_TRUE(test, landed_by_inner);
	KUNIT_EXPECT_TRUE(test, queued_in_outer);
	KUNIT_EXPECT_TRUE(test, landed_by_outer);
	KUNIT_EXPECT_TRUE(test, off);
}

static void sleep_2_levels(struct kunit *test)
{
	struct away away = { .go = go_to_sleep };

	check(test, &away, 2);
	KUNIT_EXPECT_GE(test, away.slept, 1);
}

static void sleep_5_levels(struct kunit *test)
{
	struct away away = { .go = go_to_sleep };

	check(test, &away, 5);
	KUNIT_EXPECT_GE(test, away.slept, 1);
}

static void preempted_2_levels(struct kunit *test)
{
	struct away *away = kunit_kzalloc(test, sizeof(*away), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, away);
	away->go = be_preempted;
	away->other = kthread_create(other_thread, away, "other");
	stop_at_end(test, away->other);
	sched_set_fifo(away->other);
	check(test, away, 2);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(away->other_ran));
	KUNIT_EXPECT_GE(test, away->preempted, 1);
	KUNIT_EXPECT_EQ(test, away->slept, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(sleep_2_levels),
	KUNIT_CASE(sleep_5_levels),
	KUNIT_CASE(preempted_2_levels),
	{}
};

static struct kunit_suite suite = {
	.name = "nested_preempt",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("A task loses its vCPU inside nested lazy MMU sections");
MODULE_LICENSE("GPL");
