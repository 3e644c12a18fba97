/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the test modules: sections, for each of the interfaces, and evidence that the code
 * under test does not control: page table entries in memory, and the xen_mc_flush
 * tracepoint.
 */
#ifndef LAZY_MMU_TEST_H
#define LAZY_MMU_TEST_H

#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include <xen/interface/xen.h>

#ifdef HAVE_LAZY_MMU_STATE
typedef lazy_mmu_state_t section_t;

static __always_inline section_t section_enter(void)
{
	return arch_enter_lazy_mmu_mode();
}

static __always_inline void section_leave(section_t section)
{
	arch_leave_lazy_mmu_mode(section);
}
#elif defined(HAVE_LAZY_MMU_MODE_ENABLE)
/* Linux 7.x has the state in the task. */
typedef struct {} section_t;

static inline section_t section_enter(void)
{
	lazy_mmu_mode_enable();
	return (section_t) {};
}

static inline void section_leave(section_t section)
{
	lazy_mmu_mode_disable();
}
#else
typedef struct {} section_t;

static inline section_t section_enter(void)
{
	arch_enter_lazy_mmu_mode();
	return (section_t) {};
}

static inline void section_leave(section_t section)
{
	arch_leave_lazy_mmu_mode();
}
#endif

/* Ends the sections that the task is in, for tests that find that one was not left. */
static __maybe_unused void leave_sections(void)
{
#ifdef HAVE_LAZY_MMU_STATE
	section_leave(LAZY_MMU_DEFAULT);
#elif defined(HAVE_LAZY_MMU_MODE_ENABLE)
	while (current->lazy_mmu_state.enable_count)
		lazy_mmu_mode_disable();
#else
	section_leave((section_t){});
#endif
}

/* Calls inside(data) in nested sections, as many as depth says. */
static __maybe_unused void nested(unsigned int depth, void (*inside)(void *data), void *data)
{
	section_t section = section_enter();

	if (depth > 1)
		nested(depth - 1, inside, data);
	else
		inside(data);

	section_leave(section);
}

/*
 * An entry to update: that of a vmalloc page. The update flips a bit that
 * neither the processor nor Xen looks at. Two updates restore the entry, so
 * landed() does not tell if both are lost: look after each.
 */
struct target {
	pte_t *ptep;
	pteval_t bit;	/* what the last update wants, 0 or _PAGE_SOFTW1 */
};

static inline void update(struct target *t)
{
	pte_t pte = READ_ONCE(*t->ptep);

	t->bit ^= _PAGE_SOFTW1;
	pte.pte = (pte.pte & ~_PAGE_SOFTW1) | t->bit;
	set_pte(t->ptep, pte);
}

/* Whether the last update is in the page table. */
static inline bool landed(const struct target *t)
{
	return (READ_ONCE(t->ptep->pte) & _PAGE_SOFTW1) == t->bit;
}

/* Updates, and returns whether the update was queued. Interrupts are off, so nothing flushes. */
static __maybe_unused bool deferred(struct target *t)
{
	unsigned long flags;
	bool ret;

	local_irq_save(flags);
	update(t);
	ret = !landed(t);
	local_irq_restore(flags);

	return ret;
}

KUNIT_DEFINE_ACTION_WRAPPER(vfree_action, vfree, const void *);

/* nr targets, which live as long as the test. */
static __maybe_unused struct target *targets(struct kunit *test, unsigned int nr)
{
	struct target *t = kunit_kcalloc(test, nr, sizeof(*t), GFP_KERNEL);
	void *pages = vzalloc(nr * PAGE_SIZE);
	unsigned int i, level;

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vfree_action, pages), 0);
	for (i = 0; i < nr; i++) {
		t[i].ptep = lookup_address((unsigned long)pages + i * PAGE_SIZE, &level);
		KUNIT_ASSERT_NOT_NULL(test, t[i].ptep);
		KUNIT_ASSERT_EQ(test, level, PG_LEVEL_4K);
	}

	return t;
}

KUNIT_DEFINE_ACTION_WRAPPER(stop_action, kthread_stop_put, struct task_struct *);

/*
 * Has a thread of kthread_create() stopped at the end of the test, before memory is freed
 * that the test allocated earlier. An assertion that fails ends the test, too, and then the
 * test's stack is gone before the thread has stopped.
 */
static __maybe_unused void stop_at_end(struct kunit *test, struct task_struct *task)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_action, task), 0);
}

static __maybe_unused void stop_now(struct kunit *test, struct task_struct *task)
{
	kunit_release_action(test, stop_action, task);
}

/* The batches that a task sends, in their order. */
struct batches {
	struct tracepoint *tp;
	struct task_struct *task;
	unsigned int nr;
	struct {
		unsigned int calls;	/* entries of the multicall */
		unsigned int updates;	/* as many mmu_update requests as its arguments hold */
	} batch[128];
};

static void on_mc_flush(void *data, unsigned int mcidx, unsigned int argidx, unsigned int cbidx)
{
	struct batches *b = data;

	/* A flush of nothing is traced, too. */
	if (current != READ_ONCE(b->task) || !mcidx)
		return;
	if (b->nr < ARRAY_SIZE(b->batch)) {
		b->batch[b->nr].calls = mcidx;
		b->batch[b->nr].updates = argidx / sizeof(struct mmu_update);
	}
	b->nr++;
}

static void find_mc_flush(struct tracepoint *tp, void *data)
{
	struct batches *b = data;

	if (!strcmp(tp->name, "xen_mc_flush"))
		b->tp = tp;
}

static __maybe_unused void batches_begin(struct kunit *test, struct batches *b)
{
	memset(b, 0, sizeof(*b));
	for_each_kernel_tracepoint(find_mc_flush, b);
	KUNIT_ASSERT_NOT_NULL(test, b->tp);
	KUNIT_ASSERT_EQ(test, tracepoint_probe_register(b->tp, on_mc_flush, b), 0);
	/* Only now, since turning the tracepoint on patches text, which updates entries. */
	WRITE_ONCE(b->task, current);
}

static __maybe_unused void batches_end(struct batches *b)
{
	WRITE_ONCE(b->task, NULL);
	tracepoint_probe_unregister(b->tp, on_mc_flush, b);
	tracepoint_synchronize_unregister();
}

/*
 * With interrupts off between the two, the batches are the caller's alone. A context switch
 * before or after sends batches, too.
 */
#define batches_irq_save(b, flags)		\
	do {					\
		local_irq_save(flags);		\
		(b)->nr = 0;			\
	} while (0)

#define batches_irq_restore(b, flags)		\
	do {					\
		WRITE_ONCE((b)->task, NULL);	\
		local_irq_restore(flags);	\
	} while (0)

#endif /* LAZY_MMU_TEST_H */
