// SPDX-License-Identifier: GPL-2.0-only
/*
 * KFENCE has an object's page mapped only while the object is allocated.
 *
 * The bug: on Xen PV, KFENCE's change of the kernel's entry waits in a section that happens to
 * be open. So KFENCE writes to an object that it gives out before the page is mapped: it takes
 * its own write for a use after free, and reports it again and again until the queue is full. An
 * object that is freed stays accessible. If another processor allocates it meanwhile, KFENCE
 * finds the page mapped and leaves it so; then the section ends and takes the page away.
 *
 * Expected: an object can be used from its allocation on, and not any more when it is freed,
 * on the processor that does this; and no processor loses an object that it has.
 *
 * Method: allocate until KFENCE has nothing left, and free that again. So each later object has
 * a page that was taken away. With preemption off, nothing sends the queue by chance.
 */
#include <linux/delay.h>
#include <linux/kfence.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "lazy_mmu_test.h"

#ifdef CONFIG_KFENCE
#define NR_OBJECTS	CONFIG_KFENCE_NUM_OBJECTS
#else
#define NR_OBJECTS	1
#endif
#define SIZE		64
#define PATIENCE	5000	/* ms */

/*
 * Allocates until KFENCE gives an object, for at most ms. A busy loop on each processor would
 * keep the work away that lets KFENCE give one now and then.
 */
static void *guarded(unsigned int ms, bool may_sleep)
{
	ktime_t end = ktime_add_ms(ktime_get(), ms);
	void *object;

	do {
		object = kmalloc(SIZE, GFP_ATOMIC);
		if (is_kfence_address(object))
			return object;
		kfree(object);
		if (may_sleep)
			usleep_range(100, 200);
		else
			udelay(10);
	} while (ktime_before(ktime_get(), end));

	return NULL;
}

struct pool {
	unsigned int nr;
	void *object[NR_OBJECTS];
};

/* Takes all of KFENCE's objects. Those of the size come from one pool, whatever cache asks. */
static void drain(struct pool *pool)
{
	while (pool->nr < NR_OBJECTS) {
		pool->object[pool->nr] = guarded(200, true);
		if (!pool->object[pool->nr])
			break;
		pool->nr++;
	}
}

static void refill(struct pool *pool)
{
	while (pool->nr)
		kfree(pool->object[--pool->nr]);
}

KUNIT_DEFINE_ACTION_WRAPPER(refill_action, refill, struct pool *);

static struct pool *drained(struct kunit *test)
{
	struct pool *pool;

	if (!IS_ENABLED(CONFIG_KFENCE))
		kunit_skip(test, "the kernel has no KFENCE");
	pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, refill_action, pool), 0);
	drain(pool);
	KUNIT_ASSERT_GT(test, pool->nr, 0);

	return pool;
}

/* Whether this processor can read the object. A fault here is no report of KFENCE. */
static bool accessible(const void *object)
{
	char byte;

	return !copy_from_kernel_nofault(&byte, object, 1);
}

static void allocated(struct kunit *test)
{
	struct pool *pool = drained(test);
	section_t section;
	bool usable;
	void *object;

	refill(pool);
	preempt_disable();
	section = section_enter();
	object = guarded(PATIENCE, false);
	usable = accessible(object);
	section_leave(section);
	preempt_enable();
	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_EXPECT_TRUE(test, usable);
	kfree(object);
}

static void freed(struct kunit *test)
{
	struct pool *pool = drained(test);
	void *object = pool->object[--pool->nr];
	bool before, after;
	section_t section;

	preempt_disable();
	section = section_enter();
	before = accessible(object);
	kfree(object);
	after = accessible(object);
	section_leave(section);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, before);
	KUNIT_EXPECT_FALSE(test, after);
}

static void freed_and_allocated(struct kunit *test)
{
	struct pool *pool = drained(test);
	void *object = pool->object[--pool->nr], *next;
	section_t section;
	bool usable, stays;

	preempt_disable();
	section = section_enter();
	kfree(object);
	/* Nearly always the same page, since no other is free. */
	next = guarded(PATIENCE, false);
	usable = accessible(next);
	section_leave(section);
	stays = accessible(next);
	preempt_enable();
	KUNIT_ASSERT_NOT_NULL(test, next);
	KUNIT_EXPECT_TRUE(test, usable);
	KUNIT_EXPECT_TRUE(test, stays);
	kfree(next);
}

struct other {
	void *page;	/* whose object it is to get */
	bool freed;
	void *object;
};

static void *page_of(void *object)
{
	return (void *)ALIGN_DOWN((unsigned long)object, PAGE_SIZE);
}

/* Allocates on another processor, until it has the object that was freed. */
static int other_thread(void *data)
{
	struct other *other = data;
	ktime_t end;
	void *object;

	while (!READ_ONCE(other->freed) && !kthread_should_stop())
		usleep_range(100, 200);
	end = ktime_add_ms(ktime_get(), PATIENCE / 2);
	while (ktime_before(ktime_get(), end)) {
		object = guarded(200, true);
		if (object && page_of(object) == other->page) {
			smp_store_release(&other->object, object);
			break;
		}
		/* Somebody else freed it. It goes back to the end of the list. */
		kfree(object);
	}
	while (!kthread_should_stop())
		usleep_range(100, 200);

	return 0;
}

static void allocated_elsewhere(struct kunit *test)
{
	struct pool *pool = drained(test);
	void *object = pool->object[--pool->nr], *theirs;
	struct other *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct task_struct *task;
	section_t section;
	unsigned int cpu;
	ktime_t end;

	KUNIT_ASSERT_NOT_NULL(test, other);
	other->page = page_of(object);
	migrate_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	KUNIT_ASSERT_LT(test, cpu, nr_cpu_ids);
	task = kthread_create(other_thread, other, "other");
	stop_at_end(test, task);
	kthread_bind(task, cpu);
	wake_up_process(task);

	preempt_disable();
	section = section_enter();
	kfree(object);
	WRITE_ONCE(other->freed, true);
	end = ktime_add_ms(ktime_get(), PATIENCE);
	do {
		theirs = smp_load_acquire(&other->object);
		cpu_relax();
	} while (!theirs && ktime_before(ktime_get(), end));
	section_leave(section);
	preempt_enable();
	migrate_enable();
	stop_now(test, task);
	KUNIT_ASSERT_NOT_NULL(test, theirs);
	KUNIT_EXPECT_TRUE(test, accessible(theirs));
	kfree(theirs);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(allocated),
	KUNIT_CASE(freed),
	KUNIT_CASE(freed_and_allocated),
	KUNIT_CASE(allocated_elsewhere),
	{}
};

static struct kunit_suite suite = {
	.name = "kfence_section",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("KFENCE in lazy MMU sections");
MODULE_LICENSE("GPL");
