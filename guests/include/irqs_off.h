/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For a module: the longest time with interrupts off, in ticks of the time stamp counter.
 * A kernel with kernel/options/irqsoff.config has tracepoints where they go off and on.
 *
 * The parameter irqs_off reads as "TICKS FUNCTION": FUNCTION turned interrupts on again. A
 * write to it begins a new measurement. It works with one vCPU only.
 *
 * The kernel's own tracer, which the same option brings, is not used. It knows only
 * microseconds, takes a lock and keeps a trace. This only compares two numbers.
 */
#ifndef IRQS_OFF_H
#define IRQS_OFF_H

#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/tracepoint.h>
#include <asm/tsc.h>

struct irqs_off {
	u64 since;	/* 0 while they are on */
	u64 longest;
	unsigned long where;
};
static __maybe_unused struct irqs_off irqs_off;

#ifdef CONFIG_PREEMPTIRQ_TRACEPOINTS
static void on_irqs_off(void *data, unsigned long ip, unsigned long parent_ip)
{
	irqs_off.since = rdtsc();
}

static void on_irqs_on(void *data, unsigned long ip, unsigned long parent_ip)
{
	u64 ticks = rdtsc() - irqs_off.since;

	if (irqs_off.since && ticks > irqs_off.longest) {
		irqs_off.longest = ticks;
		irqs_off.where = ip;
	}
	irqs_off.since = 0;
}

static int irqs_off_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%llu %ps\n", irqs_off.longest, (void *)irqs_off.where);
}

static int irqs_off_set(const char *val, const struct kernel_param *kp)
{
	irqs_off.longest = 0;

	return 0;
}

static const struct kernel_param_ops irqs_off_ops = {
	.get = irqs_off_get,
	.set = irqs_off_set,
};
module_param_cb(irqs_off, &irqs_off_ops, NULL, 0600);

static void find_irqs_off(struct tracepoint *tp, void *data)
{
	struct tracepoint **found = data;

	if (!strcmp(tp->name, "irq_disable"))
		found[0] = tp;
	else if (!strcmp(tp->name, "irq_enable"))
		found[1] = tp;
}

static int irqs_off_begin(void)
{
	struct tracepoint *found[2] = {};

	for_each_kernel_tracepoint(find_irqs_off, found);
	if (!found[0] || !found[1])
		return -ENOENT;

	return tracepoint_probe_register(found[0], on_irqs_off, NULL) ?:
	       tracepoint_probe_register(found[1], on_irqs_on, NULL);
}

/* Prints the line that cost.h documents. */
static __maybe_unused void irqs_off_print(const char *name, const struct irqs_off *irqs_off)
{
	pr_info("irqs-off: %s %llu %ps\n", name, irqs_off->longest, (void *)irqs_off->where);
}
#else
static inline int irqs_off_begin(void)
{
	return 0;
}

static inline void irqs_off_print(const char *name, const struct irqs_off *irqs_off)
{
}
#endif

#endif /* IRQS_OFF_H */
