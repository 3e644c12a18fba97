// SPDX-License-Identifier: GPL-2.0-only
/* main.c: how the program ends. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio_ext.h>
#include <unistd.h>
#include <cmocka.h>

#define main xenbatch_main
#include "main.c"
#undef main

#include "capture.h"

static int program(char *argument)
{
	char *argv[] = { "xenbatch", argument, NULL };

	return xenbatch_main(2, argv);
}

static void what_it_ends_with(void **state)
{
	int ret;
	(void)state;

	capture(stdout);
	ret = program("--version");
	assert_string_equal(captured(), "xenbatch " XENBATCH_VERSION "\n");
	assert_int_equal(ret, EXIT_OK);
	capture(stderr);
	ret = program("reprot");
	assert_string_equal(captured(),
			    "xenbatch: no such command, xenbatch --help lists them: reprot\n");
	assert_int_equal(ret, EXIT_ERROR);
}

/* A full disk is not a success. */
static void no_room(void **state)
{
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY), ret;
	const char *complaint;
	(void)state;

	assert_true(saved >= 0 && full >= 0);
	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	capture(stderr);
	ret = program("--version");
	complaint = captured();
	__fpurge(stdout);
	clearerr(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(full);
	assert_string_equal(complaint, "xenbatch: standard output: No space left on device\n");
	assert_int_equal(ret, EXIT_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_ends_with),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests_name("main", tests, NULL, NULL);
}
