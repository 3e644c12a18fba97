// SPDX-License-Identifier: GPL-2.0-only
/* plot.c: what a test can check without looking at the picture. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plot.h"

static char *plot(const char *title, const struct plot_arm *arm, unsigned int nr)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	plot_svg(f, title, arm, nr);
	assert_int_equal(fclose(f), 0);
	return text;
}

static unsigned int occurrences(const char *text, const char *what)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, what)); text++)
		nr++;
	return nr;
}

/* One bar for each size of each arm. */
static void bars(void **state)
{
	struct plot_arm arm[2] = { { .label = "a" }, { .label = "b" } };
	char *text;
	(void)state;

	arm[0].total.batch[BATCH_MULTICALL].size[2] = 1;
	arm[0].total.batch[BATCH_MMU_UPDATE].size[31] = UINT64_MAX;
	arm[1].total.batch[BATCH_MMU_UPDATE].size[89] = 7;
	text = plot("t", arm, 2);
	assert_int_equal(occurrences(text, "<title>"), 3);
	assert_int_equal(occurrences(text, "<title>a: 1 of 2</title>"), 1);
	assert_int_equal(occurrences(text, "<title>a: 18446744073709551615 of 31</title>"), 1);
	assert_int_equal(occurrences(text, "<title>b: 7 of 1073741824 and more</title>"), 1);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	assert_null(strstr(text, "height=\"-"));
	free(text);
}

static void ranges(void **state)
{
	struct plot_arm arm = { .label = "a" };
	char *text;
	(void)state;

	arm.total.batch[BATCH_MMUEXT_OP].size[65] = 5;
	arm.total.batch[BATCH_MMUEXT_OP].size[69] = 5;
	text = plot("t", &arm, 1);
	assert_int_equal(occurrences(text, "<title>a: 5 of 65 to 127</title>"), 1);
	assert_int_equal(occurrences(text, ">65+</text>"), NR_BATCH_KINDS);
	assert_int_equal(occurrences(text, ">1k+</text>"), NR_BATCH_KINDS);
	assert_null(strstr(text, ">2k+</text>"));
	free(text);
}

static void nothing_counted(void **state)
{
	struct plot_arm arm = { .label = "a" };
	char *text = plot("t", &arm, 1);
	(void)state;

	assert_int_equal(occurrences(text, "<title>"), 0);
	assert_null(strstr(text, "nan"));
	free(text);
}

/* Text from outside stays text, in well-formed XML. */
static void text_from_outside(void **state)
{
	struct plot_arm arm = { .label = "\xc3\xa9 \xff \xe2\x82 </text>\033\n" };
	char *text;
	(void)state;

	text = plot("<script>&", &arm, 1);
	assert_null(strstr(text, "<script"));
	assert_non_null(strstr(text, "&lt;script>&amp;"));
	assert_non_null(strstr(text, "\xc3\xa9 ? ?? &lt;/text>?" "?<"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bars),
		cmocka_unit_test(ranges),
		cmocka_unit_test(nothing_counted),
		cmocka_unit_test(text_from_outside),
	};

	return cmocka_run_group_tests_name("plot", tests, NULL, NULL);
}
