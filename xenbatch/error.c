// SPDX-License-Identifier: GPL-2.0-only

#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "text.h"

int failed(struct error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	printable(error->text);

	return -1;
}

static char speaker[32] = "xenbatch";

void complain_as(const char *command)
{
	snprintf(speaker, sizeof(speaker), "xenbatch %s", command);
}

int complain(const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s: %s\n", speaker, printable(text));

	return EXIT_ERROR;
}
