// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures, as cost.h documents, what two real programs cost that use fork, exec and mmap a
 * lot: the configure script of a Debian package, and the compiler. Each runs once, since one
 * run is some thousand processes and some million faults.
 */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cost.h"
#include "kselftest.h"

/* scripts/build-programs makes it. */
#define ROOT	"/debian"

static char *const environment[] = { "PATH=/usr/bin", "HOME=/", "LC_ALL=C", NULL };

static void run(const char *script)
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (!chroot(ROOT) && !chdir("/source"))
			execle("/bin/sh", "sh", "-e", "-c", script, NULL, environment);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("%s: failed with %#x\n", script, status);
}

int main(void)
{
	struct cost configure = { .name = "configure" }, compile = { .name = "compile" };

	ksft_print_header();
	ksft_set_plan(1);
	irqs_off_open("/sys/module/programs/parameters/irqs_off");
	if (mount("none", ROOT "/dev", "devtmpfs", 0, NULL) ||
	    mount("none", ROOT "/proc", "proc", 0, NULL))
		ksft_exit_fail_msg("%s: %s\n", ROOT, strerror(errno));
	TIMED(&configure, run("./configure >/tmp/log 2>&1 || { tail -n 30 /tmp/log; exit 1; }"));
	run("make -C src token.h nodes.h syntax.h builtins.h >/tmp/log");
	TIMED(&compile, run("make -C src parser.o eval.o >/tmp/log"));
	print_costs(&configure, 1);
	print_costs(&compile, 1);
	ksft_test_result_pass("both programs ran\n");
	ksft_finished();
}
