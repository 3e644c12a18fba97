/* SPDX-License-Identifier: GPL-2.0-only */
/* What main.c calls. argv[0] is the name of the command. */
#ifndef XENBATCH_COMMAND_H
#define XENBATCH_COMMAND_H

#include "error.h"

#define XENBATCH_VERSION	"1.0"

int cmd_report(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace_mask(int argc, char **argv);

#endif /* XENBATCH_COMMAND_H */
