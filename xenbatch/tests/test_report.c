// SPDX-License-Identifier: GPL-2.0-only
/* cmd_report.c: the window of --since and --until. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "build_trace.h"
#include "capture.h"
#include "command.h"
#include "error.h"

static char path[] = "/tmp/test_report.XXXXXX";
static const char *printed;

/* Returns its exit code. What it wrote is in printed. */
static int report(const char *since, const char *until, const char *file)
{
	char one[64], two[64], last[64];
	char *argv[] = { "report", "--csv", one, two, last, NULL };
	int ret;

	snprintf(one, sizeof(one), "--since=%s", since);
	snprintf(two, sizeof(two), "--until=%s", until);
	snprintf(last, sizeof(last), "%s", file);
	capture(stdout);
	ret = cmd_report.run(5, argv);
	printed = captured();

	return ret;
}

/* What it writes on stderr, with one option. */
static const char *complaints(const char *option)
{
	char one[64], last[64];
	char *argv[] = { "report", one, last, NULL };

	snprintf(one, sizeof(one), "%s", option);
	snprintf(last, sizeof(last), "%s", path);
	capture(stderr);
	assert_int_equal(cmd_report.run(3, argv), EXIT_OK);

	return captured();
}

#define HEADER "source,seconds,domid,name,vcpu,counter,key,value\n"
#define CALLS "trace,,1,,0,hypercall,mmu_update,1\ntrace,,1,,0,mmu_update,31,1\n" \
	      "trace,,1,,0,mmu_update_requests,,31\n"

/* The records have time stamps 0 to 5: two runstate changes, a batch, and three traps. */
static void windows(void **state)
{
	(void)state;
	assert_int_equal(report("0", "100", path), EXIT_OK);
	assert_string_equal(printed, HEADER CALLS "trace,,1,,0,ptwr,,2\ntrace,,1,,0,page_fault,,1\n");
	assert_int_equal(report("3", "5", path), EXIT_OK);
	assert_string_equal(printed, HEADER "trace,,1,,0,ptwr,,1\ntrace,,1,,0,page_fault,,1\n");
	assert_int_equal(report("2", "3", path), EXIT_OK);
	assert_string_equal(printed, HEADER CALLS);
	assert_int_equal(report("6", "100", path), EXIT_OK);
	assert_string_equal(printed, HEADER);
}

/* The file is read twice, and the warning comes once. */
static void cut_off(void **state)
{
	FILE *f = fopen(path, "r+");
	const char *warned;
	long size;
	(void)state;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	fclose(f);
	assert_int_equal(truncate(path, size - 1), 0);
	warned = complaints("--since=3");
	assert_int_equal(truncate(path, size), 0);
	warned = strstr(warned, "what comes before is counted");
	assert_non_null(warned);
	assert_null(strstr(warned + 1, "what comes before is counted"));
}

/* What is no trace has no counts, and is an error. */
static void corrupt(void **state)
{
	char broken[64];
	FILE *f;
	(void)state;

	snprintf(broken, sizeof(broken), "%s.broken", path);
	f = fopen(broken, "w");
	assert_non_null(f);
	fputs("what is no trace at all", f);
	fclose(f);
	assert_int_equal(report("0", "100", broken), EXIT_ERROR);
	assert_string_equal(printed, "");
	assert_int_equal(unlink(broken), 0);
}

/* What cannot be read is no trace that was cut off. */
static void a_read_that_fails(void **state)
{
	char *argv[] = { "report", "/", NULL };
	(void)state;

	capture(stderr);
	assert_int_equal(cmd_report.run(2, argv), EXIT_ERROR);
	assert_string_equal(captured(), "xenbatch: /: Is a directory, at byte 0\n");
}

static void no_such_domain(void **state)
{
	(void)state;
	assert_non_null(strstr(complaints("-d99"), "has no such domain: 99"));
	assert_string_equal(complaints("-d1"), "");
}

static void from_a_pipe(void **state)
{
	int saved = dup(STDIN_FILENO), fds[2];
	FILE *from = fopen(path, "r"), *to;
	(void)state;

	assert_int_equal(pipe(fds), 0);
	to = fdopen(fds[1], "w");
	for (int c = fgetc(from); c != EOF; c = fgetc(from))
		fputc(c, to);
	fclose(from);
	fclose(to);
	dup2(fds[0], STDIN_FILENO);
	assert_int_equal(report("2", "3", "-"), EXIT_ERROR);
	assert_int_equal(report("0", "3", "-"), EXIT_OK);
	assert_string_equal(printed, HEADER CALLS);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
}

static void no_window(void **state)
{
	(void)state;
	assert_int_equal(report("3", "3", path), EXIT_ERROR);
	assert_int_equal(report("0", "0", path), EXIT_ERROR);
	assert_int_equal(report("-1", "3", path), EXIT_ERROR);
	assert_int_equal(report("1", "3x", path), EXIT_ERROR);
	assert_int_equal(report("1", "99999999999999999999", path), EXIT_ERROR);
}

static void domains(void **state)
{
	static const struct {
		const char *domain;
		int ret;
		const char *printed;
	} expect[] = {
		{ "--domain=1", EXIT_OK, HEADER CALLS "trace,,1,,0,ptwr,,2\n"
					 "trace,,1,,0,page_fault,,1\n" },
		{ "-d2", EXIT_OK, HEADER },
		/* A trace has no names. */
		{ "-dguest", EXIT_ERROR, "" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		char option[20];
		char *argv[] = { "report", "-c", option, path, NULL };

		snprintf(option, sizeof(option), "%s", expect[i].domain);
		capture(stdout);
		assert_int_equal(cmd_report.run(4, argv), expect[i].ret);
		assert_string_equal(captured(), expect[i].printed);
	}
}

static int write_trace(void **state)
{
	struct build b = { };
	int fd = mkstemp(path);
	bool written;
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, 1, 31);
	ptwr(&b);
	page_fault(&b);
	ptwr(&b);
	end(&b);
	written = fd >= 0 && write(fd, b.data, b.size) == (ssize_t)b.size;
	close(fd);
	build_free(&b);

	return !written;
}

static int remove_trace(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),	  cmocka_unit_test(cut_off),
		cmocka_unit_test(corrupt),	  cmocka_unit_test(a_read_that_fails),
		cmocka_unit_test(no_such_domain), cmocka_unit_test(from_a_pipe),
		cmocka_unit_test(no_window),	  cmocka_unit_test(domains),
	};

	/* Else what the command prints would mix with the results. */
	if (!freopen("/dev/null", "w", stdout))
		return 1;
	return cmocka_run_group_tests_name("report", tests, write_trace, remove_trace);
}
