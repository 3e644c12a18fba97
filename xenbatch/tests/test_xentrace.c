// SPDX-License-Identifier: GPL-2.0-only
/* xentrace.c, with shell scripts in place of xentrace. */

#define _GNU_SOURCE

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "build_trace.h"
#include "capture.h"
#include "clock.h"
#include "xentrace.h"

#define MAY_BE_ON	", and may have left tracing on: 'xentrace -X -T 1 /dev/null' turns it off"

static char folder[] = "/tmp/test_xentrace.XXXXXX";
static struct trace *trace;
static struct error error;

static char *path_of(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Starts a script. Its "$f" is the folder. */
static struct xentrace *start(const char *script)
{
	FILE *f = fopen(path_of("xentrace"), "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nf=%s\n%s\n", folder, script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path_of("xentrace"), 0700), 0);
	return xentrace_start(path_of("xentrace"), &error);
}

/* Polls and reads until xentrace_read() fails, or, with until_began, until records come. */
static int read_on(struct xentrace *xentrace, bool until_began)
{
	double until = seconds_now() + 20;
	struct pollfd fds[XENTRACE_FDS];

	while (!until_began || !xentrace_began(xentrace)) {
		assert_true(seconds_now() < until);
		xentrace_set_fds(xentrace, fds);
		assert_true(poll(fds, XENTRACE_FDS, 1000) >= 0);
		if (xentrace_read(xentrace, fds, trace, &error))
			return -1;
	}
	return 0;
}

static void expect_content(const char *name, const char *expected)
{
	char text[200];
	FILE *f = fopen(path_of(name), "r");

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, expected);
}

static void reads_records_and_ends_it(void **state)
{
	struct xentrace *xentrace;
	struct stats stats;
	(void)state;

	xentrace = start("echo \"$@\" >$f/arguments\n"
			 "trap 'echo ended >$f/ended; exit 0' TERM\n"
			 "cat $f/trace\nwhile :; do sleep 0.02; done");
	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, true), 0);
	assert_true(xentrace_began(xentrace) <= seconds_now());
	assert_int_equal(trace_snapshot(trace, &stats), 0);
	assert_int_equal(stats_vcpu(&stats, 1, 0)->ptwr, 1);
	stats_free(&stats);
	xentrace_end(xentrace);
	expect_content("ended", "ended\n");
	expect_content("arguments", "-D -e " TRACE_EVENT_MASK_TEXT " -s 100 /proc/self/fd/1\n");
}

static void says_why_it_ended(void **state)
{
	static const struct {
		const char *script, *error;
	} expect[] = {
		{ "exit 3", "xentrace ended: exit code 3" },
		{ "echo first >&2; printf 'la\\033st' >&2; exit 1", "xentrace ended: la?st" },
		{ "echo Failed to bind VIRQ >&2; exit 1",
		  "xentrace ended: Failed to bind VIRQ: another xentrace runs, end that first" },
		{ "kill -KILL $$", "xentrace ended: signal 9" MAY_BE_ON },
		{ "echo This is no trace, whatever else it may be; sleep 10",
		  "the output of xentrace: corrupt at byte 0: this is not an xentrace file" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		struct xentrace *xentrace = start(expect[i].script);

		assert_non_null(xentrace);
		assert_int_equal(read_on(xentrace, false), -1);
		assert_string_equal(error.text, expect[i].error);
		xentrace_end(xentrace);
		trace_free(trace);
		trace = trace_new();
	}
}

/* It closes stderr, and at its end writes more than a pipe holds. */
static void is_not_held_up(void **state)
{
	struct xentrace *xentrace = start("trap 'cat $f/large; echo ended >$f/ended; exit 0' TERM\n"
					  "exec 2>&-\ncat $f/trace\nwhile :; do sleep 0.02; done");
	(void)state;

	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, true), 0);
	xentrace_end(xentrace);
	expect_content("ended", "ended\n");
}

/* Ends it, and expects one line on stderr, or "". */
static void expect_complaint(struct xentrace *xentrace, const char *expected)
{
	capture(stderr);
	xentrace_end(xentrace);
	assert_string_equal(captured(), expected);
}

static void kills_what_hangs(void **state)
{
	struct xentrace *xentrace = start("trap '' TERM\ncat $f/trace\nexec sleep 60");
	(void)state;

	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, true), 0);
	expect_complaint(xentrace, "xenbatch: xentrace had to be killed" MAY_BE_ON "\n");
}

static void says_that_it_failed(void **state)
{
	struct xentrace *xentrace = start("trap 'echo Write failed! >&2; exit 1' TERM\n"
					  "cat $f/trace\nwhile :; do sleep 0.02; done");
	(void)state;

	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, true), 0);
	expect_complaint(xentrace, "xenbatch: xentrace ended: Write failed!" MAY_BE_ON "\n");

	/* Nobody ended it, but it has begun to trace. */
	xentrace = start("cat $f/trace; sleep 0.1; exit 3");
	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, false), -1);
	assert_string_equal(error.text, "xentrace ended: exit code 3" MAY_BE_ON);
	expect_complaint(xentrace, "");
}

static volatile sig_atomic_t told_to_end;

static void on_term(int signal)
{
	told_to_end = signal;
}

/* As xentrace, with much more than a pipe holds: fails if a write is cut short. */
static int write_much(void)
{
	static uint32_t much[3 << 20];

	/* Empty windows. */
	for (size_t i = 0; i < sizeof(much) / sizeof(much[0]); i += 3)
		much[i] = 0x0001f003 | 2u << 28;

	/* Without SA_RESTART. */
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL);
	while (!told_to_end) {
		if (write(STDOUT_FILENO, much, sizeof(much)) != sizeof(much))
			return 1;
		usleep(100000);
	}
	return 0;
}

static void no_write_is_cut_short(void **state)
{
	/* This program; main() calls write_much(). */
	struct xentrace *xentrace = xentrace_start("/proc/self/exe", &error);
	(void)state;

	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, true), 0);
	usleep(500000);		/* until the pipe is full */
	expect_complaint(xentrace, "");
}

/* It leads a group of its own, so Ctrl-C does not end it. */
static void no_signal_of_the_terminal_ends_it(void **state)
{
	struct xentrace *xentrace =
		start("read -r pid name state parent group rest </proc/$$/stat\n"
		      "echo $((group - pid)) >$f/arguments\n"
		      "cat $f/trace\nexec sleep 60");
	(void)state;

	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, true), 0);
	xentrace_end(xentrace);
	expect_content("arguments", "0\n");
}

/* It turns the tracing off, even if we are killed. */
static void ends_with_us(void **state)
{
	double until = seconds_now() + 20;
	pid_t pid = fork();
	(void)state;

	assert_true(pid >= 0);
	if (!pid) {
		struct xentrace *xentrace = start(
			"trap 'echo ended >$f/arguments; mv $f/arguments $f/ended; exit 0' TERM\n"
			"cat $f/trace\nwhile :; do sleep 0.02; done");

		if (xentrace && !read_on(xentrace, true))
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	while (access(path_of("ended"), F_OK) && seconds_now() < until)
		usleep(20000);
	expect_content("ended", "ended\n");
}

static void finds_the_program(void **state)
{
	char *path = strdup(getenv("PATH")), both[300];
	struct xentrace *xentrace = start("exit 3");
	(void)state;

	xentrace_end(xentrace);
	snprintf(both, sizeof(both), "/nonexistent::%s:%s", folder, path);
	setenv("PATH", both, 1);
	xentrace = xentrace_start(NULL, &error);
	assert_non_null(xentrace);
	assert_int_equal(read_on(xentrace, false), -1);
	assert_string_equal(error.text, "xentrace ended: exit code 3");
	xentrace_end(xentrace);
	setenv("PATH", path, 1);
	free(path);

	assert_null(xentrace_start("/nonexistent/xentrace", &error));
	assert_string_equal(error.text, "/nonexistent/xentrace: No such file or directory");
	/* NULL is allowed. */
	assert_int_equal(xentrace_read(NULL, NULL, trace, &error), 0);
	xentrace_end(NULL);
}

static int new_trace(void **state)
{
	(void)state;
	trace = trace_new();
	unlink(path_of("ended"));
	return !trace;
}

static int free_trace(void **state)
{
	(void)state;
	trace_free(trace);
	return 0;
}

static void write_file(const char *name, const void *data, size_t size)
{
	FILE *f = fopen(path_of(name), "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
}

static int make_folder(void **state)
{
	struct build b = { };
	char *large = calloc(1, 3 << 20);
	(void)state;

	if (!mkdtemp(folder) || !large)
		return 1;
	window(&b, 0);
	run(&b, 1, 0);
	ptwr(&b);
	end(&b);
	write_file("trace", b.data, b.size);
	write_file("large", large, 3 << 20);
	build_free(&b);
	free(large);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "xentrace", "trace", "large", "arguments", "ended" };
	(void)state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, new_trace, free_trace)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_records_and_ends_it),
		TEST(says_why_it_ended),
		TEST(is_not_held_up),
		TEST(kills_what_hangs),
		TEST(says_that_it_failed),
		TEST(no_write_is_cut_short),
		TEST(no_signal_of_the_terminal_ends_it),
		TEST(ends_with_us),
		TEST(finds_the_program),
	};

	(void)argv;
	if (argc > 1)
		return write_much();
	return cmocka_run_group_tests_name("xentrace", tests, make_folder, remove_folder);
}
