// SPDX-License-Identifier: GPL-2.0-only

#include <stdio.h>

#include "options.h"
#include "trace.h"

static const struct option_use options[] = { { } };

static int trace_mask_main(int argc, char **argv)
{
	int first = options_parse(&cmd_trace_mask, argc, argv, NULL);

	if (first <= 0)
		return first ? EXIT_ERROR : EXIT_OK;
	puts(TRACE_EVENT_MASK_TEXT);

	return EXIT_OK;
}

const struct command cmd_trace_mask = {
	.name = "trace-mask",
	.what = "print the event mask of the traces that report needs",
	.arguments = "",
	.help = "Prints the event mask of the traces that xenbatch report needs:\n"
		"xentrace -D -e \"$(xenbatch trace-mask)\" FILE\n",
	.options = options,
	.run = trace_mask_main,
};
