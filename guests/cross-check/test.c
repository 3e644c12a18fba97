// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest counts its own batches over a window that dom0 can see, too.
 *
 * Expected: the hypervisor counts the same batches, of the same sizes, from hypfs
 * and from its trace, for each of several guests that run at once.
 *
 * Method: probes on the kernel's own tracepoints follow the multicall buffer,
 * entry by entry, and add up what each flush sends. A PTE write outside of lazy
 * MMU mode is a hypercall without a flush. The probes see it as a xen_mmu_set_pte
 * after which the update does not go into the buffer. The exception is one with a
 * xen_mmu_write_pte, which only the series has: there the page table was still
 * ordinary memory, so there is no hypercall.
 *
 * A write to /proc/window holds the vCPU with interrupts off and without a
 * hypercall until a xenstore event arrives. Meanwhile dom0 can take a record of
 * all batches before. The first hold begins the window, the second ends it,
 * and then /proc/window can be read. A hist trigger could count the same events,
 * but cannot be read at such an instant. The guest has one vCPU only.
 */
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/tracepoint.h>
#include <trace/events/xen.h>
#include <xen/interface/io/xs_wire.h>
#include <xen/xenbus.h>

#define MAX_SIZE	512	/* more than the queue of any arm takes */

enum kind { MULTICALL, MMU_UPDATE, MMUEXT_OP, NR_KINDS };

static const char * const name[NR_KINDS] = { "multicall", "mmu_update", "mmuext_op" };

struct counts {
	unsigned long size[NR_KINDS][MAX_SIZE + 1];	/* by the least size of a bucket */
	unsigned long requests[NR_KINDS];
	unsigned long direct;	/* mmu_updates of one request that were not queued */
	unsigned long lost;	/* flushes of other contents than the probes had followed */
};

static struct counts now, window;

/* The multicall buffer, as the probes have followed it. */
static struct {
	unsigned int op;
	unsigned int size;
} entry[MAX_SIZE];
static unsigned int nr_entries;

/* How far a set_pte() has come on its way into the buffer: IDLE if there is none. */
static enum { IDLE, SET_PTE, BATCH } way;

static void on_mc_entry(void *data, struct multicall_entry *mc, unsigned int nargs)
{
	way = IDLE;
	if (nr_entries < MAX_SIZE) {
		entry[nr_entries].op = mc->op;
		entry[nr_entries].size = mc->args[1];
	}
	nr_entries++;
}

static void on_mc_extend_args(void *data, unsigned long op, size_t args,
			      enum xen_mc_extend_args res)
{
	if (way == BATCH && op == __HYPERVISOR_mmu_update)
		now.direct--;
	way = IDLE;
	if (res == XEN_MC_XE_OK && nr_entries)
		entry[nr_entries - 1].size++;
}

/* The least size of the bucket in which the hypervisor counts this size. */
static unsigned int bucket(unsigned int size)
{
	if (size <= 64)
		return size;
	return size < 128 ? 65 : rounddown_pow_of_two(size);
}

static void count(enum kind kind, unsigned int size)
{
	now.requests[kind] += size;
	if (size <= MAX_SIZE)
		now.size[kind][bucket(size)]++;
	else
		now.lost++;
}

static void on_mc_flush(void *data, unsigned int mcidx, unsigned int argidx, unsigned int cbidx)
{
	unsigned int i;

	if (mcidx != nr_entries || nr_entries > MAX_SIZE)
		now.lost++;
	if (mcidx > 1)
		count(MULTICALL, mcidx);
	for (i = 0; i < nr_entries && i < MAX_SIZE; i++) {
		if (entry[i].op == __HYPERVISOR_mmu_update)
			count(MMU_UPDATE, entry[i].size);
		else if (entry[i].op == __HYPERVISOR_mmuext_op)
			count(MMUEXT_OP, entry[i].size);
	}
	nr_entries = 0;
}

/* Counts as a hypercall of its own, until later events show that the update was queued. */
static void on_set_pte(void *data, pte_t *ptep, pte_t pteval)
{
	now.direct++;
	way = SET_PTE;
}

/* No hypercall, and not queued: Xen does not know this memory as a page table yet. */
static void on_write_pte(void *data, pte_t *ptep, pte_t pteval)
{
	now.direct--;
	way = IDLE;
}

static void on_mc_batch(void *data)
{
	way = way == SET_PTE ? BATCH : IDLE;
}

/* Another operation: a set_pte() before it is not on its way any more. */
static void on_other(void *data)
{
	way = IDLE;
}

static const struct {
	const char *name;
	void *probe;
} probes[] = {
	{ "xen_mc_entry", on_mc_entry },
	{ "xen_mc_extend_args", on_mc_extend_args },
	{ "xen_mc_flush", on_mc_flush },
	{ "xen_mc_batch", on_mc_batch },
	{ "xen_mmu_set_pte", on_set_pte },
	{ "xen_mmu_write_pte", on_write_pte },
};

static struct {
	struct tracepoint *tp;
	void *probe;
} registered[64];
static unsigned int nr_registered;

static void unregister_probes(void)
{
	while (nr_registered--)
		tracepoint_probe_unregister(registered[nr_registered].tp,
					    registered[nr_registered].probe, NULL);
	tracepoint_synchronize_unregister();
}

static void register_probe(struct tracepoint *tp, void *data)
{
	void *probe = strstarts(tp->name, "xen_mmu_") ? on_other : NULL;
	int *err = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			probe = probes[i].probe;
	if (!probe || *err)
		return;
	if (nr_registered == ARRAY_SIZE(registered)) {
		*err = -ENOSPC;
		return;
	}
	*err = tracepoint_probe_register(tp, probe, NULL);
	if (*err)
		return;
	registered[nr_registered].tp = tp;
	registered[nr_registered++].probe = probe;
}

static unsigned int holds;

/* Waits until something arrives from xenstore, without a hypercall. */
static void hold(void)
{
	XENSTORE_RING_IDX seen = READ_ONCE(xen_store_interface->rsp_prod);

	while (READ_ONCE(xen_store_interface->rsp_prod) == seen)
		cpu_relax();
}

static ssize_t window_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned long flags;

	if (num_online_cpus() != 1 || holds == 2)
		return -EBUSY;
	pr_info("window: hold %u\n", ++holds);
	local_irq_save(flags);
	if (holds == 2)
		window = now;
	hold();
	if (holds == 1)
		memset(&now, 0, sizeof(now));
	local_irq_restore(flags);

	return len;
}

/* Prints one line of JSON, with the names of xenbatch's records. */
static int window_show(struct seq_file *m, void *v)
{
	unsigned int kind, size;

	window.size[MMU_UPDATE][1] += window.direct;
	seq_puts(m, "window: {\"batch\":{");
	for (kind = 0; kind < NR_KINDS; kind++) {
		unsigned long requests = window.requests[kind];
		const char *comma = "";

		seq_printf(m, "%s\"%s\":{\"size\":{", kind ? "," : "", name[kind]);
		for (size = 0; size <= MAX_SIZE; size++) {
			if (!window.size[kind][size])
				continue;
			seq_printf(m, "%s\"%u\":%lu", comma, size, window.size[kind][size]);
			comma = ",";
		}
		if (kind == MMU_UPDATE)
			requests += window.direct;
		seq_printf(m, "},\"requests\":%lu}", requests);
	}
	seq_printf(m, "},\"direct\":%lu,\"lost\":%lu}\n", window.direct, window.lost);
	window.size[MMU_UPDATE][1] -= window.direct;

	return 0;
}

static int window_open(struct inode *inode, struct file *file)
{
	return single_open(file, window_show, NULL);
}

static const struct proc_ops window_ops = {
	.proc_open = window_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = window_write,
};

static int __init window_init(void)
{
	int err = 0;

	for_each_kernel_tracepoint(register_probe, &err);
	if (!err && !proc_create("window", 0600, NULL, &window_ops))
		err = -ENOMEM;
	if (err)
		unregister_probes();

	return err;
}
module_init(window_init);

MODULE_DESCRIPTION("Counts a guest's batches over a window that dom0 sees");
MODULE_LICENSE("GPL");
