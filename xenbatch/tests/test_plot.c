// SPDX-License-Identifier: GPL-2.0-only
/* plot.c, cmd_plot.c: what a test can check without looking at the picture. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture.h"
#include "command.h"
#include "error.h"
#include "output.h"
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

/* The numbers beside the name of a panel, of each arm. */
static void numbers_of_each_arm(void **state)
{
	struct plot_arm arm[2] = { { .label = "a" }, { .label = "b" } };
	char *text;
	(void)state;

	for (unsigned int a = 0; a < 2; a++) {
		struct batch_stats *batch = &arm[a].total.batch[BATCH_MMU_UPDATE];

		batch->size[2 + a] = 10 * (a + 1);
		batch->requests = (2 + a) * 10 * (a + 1);
	}
	text = plot("t", arm, 2);
	assert_int_equal(occurrences(text, ">10 batches, mean 2.0<"), 1);
	assert_int_equal(occurrences(text, ">   20 batches, mean 3.0<"), 1);
	free(text);
}

/* The axis goes up to the power of ten that the highest bar of any arm needs. */
static void height_of_a_bar(void **state)
{
	struct plot_arm arm[2] = { { .label = "a" }, { .label = "b" } };
	char *text;
	(void)state;

	arm[0].total.batch[BATCH_MULTICALL].size[2] = 1;
	arm[1].total.batch[BATCH_MULTICALL].size[2] = 1000;
	text = plot("t", arm, 2);
	assert_int_equal(occurrences(text, "height=\"160.0\"><title>b: 1000 of 2</title>"), 1);
	/* 0.15 of the 3.15 steps. */
	assert_int_equal(occurrences(text, "height=\"7.6\"><title>a: 1 of 2</title>"), 1);
	assert_int_equal(occurrences(text, ">100</text>"), 1);
	assert_int_equal(occurrences(text, ">1k</text>"), 1);
	assert_int_equal(occurrences(text, ">10k</text>"), 0);
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
	struct plot_arm arm = { .label = "\xc3\xa9 \xff \xe2\x82 </text>\033\n]]>\xef\xbf\xbf" };
	char *text;
	(void)state;

	text = plot("<script>&", &arm, 1);
	assert_null(strstr(text, "<script"));
	assert_non_null(strstr(text, "&lt;script&gt;&amp;"));
	assert_non_null(strstr(text, "\xc3\xa9 ? ?? &lt;/text&gt;?" "?]]&gt;?<"));
	free(text);
}

static char first[] = "/tmp/test_plot.XXXXXX", second[] = "/tmp/test_plot.XXXXXX";
static const char *picture;

/* Up to four options, and the two records. */
static int plot_records(const char *options[4])
{
	char copy[4][80];
	char *argv[10] = { "plot" };
	int argc = 1, ret;

	for (; argc <= 4 && options[argc - 1]; argc++) {
		snprintf(copy[argc - 1], sizeof(copy[0]), "%s", options[argc - 1]);
		argv[argc] = copy[argc - 1];
	}
	argv[argc++] = first;
	argv[argc++] = second;
	capture(stdout);
	ret = cmd_plot.run(argc, argv);
	picture = captured();

	return ret;
}

/* The first record has domains 1 and 2, the second one domain 1 only. */
static void write_records(void)
{
	struct stats stats;
	FILE *f;

	stats_init(&stats, "trace");
	stats_vcpu(&stats, 1, 0)->batch[BATCH_MULTICALL].size[2] = 3;
	memset(stats.domain->name, 'n', 70);
	for (int i = 0; i < 2; i++) {
		f = fdopen(mkstemp(i ? first : second), "w");
		assert_non_null(f);
		if (i)
			stats_vcpu(&stats, 2, 0)->batch[BATCH_MULTICALL].size[2] = 4;
		stats_write_json(f, &stats);
		assert_int_equal(fclose(f), 0);
	}
	stats_free(&stats);
}

static void the_command(void **state)
{
	char long_name[73] = "";
	(void)state;

	write_records();
	/* Labels go to the files in order, and a file without one has its name. */
	assert_int_equal(plot_records((const char *[4]){ "-o-", "-lone" }), EXIT_OK);
	assert_int_equal(occurrences(picture, "<title>one: 7 of 2</title>"), 1);
	assert_int_equal(occurrences(picture, "<title>test_plot: 3 of 2</title>"), 1);
	assert_int_equal(plot_records((const char *[4]){ "-o-", "-lone", "-ltwo", "-d1" }), EXIT_OK);
	assert_int_equal(occurrences(picture, "<title>one: 3 of 2</title>"), 1);
	assert_int_equal(occurrences(picture, "<title>two: 3 of 2</title>"), 1);
	/* By its name of 70 bytes. */
	memcpy(long_name, "-d", 2);
	memset(long_name + 2, 'n', 70);
	assert_int_equal(plot_records((const char *[4]){ "-o-", "-lone", long_name }), EXIT_OK);
	assert_int_equal(occurrences(picture, "<title>one: 3 of 2</title>"), 1);
	/* The title, with its old letter too. */
	assert_int_equal(plot_records((const char *[4]){ "-o-", "-Tnow", }), EXIT_OK);
	assert_int_equal(occurrences(picture, ">now</text>"), 1);
	assert_int_equal(plot_records((const char *[4]){ "-o-", "-told", }), EXIT_OK);
	assert_int_equal(occurrences(picture, ">old</text>"), 1);
	/* A record lacks the domain; --output is missing. */
	assert_int_equal(plot_records((const char *[4]){ "-o-", "-d1", "-d2", }), EXIT_ERROR);
	assert_string_equal(picture, "");
	assert_int_equal(plot_records((const char *[4]){ "-d1", }), EXIT_ERROR);
	/* A picture that is not whole is an error. */
	assert_int_equal(plot_records((const char *[4]){
				 "-o/dev/full",
			 }),
			 EXIT_ERROR);
	unlink(first);
	unlink(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bars),
		cmocka_unit_test(ranges),
		cmocka_unit_test(numbers_of_each_arm),
		cmocka_unit_test(height_of_a_bar),
		cmocka_unit_test(nothing_counted),
		cmocka_unit_test(text_from_outside),
		cmocka_unit_test(the_command),
	};

	return cmocka_run_group_tests_name("plot", tests, NULL, NULL);
}
