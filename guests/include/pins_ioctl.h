/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What programs ask of a module with pins.h: to pin pages of theirs, and to read and write
 * them as a device would. Each open file has its own pins.
 */
#ifndef PINS_IOCTL_H
#define PINS_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MAX_PINS	64

struct pin_request {
	__u64 addr;
	__u32 nr;
	__u32 longterm;
};

#define PINS_PIN	_IOW('p', 0, struct pin_request) /* returns how many it has pinned */
#define PINS_WRITE	_IO('p', 1)	/* VALUE + i is the first word of page i from now on */
#define PINS_WRONG	_IO('p', 2)	/* how many second words are not VALUE + i */
#define PINS_UNPIN	_IO('p', 3)
#define PINS_FORK	_IOW('p', 4, struct pin_request) /* of pinned: 1 if the pages were had in a fork */

#endif /* PINS_IOCTL_H */
