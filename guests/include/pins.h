/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the test modules: pages of a program that stay pinned as long as the program wants. The
 * module reads and writes them through the kernel's own mapping, as a device would by DMA.
 */
#ifndef PINS_H
#define PINS_H

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pins_ioctl.h"

struct pins {
	int nr;
	struct page *page[MAX_PINS];
};

static inline void unpin(struct pins *pins)
{
	if (pins->nr > 0)
		unpin_user_pages_dirty_lock(pins->page, pins->nr, true);
	pins->nr = 0;
}

static inline int pin(struct pins *pins, const struct pin_request *request)
{
	unsigned int flags = FOLL_WRITE | (request->longterm ? FOLL_LONGTERM : 0);

	if (request->nr > MAX_PINS)
		return -EINVAL;
	unpin(pins);
	pins->nr = pin_user_pages_fast(request->addr, request->nr, flags, pins->page);

	return pins->nr;
}

static inline unsigned long *pinned_words(const struct pins *pins, int i)
{
	return page_address(pins->page[i]);
}

static inline void write_pins(const struct pins *pins, unsigned long value)
{
	int i;

	for (i = 0; i < pins->nr; i++)
		WRITE_ONCE(pinned_words(pins, i)[0], value + i);
}

static inline int wrong_pins(const struct pins *pins, unsigned long value)
{
	int i, wrong = 0;

	for (i = 0; i < pins->nr; i++)
		wrong += READ_ONCE(pinned_words(pins, i)[1]) != value + i;

	return wrong;
}

static inline long pins_ioctl(struct pins *pins, unsigned int cmd, unsigned long arg)
{
	struct pin_request request;

	switch (cmd) {
	case PINS_PIN:
		if (copy_from_user(&request, (void __user *)arg, sizeof(request)))
			return -EFAULT;
		return pin(pins, &request);
	case PINS_WRITE:
		write_pins(pins, arg);
		return 0;
	case PINS_WRONG:
		return wrong_pins(pins, arg);
	case PINS_UNPIN:
		unpin(pins);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* An open file has its pins as its private data. */
static inline int pins_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct pins), GFP_KERNEL);

	return file->private_data ? 0 : -ENOMEM;
}

static inline int pins_release(struct inode *inode, struct file *file)
{
	unpin(file->private_data);
	kfree(file->private_data);

	return 0;
}

#endif /* PINS_H */
