// SPDX-License-Identifier: GPL-2.0-only
/* options.c, and what the commands declare for it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture.h"
#include "options.h"
#include "output.h"
#include "source.h"

/* A command with an option of each kind. */
struct values {
	struct strings domain;
	double interval;
	uint64_t count, number;
	struct limit limit;
	unsigned int source;
	enum output_format format;
	const char *text;
	bool flag;
};

static const struct option_def number = { 0, "number", "NUMBER", "", option_read_number, NULL };
static const struct option_def limit = { 't', "limit", "LIMIT", "", option_read_limit, NULL };
static const struct option_def text = { 'o', "text", "TEXT", "one line\nand another", NULL, NULL };
static const struct option_def flag = { 'f', "flag", NULL, "", NULL, NULL };
static const struct option_def renamed = { 'X', "renamed", "TEXT", "", NULL, NULL };

#define USE(def, member)	{ def, offsetof(struct values, member) }

static const struct option_use options[] = {
	USE(&option_domain, domain), USE(&option_interval, interval), USE(&option_count, count),
	USE(&option_source, source), USE(&option_json, format), USE(&option_csv, format),
	USE(&number, number), USE(&limit, limit), USE(&text, text), USE(&flag, flag),
	USE(&renamed, text), { }
};

static bool has_equals(const char *value)
{
	return strchr(value, '=');
}

/* -d with a number, -c with a '=' in its value, -x and --former. */
static const struct option_old old[] = {
	{ 'd', NULL, is_decimal, &option_interval },
	{ 'c', NULL, has_equals, &text },
	{ 'x', NULL, NULL, &renamed },
	{ 0, "former", NULL, &renamed },
	{ }
};

static const struct command command = {
	.name = "test", .arguments = "ONE TWO", .min = 0, .max = 2, .help = "Tests.\n",
	.options = options, .old = old,
};

static struct values values;
static char *argv[20];
static const char *messages;

/* Parses words with a space between them. Their messages are in messages. */
static int parse_words(const struct command *with, const char *words)
{
	static char copy[300];
	char *rest = copy;	/* of at most 19 words */
	int argc = 0, ret;

	memset(&values, 0, sizeof(values));
	values.source = SOURCE_AUTO;
	snprintf(copy, sizeof(copy), "%s %s", with->name, words);
	for (char *word; (word = strsep(&rest, " "));)
		argv[argc++] = word;
	argv[argc] = NULL;
	capture(stderr);
	ret = options_parse(with, argc, argv, &values);
	messages = captured();

	return ret;
}

static int parse(const char *words)
{
	return parse_words(&command, words);
}

static void values_of_each_kind(void **state)
{
	(void)state;
	assert_int_equal(parse("a -d one --domain=7 -i 0.5 -n 12 --number 0 --source trace -fo x b"), 14);
	assert_string_equal(messages, "");
	assert_int_equal(values.domain.nr, 2);
	assert_string_equal(values.domain.at[0], "one");
	assert_string_equal(values.domain.at[1], "7");
	assert_true(values.interval == 0.5);
	assert_int_equal(values.count, 12);
	assert_int_equal(values.number, 0);
	assert_int_equal(values.source, SOURCE_TRACE);
	assert_true(values.flag);
	assert_string_equal(values.text, "x");
	assert_string_equal(argv[14], "a");
	assert_string_equal(argv[15], "b");
	/* What is not given keeps its value. The last format counts. */
	assert_int_equal(parse("-j --csv -t +5"), 5);
	assert_int_equal(values.format, OUTPUT_CSV);
	assert_int_equal(values.source, SOURCE_AUTO);
	assert_false(values.flag);
	assert_true(values.limit.up == 5 && values.limit.down > 1e300);
	/* The first and the last number of seconds. */
	assert_int_equal(parse("-i 0.1"), 3);
	assert_int_equal(parse("-i 86400"), 3);
	assert_true(values.interval == 86400);
	/* Everything behind -- is an argument. */
	assert_int_equal(parse("-- -d"), 2);
	assert_int_equal(values.domain.nr, 0);
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *words, *message;
	} wrong[] = {
		{ "-i 0.09", "--interval: not a number of seconds from 0.1 to 86400: 0.09" },
		{ "-i 86401", "--interval: not a number of seconds from 0.1 to 86400: 86401" },
		{ "-i 1e2", "--interval: not a number of seconds from 0.1 to 86400: 1e2" },
		{ "-i 0x2", "--interval: not a number of seconds from 0.1 to 86400: 0x2" },
		{ "-i -1", "--interval: not a number of seconds from 0.1 to 86400: -1" },
		{ "-i 1s", "--interval: not a number of seconds from 0.1 to 86400: 1s" },
		{ "--interval=", "--interval: not a number of seconds from 0.1 to 86400: " },
		{ "-i nan", "--interval: not a number of seconds from 0.1 to 86400: nan" },
		{ "-n 0", "--count: not a number above 0: 0" },
		{ "-n 1.5", "--count: not a number above 0: 1.5" },
		{ "-n +1", "--count: not a number above 0: +1" },
		{ "-n 18446744073709551616", "--count: not a number above 0: 18446744073709551616" },
		{ "--number -1", "--number: not a number from 0 to 18446744073709551615: -1" },
		{ "-t 5x", "--limit: not a limit in percent, as 5, +5 or -5: 5x" },
		{ "-t --5", "--limit: not a limit in percent, as 5, +5 or -5: --5" },
		{ "-t %", "--limit: not a limit in percent, as 5, +5 or -5: %" },
		{ "-t inf", "--limit: not a limit in percent, as 5, +5 or -5: inf" },
		{ "-t 5%%", "--limit: not a limit in percent, as 5, +5 or -5: 5%%" },
		{ "--source xenalyze", "--source: no such SOURCE, --help lists them: xenalyze" },
		{ "--domain=", "--domain: it is empty: " },
		{ "-d", "--domain: its value is missing: give DOMAIN" },
		{ "--interval", "--interval: its value is missing: give SECONDS" },
		{ "-x", "--renamed: its value is missing: give TEXT" },
		{ "--former", "--renamed: its value is missing: give TEXT" },
		{ "--json=1", "--json: it takes no value: --json=1" },
		{ "--help=1", "--help: it takes no value: --help=1" },
		{ "-cj", "--csv: it takes no value: j" },
		{ "-y", "no such option, --help lists them: -y" },
		{ "--none", "no such option, --help lists them: --none" },
		{ "--none\033[2J", "no such option, --help lists them: --none?[2J" },
		{ "a b c", "give ONE TWO, 0 to 2 of them" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char expected[200];

		complain_as("test");
		assert_int_equal(parse(wrong[i].words), -1);
		snprintf(expected, sizeof(expected), "xenbatch test: %s\n", wrong[i].message);
		assert_string_equal(messages, expected);
	}
}

static void too_often(void **state)
{
	struct strings strings = { };
	struct error error;
	(void)state;

	for (unsigned int i = 0; i < STRINGS_MAX; i++)
		assert_int_equal(option_read_strings("x", &strings, &error), 0);
	assert_int_equal(option_read_strings("x", &strings, &error), -1);
	assert_int_equal(strings.nr, STRINGS_MAX);
}

static void old_spellings(void **state)
{
	(void)state;
	/* A letter with a new meaning: its value decides. */
	assert_int_equal(parse("-d 2.5"), 3);
	assert_true(values.interval == 2.5);
	assert_int_equal(values.domain.nr, 0);
	assert_non_null(strstr(messages, "-d: this release takes it as -i, --interval=SECONDS; "
			       "the next one takes it as --domain: 2.5\n"));
	assert_int_equal(parse("-d2x --domain 5"), 4);
	assert_int_equal(values.domain.nr, 2);
	assert_true(values.interval == 0);
	assert_string_equal(messages, "");
	/* A letter that took a value, and takes none now. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(parse(i ? "a -j -ck=v b" : "a -j -c k=v b"), i ? 3 : 4);
		assert_string_equal(values.text, "k=v");
		assert_int_equal(values.format, OUTPUT_JSON);
		assert_non_null(strstr(messages, "-c: this release takes it as -o, --text=TEXT; "
				       "the next one takes it as --csv: k=v\n"));
	}
	assert_int_equal(parse("-c a b"), 2);
	assert_int_equal(values.format, OUTPUT_CSV);
	assert_string_equal(messages, "");
	assert_int_equal(parse("a b -c"), 2);
	assert_int_equal(values.format, OUTPUT_CSV);
	/* Spellings without a new meaning. */
	assert_int_equal(parse("-x y"), 3);
	assert_string_equal(values.text, "y");
	assert_non_null(strstr(messages, "-x: this release takes it as -X, --renamed=TEXT; "
			       "the next one does not take it: y\n"));
	assert_int_equal(parse("--former=z"), 2);
	assert_string_equal(values.text, "z");
	assert_non_null(strstr(messages, "--former: this release takes it as -X, --renamed=TEXT; "
			       "the next one does not take it: z\n"));
}

static void help(void **state)
{
	char *words[] = { "test", "-i", "1", "-h", "--none", NULL };
	int ret;
	(void)state;

	capture(stdout);
	ret = options_parse(&command, 5, words, &values);
	assert_string_equal(captured(),
		"Usage: xenbatch test [OPTION]... ONE TWO\nTests.\n\n"
		"  -d, --domain=DOMAIN     only this domain, by id or name; can be given\n"
		"                          several times\n"
		"  -i, --interval=SECONDS  the length of a period, 0.1 or more; default 1\n"
		"  -n, --count=COUNT       end after COUNT periods\n"
		"      --source=SOURCE     where to count; default hypfs if this Xen counts,\n"
		"                          else trace\n"
		"  -j, --json              print JSON, an object on each line\n"
		"  -c, --csv               print comma-separated values, with a header\n"
		"      --number=NUMBER     \n"
		"  -t, --limit=LIMIT       \n"
		"  -o, --text=TEXT         one line\n"
		"                          and another\n"
		"  -f, --flag              \n"
		"  -X, --renamed=TEXT      \n"
		"  -h, --help              print this\n"
		"\nSOURCE is one of: hypfs trace\n");
	assert_int_equal(ret, 0);
}

/* The tables of the real commands. A letter means one option, and an option has one letter. */
static void letters_mean_the_same_everywhere(void **state)
{
	const char *meaning[128] = { ['h'] = "help" };
	unsigned int nr = 0;
	(void)state;

	for (const struct command *const *c = commands; *c; c++, nr++) {
		for (const struct option_use *use = (*c)->options; use->def; use++) {
			unsigned char letter = use->def->letter;

			if (letter && !meaning[letter])
				meaning[letter] = use->def->name;
			if (letter)
				assert_string_equal(meaning[letter], use->def->name);
			for (int other = 0; other < 128; other++)
				if (other != letter && meaning[other])
					assert_string_not_equal(meaning[other], use->def->name);
		}
	}
	assert_int_equal(nr, 7);
}

/* Each option is in --help once, in a line that fits; each old one leads to one that is taken. */
static void tables_and_help_agree(void **state)
{
	(void)state;

	for (const struct command *const *c = commands; *c; c++) {
		const struct option_use *use;
		char *printed, spelling[64], *rest;
		size_t nr_old = 0;

		capture(stdout);
		options_help(*c);
		printed = strdup(captured());
		for (use = (*c)->options; use->def; use++) {
			snprintf(spelling, sizeof(spelling), "--%s%s%s ", use->def->name,
				 use->def->value ? "=" : "", use->def->value ?: "");
			assert_non_null(strstr(printed, spelling));
			for (unsigned int i = 0; use->def->choice && use->def->choice(i); i++)
				assert_non_null(strstr(printed, use->def->choice(i)));
		}
		for (const struct option_old *o = (*c)->old; o && o->now; o++) {
			for (use = (*c)->options; use->def && use->def != o->now; use++)
				;
			assert_non_null(use->def);
			assert_true(!o->letter == !!o->name);
			nr_old++;
		}
		for (use = (*c)->options; use->def; use++)
			;
		assert_true(use - (*c)->options + nr_old <= OPTIONS_MAX);
		rest = printed;
		for (char *line; (line = strsep(&rest, "\n"));)
			if (strlen(line) > 80)
				fail_msg("%s --help: \"%s\"", (*c)->name, line);
		free(printed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_each_kind),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(too_often),
		cmocka_unit_test(old_spellings),
		cmocka_unit_test(help),
		cmocka_unit_test(letters_mean_the_same_everywhere),
		cmocka_unit_test(tables_and_help_agree),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
