// SPDX-License-Identifier: GPL-2.0-only

#include "command.h"

#include <stdio.h>

#include "trace.h"

int cmd_trace_mask(int argc, char **argv)
{
	(void)argc, (void)argv;
	puts(TRACE_EVENT_MASK_TEXT);

	return EXIT_OK;
}
