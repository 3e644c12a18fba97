// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures, in ticks of the time stamp counter, what these cost: a lazy MMU section in which
 * nothing is queued, one more section inside of it, the boot until this module is loaded,
 * and vmap() with vunmap(). cost.h says what a tick is, and documents the lines. For main.c
 * the module measures for how long interrupts are off.
 *
 * Method: with interrupts off, the least of some rounds of many sections counts. The loop
 * itself takes two instructions a section, which are in the figure. For the boot, Xen
 * knows how long the vCPU has run. Its BEGIN is 0, which stands for the domain's creation.
 * Without Xen the boot is not measured, since firmware would be in the figure.
 */
#include <linux/irqflags.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <asm/tsc.h>
#include <asm/xen/hypercall.h>
#include <xen/interface/vcpu.h>
#include <xen/xen.h>

#include "irqs_off.h"
#include "lazy_mmu_test.h"

#define SECTIONS	1000
#define ROUNDS		12
#define NR		2048	/* pages that are mapped */

struct cost {
	unsigned long least, begin;	/* as in cost.h */
	struct irqs_off irqs_off;
};

static __always_inline struct cost sections(unsigned int depth)
{
	struct cost cost = { .least = ULONG_MAX };
	unsigned long flags, begin, ticks;
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
		if (ticks < cost.least) {
			cost.least = ticks;
			cost.begin = begin;
		}
	}
	cost.least /= SECTIONS;

	return cost;
}

/* Maps one page NR times: the entries cost, and not the pages. */
static int map_and_unmap(struct cost *cost)
{
	struct page **pages = kcalloc(NR, sizeof(*pages), GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned long begin, ticks;
	unsigned int i;
	int err = -ENOMEM;
	void *at;

	cost->least = ULONG_MAX;
	cost->irqs_off.longest = ULONG_MAX;
	if (!pages || !page)
		goto out;
	for (i = 0; i < NR; i++)
		pages[i] = page;
	for (i = 0; i < ROUNDS; i++) {
		irqs_off.longest = 0;
		begin = rdtsc_ordered();
		at = vmap(pages, NR, VM_MAP, PAGE_KERNEL);
		if (!at)
			goto out;
		vunmap(at);
		ticks = rdtsc_ordered() - begin;
		if (irqs_off.longest < cost->irqs_off.longest)
			cost->irqs_off = irqs_off;
		if (ticks < cost->least) {
			cost->least = ticks;
			cost->begin = begin;
		}
	}
	err = 0;
out:
	if (page)
		__free_page(page);
	kfree(pages);

	return err;
}

/* How long this vCPU, the only one, has run since its creation, in ticks. */
static int has_run(u64 *ticks)
{
	struct vcpu_runstate_info info;
	int err = HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info, 0, &info);

	*ticks = mul_u64_u32_div(info.time[RUNSTATE_running], tsc_khz, 1000000);

	return err;
}

static void print(const char *name, u64 ticks, u64 begin, u64 end)
{
	pr_info("bench: %s %llu %llu %llu\n", name, ticks, begin, end);
}

static int __init bench_init(void)
{
	u64 boot = 0, end = rdtsc_ordered();
	struct cost one, two, mapping;
	int err = 0;

	if (xen_pv_domain())
		err = has_run(&boot);
	err = err ?: irqs_off_begin() ?: map_and_unmap(&mapping);
	if (err)
		return err;
	one = sections(1);
	two = sections(2);
	if (xen_pv_domain())
		print("boot", boot, 0, end);
	print("empty-section", one.least, one.begin, one.begin + SECTIONS * one.least);
	print("nested-empty-section", two.least - one.least, two.begin,
	      two.begin + SECTIONS * two.least);
	print("vmap", mapping.least, mapping.begin, mapping.begin + mapping.least);
	irqs_off_print("vmap", &mapping.irqs_off);

	return 0;
}
module_init(bench_init);

MODULE_DESCRIPTION("The cost of lazy MMU sections that queue nothing");
MODULE_LICENSE("GPL");
