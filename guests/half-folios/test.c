// SPDX-License-Identifier: GPL-2.0-only
/* For the program: whether a task is in a section, that is, whether an update of it is delayed. */
#include <linux/module.h>
#include <linux/proc_fs.h>

#include "lazy_mmu_test.h"

static struct target target;

static long half_folios_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return deferred(&target);
}

static const struct proc_ops half_folios_ops = {
	.proc_ioctl = half_folios_ioctl,
};

/* What is allocated here stays, since the guest never unloads a module. */
static int __init half_folios_init(void)
{
	void *page = vzalloc(PAGE_SIZE);
	unsigned int level;

	if (!page)
		return -ENOMEM;
	target.ptep = lookup_address((unsigned long)page, &level);

	return proc_create("half_folios", 0, NULL, &half_folios_ops) ? 0 : -ENOMEM;
}
module_init(half_folios_init);

MODULE_DESCRIPTION("says whether a task is in a lazy MMU section");
MODULE_LICENSE("GPL");
