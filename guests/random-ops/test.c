// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks do at random what may happen in and around sections: they enter up to 64 of them, leave
 * and flush, set and clear entries, sleep, yield, move to other vCPUs, turn bottom halves or
 * preemption off, and are interrupted by handlers with sections of their own.
 *
 * Expected: outside of sections, an update is in the page table at once. In a section it is
 * queued, whatever happened to the task before. When a section has ended, of whatever depth,
 * or was flushed, or the task lost its vCPU, each entry is what the task wrote last, and the
 * memory there is that of its page.
 *
 * Method: there are two tasks for each vCPU. A task has entries of its own, and its model is
 * what it wrote to each. A seed and the task's number give the order of its operations. So a seed
 * repeats what each task does, though not how the tasks run beside each other.
 */
#include <linux/bottom_half.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <asm/xen/hypercall.h>

#include "numbered_pages.h"

#define ENTRIES		160	/* more than one batch takes */
#define MAX_DEPTH	64
#define TASKS_PER_VCPU	2
#define LAST		8	/* operations that a failure names */
#define TREND		1000	/* for so many operations, sections tend to nest, or to end */

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "what the operations are drawn from; 0, the default, takes another one each time");

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "for how long the tasks work");

enum op {
	SET, CLEAR, FILL, ENTER, LEAVE, FLUSH, SLEEP, YIELD, MIGRATE, HARDIRQ, SOFTIRQ,
	BOTTOM_HALVES, PREEMPTION, LOOK, NR_OPS
};

/* How often each is drawn; those of ENTER and LEAVE depend on the trend. */
static const struct {
	const char *name;
	unsigned int weight;
} ops[NR_OPS] = {
	[SET] = { "set", 300 },
	[CLEAR] = { "clear", 80 },
	[FILL] = { "fill", 10 },
	[ENTER] = { "enter", 0 },
	[LEAVE] = { "leave", 0 },
	[FLUSH] = { "flush", 30 },
	[SLEEP] = { "sleep", 2 },
	[YIELD] = { "yield", 10 },
	[MIGRATE] = { "migrate", 5 },
	[HARDIRQ] = { "hard interrupt", 10 },
	[SOFTIRQ] = { "softirq", 10 },
	[BOTTOM_HALVES] = { "bottom halves off or on", 20 },
	[PREEMPTION] = { "preemption off or on", 20 },
	[LOOK] = { "look at memory", 20 },
};

static const struct {
	unsigned int enter, leave;
} trends[] = { { 200, 40 }, { 120, 120 }, { 40, 200 } };

struct actor {
	unsigned int nr;	/* of the task */
	struct rnd_state random;
	unsigned long end;	/* jiffies */

	struct page **pages;
	void *at;
	pte_t *ptep[ENTRIES];
	unsigned int has[ENTRIES];	/* the model: the page's number plus 1, or 0 */

	unsigned int depth;
	bool bh_off, preempt_off;

	struct irq_work work;
	struct tasklet_struct tasklet;
	struct target *handlers;	/* what a handler updates */
	bool handled, handler_wrong;

	unsigned long sum;	/* operations that were drawn, but for an ENTER or LEAVE beyond the limits */
	unsigned long done[NR_OPS];
	unsigned int deepest;
	unsigned long away;	/* how often it lost its vCPU in a section */
	const char *wrong;
	unsigned int wrong_depth;
	enum op last[LAST];	/* a ring: operation n is at n % LAST */
	bool over;
};

static u32 draw(struct actor *a, unsigned int below)
{
	return prandom_u32_state(&a->random) % below;
}

/* Keeps the first thing that is wrong. */
static void expect(struct actor *a, bool right, const char *wrong)
{
	if (right || a->wrong)
		return;
	a->wrong = wrong;
	a->wrong_depth = a->depth;
}

static pte_t entry_of(const struct actor *a, unsigned int page)
{
	return page ? mk_pte(a->pages[page - 1], PAGE_KERNEL) : native_make_pte(0);
}

/* Whether the page table has the entry, but for flags, to which Xen adds some. */
static bool has_entry(const pte_t *ptep, pte_t entry)
{
	return !((READ_ONCE(ptep->pte) ^ native_pte_val(entry)) & (PTE_PFN_MASK | _PAGE_PRESENT));
}

/* Whether each entry is what was written to it last. */
static bool all_landed(const struct actor *a)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		if (!has_entry(a->ptep[i], entry_of(a, a->has[i])))
			return false;

	return true;
}

static bool memory_is_right(const struct actor *a, unsigned int i)
{
	void *at = a->at + i * PAGE_SIZE;
	struct mmuext_op op = {
		.cmd = MMUEXT_INVLPG_LOCAL,
		.arg1.linear_addr = (unsigned long)at,
	};
	bool right;

	if (!a->has[i])
		return true;
	preempt_disable();
	right = !HYPERVISOR_mmuext_op(&op, 1, NULL, DOMID_SELF) &&
		READ_ONCE(*(unsigned int *)at) == a->has[i] - 1;
	preempt_enable();

	return right;
}

/*
 * Writes the page, 0 for none, to an entry, and looks whether that was queued. Nothing can be told of
 * an update to what the entry has already, or has once the queue is made, as a full queue is before the
 * update. Interrupts are off, so nothing else flushes.
 */
static void write_entry(struct actor *a, unsigned int i, unsigned int page)
{
	pte_t entry = entry_of(a, page);
	unsigned long flags;
	bool same;

	local_irq_save(flags);
	same = a->has[i] == page || has_entry(a->ptep[i], entry);
	set_pte(a->ptep[i], entry);
	a->has[i] = page;
	if (!same && has_entry(a->ptep[i], entry))
		expect(a, !a->depth, "an update in a section is not queued");
	else if (!same)
		expect(a, a->depth, "an update outside of sections is queued");
	local_irq_restore(flags);
}

static void handler(struct actor *a)
{
	section_t section = section_enter();

	update(&a->handlers[0]);
	section_leave(section);
	if (!landed(&a->handlers[0]))
		a->handler_wrong = true;
	WRITE_ONCE(a->handled, true);
}

static void on_irq_work(struct irq_work *work)
{
	handler(container_of(work, struct actor, work));
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	handler(container_of(tasklet, struct actor, tasklet));
}

static void be_interrupted(struct actor *a, enum op op)
{
	unsigned long end = jiffies + 10 * HZ;

	WRITE_ONCE(a->handled, false);
	if (op == HARDIRQ) {
		irq_work_queue(&a->work);
	} else {
		local_bh_disable();
		tasklet_schedule(&a->tasklet);
		local_bh_enable();
	}
	while (!READ_ONCE(a->handled) && time_before(jiffies, end))
		cpu_relax();
	expect(a, READ_ONCE(a->handled), "a handler did not run");
	expect(a, !a->handler_wrong, "a handler's section ended without its update");
}

static void lose_vcpu(struct actor *a, enum op op)
{
	unsigned long switches = current->nvcsw + current->nivcsw;
	unsigned int to;

	switch (op) {
	case SLEEP:
		schedule_timeout_uninterruptible(1);
		break;
	case YIELD:
		yield();
		break;
	default:
		to = draw(a, num_online_cpus());
		expect(a, !set_cpus_allowed_ptr(current, cpumask_of(to)), "a vCPU refuses the task");
		break;
	}
	if (current->nvcsw + current->nivcsw == switches)
		return;
	a->away += !!a->depth;
	expect(a, all_landed(a), "the task lost its vCPU, and entries are not what it wrote");
}

static bool can_sleep(const struct actor *a)
{
	return !a->bh_off && !a->preempt_off;
}

static void toggle(bool *off, void (*turn_off)(void), void (*turn_on)(void))
{
	if (*off)
		turn_on();
	else
		turn_off();
	*off = !*off;
}

static void bottom_halves_off(void)
{
	local_bh_disable();
}

static void bottom_halves_on(void)
{
	local_bh_enable();
}

static void preemption_off(void)
{
	preempt_disable();
}

static void preemption_on(void)
{
	preempt_enable();
}

static void look(struct actor *a)
{
	unsigned int n;

	arch_flush_lazy_mmu_mode();
	expect(a, all_landed(a), "entries are not what was written after a flush");
	for (n = 0; n < 4 && !a->wrong; n++)
		expect(a, memory_is_right(a, draw(a, ENTRIES)), "an entry shows another page's memory");
}

static enum op next_op(struct actor *a)
{
	unsigned int trend, weight, sum = 0, at;
	enum op op;

	/* The trend follows from the seed alone, too. */
	trend = (a->sum / TREND + a->nr) % ARRAY_SIZE(trends);
	for (op = 0; op < NR_OPS; op++)
		sum += ops[op].weight;
	sum += trends[trend].enter + trends[trend].leave;
	at = draw(a, sum);
	for (op = 0; op < NR_OPS; op++) {
		weight = ops[op].weight;
		if (op == ENTER)
			weight = trends[trend].enter;
		else if (op == LEAVE)
			weight = trends[trend].leave;
		if (at < weight)
			break;
		at -= weight;
	}

	return op;
}

/* Does all operations but ENTER and LEAVE. Returns whether the operation is possible now. */
static bool operate(struct actor *a, enum op op)
{
	unsigned int i = draw(a, ENTRIES), page = draw(a, ENTRIES) + 1;

	switch (op) {
	case SET:
		write_entry(a, i, page);
		break;
	case CLEAR:
		write_entry(a, i, 0);
		break;
	case FILL:
		for (i = 0; i < ENTRIES && !a->wrong; i++)
			write_entry(a, i, (page + i) % ENTRIES + 1);
		break;
	case FLUSH:
		arch_flush_lazy_mmu_mode();
		expect(a, all_landed(a), "entries are not what was written after a flush");
		break;
	case SLEEP:
	case YIELD:
	case MIGRATE:
		if (!can_sleep(a))
			return false;
		lose_vcpu(a, op);
		break;
	case HARDIRQ:
		be_interrupted(a, op);
		break;
	case SOFTIRQ:
		/* ksoftirqd may have to run. */
		if (!can_sleep(a))
			return false;
		be_interrupted(a, op);
		break;
	case BOTTOM_HALVES:
		toggle(&a->bh_off, bottom_halves_off, bottom_halves_on);
		break;
	case PREEMPTION:
		toggle(&a->preempt_off, preemption_off, preemption_on);
		break;
	case LOOK:
		look(a);
		break;
	default:
		break;
	}

	return true;
}

static bool goes_on(const struct actor *a)
{
	return !a->wrong && time_before(jiffies, a->end);
}

/* Runs until this section is to end; outside of sections, to the task's end. */
static void operations(struct actor *a)
{
	section_t section;
	enum op op;

	while (goes_on(a)) {
		op = next_op(a);
		if ((op == ENTER && a->depth == MAX_DEPTH) || (op == LEAVE && !a->depth))
			continue;
		a->last[a->sum++ % LAST] = op;
		if (op != ENTER && op != LEAVE) {
			a->done[op] += operate(a, op);
			if (can_sleep(a))
				cond_resched();
			continue;
		}
		a->done[op]++;
		if (op == LEAVE)
			return;
		section = section_enter();
		a->depth++;
		a->deepest = max(a->deepest, a->depth);
		operations(a);
		section_leave(section);
		a->depth--;
		expect(a, all_landed(a), "a section ended, and entries are not what was written");
	}
}

static int actor_thread(void *data)
{
	struct actor *a = data;

	operations(a);
	if (a->preempt_off)
		preempt_enable();
	if (a->bh_off)
		local_bh_enable();
	irq_work_sync(&a->work);
	tasklet_kill(&a->tasklet);
	WRITE_ONCE(a->over, true);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);

	return 0;
}

KUNIT_DEFINE_ACTION_WRAPPER(vunmap_action, vunmap, const void *);

/* A task with all its entries: at first, each has the page of its number. */
static struct task_struct *start_actor(struct kunit *test, struct actor *a, unsigned int nr,
				       struct page **pages)
{
	struct task_struct *task;
	unsigned int i, level;

	a->nr = nr;
	a->pages = pages;
	a->at = vmap(pages, ENTRIES, VM_MAP, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a->at);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vunmap_action, a->at), 0);
	for (i = 0; i < ENTRIES; i++) {
		a->ptep[i] = lookup_address((unsigned long)a->at + i * PAGE_SIZE, &level);
		KUNIT_ASSERT_NOT_NULL(test, a->ptep[i]);
		KUNIT_ASSERT_EQ(test, level, PG_LEVEL_4K);
		a->has[i] = i + 1;
	}
	a->handlers = targets(test, 1);
	a->work = IRQ_WORK_INIT_HARD(on_irq_work);
	tasklet_setup(&a->tasklet, on_tasklet);
	prandom_seed_state(&a->random, ((u64)seed << 32) + nr);
	a->end = jiffies + seconds * HZ;
	task = kthread_create(actor_thread, a, "actor/%u", nr);
	stop_at_end(test, task);

	return task;
}

static void report(struct kunit *test, const struct actor *a)
{
	unsigned long n;

	KUNIT_FAIL(test, "seed %u: task %u, operation %lu, in %u sections: %s", seed, a->nr, a->sum,
		   a->wrong_depth, a->wrong);
	for (n = a->sum > LAST ? a->sum - LAST : 0; n < a->sum; n++)
		kunit_info(test, "task %u, operation %lu: %s\n", a->nr, n + 1, ops[a->last[n % LAST]].name);
}

static void random_ops(struct kunit *test)
{
	unsigned int nr = TASKS_PER_VCPU * num_online_cpus(), i, deepest = 0;
	unsigned long done[NR_OPS] = {}, sum = 0, away = 0;
	struct task_struct **task = kunit_kcalloc(test, nr, sizeof(struct task_struct *), GFP_KERNEL);
	struct actor *actors = kunit_kcalloc(test, nr, sizeof(*actors), GFP_KERNEL);
	struct page **pages = numbered_pages(test);
	enum op op;

	KUNIT_ASSERT_NOT_NULL(test, task);
	KUNIT_ASSERT_NOT_NULL(test, actors);
	while (!seed)
		seed = get_random_u32();
	kunit_info(test, "seed %u, %u tasks, %u seconds\n", seed, nr, seconds);
	for (i = 0; i < nr; i++)
		task[i] = start_actor(test, &actors[i], i, pages);
	for (i = 0; i < nr; i++)
		wake_up_process(task[i]);
	for (i = 0; i < nr; i++) {
		while (!READ_ONCE(actors[i].over))
			msleep(20);
		stop_now(test, task[i]);
		for (op = 0; op < NR_OPS; op++) {
			done[op] += actors[i].done[op];
			sum += actors[i].done[op];
		}
		away += actors[i].away;
		deepest = max(deepest, actors[i].deepest);
		if (actors[i].wrong)
			report(test, &actors[i]);
	}
	kunit_info(test, "%lu operations, up to %u sections deep, %lu times off the vCPU in one\n",
		   sum, deepest, away);
	for (op = 0; op < NR_OPS; op++)
		KUNIT_EXPECT_GT_MSG(test, done[op], 0, "%s", ops[op].name);
	KUNIT_EXPECT_EQ(test, deepest, MAX_DEPTH);
	KUNIT_EXPECT_GT(test, away, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(random_ops),
	{}
};

static struct kunit_suite suite = {
	.name = "random_ops",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("Random operations in and around lazy MMU sections");
MODULE_LICENSE("GPL");
