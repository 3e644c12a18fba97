// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has Trinity make system calls with random arguments, for as many seconds as the kernel's
 * command line says by trinity=. Every other slice makes only those of memory management.
 * What goes wrong in the kernel is on the console, where dom0/judge looks for it.
 *
 * Trinity runs without privileges, so that it cannot stop the guest by right. Each slice is a
 * Trinity of its own: its processes may kill one another, and it leaves things behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"

/* scripts/build-stressors makes it. */
#define ROOT	"/debian"
#define LOG	ROOT "/tmp/log"
#define NOBODY	65534
#define SLICE	30	/* seconds */
#define GRACE	10	/* seconds in which Trinity ends and says what it did */

static char *const all[] = { "trinity", "-q", "-a64", "-loff", "-C4", NULL };
static char *const vm[] = { "trinity", "-q", "-a64", "-loff", "-C4", "-gvm", NULL };

static void mounted(const char *what, const char *where)
{
	if (mount(what, where, what, 0, NULL))
		ksft_exit_fail_msg("%s: %s\n", where, strerror(errno));
}

static void drop_privileges(void)
{
	if (setsid() < 0 || setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		_exit(126);
}

static pid_t start(char *const *args)
{
	static char *const environment[] = { "HOME=/tmp", NULL };
	pid_t child = fork();
	int log;

	if (child < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (child)
		return child;
	log = open(LOG, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || chroot(ROOT) || chdir("/tmp"))
		_exit(125);
	drop_privileges();
	execve("/usr/bin/trinity", args, environment);
	_exit(127);
}

/* Kills all that Trinity has left. It has forked processes that nobody waits for. */
static void kill_all(void)
{
	pid_t child = fork();

	if (!child) {
		drop_privileges();
		kill(-1, SIGKILL);
		_exit(0);
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Whether it has ended. */
static bool wait_for(pid_t child, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;

	while (time(NULL) < end) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		usleep(100000);
	}

	return false;
}

/* The last count of calls in what Trinity has printed, of its progress or of its end. */
static unsigned long calls(void)
{
	FILE *log = fopen(LOG, "r");
	unsigned long nr = 0;
	char line[512];

	while (log && fgets(line, sizeof(line), log)) {
		char *text = strstr(line, "] ");

		text = text ? text + 2 : line;
		if (sscanf(text, "Ran %lu syscalls", &nr) != 1 && strstr(text, " iterations. "))
			nr = strtoul(text, NULL, 10);
	}
	if (log)
		fclose(log);

	return nr;
}

static void show_log(void)
{
	FILE *log = fopen(LOG, "r");
	char line[512];

	while (log && fgets(line, sizeof(line), log))
		ksft_print_msg("%s", line);
	if (log)
		fclose(log);
}

int main(void)
{
	const char *seconds = getenv("trinity");
	unsigned long nr[2] = {};
	unsigned int slice;
	time_t begin = time(NULL), end = begin + (seconds ? atol(seconds) : 2 * SLICE);

	ksft_print_header();
	ksft_set_plan(2);
	mounted("devtmpfs", ROOT "/dev");
	mounted("proc", ROOT "/proc");
	mounted("sysfs", ROOT "/sys");
	mounted("tmpfs", ROOT "/tmp");
	for (slice = 0; slice < 2 || time(NULL) < end; slice++) {
		pid_t trinity = start(slice % 2 ? all : vm);

		if (!wait_for(trinity, SLICE)) {
			kill(trinity, SIGINT);
			wait_for(trinity, GRACE);
		}
		kill_all();
		nr[slice % 2] += calls();
		if (!calls())
			show_log();
	}
	ksft_print_msg("%lu calls of memory management, and %lu of all, in %ld seconds\n",
		       nr[0], nr[1], (long)(time(NULL) - begin));
	ksft_test_result(nr[0] > 100, "survived calls of memory management\n");
	ksft_test_result(nr[1] > 100, "survived calls of all kinds\n");
	ksft_finished();
}
