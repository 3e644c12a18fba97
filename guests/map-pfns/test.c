// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver maps frames into kernel memory by apply_to_page_range(), and is preempted.
 *
 * The bug: i915 crashed dom0 this way on Linux 6.11 (QubesOS/qubes-issues#9552), by vmap_pfn().
 * apply_to_page_range() enters a section, without a lock if it is kernel memory, and set_pte_at() of
 * its callback entered another one, up to 6.12.23. An interrupt comes as soon as that one has queued
 * its entry and turns interrupts on. It wakes a task of a higher priority, and the context switch
 * leaves only one of the two sections. With any callback that enters a section, Linux 6.12 still
 * crashes.
 *
 * Expected: all entries are there when apply_to_page_range() returns, and the mode is off.
 *
 * Method: a timer of the CPU wakes a task of a higher priority again and again, while a loop maps
 * pages that hold their number. vmap_pfn() takes only frames that are no memory, and a guest has
 * none of these. So a callback like that of vmap_pfn() goes over the entries of an area of
 * vmalloc() that nobody has read, so that no TLB has their old values.
 */
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/version.h>

#include "numbered_pages.h"

#define CPU		1
#define PERIOD_NS	(300 * NSEC_PER_USEC)
#define ENOUGH		50	/* preemptions */

static struct task_struct *other;
static struct hrtimer timer;

static int other_thread(void *data)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);

	return 0;
}

static enum hrtimer_restart wake_other(struct hrtimer *timer)
{
	wake_up_process(other);
	hrtimer_forward_now(timer, ns_to_ktime(PERIOD_NS));

	return HRTIMER_RESTART;
}

static int map_page(pte_t *ptep, unsigned long addr, void *data)
{
	struct page ***next = data;

	set_pte(ptep, pte_mkspecial(pfn_pte(page_to_pfn(*(*next)++), PAGE_KERNEL)));

	return 0;
}

/* As set_pte_at() was in vmap_pfn() up to 6.12.23. */
static int map_page_in_a_section(pte_t *ptep, unsigned long addr, void *data)
{
	section_t section = section_enter();
	int rc = map_page(ptep, addr, data);

	section_leave(section);

	return rc;
}

/* Returns how often the task was preempted while it mapped. No assertion: the timer goes on. */
static unsigned long map_once(struct kunit *test, struct mm_struct *kernel, struct page **pages,
			      pte_fn_t map)
{
	void *at = vmalloc(MAX_PAGES * PAGE_SIZE);
	struct page **next = pages;
	unsigned long preempted;
	int rc;

	KUNIT_EXPECT_NOT_NULL(test, at);
	if (!at)
		return 0;
	preempted = current->nivcsw;
	rc = apply_to_page_range(kernel, (unsigned long)at, MAX_PAGES * PAGE_SIZE, map, &next);
	preempted = current->nivcsw - preempted;
	KUNIT_EXPECT_EQ(test, rc, 0);
	KUNIT_EXPECT_EQ(test, wrong(at, MAX_PAGES), 0);
	vfree(at);

	return preempted;
}

static void map_and_be_preempted(struct kunit *test, pte_fn_t map)
{
	struct page **pages = numbered_pages(test);
	struct target *t = targets(test, 1);
	unsigned long preempted = 0, end;
	unsigned int rounds = 0;
	struct mm_struct *kernel;

	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(CPU)), 0);
	/* Modules do not get at init_mm. No program has run on this CPU, so it is the active one. */
	kernel = current->active_mm;
	KUNIT_ASSERT_NULL(test, rcu_access_pointer(kernel->exe_file));

	other = kthread_create_on_cpu(other_thread, NULL, CPU, "other-%u");
	stop_at_end(test, other);
	sched_set_fifo(other);
	wake_up_process(other);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer.function = wake_other;
#else
	hrtimer_setup(&timer, wake_other, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#endif
	hrtimer_start(&timer, ns_to_ktime(PERIOD_NS), HRTIMER_MODE_REL_PINNED_HARD);
	for (end = jiffies + 60 * HZ; preempted < ENOUGH && time_before(jiffies, end); rounds++) {
		preempted += map_once(test, kernel, pages, map);
		KUNIT_EXPECT_FALSE(test, deferred(t));
	}
	hrtimer_cancel(&timer);
	kunit_info(test, "%u pages were mapped %u times, and %lu times the task was preempted\n",
		   MAX_PAGES, rounds, preempted);
	KUNIT_EXPECT_GE(test, preempted, ENOUGH / 5);
}

static void preempted(struct kunit *test)
{
	map_and_be_preempted(test, map_page);
}

static void preempted_in_nested_sections(struct kunit *test)
{
	map_and_be_preempted(test, map_page_in_a_section);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(preempted),
	KUNIT_CASE_SLOW(preempted_in_nested_sections),
	{}
};

static struct kunit_suite suite = {
	.name = "map_pfns",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("A driver maps frames into kernel memory, and is preempted");
MODULE_LICENSE("GPL");
