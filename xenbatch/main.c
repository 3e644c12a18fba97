// SPDX-License-Identifier: GPL-2.0-only

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

static int run(const struct command *command, int argc, char **argv)
{
	int ret;

	complain_as(command->name);
	ret = command->run(argc, argv);
	/* A full disk is not a success. */
	if (fflush(stdout) || ferror(stdout))
		return complain("cannot write to standard output");
	return ret;
}

int main(int argc, char **argv)
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
		if (!strcmp(name, (*command)->name))
			return run(*command, argc - 1, argv + 1);
	if (*name)
		return complain("no such command, xenbatch --help lists them: %s", name);
	usage(stderr);

	return EXIT_ERROR;
}
