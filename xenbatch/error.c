// SPDX-License-Identifier: GPL-2.0-only

#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int fail(char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);

	return -1;
}
