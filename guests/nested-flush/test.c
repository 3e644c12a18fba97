// SPDX-License-Identifier: GPL-2.0-only
/*
 * arch_flush_lazy_mmu_mode() inside sections 1 to 5 levels deep, where bottom halves are off, and
 * in an interrupt. With local state, TLB flushes send the queue as well.
 *
 * Expected: updates stay queued until the flush; the flush puts all of them
 * into the page tables; updates after it are queued again. What was queued goes
 * out as one batch for each flush, however deep.
 */
#include <linux/bottom_half.h>
#include <linux/irq_work.h>
#include <linux/module.h>

#include <asm/tlbflush.h>

#include "lazy_mmu_test.h"

#define DEPTH	5
#define NR	5	/* updates between two flushes */

struct flush {
	struct target *t;
	unsigned int queued[2];
	unsigned int landed[2];
};

/* In the innermost section. Interrupts are off, so that nothing else flushes. */
static void flush_twice(void *data)
{
	struct flush *f = data;
	unsigned int round, i;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < NR; i++)
			update(&f->t[i]);
		for (i = 0; i < NR; i++)
			f->queued[round] += !landed(&f->t[i]);
		arch_flush_lazy_mmu_mode();
		for (i = 0; i < NR; i++)
			f->landed[round] += landed(&f->t[i]);
	}
	/* Stays in the queue for the innermost leave(). */
	update(&f->t[0]);
}

static void flush_at_depth(struct kunit *test)
{
	struct target *t = targets(test, NR + 1);
	struct batches *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned int depth, i;
	unsigned long flags;
	bool off;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (depth = 1; depth <= DEPTH; depth++) {
		struct flush f = { .t = t };

		batches_begin(test, b);
		batches_irq_save(b, flags);
		nested(depth, flush_twice, &f);
		off = !deferred(&t[NR]);
		batches_irq_restore(b, flags);
		batches_end(b);

		for (i = 0; i < 2; i++) {
			KUNIT_EXPECT_EQ_MSG(test, f.queued[i], NR, "depth %u", depth);
			KUNIT_EXPECT_EQ_MSG(test, f.landed[i], NR, "depth %u", depth);
			KUNIT_EXPECT_EQ_MSG(test, b->batch[i].updates, NR, "depth %u", depth);
		}
		KUNIT_EXPECT_EQ_MSG(test, b->nr, 3, "depth %u", depth);
		KUNIT_EXPECT_EQ_MSG(test, b->batch[2].updates, 1, "depth %u", depth);
		KUNIT_EXPECT_TRUE_MSG(test, landed(&t[0]), "depth %u", depth);
		KUNIT_EXPECT_TRUE_MSG(test, off, "depth %u", depth);
	}
}

/* Where stock 6.12 ignores a flush: it sends what the task has queued, and the section goes on. */
static void check_flush(struct kunit *test, void (*flush)(void))
{
	struct target *t = targets(test, 2);
	bool queued, flushed, queued_again;
	section_t section;

#if !defined(HAVE_LAZY_MMU_STATE) && !defined(HAVE_LAZY_MMU_MODE_ENABLE)
	kunit_skip(test, "6.12 ignores a flush where bottom halves are disabled, and in an interrupt");
#endif
	preempt_disable();
	section = section_enter();
	queued = deferred(&t[0]);
	flush();
	flushed = landed(&t[0]);
	queued_again = deferred(&t[1]);
	section_leave(section);
	preempt_enable();

	KUNIT_EXPECT_TRUE(test, queued);
	KUNIT_EXPECT_TRUE(test, flushed);
	KUNIT_EXPECT_TRUE(test, queued_again);
	KUNIT_EXPECT_TRUE(test, landed(&t[1]));
}

static void flush_without_bottom_halves(void)
{
	local_bh_disable();
	arch_flush_lazy_mmu_mode();
	local_bh_enable();
}

static void flush_with_bh_disabled(struct kunit *test)
{
	check_flush(test, flush_without_bottom_halves);
}

static void on_irq_work(struct irq_work *work)
{
	arch_flush_lazy_mmu_mode();
}

static void flush_by_handler(void)
{
	static struct irq_work work = IRQ_WORK_INIT_HARD(on_irq_work);

	irq_work_queue(&work);
	while (irq_work_is_busy(&work))
		cpu_relax();
}

static void flush_in_interrupt(struct kunit *test)
{
	check_flush(test, flush_by_handler);
}

#ifdef HAVE_LAZY_MMU_STATE
static void flush_one_page(void)
{
	__flush_tlb_one_user(0);
}

/* Nobody waits for a TLB flush until the outermost section ends. */
static void tlb_flush_is_not_delayed(struct kunit *test)
{
	check_flush(test, __flush_tlb_local);
	check_flush(test, __flush_tlb_global);
	check_flush(test, flush_one_page);
}
#endif

static struct kunit_case cases[] = {
	KUNIT_CASE(flush_at_depth),
	KUNIT_CASE(flush_with_bh_disabled),
	KUNIT_CASE(flush_in_interrupt),
#ifdef HAVE_LAZY_MMU_STATE
	KUNIT_CASE(tlb_flush_is_not_delayed),
#endif
	{},
};

static struct kunit_suite suite = {
	.name = "nested_flush",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("Flushes inside nested lazy MMU sections");
MODULE_LICENSE("GPL");
