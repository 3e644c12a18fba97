/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options of all commands. An option that several commands take is declared here once,
 * so that its letter, its name and its value mean the same in each. A command's table lists
 * those that it takes, and its own. Parsing and --help go by that table, and the completion
 * goes by --help.
 */
#ifndef XENBATCH_OPTIONS_H
#define XENBATCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "error.h"

struct option_def {
	char letter;		/* 0: it has none */
	const char *name;
	const char *value;	/* what --help calls its value, in capitals; NULL: it takes none */
	const char *help;	/* what --help says, with a '\n' where the next line begins */
	/*
	 * Reads a value into *to. 0; or -1, and error says what is wrong with the value. NULL:
	 * *to is a const char * that becomes the value; of an option with choices, an unsigned
	 * int that becomes the number of the choice; of one without a value, a bool that
	 * becomes true.
	 */
	int (*read)(const char *value, void *to, struct error *error);
	/* The words that --help lists, NULL behind the last. NULL: there is no such list. */
	const char *(*choice)(unsigned int i);
};

/* That a command takes an option. A table ends with one without a def. */
struct option_use {
	const struct option_def *def;
	size_t offset;		/* of the read function's *to in the command's values */
};

/*
 * A spelling of a release before. It still works, with a line on stderr that names the new
 * one, and is to be removed with the next release. A table ends with an empty one.
 */
struct option_old {
	char letter;		/* or 0, and */
	const char *name;
	/* Which values had the old meaning, where the spelling has a new one; NULL: all. */
	bool (*is_old)(const char *value);
	const struct option_def *now;
};

/* How many a command can have, of both tables together. */
#define OPTIONS_MAX	30

/*
 * Reads a command's options into values. Returns where in argv the arguments begin; the
 * options come before them then. 0: it printed --help, and there is no more to do. -1: it
 * has complained.
 */
int options_parse(const struct command *command, int argc, char **argv, void *values);

/* What --help prints. */
void options_help(const struct command *command);

/* Values of an option that can be given several times. */
#define STRINGS_MAX	256

struct strings {
	unsigned int nr;
	const char *at[STRINGS_MAX];
};

/* How much a counter may grow and decline, in percent; infinity: as much as it likes. */
struct limit {
	double up, down;
};

/* Read functions. */
/* Adds a value to a struct strings. */
int option_read_strings(const char *value, void *to, struct error *error);
/* A double from 0.1 to 86400. */
int option_read_seconds(const char *value, void *to, struct error *error);
/* A uint64_t. */
int option_read_number(const char *value, void *to, struct error *error);
/* A uint64_t above 0. */
int option_read_count(const char *value, void *to, struct error *error);
/* A struct limit: "5" limits both, "+5" growth, "-5" decline. A '%' may follow. */
int option_read_limit(const char *value, void *to, struct error *error);

/* Whether it is a decimal number, as option_read_seconds() takes it. */
bool is_decimal(const char *value);

/* The shared options, and the type of *to. */
extern const struct option_def option_domain;	/* struct strings */
extern const struct option_def option_interval;	/* double */
extern const struct option_def option_count;	/* uint64_t */
extern const struct option_def option_source;	/* enum source_kind */
extern const struct option_def option_xentrace;	/* const char * */
extern const struct option_def option_from;	/* const char * */
extern const struct option_def option_output;	/* const char * */
extern const struct option_def option_json;	/* enum output_format */
extern const struct option_def option_csv;	/* enum output_format */

#endif /* XENBATCH_OPTIONS_H */
