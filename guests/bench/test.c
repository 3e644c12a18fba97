// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a lazy MMU section costs in which nothing is queued, and one more inside of
 * it, in ticks of the time stamp counter; main.c has what a tick is.
 *
 * Method: with interrupts off, the least of some rounds of many sections. What the
 * loop itself takes, two instructions a section, is in the figure.
 */
#include <linux/irqflags.h>
#include <linux/module.h>

#include "lazy_mmu_test.h"

#define SECTIONS	1000
#define ROUNDS		12

static __always_inline unsigned long sections(unsigned int depth)
{
	unsigned long flags, begin, ticks, least = ULONG_MAX;
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		local_irq_save(flags);
		begin = rdtsc_ordered();
		for (i = 0; i < SECTIONS; i++) {
			section_t outer = section_enter();

			if (depth > 1)
				section_leave(section_enter());
			section_leave(outer);
		}
		ticks = rdtsc_ordered() - begin;
		local_irq_restore(flags);
		least = min(least, ticks);
	}

	return least / SECTIONS;
}

static int __init bench_init(void)
{
	unsigned long one = sections(1);

	pr_info("bench: empty-section %lu\n", one);
	pr_info("bench: nested-empty-section %lu\n", sections(2) - one);

	return 0;
}
module_init(bench_init);

MODULE_DESCRIPTION("The cost of lazy MMU sections that queue nothing");
MODULE_LICENSE("GPL");
