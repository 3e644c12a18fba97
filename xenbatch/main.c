// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"

static void usage(FILE *f)
{
	fputs("Usage: xenbatch COMMAND [OPTION]... [ARGUMENT]...\n"
	      "Counts the batches of hypercalls that Xen PV domains make.\n\n", f);
	for (const struct command *const *command = commands; *command; command++)
		fprintf(f, "  %-12s%s\n", (*command)->name, (*command)->what);
	fputs("\n'xenbatch COMMAND --help' lists the options of a command. xenbatch --version\n"
	      "prints the version. xenbatch(1) has more.\n", f);
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		usage(stdout);
		return EXIT_OK;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("xenbatch " XENBATCH_VERSION);
		return EXIT_OK;
	}
	for (const struct command *const *command = commands; *command; command++)
		if (!strcmp(name, (*command)->name)) {
			complain_as(name);
			return (*command)->run(argc - 1, argv + 1);
		}
	if (*name)
		return complain("no such command, xenbatch --help lists them: %s", name);
	usage(stderr);

	return EXIT_ERROR;
}

int main(int argc, char **argv)
{
	int ret = run(argc, argv);

	/* A full disk is not a success. */
	if (fflush(stdout))
		return complain("standard output: %s", strerror(errno));
	if (ferror(stdout))
		return complain("standard output: a write failed");
	return ret;
}
