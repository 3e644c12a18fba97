// SPDX-License-Identifier: GPL-2.0-only
/* text.c and error.c */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "error.h"
#include "text.h"

static void what_a_terminal_obeys(void **state)
{
	static const struct {
		const char *text, *shown;
	} expect[] = {
		{ "", "" },
		{ "Domain-0 ~", "Domain-0 ~" },
		{ "a\tb\nc\033[2J\177", "a?b?c?[2J?" },
		/* Characters of 2, 3 and 4 bytes stay. */
		{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xc2\xa0", "\xc2\xa0" },
		/* CSI, as a byte and as a character. */
		{ "\x9b" "2J", "?2J" },
		{ "\xc2\x9b" "2J", "??2J" },
		/* Characters that are cut off, and bytes that are not UTF-8. */
		{ "a\xe2\x82", "a??" },
		{ "\xf0\x9f\x98", "???" },
		{ "\xc3(", "?(" },
		{ "\xc0\x80\xff\xf5", "????" },
		/* Longer than needed, surrogates, past U+10FFFF; and what is next to each. */
		{ "\xe0\x82\x9b" "2J", "???2J" },
		{ "\xf0\x80\x80\x80 \xf0\x8f\xbf\xbf", "???? ????" },
		{ "a\xed\xa0\x80" "b", "a???b" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80", "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80" },
		{ "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		char *copy = strdup(expect[i].text);

		assert_ptr_equal(printable(copy), copy);
		assert_string_equal(copy, expect[i].shown);
		free(copy);
	}
}

static void a_reason_is_one_line(void **state)
{
	char quoted[1000];
	struct error error;
	(void)state;

	assert_int_equal(failed(&error, "no domain \"%s\"", "a\033\nb"), -1);
	assert_string_equal(error.text, "no domain \"a??b\"");
	memset(quoted, 'x', sizeof(quoted) - 1);
	quoted[sizeof(quoted) - 1] = '\0';
	assert_int_equal(failed(&error, "%s", quoted), -1);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_terminal_obeys),
		cmocka_unit_test(a_reason_is_one_line),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
