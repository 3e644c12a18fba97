/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands: each cmd_NAME.c has one. */
#ifndef XENBATCH_COMMAND_H
#define XENBATCH_COMMAND_H

#define XENBATCH_VERSION	"1.1"

struct option_use;
struct option_old;

struct command {
	const char *name;
	const char *what;		/* its line in xenbatch --help */
	const char *arguments;		/* as --help has them, "" if it takes none */
	unsigned int min, max;		/* how many arguments it takes */
	const char *help;		/* what its own --help says before the options */
	const struct option_use *options;
	const struct option_old *old;	/* may be NULL */
	/* argv[0] is the command's name. Returns the exit code. */
	int (*run)(int argc, char **argv);
};

extern const struct command cmd_stat, cmd_top, cmd_report, cmd_diff, cmd_plot, cmd_export,
	cmd_trace_mask;

/* All of them, NULL behind the last. */
extern const struct command *const commands[];

#endif /* XENBATCH_COMMAND_H */
