/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENBATCH_CLOCK_H
#define XENBATCH_CLOCK_H

#include <time.h>

/* The time in seconds, of a clock that nobody sets. */
static inline double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return now.tv_sec + now.tv_nsec / 1e9;
}

#endif /* XENBATCH_CLOCK_H */
