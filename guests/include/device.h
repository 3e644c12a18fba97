/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: the pins of pins_ioctl.h.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <sys/ioctl.h>

#include "pages.h"
#include "pins_ioctl.h"

static inline int open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	return fd;
}

/* Returns whether the device has all nr pages now. */
static inline bool pin_pages(int device, char *at, unsigned int nr, bool longterm)
{
	struct pin_request request = { .addr = (uintptr_t)at, .nr = nr, .longterm = longterm };

	return ioctl(device, PINS_PIN, &request) == (int)nr;
}

static inline void device_writes(int device, unsigned long value)
{
	if (ioctl(device, PINS_WRITE, value))
		ksft_exit_fail_msg("PINS_WRITE: %s\n", strerror(errno));
}

static inline int wrong_for_device(int device, unsigned long value)
{
	return ioctl(device, PINS_WRONG, value);
}

static inline void unpin_pages(int device)
{
	if (ioctl(device, PINS_UNPIN))
		ksft_exit_fail_msg("PINS_UNPIN: %s\n", strerror(errno));
}

#endif /* DEVICE_H */
