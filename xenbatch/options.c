// SPDX-License-Identifier: GPL-2.0-only

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "source.h"

/* Read functions */

int option_read_strings(const char *value, void *to, struct error *error)
{
	struct strings *strings = to;

	if (!*value)
		return failed(error, "it is empty");
	if (strings->nr == STRINGS_MAX)
		return failed(error, "it is given more than %d times", STRINGS_MAX);
	strings->at[strings->nr++] = value;

	return 0;
}

/* A number with nothing but digits and a point. Returns where it ends, or NULL. */
static const char *read_decimal(const char *value, double *number)
{
	size_t length = strspn(value, "0123456789.");
	char *end;

	*number = strtod(value, &end);

	/* strtod() would also take an exponent, or a hexadecimal number. */
	return length && end == value + length && isfinite(*number) ? end : NULL;
}

bool is_decimal(const char *value)
{
	double number;
	const char *end = read_decimal(value, &number);

	return end && !*end;
}

int option_read_seconds(const char *value, void *to, struct error *error)
{
	double *seconds = to;
	const char *end = read_decimal(value, seconds);

	/* A trace's records are up to 0.1 s late, so a shorter period would be of no use. */
	if (!end || *end || *seconds < 0.1 || *seconds > 86400)
		return failed(error, "not a number of seconds from 0.1 to 86400");
	return 0;
}

int option_read_number(const char *value, void *to, struct error *error)
{
	uint64_t *number = to;
	char *end;

	errno = 0;
	*number = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno)
		return failed(error, "not a number from 0 to %" PRIu64, UINT64_MAX);
	return 0;
}

int option_read_count(const char *value, void *to, struct error *error)
{
	uint64_t *count = to;

	if (option_read_number(value, to, error) || !*count)
		return failed(error, "not a number above 0");
	return 0;
}

int option_read_limit(const char *value, void *to, struct error *error)
{
	char sign = *value == '+' || *value == '-' ? *value++ : 0;
	struct limit *limit = to;
	double percent;
	const char *end = read_decimal(value, &percent);

	if (!end || (*end && strcmp(end, "%")))
		return failed(error, "not a limit in percent, as 5, +5 or -5");
	limit->up = sign == '-' ? INFINITY : percent;
	limit->down = sign == '+' ? INFINITY : percent;

	return 0;
}

static int read_json(const char *value, void *to, struct error *error)
{
	(void)value, (void)error;
	*(enum output_format *)to = OUTPUT_JSON;
	return 0;
}

static int read_csv(const char *value, void *to, struct error *error)
{
	(void)value, (void)error;
	*(enum output_format *)to = OUTPUT_CSV;
	return 0;
}

static int read_choice(const struct option_def *def, const char *value, unsigned int *chosen,
		       struct error *error)
{
	for (unsigned int i = 0; def->choice(i); i++) {
		if (!strcmp(value, def->choice(i))) {
			*chosen = i;
			return 0;
		}
	}
	return failed(error, "no such %s, --help lists them", def->value);
}

/* Shared options */

static const char *source_choice(unsigned int i)
{
	static const char *const names[] = {
		[SOURCE_HYPFS] = "hypfs", [SOURCE_TRACE] = "trace", NULL
	};

	return names[i];
}

const struct option_def option_domain = { 'd', "domain", "DOMAIN",
	"only this domain, by id or name; can be given\n"
	"several times", option_read_strings, NULL };
const struct option_def option_interval = { 'i', "interval", "SECONDS",
	"the length of a period, 0.1 or more; default 1", option_read_seconds, NULL };
const struct option_def option_count = { 'n', "count", "COUNT",
	"end after COUNT periods", option_read_count, NULL };
const struct option_def option_source = { 0, "source", "SOURCE",
	"where to count; default hypfs if this Xen counts,\n"
	"else trace", NULL, source_choice };
const struct option_def option_xentrace = { 0, "xentrace", "PROGRAM",
	"run this file for a trace; default the xentrace in\n"
	"PATH", NULL, NULL };
const struct option_def option_from = { 0, "from", "FILE",
	"show the records that stat --json wrote to FILE", NULL, NULL };
const struct option_def option_output = { 'o', "output", "FILE",
	"write to FILE; - is standard output", NULL, NULL };
const struct option_def option_json = { 'j', "json", NULL,
	"print JSON, an object on each line", read_json, NULL };
const struct option_def option_csv = { 'c', "csv", NULL,
	"print comma-separated values, with a header", read_csv, NULL };
static const struct option_def option_help = { 'h', "help", NULL,
	"print this", NULL, NULL };

/* --help */

#define COLUMNS	80

/* "-i, --interval=SECONDS" */
static int spell(const struct option_def *def, char *text, size_t size)
{
	char letter[] = { '-', def->letter, ',', ' ', '\0' };

	return snprintf(text, size, "%s--%s%s%s", def->letter ? letter : "    ", def->name,
			def->value ? "=" : "", def->value ?: "");
}

static void print_option(const struct option_def *def, int width)
{
	const char *help = def->help;
	char spelling[64];

	spell(def, spelling, sizeof(spelling));
	for (const char *left = spelling; help; left = "") {
		const char *end = strchr(help, '\n');

		printf("  %-*s  %.*s\n", width, left, end ? (int)(end - help) : COLUMNS, help);
		help = end ? end + 1 : NULL;
	}
}

static void print_choices(const struct option_def *def)
{
	/* The NAME of NAME=LIMIT. */
	int column = printf("%.*s is one of:", (int)strcspn(def->value, "="), def->value);

	for (unsigned int i = 0; def->choice(i); i++) {
		if (column + 1 + strlen(def->choice(i)) > COLUMNS)
			column = printf("\n ") - 1;
		column += printf(" %s", def->choice(i));
	}
	putchar('\n');
}

void options_help(const struct command *command)
{
	const struct option_use *use;
	char spelling[64];
	int width = spell(&option_help, spelling, sizeof(spelling));

	printf("Usage: xenbatch %s [OPTION]...%s%s\n%s\n", command->name,
	       *command->arguments ? " " : "", command->arguments, command->help);
	for (use = command->options; use->def; use++) {
		int length = spell(use->def, spelling, sizeof(spelling));

		width = length > width ? length : width;
	}
	for (use = command->options; use->def; use++)
		print_option(use->def, width);
	print_option(&option_help, width);
	for (use = command->options; use->def; use++) {
		if (!use->def->choice)
			continue;
		putchar('\n');
		print_choices(use->def);
	}
}

/* Parsing */

/* What getopt_long() returns for a name: these, and its place in the command's tables. */
enum { NAME = 256, OLD_NAME = 512, HELP_NAME = 768 };

static const struct option_old *old_of(const struct command *command)
{
	static const struct option_old none[] = { { } };

	return command->old ?: none;
}

static const struct option_old *old_letter(const struct command *command, char letter)
{
	for (const struct option_old *old = old_of(command); old->now; old++)
		if (old->letter == letter)
			return old;
	return NULL;
}

static void describe(const struct command *command, char *letters, struct option *names)
{
	char *letter = letters;

	*letter++ = ':';	/* tell a missing value from an unknown option */
	for (const struct option_use *use = command->options; use->def; use++) {
		const struct option_def *def = use->def;

		*names++ = (struct option){ def->name, def->value ? required_argument : no_argument,
					    NULL, NAME + (use - command->options) };
		if (!def->letter)
			continue;
		*letter++ = def->letter;
		if (def->value || old_letter(command, def->letter))
			*letter++ = ':';
		/* It takes no value, but did once: "-cVALUE". take_old() has "-c VALUE". */
		if (!def->value && old_letter(command, def->letter))
			*letter++ = ':';
	}
	for (const struct option_old *old = old_of(command); old->now; old++) {
		if (old->name)
			*names++ = (struct option){ old->name, required_argument, NULL,
						    OLD_NAME + (old - command->old) };
		*letter = '\0';
		if (!old->letter || strchr(letters, old->letter))
			continue;
		*letter++ = old->letter;
		*letter++ = ':';
	}
	*letter++ = option_help.letter;
	*letter = '\0';
	*names++ = (struct option){ option_help.name, no_argument, NULL, HELP_NAME };
	*names = (struct option){ };
}

static const struct option_use *find_use(const struct command *command, int found)
{
	const struct option_use *use = command->options;

	if (found >= NAME)
		return &use[found - NAME];
	while (use->def && use->def->letter != found)
		use++;
	return use;
}

/*
 * If what was found is an old spelling: that, with its value in optarg. If the value is the
 * next element of argv, it is skipped.
 */
static const struct option_old *take_old(const struct command *command, int found, int argc,
					 char **argv)
{
	const struct option_old *old;
	bool next;

	if (found >= OLD_NAME)
		return &command->old[found - OLD_NAME];
	old = found < NAME ? old_letter(command, found) : NULL;
	if (!old)
		return NULL;
	next = !optarg && optind < argc;
	if (old->is_old && !((optarg || next) && old->is_old(optarg ?: argv[optind])))
		return NULL;
	if (next)
		optarg = argv[optind++];
	return old;
}

static void tell_of_new(const struct command *command, const struct option_old *old)
{
	const struct option_def *next = old->letter ? find_use(command, old->letter)->def : NULL;
	char letter[] = { old->letter, '\0' }, spelling[64];

	spell(old->now, spelling, sizeof(spelling));
	complain("%s%s: this release takes it as %s; the next one %s%s: %s",
		 old->letter ? "-" : "--", old->letter ? letter : old->name, spelling,
		 next ? "takes it as --" : "does not take it", next ? next->name : "", optarg);
}

/* The option of anything that getopt_long() knows. */
static const struct option_def *find_def(const struct command *command, int found)
{
	const struct option_old *old;
	const struct option_def *def;

	if (found >= HELP_NAME)
		return &option_help;
	if (found >= OLD_NAME)
		return command->old[found - OLD_NAME].now;
	def = find_use(command, found)->def;
	old = def ? NULL : old_letter(command, found);

	if (!def)
		def = old ? old->now : &option_help;
	return def;
}

/* What getopt_long() could not read. */
static int reject(const struct command *command, int found, char **argv)
{
	const struct option_def *def = find_def(command, optopt);

	if (found == ':')
		complain("--%s: its value is missing: give %s", def->name, def->value);
	else if (optopt >= NAME)
		complain("--%s: it takes no value: %s", def->name, argv[optind - 1]);
	else if (optopt)
		complain("no such option, --help lists them: -%c", optopt);
	else
		complain("no such option, --help lists them: %s", argv[optind - 1]);
	return -1;
}

static int read_value(const struct option_use *use, const char *value, void *values)
{
	const struct option_def *def = use->def;
	void *to = (char *)values + use->offset;
	struct error error;
	int ret = 0;

	if (!def->value && value) {
		complain("--%s: it takes no value: %s", def->name, value);
		return -1;
	}
	if (def->read)
		ret = def->read(value, to, &error);
	else if (def->choice)
		ret = read_choice(def, value, to, &error);
	else if (def->value)
		*(const char **)to = value;
	else
		*(bool *)to = true;
	if (ret)
		complain("--%s: %s: %s", def->name, error.text, value);
	return ret;
}

static int check_arguments(const struct command *command, int nr, char **argument)
{
	if (nr >= (int)command->min && nr <= (int)command->max)
		return 0;
	if (!command->max)
		complain("it takes no arguments: %s", *argument);
	else if (command->min == command->max)
		complain("give %s, see 'xenbatch %s --help'", command->arguments, command->name);
	else
		complain("give %s, %u to %u of them", command->arguments, command->min,
			 command->max);
	return -1;
}

int options_parse(const struct command *command, int argc, char **argv, void *values)
{
	char letters[3 * OPTIONS_MAX + 3];
	struct option names[OPTIONS_MAX + 2];
	int found;

	describe(command, letters, names);
	optind = 0;	/* begin anew, in GNU's getopt */
	while ((found = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct option_use *use = command->options;
		const struct option_old *old;

		if (found == '?' || found == ':')
			return reject(command, found, argv);
		if (found == option_help.letter || found == HELP_NAME) {
			options_help(command);
			return 0;
		}
		old = take_old(command, found, argc, argv);
		if (old)
			tell_of_new(command, old);
		if (!old)
			use = find_use(command, found);
		while (old && use->def != old->now)
			use++;
		if (read_value(use, optarg, values))
			return -1;
	}
	if (check_arguments(command, argc - optind, argv + optind))
		return -1;
	return optind;
}
