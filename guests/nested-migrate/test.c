// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task moves between vCPUs inside nested sections, 10 000 times, while every
 * vCPU runs tasks with sections of their own.
 *
 * Expected: the state of each section, on the task's stack, is right on each vCPU.
 * Updates that were queued on the old vCPU are in the page tables. Updates that are
 * queued on the new one stay queued. No task ever finds the mode of another task.
 */
#include <linux/cpumask.h>
#include <linux/module.h>

#include "lazy_mmu_test.h"

#define ROUNDS	10000
#define DEPTH	3

struct move {
	struct target *t;
	unsigned int to;
	bool ok;
};

static void move_inside(void *data)
{
	struct move *move = data;

	move->ok = deferred(&move->t[0]);
	move->ok &= !set_cpus_allowed_ptr(current, cpumask_of(move->to));
	move->ok &= raw_smp_processor_id() == move->to;
	move->ok &= landed(&move->t[0]);
	move->ok &= deferred(&move->t[1]);
}

static bool move_once(struct move *move)
{
	section_t outer;
	bool ok;

	outer = section_enter();
	nested(DEPTH - 1, move_inside, move);
	ok = move->ok && landed(&move->t[1]) && deferred(&move->t[2]);
	section_leave(outer);

	return ok && landed(&move->t[2]) && !deferred(&move->t[3]);
}

struct load {
	struct target *t;
	unsigned long wrong;
	unsigned long rounds;
};

static void load_inside(void *data)
{
	struct load *load = data;
	unsigned long switches = current->nvcsw + current->nivcsw;

	load->wrong += !deferred(&load->t[0]);
	schedule_timeout_uninterruptible(1);
	/* A slow machine's timer may be over before the task is off its vCPU. */
	if (current->nvcsw + current->nivcsw != switches)
		load->wrong += !landed(&load->t[0]);
	load->wrong += !deferred(&load->t[1]);
}

static int load_thread(void *data)
{
	struct load *load = data;

	while (!kthread_should_stop()) {
		nested(2, load_inside, load);
		load->wrong += !landed(&load->t[1]);
		load->wrong += deferred(&load->t[2]);
		load->rounds++;
	}

	return 0;
}

static void migrate(struct kunit *test)
{
	struct move move = { .t = targets(test, 4) };
	struct task_struct *threads[NR_CPUS] = {};
	struct load *load = kunit_kcalloc(test, NR_CPUS, sizeof(*load), GFP_KERNEL);
	unsigned int cpu, round, wrong = 0;

	KUNIT_ASSERT_NOT_NULL(test, load);
	KUNIT_ASSERT_GE(test, num_online_cpus(), 2);
	for_each_online_cpu(cpu) {
		load[cpu].t = targets(test, 3);
		threads[cpu] = kthread_create(load_thread, &load[cpu], "load/%u", cpu);
		stop_at_end(test, threads[cpu]);
		kthread_bind(threads[cpu], cpu);
		wake_up_process(threads[cpu]);
	}

	for (round = 0; round < ROUNDS; round++) {
		move.to = cpumask_next(raw_smp_processor_id(), cpu_online_mask);
		if (move.to >= nr_cpu_ids)
			move.to = cpumask_first(cpu_online_mask);
		wrong += !move_once(&move);
	}

	for_each_online_cpu(cpu) {
		stop_now(test, threads[cpu]);
		KUNIT_EXPECT_EQ_MSG(test, load[cpu].wrong, 0, "vCPU %u", cpu);
		KUNIT_EXPECT_GT_MSG(test, load[cpu].rounds, 0, "vCPU %u", cpu);
		kunit_info(test, "%lu rounds of load on vCPU %u\n", load[cpu].rounds, cpu);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(migrate),
	{}
};

static struct kunit_suite suite = {
	.name = "nested_migrate",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("A task moves between vCPUs inside nested lazy MMU sections");
MODULE_LICENSE("GPL");
