// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hard interrupt and a softirq have a section of their own, inside sections
 * of the task that they interrupt.
 *
 * Expected: when the handler's section ends, the page tables have the handler's
 * updates and those that the task had queued. The task goes on batching, until its own
 * leave() turns the mode off. What a handler updates outside of its section is made at once.
 *
 * Linux 7.x has no sections in interrupts: there the handler's updates go out one by
 * one. What the task had queued may stay queued.
 */
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/module.h>

#include "lazy_mmu_test.h"

#define DEPTH	3

struct intr {
	struct irq_work work;
	struct tasklet_struct tasklet;
	void (*raise)(struct intr *intr);
	struct target *t;	/* 0 and 1 the task's, 2 and 4 the handler's, 3 after */

	bool in_hardirq;
	bool in_softirq;
	bool handler_queued;	/* what it updated outside of its section */
	bool handler_landed;
	bool done;

	bool queued_before;
	bool landed_by_handler;
	bool queued_after;
};

static void handler(struct intr *intr)
{
	section_t section;

	intr->handler_queued = deferred(&intr->t[4]);
	section = section_enter();
	update(&intr->t[2]);
	section_leave(section);
	intr->handler_landed = landed(&intr->t[2]);
	intr->in_hardirq = in_hardirq();
	intr->in_softirq = in_serving_softirq();
	WRITE_ONCE(intr->done, true);
}

static void on_irq_work(struct irq_work *work)
{
	handler(container_of(work, struct intr, work));
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	handler(container_of(tasklet, struct intr, tasklet));
}

static void raise_hardirq(struct intr *intr)
{
	irq_work_queue(&intr->work);
}

static void raise_softirq_here(struct intr *intr)
{
	local_bh_disable();
	tasklet_schedule(&intr->tasklet);
	local_bh_enable();
}

static void interrupted(void *data)
{
	struct intr *intr = data;
	ktime_t end = ktime_add_ms(ktime_get(), 5000);

	intr->queued_before = deferred(&intr->t[0]);
	intr->raise(intr);
	while (!READ_ONCE(intr->done) && ktime_before(ktime_get(), end))
		cpu_relax();
	intr->landed_by_handler = landed(&intr->t[0]);
	intr->queued_after = deferred(&intr->t[1]);
}

static void check(struct kunit *test, void (*raise)(struct intr *intr), bool hard)
{
	struct intr *intr = kunit_kzalloc(test, sizeof(*intr), GFP_KERNEL);
	struct target *t = targets(test, 5);
	unsigned int depth;
	bool off;

	KUNIT_ASSERT_NOT_NULL(test, intr);
	for (depth = 1; depth <= DEPTH; depth++) {
		memset(intr, 0, sizeof(*intr));
		intr->work = IRQ_WORK_INIT_HARD(on_irq_work);
		tasklet_setup(&intr->tasklet, on_tasklet);
		intr->raise = raise;
		intr->t = t;

		/* A context switch flushes, too: it must not be taken for the handler's flush. */
		preempt_disable();
		nested(depth, interrupted, intr);
		off = !deferred(&t[3]);
		preempt_enable();
		irq_work_sync(&intr->work);
		tasklet_kill(&intr->tasklet);

		KUNIT_EXPECT_TRUE_MSG(test, intr->done, "depth %u", depth);
		KUNIT_EXPECT_EQ_MSG(test, intr->in_hardirq, hard, "depth %u", depth);
		KUNIT_EXPECT_EQ_MSG(test, intr->in_softirq, !hard, "depth %u", depth);
		KUNIT_EXPECT_FALSE_MSG(test, intr->handler_queued, "depth %u", depth);
		KUNIT_EXPECT_TRUE_MSG(test, intr->handler_landed, "depth %u", depth);
		KUNIT_EXPECT_TRUE_MSG(test, intr->queued_before, "depth %u", depth);
#ifndef HAVE_LAZY_MMU_MODE_ENABLE
		KUNIT_EXPECT_TRUE_MSG(test, intr->landed_by_handler, "depth %u", depth);
#endif
		KUNIT_EXPECT_TRUE_MSG(test, intr->queued_after, "depth %u", depth);
		KUNIT_EXPECT_TRUE_MSG(test, landed(&t[1]), "depth %u", depth);
		KUNIT_EXPECT_TRUE_MSG(test, off, "depth %u", depth);
	}
}

static void hard_interrupt(struct kunit *test)
{
	check(test, raise_hardirq, true);
}

static void softirq(struct kunit *test)
{
	/* There, ksoftirqd runs what was raised while preemption is off. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "softirqs are threads");
	check(test, raise_softirq_here, false);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(hard_interrupt),
	KUNIT_CASE(softirq),
	{}
};

static struct kunit_suite suite = {
	.name = "nested_irq",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("Lazy MMU sections in interrupts inside lazy MMU sections");
MODULE_LICENSE("GPL");
