/* SPDX-License-Identifier: GPL-2.0-only */
/* What main.c calls. argv[0] is the name of the command. */
#ifndef XENBATCH_COMMAND_H
#define XENBATCH_COMMAND_H

#define XENBATCH_VERSION	"1.0"

/* The man page has them under EXIT STATUS. */
enum {
	EXIT_OK = 0,
	EXIT_PAST_LIMIT = 1,	/* diff: a change is past a limit that was given */
	EXIT_ERROR = 2,		/* usage, input, output: said on stderr in one line */
};

int cmd_report(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_top(int argc, char **argv);

#endif /* XENBATCH_COMMAND_H */
