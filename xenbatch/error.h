/* SPDX-License-Identifier: GPL-2.0-only */
/* The reason of a failure, in one line, in a buffer of the caller. */
#ifndef XENBATCH_ERROR_H
#define XENBATCH_ERROR_H

#include <stddef.h>

/* Always returns -1. A line that is longer than the buffer is cut. */
int fail(char *error, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* XENBATCH_ERROR_H */
