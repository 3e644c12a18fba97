// SPDX-License-Identifier: GPL-2.0-only
/*
 * For main.c: whether the reverse mapping takes pages away in a lazy MMU section.
 *
 * try_to_unmap_one() and try_to_migrate_one() need that ptep_get_and_clear() acts at once. In
 * a section it may be queued. Both call the MMU notifiers of the mm before they look at the
 * entry, and so does everything else that takes pages away. The notifier here updates an
 * entry of its own: if that update is queued, its caller is in a section.
 *
 * Parameters:
 *   watch       a write registers the notifier on the mm of the writer, once
 *   in_section  a write calls the notifier's function in a section
 *   calls       how often the notifier was called on a vCPU of the guest
 *   queued      how often its update was queued
 */
#include <linux/atomic.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>

#include "lazy_mmu_test.h"

static void *pages[NR_CPUS];
static struct target own[NR_CPUS];
static atomic_t calls, queued;

static int look(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct target *t = &own[get_cpu()];

	atomic_inc(&calls);
	if (deferred(t))
		atomic_inc(&queued);
	put_cpu();

	return 0;
}

static const struct mmu_notifier_ops ops = { .invalidate_range_start = look };
static struct mmu_notifier notifier = { .ops = &ops };

static int set_watch(const char *val, const struct kernel_param *kp)
{
	static bool watching;

	if (watching)
		return -EBUSY;
	watching = true;

	return mmu_notifier_register(&notifier, current->mm);
}

static const struct kernel_param_ops watch_ops = { .set = set_watch };
module_param_cb(watch, &watch_ops, NULL, 0200);

static int set_in_section(const char *val, const struct kernel_param *kp)
{
	section_t section = section_enter();

	look(&notifier, NULL);
	section_leave(section);

	return 0;
}

static const struct kernel_param_ops in_section_ops = { .set = set_in_section };
module_param_cb(in_section, &in_section_ops, NULL, 0200);

static int get_count(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read((atomic_t *)kp->arg));
}

static const struct kernel_param_ops count_ops = { .get = get_count };
module_param_cb(calls, &count_ops, &calls, 0400);
module_param_cb(queued, &count_ops, &queued, 0400);

static int __init rmap_init(void)
{
	unsigned int cpu, level;

	for_each_online_cpu(cpu) {
		pages[cpu] = vzalloc(PAGE_SIZE);
		if (!pages[cpu])
			return -ENOMEM;
		own[cpu].ptep = lookup_address((unsigned long)pages[cpu], &level);
	}

	return 0;
}
module_init(rmap_init);

MODULE_DESCRIPTION("Whether pages are taken away in a lazy MMU section");
MODULE_LICENSE("GPL");
