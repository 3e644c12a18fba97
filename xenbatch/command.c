// SPDX-License-Identifier: GPL-2.0-only

#include "command.h"

#include <stddef.h>

const struct command *const commands[] = {
	&cmd_stat, &cmd_top, &cmd_report, &cmd_diff, &cmd_plot, &cmd_export, &cmd_trace_mask, NULL
};
