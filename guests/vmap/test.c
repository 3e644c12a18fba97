// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmap() and vunmap() have lazy MMU sections of their own, without a lock.
 *
 * Expected: each page is at its place as soon as vmap() has returned, and is not mapped any
 * more when vunmap() has returned. Both send batches. Both leave their section: an update
 * after them is not delayed.
 *
 * Method: each page holds its own number. On a second vCPU, two threads map and unmap, and
 * preempt each other in the middle.
 */
#include <linux/delay.h>
#include <linux/module.h>

#include "numbered_pages.h"

#define ROUNDS		60	/* a million instructions each, so many time slices */
#define TRIES		3
#define QUEUE		31u	/* in updates, at least */

static const unsigned int sizes[] = { 1, 2, 31, 32, 127, 128, 129, MAX_PAGES };

static void map_and_unmap(struct kunit *test, struct page **pages, unsigned int nr)
{
	void *at = vmap(pages, nr, VM_MAP, PAGE_KERNEL);

	/* Not an assertion, since this does not run in the test's own thread. */
	KUNIT_EXPECT_NOT_NULL(test, at);
	if (!at)
		return;
	KUNIT_EXPECT_EQ(test, wrong(at, nr), 0);
	vunmap(at);
}

/* Returns how many updates the largest batch has. */
static unsigned int largest(const struct batches *b)
{
	unsigned int i, most = 0;

	for (i = 0; i < min(b->nr, ARRAY_SIZE(b->batch)); i++)
		most = max(most, b->batch[i].updates);

	return most;
}

/* A task that is preempted sends what is queued, so the best of a few tries counts. */
static void batched(struct kunit *test)
{
	struct batches *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct page **pages = numbered_pages(test);
	struct target *t = targets(test, 1);
	unsigned int i, try, mapping, unmapping;
	void *at;

	KUNIT_ASSERT_NOT_NULL(test, b);
	batches_begin(test, b);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		mapping = 0;
		unmapping = 0;
		for (try = 0; try < TRIES; try++) {
			b->nr = 0;
			at = vmap(pages, sizes[i], VM_MAP, PAGE_KERNEL);
			mapping = max(mapping, largest(b));
			if (!at)
				break;
			KUNIT_EXPECT_EQ(test, wrong(at, sizes[i]), 0);

			b->nr = 0;
			vunmap(at);
			unmapping = max(unmapping, largest(b));
			KUNIT_EXPECT_EQ(test, mapped(at, sizes[i]), 0);
			KUNIT_EXPECT_FALSE(test, deferred(t));
		}
		KUNIT_EXPECT_GE(test, mapping, min(sizes[i], QUEUE));
		KUNIT_EXPECT_GE(test, unmapping, min(sizes[i], QUEUE));
	}
	batches_end(b);
}

struct mapper {
	struct kunit *test;
	struct page **pages;
	unsigned int rounds;
	unsigned long preempted; /* how often, in the middle of a round */
};

static int mapper(void *data)
{
	struct mapper *m = data;

	while (!kthread_should_stop()) {
		unsigned long switches = current->nivcsw;

		map_and_unmap(m->test, m->pages, MAX_PAGES - m->rounds++ % 100);
		m->preempted += current->nivcsw - switches;
		cond_resched();
	}

	return 0;
}

static void preempted(struct kunit *test)
{
	struct mapper *m = kunit_kcalloc(test, 2, sizeof(*m), GFP_KERNEL);
	struct task_struct *task[2];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (i = 0; i < 2; i++) {
		m[i].test = test;
		m[i].pages = numbered_pages(test);
	}
	for (i = 0; i < 2; i++) {
		task[i] = kthread_create(mapper, &m[i], "mapper/%u", i);
		stop_at_end(test, task[i]);
		kthread_bind(task[i], 1);
		wake_up_process(task[i]);
	}
	while (READ_ONCE(m[0].rounds) < ROUNDS || READ_ONCE(m[1].rounds) < ROUNDS)
		msleep(20);
	for (i = 0; i < 2; i++) {
		stop_now(test, task[i]);
		KUNIT_EXPECT_GT(test, m[i].preempted, 0);
		kunit_info(test, "%u rounds, preempted %lu times\n", m[i].rounds, m[i].preempted);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(batched),
	KUNIT_CASE_SLOW(preempted),
	{}
};

static struct kunit_suite suite = {
	.name = "vmap",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("vmap() and vunmap() in lazy MMU sections");
MODULE_LICENSE("GPL");
