// SPDX-License-Identifier: GPL-2.0-only

#define _GNU_SOURCE	/* pipe2(), F_SETPIPE_SZ */

#include "xentrace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

/* How often xentrace looks for records, in milliseconds: a record is at most that late. */
#define SLEEP		"100"

/* xentrace looks twice more before it ends, and then may have full buffers to write. */
#define END_SECONDS	3

#define TRACING_ON	"may have left tracing on: 'xentrace -X -T 1 /dev/null' turns it off"

struct xentrace {
	pid_t pid;			/* 0: it has ended */
	int records, messages;		/* its stdout and its stderr */
	double began;
	char message[160];		/* its last line on stderr */
	size_t message_length;
	bool message_ended;
};

static int find_program(char *found, size_t size)
{
	static const char *const more = "/usr/local/sbin:/usr/sbin:/sbin";
	const char *path = getenv("PATH");
	char all[4096], *rest = all, *folder;

	snprintf(all, sizeof(all), "%s:%s", path ? path : "", more);
	while ((folder = strsep(&rest, ":"))) {
		if (!*folder)
			continue;
		snprintf(found, size, "%s/xentrace", folder);
		if (!access(found, X_OK))
			return 0;
	}
	return -1;
}

static void __attribute__((noreturn))
become(const char *program, pid_t parent, int out, int messages)
{
	/* xentrace of Xen 4.17 to 4.20 takes a file, which it truncates: give it its stdout. */
	char *const argv[] = { (char *)program, "-D", "-e", TRACE_EVENT_MASK_TEXT, "-s", SLEEP,
			       "/proc/self/fd/1", NULL };
	sigset_t none;
	int in;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* SIGTERM, not SIGKILL, so that it turns the tracing off even if we are killed. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	/* Ctrl-C must not end it at once: we end it, and read what it still writes. */
	setpgid(0, 0);
	in = open("/dev/null", O_RDONLY);
	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(messages, STDERR_FILENO) < 0)
		_exit(1);
	execv(program, argv);
	dprintf(STDERR_FILENO, "%s\n", strerror(errno));
	_exit(1);
}

static int start(struct xentrace *xentrace, const char *program, struct error *error)
{
	int out[2] = { -1, -1 }, messages[2] = { -1, -1 };
	pid_t self = getpid();
	int ret = -1;

	if (pipe2(out, O_CLOEXEC) || pipe2(messages, O_CLOEXEC) ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) || fcntl(messages[0], F_SETFL, O_NONBLOCK)) {
		failed(error, "a pipe for xentrace: %s", strerror(errno));
		goto out;
	}
	/* If a signal cuts a write short, xentrace gives up and leaves the tracing on. */
	fcntl(out[0], F_SETPIPE_SZ, 1 << 20);

	xentrace->pid = fork();
	if (xentrace->pid < 0) {
		failed(error, "a process for xentrace: %s", strerror(errno));
		goto out;
	}
	if (!xentrace->pid)
		become(program, self, out[1], messages[1]);
	xentrace->records = out[0];
	xentrace->messages = messages[0];
	ret = 0;

out:
	if (ret) {
		close(out[0]);
		close(messages[0]);
	}
	close(out[1]);
	close(messages[1]);

	return ret;
}

struct xentrace *xentrace_start(const char *program, struct error *error)
{
	struct xentrace *xentrace;
	char found[4096];

	if (!program && find_program(found, sizeof(found))) {
		failed(error, "no xentrace: install Xen's tools, or use --xentrace");
		return NULL;
	}
	if (program && access(program, X_OK)) {
		failed(error, "%s: %s", program, strerror(errno));
		return NULL;
	}
	xentrace = calloc(1, sizeof(*xentrace));
	if (!xentrace) {
		failed(error, "no memory");
		return NULL;
	}
	if (start(xentrace, program ?: found, error)) {
		free(xentrace);
		return NULL;
	}
	return xentrace;
}

void xentrace_set_fds(const struct xentrace *xentrace, struct pollfd *fds)
{
	bool runs = xentrace && xentrace->pid;

	fds[0] = (struct pollfd){ .fd = runs ? xentrace->records : -1, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = runs ? xentrace->messages : -1, .events = POLLIN };
}

static void read_messages(struct xentrace *xentrace)
{
	char buffer[512];
	ssize_t length;

	while ((length = read(xentrace->messages, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < length; i++) {
			if (buffer[i] == '\n') {
				xentrace->message_ended = true;
				continue;
			}
			if (xentrace->message_ended) {
				xentrace->message_ended = false;
				xentrace->message_length = 0;
			}
			if (xentrace->message_length < sizeof(xentrace->message) - 1)
				xentrace->message[xentrace->message_length++] = buffer[i];
		}
	}
	xentrace->message[xentrace->message_length] = '\0';
}

/* 1: xentrace closed the pipe; 0; -1: the trace is corrupt. */
static int read_records(struct xentrace *xentrace, struct trace *trace, struct error *error)
{
	static char buffer[1 << 16];
	ssize_t length;

	while ((length = read(xentrace->records, buffer, sizeof(buffer))) > 0) {
		if (!xentrace->began)
			xentrace->began = seconds_now();
		if (trace_feed(trace, buffer, length))
			return failed(error, "the output of xentrace: %s", trace_error(trace));
		/* However much there is to read, the caller gets its turn. */
		if (length < (ssize_t)sizeof(buffer))
			break;
	}
	return length == 0;
}

/* A closed pipe makes poll() return at once, so wait a little. */
static void rest(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* Waits for its end, and reads on, so that no full pipe holds it up. False: it hangs. */
static bool await_end(struct xentrace *xentrace, int *status)
{
	static char buffer[1 << 16];
	const double until = seconds_now() + END_SECONDS;
	struct pollfd fds[XENTRACE_FDS];

	for (;;) {
		pid_t ended;

		read_messages(xentrace);
		while (read(xentrace->records, buffer, sizeof(buffer)) > 0)
			;
		ended = waitpid(xentrace->pid, status, WNOHANG);
		if (ended == xentrace->pid || (ended < 0 && errno == ECHILD)) {
			read_messages(xentrace);
			return true;
		}
		if (seconds_now() > until)
			return false;
		xentrace_set_fds(xentrace, fds);
		poll(fds, XENTRACE_FDS, 20);
		if ((fds[0].revents | fds[1].revents) & POLLHUP)
			rest();
	}
}

/* The pipe may be full. Reads until nothing comes, so that no signal cuts a write short. */
static void let_it_write(struct xentrace *xentrace)
{
	static char buffer[1 << 16];
	const double until = seconds_now() + 1;
	struct pollfd fd = { .fd = xentrace->records, .events = POLLIN };

	while (seconds_now() < until && poll(&fd, 1, 20) > 0 &&
	       read(xentrace->records, buffer, sizeof(buffer)) > 0)
		;
}

/* Returns its status, as waitpid() has it. */
static int stop(struct xentrace *xentrace)
{
	int status = 0;

	if (!xentrace->pid)
		return 0;
	let_it_write(xentrace);
	kill(xentrace->pid, SIGTERM);
	if (!await_end(xentrace, &status)) {
		kill(xentrace->pid, SIGKILL);
		waitpid(xentrace->pid, &status, 0);
		complain("xentrace had to be killed, and " TRACING_ON);
	}
	close(xentrace->records);
	close(xentrace->messages);
	xentrace->pid = 0;

	return status;
}

/* Whether it failed after it had turned the tracing on. */
static bool failed_late(const struct xentrace *xentrace, int status)
{
	return xentrace->began && WIFEXITED(status) && WEXITSTATUS(status);
}

/* It ended though nobody told it to. */
static int explain_end(struct xentrace *xentrace, struct error *error)
{
	int status = stop(xentrace);
	const char *also = failed_late(xentrace, status) ? ", and " TRACING_ON : "";

	if (WIFSIGNALED(status))
		return failed(error, "xentrace ended: signal %d, and " TRACING_ON,
			      WTERMSIG(status));
	/* Xen sends the interrupt of the trace buffers (VIRQ_TBUF) to one receiver only. */
	if (strstr(xentrace->message, "VIRQ"))
		return failed(error, "xentrace ended: %s: another xentrace runs, end that first",
			      xentrace->message);
	if (xentrace->message_length)
		return failed(error, "xentrace ended: %s%s", xentrace->message, also);
	return failed(error, "xentrace ended: exit code %d%s", WEXITSTATUS(status), also);
}

int xentrace_read(struct xentrace *xentrace, const struct pollfd *fds, struct trace *trace,
		  struct error *error)
{
	int ended;

	if (!xentrace || !xentrace->pid)
		return 0;
	if (fds[1].revents) {
		read_messages(xentrace);
		if ((fds[1].revents & POLLHUP) && !fds[0].revents)
			rest();
	}
	if (!fds[0].revents)
		return 0;
	ended = read_records(xentrace, trace, error);

	return ended > 0 ? explain_end(xentrace, error) : ended;
}

double xentrace_began(const struct xentrace *xentrace)
{
	return xentrace->began;
}

void xentrace_end(struct xentrace *xentrace)
{
	int status;

	if (!xentrace)
		return;
	status = stop(xentrace);
	if (failed_late(xentrace, status))
		complain("xentrace ended: %s, and " TRACING_ON,
			 xentrace->message_length ? xentrace->message : "it failed");
	free(xentrace);
}
