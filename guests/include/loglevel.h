/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the test modules that provoke a warning: a warning on the console means that the
 * kernel is wrong. So keep the expected one from the console. It is in the log all the same.
 */
#ifndef LOGLEVEL_H
#define LOGLEVEL_H

#include <linux/console.h>
#include <linux/printk.h>

/* Sets which messages go to the console. Those before may not be there yet. */
static inline int set_loglevel(int level)
{
	int old;

	console_lock();
	console_unlock();
	old = console_loglevel;
	console_loglevel = level;

	return old;
}

#endif /* LOGLEVEL_H */
