// SPDX-License-Identifier: GPL-2.0-only
/* top_view.c, and the replay of records. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "clock.h"
#include "output.h"
#include "source.h"
#include "top_view.h"

static const struct top_view by_batches = { .key = TOP_BATCHES, .selected = -1, .state = "" };

static void add(struct stats *stats, uint16_t domid, const char *name, enum batch_kind kind,
		uint32_t size, uint64_t count)
{
	struct vcpu_stats *vcpu = stats_vcpu(stats, domid, 0);

	assert_non_null(vcpu);
	vcpu->batch[kind].size[bucket_of(size)] += count;
	vcpu->batch[kind].requests += size * count;
	vcpu->hypercall[HYPERCALL_MMU_UPDATE] += count;
	strcpy(stats_find(stats, domid)->name, name);
}

/* 0 has the most batches, 5 the largest, 9 none. */
static void three_domains(struct stats *stats)
{
	stats_init(stats, "trace");
	stats->seconds = 2;
	add(stats, 0, "Domain-0", BATCH_MMU_UPDATE, 1, 300);
	add(stats, 0, "Domain-0", BATCH_MULTICALL, 2, 100);
	add(stats, 5, "a-name-that-is-too-long", BATCH_MMU_UPDATE, 31, 200);
	add(stats, 9, "e\033[2Jvil", BATCH_MMU_UPDATE, 1, 0);
	stats->domain[0].vcpu[0].ptwr = 7;
}

static void expect_line(const struct screen *screen, int line, const char *expected)
{
	char text[300];
	size_t length;

	snprintf(text, sizeof(text), "%s", screen_line(screen, line));
	for (length = strlen(text); length && text[length - 1] == ' '; length--)
		;
	text[length] = '\0';
	assert_string_equal(text, expected);
}

static void on_80x24(void **state)
{
	struct screen screen = { 0 };
	struct stats stats;

	(void)state;
	three_domains(&stats);
	assert_int_equal(screen_resize(&screen, 24, 80), 0);
	top_draw(&screen, &stats, &by_batches);
	expect_line(&screen, 0, "xenbatch top: trace, 2.0 s, 3 domains, by batches");
	expect_line(&screen, 1, "                  hypercall    multicall     mmu_update      mmuext_op      ptwr");
	expect_line(&screen, 2, "    id name              /s       /s  mean       /s  mean       /s  mean      /s");
	expect_line(&screen, 3, ">    0 Domain-0         200     50.0   2.0      150   1.0        0     -     3.5");
	expect_line(&screen, 4, "     5 a-name-that      100        0     -      100  31.0        0     -       0");
	/* A name must not control the terminal. */
	expect_line(&screen, 5, "     9 e?[2Jvil           0        0     -        0     -        0     -       0");
	expect_line(&screen, 6, "");
	expect_line(&screen, 9, "Domain-0 (0), 1 vCPU: batches a second by size");
	expect_line(&screen, 10, "  size      /s multicall            /s mmu_update           /s mmuext_op");
	expect_line(&screen, 11, "     0");
	expect_line(&screen, 12, "     1                             150 ###############");
	expect_line(&screen, 13, "   2-3    50.0 ###############");
	expect_line(&screen, 22, " 4096-");
	expect_line(&screen, 23, "q quit  p pause  up/down domain  sort: b h c m x t s i  ? keys");
	assert_int_equal(screen.look[3], TOP_REVERSE);
	assert_int_equal(screen.look[4], TOP_PLAIN);
	screen_free(&screen);
	stats_free(&stats);
}

/* All sizes of a bucket are those that a line begins with: "31", "65-255", "-4095", "4096-". */
static void assert_in_label(const char *line, unsigned int bucket)
{
	long least = bucket_first(bucket);
	long last = bucket + 1 < NR_BUCKETS ? (long)bucket_first(bucket + 1) - 1 : UINT32_MAX;
	char *end;
	long from = strtol(line, &end, 10), to = from;

	if (*end == '-')
		to = end[1] == ' ' ? UINT32_MAX : strtol(end + 1, NULL, 10);
	if (from < 0) {
		to = -from;
		from = 256;
	}
	if (least < from || last > to)
		fail_msg("%ld to %ld is not in %.7s", least, last, line);
}

static void every_bucket_is_in_one_range(void **state)
{
	struct screen screen = { 0 };

	(void)state;
	assert_int_equal(screen_resize(&screen, 24, 80), 0);
	for (unsigned int bucket = 0; bucket < NR_BUCKETS; bucket++) {
		struct stats stats;
		unsigned int bars = 0;

		stats_init(&stats, "hypfs");
		add(&stats, 1, "", BATCH_MMUEXT_OP, bucket_first(bucket), 1);
		top_draw(&screen, &stats, &by_batches);
		for (int line = 11; line < 23; line++) {
			if (!strchr(screen_line(&screen, line), '#'))
				continue;
			assert_in_label(screen_line(&screen, line), bucket);
			bars++;
		}
		assert_int_equal(bars, 1);
		stats_free(&stats);
	}
	screen_free(&screen);
}

static void little_shows(void **state)
{
	struct screen screen = { 0 };
	struct stats stats;

	(void)state;
	three_domains(&stats);
	add(&stats, 0, "Domain-0", BATCH_MMU_UPDATE, 31, 1);
	add(&stats, 0, "Domain-0", BATCH_MMU_UPDATE, 1, 100000);
	assert_int_equal(screen_resize(&screen, 24, 80), 0);
	top_draw(&screen, &stats, &by_batches);
	expect_line(&screen, 17, "    31                             0.5 #");
	/* There is no room for bars, so they must not cover the numbers. */
	assert_int_equal(screen_resize(&screen, 24, 30), 0);
	top_draw(&screen, &stats, &by_batches);
	for (int line = 0; line < screen.lines; line++)
		assert_null(strchr(screen_line(&screen, line), '#'));
	screen_free(&screen);
	stats_free(&stats);
}

static void shows_refusals(void **state)
{
	struct screen screen = { 0 };
	struct stats stats;

	(void)state;
	three_domains(&stats);
	stats.domain[0].vcpu[0].mmu_update_errors[22] = 2;
	stats.domain[1].vcpu[0].subcall_errors[16] = 3;
	keep_refusal(stats.domain[0].vcpu, &(struct refusal){ 1, HYPERCALL_MMU_UPDATE, 22, 8, 9 });
	assert_int_equal(screen_resize(&screen, 24, 80), 0);
	top_draw(&screen, &stats, &by_batches);
	expect_line(&screen, 0, "xenbatch top: trace, 2.0 s, 3 domains, 5 refused, by batches");
	expect_line(&screen, 9,
		    "Domain-0 (0), 1 vCPU: batches a second by size, 2 refused: mmu_update EINVAL");
	screen_free(&screen);
	stats_free(&stats);
}

static void counts_where_no_time_is_known(void **state)
{
	struct screen screen = { 0 };
	struct stats stats;

	(void)state;
	three_domains(&stats);
	stats.seconds = 0;
	stats.lost = 12345678;
	assert_int_equal(screen_resize(&screen, 24, 80), 0);
	top_draw(&screen, &stats, &by_batches);
	expect_line(&screen, 0, "xenbatch top: trace, 3 domains, 12.3M records lost, by batches");
	expect_line(&screen, 2, "    id name           count    count  mean    count  mean    count  mean   count");
	expect_line(&screen, 3, ">    0 Domain-0         400      100   2.0      300   1.0        0     -     7.0");
	screen_free(&screen);
	stats_free(&stats);
}

static void sorts_and_selects(void **state)
{
	static const struct {
		enum top_key key;
		uint16_t domid[3];
	} expected[] = {
		{ TOP_BATCHES, { 0, 5, 9 } },	{ TOP_HYPERCALL, { 0, 5, 9 } },
		{ TOP_MULTICALL, { 0, 5, 9 } }, { TOP_MMU_UPDATE, { 0, 5, 9 } },
		{ TOP_MMUEXT_OP, { 5, 0, 9 } }, { TOP_PTWR, { 9, 0, 5 } },
		{ TOP_SIZE, { 5, 0, 9 } },	{ TOP_ID, { 0, 5, 9 } },
	};
	struct stats stats;
	struct top_view view;

	(void)state;
	three_domains(&stats);
	/* More requests than domain 5, but smaller batches. */
	add(&stats, 0, "Domain-0", BATCH_MMU_UPDATE, 1, 10000);
	add(&stats, 5, "5", BATCH_MMUEXT_OP, 1, 1);
	stats.domain[2].vcpu[0].ptwr = 8;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		size_t *order = top_order(&stats, expected[i].key);

		assert_non_null(order);
		for (int line = 0; line < 3; line++)
			assert_int_equal(stats.domain[order[line]].domid, expected[i].domid[line]);
		free(order);
	}

	view = by_batches;
	view.key = TOP_SIZE;
	assert_int_equal(top_move(&stats, &view, 0), 5);
	assert_int_equal(top_move(&stats, &view, 1), 0);
	assert_int_equal(top_move(&stats, &view, 10), 9);
	view.selected = 9;
	assert_int_equal(top_move(&stats, &view, -1), 0);
	assert_int_equal(top_move(&stats, &view, -10), 5);
	/* The selected domain ended. */
	view.selected = 7;
	assert_int_equal(top_move(&stats, &view, 1), 0);
	stats_free(&stats);

	stats_init(&stats, "trace");
	assert_int_equal(top_move(&stats, &by_batches, 1), -1);
	stats_free(&stats);
}

static void scrolls_to_the_selected(void **state)
{
	struct top_view view = by_batches;
	struct screen screen = { 0 };
	struct stats stats;

	(void)state;
	stats_init(&stats, "hypfs");
	for (unsigned int i = 0; i < 100; i++)
		add(&stats, i, "", BATCH_MULTICALL, 1, 1);
	view.selected = 50;
	assert_int_equal(screen_resize(&screen, 24, 80), 0);
	top_draw(&screen, &stats, &view);
	assert_int_equal(strncmp(screen_line(&screen, 3), "    45 ", 7), 0);
	assert_int_equal(strncmp(screen_line(&screen, 8), ">   50 ", 7), 0);
	/* The first domain that needs scrolling, and the last that does not. */
	view.selected = 6;
	top_draw(&screen, &stats, &view);
	assert_int_equal(strncmp(screen_line(&screen, 8), ">    6 ", 7), 0);
	view.selected = 5;
	top_draw(&screen, &stats, &view);
	assert_int_equal(strncmp(screen_line(&screen, 8), ">    5 ", 7), 0);
	screen_free(&screen);
	stats_free(&stats);
}

/* The address sanitizer sees what is written outside of the screen. */
static void any_size_of_screen(void **state)
{
	struct top_view view = by_batches;
	struct screen screen = { 0 };
	struct stats stats, none;

	(void)state;
	three_domains(&stats);
	stats_init(&none, "hypfs");
	stats.domain[0].vcpu[0].ptwr = UINT64_MAX;
	stats.domain[0].vcpu[0].batch[BATCH_MULTICALL].size[NR_BUCKETS - 1] = UINT64_MAX;
	stats.lost = UINT64_MAX;
	view.state = "end of file";
	for (int lines = 0; lines < 60; lines++) {
		for (int columns = 0; columns < 200; columns += columns < 12 ? 1 : 7) {
			assert_int_equal(screen_resize(&screen, lines, columns), 0);
			view.help = lines % 5 == 0;
			top_draw(&screen, &stats, &view);
			top_draw(&screen, &none, &view);
			top_draw(&screen, NULL, &view);
			for (int line = 0; line < screen.lines; line++)
				assert_int_equal(strlen(screen_line(&screen, line)),
						 screen.columns);
		}
	}
	screen_free(&screen);
	stats_free(&stats);
}

static void replays_records(void **state)
{
	char path[] = "/tmp/xenbatch-test-XXXXXX";
	struct error error;
	FILE *f = fdopen(mkstemp(path), "w");
	struct source *source;
	struct stats stats;

	(void)state;
	assert_non_null(f);
	three_domains(&stats);
	stats_write_json(f, &stats);
	fputs("\n \t\n", f);
	stats.seconds = 3;
	stats_write_json(f, &stats);
	fputs("{}\n", f);
	fclose(f);
	stats_free(&stats);

	source = source_open_replay(path, &error);
	assert_non_null(source);
	for (int seconds = 2; seconds <= 3; seconds++) {
		assert_int_equal(source_wait(source, seconds_now(), -1, &error),
				 SOURCE_TIME);
		assert_int_equal(source_period(source, &stats, &error), 0);
		assert_true(stats.seconds == seconds);
		assert_int_equal(stats.nr_domains, 3);
		/* Remove domain 5. */
		stats_drop(&stats, 1);
		assert_int_equal(stats.nr_vcpus, 2);
		assert_int_equal(stats.domain[1].domid, 9);
		stats_free(&stats);
	}
	assert_int_equal(source_period(source, &stats, &error), -1);
	assert_non_null(strstr(error.text, "line 5: "));
	assert_int_equal(source_period(source, &stats, &error), 1);
	source_close(source);
	unlink(path);
	assert_null(source_open_replay(path, &error));
	assert_non_null(strstr(error.text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_80x24),
		cmocka_unit_test(every_bucket_is_in_one_range),
		cmocka_unit_test(little_shows),
		cmocka_unit_test(shows_refusals),
		cmocka_unit_test(counts_where_no_time_is_known),
		cmocka_unit_test(sorts_and_selects),
		cmocka_unit_test(scrolls_to_the_selected),
		cmocka_unit_test(any_size_of_screen),
		cmocka_unit_test(replays_records),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
