// SPDX-License-Identifier: GPL-2.0-only

#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "stat", cmd_stat, "count what runs now, period by period" },
	{ "top", cmd_top, "the same, as a live view" },
	{ "report", cmd_report, "count what is in a trace that xentrace wrote" },
	{ "diff", cmd_diff, "compare two records" },
	{ "plot", cmd_plot, "draw the batch sizes of records" },
	{ "trace-mask", cmd_trace_mask, "print the event mask of a trace for report" },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *f)
{
	fputs("Usage: xenbatch COMMAND [OPTION…] [ARGUMENT…]\n"
	      "Counts the batches of hypercalls that Xen PV domains make.\n\n", f);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(f, "  %-12s%s\n", commands[i].name, commands[i].what);
	fputs("\nxenbatch COMMAND --help has the options; xenbatch(1) has all.\n", f);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	int ret;

	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		usage(stdout);
		return EXIT_OK;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("xenbatch " XENBATCH_VERSION);
		return EXIT_OK;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(name, commands[i].name))
			continue;
		complain_as(name);
		ret = commands[i].run(argc - 1, argv + 1);
		/* A full disk is no success. */
		if (fflush(stdout) || ferror(stdout))
			return complain("cannot write to standard output");
		return ret;
	}
	if (*name)
		complain("no command \"%s\": xenbatch --help lists them", name);
	else
		usage(stderr);
	return EXIT_ERROR;
}
