// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device of pinned: main.c says what it is for.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>

#include "pins.h"

static long pinned_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return pins_ioctl(file->private_data, cmd, arg);
}

static const struct proc_ops pinned_ops = {
	.proc_open = pins_open,
	.proc_release = pins_release,
	.proc_ioctl = pinned_ioctl,
};

static int __init pinned_init(void)
{
	return proc_create("pinned", 0600, NULL, &pinned_ops) ? 0 : -ENOMEM;
}
module_init(pinned_init);

MODULE_DESCRIPTION("Pins pages of a program, and writes to them");
MODULE_LICENSE("GPL");
