/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For modules whose program is what tests: in which order the calls of one process send
 * updates of page table entries, flush the TLB and free pages. No second vCPU has to come at
 * the right moment, as a race needs.
 *
 * Parameters of such a module:
 *   watch          a write watches the process of the writer
 *   late_updates   flushes of the whole TLB that went out in one multicall with updates before
 *                  them: whoever flushed did not end its section before
 *   late_multi     those of them that went to other vCPUs, too
 *   has_state      whether the kernel's sections have the state of the series
 *   unlocked       batches with updates that a section sent at its end, when no spinlock was held.
 *                  Not if the queue was full before; and not of vmap(), whose sections need none
 *   early_frees    pages with the word MARK that were freed when their process had sent, or had
 *                  queued, updates after its last flush
 *   largest        the most updates of one batch; a write of 0 begins again
 *   left_on        system calls after which an update was queued: the task is in a section still
 */
#ifndef WATCHED_H
#define WATCHED_H

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>

#include "lazy_mmu_test.h"
#include "watched_mark.h"

static struct mm_struct *watched;
#ifdef HAVE_LAZY_MMU_STATE
static unsigned int has_state = 1;
#else
static unsigned int has_state;
#endif
static unsigned int late_updates, late_multi, unlocked, early_frees, largest, left_on;
static int no_lock = -1;	/* preempt_count() at the end of a section without a lock */
static struct task_struct *calibrating;
static bool updated;	/* since the last flush */
static DEFINE_PER_CPU(const struct multicall_entry *, first_call);
static struct target own[NR_CPUS];

module_param(has_state, uint, 0400);
module_param(late_updates, uint, 0400);
module_param(late_multi, uint, 0400);
module_param(unlocked, uint, 0400);
module_param(early_frees, uint, 0400);
module_param(largest, uint, 0600);
module_param(left_on, uint, 0400);

static bool is_watched(void)
{
	return current->mm && current->mm == READ_ONCE(watched);
}

static void on_entry(void *data, const struct multicall_entry *mc, unsigned int nargs)
{
	if (!this_cpu_read(first_call))
		this_cpu_write(first_call, mc);
	if (is_watched() && mc->op == __HYPERVISOR_mmu_update)
		WRITE_ONCE(updated, true);
}

static const struct mmuext_op *op_of(const struct multicall_entry *mc)
{
	return (const struct mmuext_op *)mc->args[0];
}

static bool flushes_all(const struct multicall_entry *mc)
{
	if (mc->op != __HYPERVISOR_mmuext_op || mc->args[1] != 1)
		return false;

	return op_of(mc)->cmd == MMUEXT_TLB_FLUSH_LOCAL ||
	       op_of(mc)->cmd == MMUEXT_TLB_FLUSH_MULTI || op_of(mc)->cmd == MMUEXT_TLB_FLUSH_ALL;
}

/* The multicall is still in its buffer. */
static void on_flush(void *data, unsigned int mcidx, unsigned int argidx, unsigned int cbidx)
{
	const struct multicall_entry *mc = this_cpu_read(first_call);
	bool updates = false;
	unsigned int i;

	this_cpu_write(first_call, NULL);
	if (mc && READ_ONCE(calibrating) == current)
		no_lock = no_lock < 0 ? preempt_count() : min(no_lock, preempt_count());
	if (!mc || !is_watched())
		return;
	for (i = 0; i < mcidx; i++) {
		if (mc[i].op == __HYPERVISOR_mmu_update) {
			largest = max(largest, (unsigned int)mc[i].args[1]);
			updates = true;
		} else if (flushes_all(&mc[i])) {
			late_updates += updates;
			late_multi += updates && op_of(&mc[i])->cmd == MMUEXT_TLB_FLUSH_MULTI;
			WRITE_ONCE(updated, false);
		}
	}
	unlocked += updates && preempt_count() <= no_lock;
}

static void on_free(void *data, struct page *page, unsigned int order)
{
	if (is_watched() && !order && READ_ONCE(updated) &&
	    ((u64 *)page_address(page))[MARK_AT] == MARK)
		early_frees++;
}

static void on_sys_exit(void *data, struct pt_regs *regs, long ret)
{
	if (!is_watched())
		return;
	if (deferred(&own[get_cpu()])) {
		left_on++;
		/* Else each fault comes again, since its entry is delayed. */
		leave_sections();
	}
	put_cpu();
}

static const struct {
	const char *name;
	void *probe;
} probes[] = {
	{ "xen_mc_entry", on_entry },
	{ "xen_mc_flush", on_flush },
	{ "mm_page_free", on_free },
	{ "sys_exit", on_sys_exit },
};

static void find_probe(struct tracepoint *tp, void *data)
{
	unsigned int i, *found = data;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			*found += !tracepoint_probe_register(tp, probes[i].probe, NULL);
}

static int set_watch(const char *val, const struct kernel_param *kp)
{
	WRITE_ONCE(watched, current->mm);

	return 0;
}

static const struct kernel_param_ops watch_ops = { .set = set_watch };
module_param_cb(watch, &watch_ops, NULL, 0200);

/* Several times, since a switch to another task may send the update instead. */
static void calibrate(void)
{
	section_t section;
	int i;

	WRITE_ONCE(calibrating, current);
	for (i = 0; i < 10; i++) {
		section = section_enter();
		update(&own[raw_smp_processor_id()]);
		section_leave(section);
	}
	WRITE_ONCE(calibrating, NULL);
}

/* The guest never unloads a module. */
static int __init watched_init(void)
{
	unsigned int cpu, level, found = 0;

	for_each_online_cpu(cpu) {
		void *page = vzalloc(PAGE_SIZE);

		if (!page)
			return -ENOMEM;
		own[cpu].ptep = lookup_address((unsigned long)page, &level);
	}
	for_each_kernel_tracepoint(find_probe, &found);
	calibrate();

	return found == ARRAY_SIZE(probes) ? 0 : -ENOENT;
}
module_init(watched_init);

MODULE_DESCRIPTION("in which order a process updates entries, flushes the TLB and frees pages");
MODULE_LICENSE("GPL");

#endif /* WATCHED_H */
