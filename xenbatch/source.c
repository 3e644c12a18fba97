// SPDX-License-Identifier: GPL-2.0-only

#define _GNU_SOURCE	/* pipe2(), ppoll(), F_SETPIPE_SZ */

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

#include "hypfs.h"
#include "output.h"
#include "trace.h"

/* Entries of PV domains and their sub-calls, and who runs; docs/counting.md. */
#define EVENT_MASK		"0x00223000"

/* How often xentrace looks, in milliseconds: a record is at most that late. */
#define XENTRACE_SLEEP		"100"

/* xentrace itself makes hypercalls, so there are records as soon as it runs. */
#define XENTRACE_BEGIN_SECONDS	10

/* It looks twice more to end, and then may have buffers of all pCPUs to write. */
#define XENTRACE_END_SECONDS	3

/* Where it could not turn it off. */
#define TRACING_ON	"may have left tracing on: 'xentrace -X -T 1 /dev/null' turns it off"

struct source {
	enum { HYPFS, TRACE, REPLAY } kind;
	double since;			/* when the period began */
	struct stats before;		/* what was counted up to there */

	struct xs_handle *xenstore;	/* NULL: not there */
	struct hypfs *hypfs;

	struct trace *trace;
	pid_t xentrace;			/* 0: does not run */
	int records, messages;		/* what it writes to stdout and to stderr */
	char message[160];		/* the last line of the latter */
	size_t message_length;
	bool message_ended;
	bool began, beginning;		/* it wrote records; source_open() waits for them */

	FILE *replay;
	const char *path;
	unsigned long line;
};

int source_kind_of(const char *name, enum source_kind *kind)
{
	if (!strcmp(name, "hypfs"))
		*kind = SOURCE_HYPFS;
	else if (!strcmp(name, "trace"))
		*kind = SOURCE_TRACE;
	else
		return -1;
	return 0;
}

double source_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Signals */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

void source_catch_signals(void)
{
	/* Without SA_RESTART, so that a write that hangs is interrupted. */
	struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* A reader that went is an error like others, after which xentrace is ended. */
	signal(SIGPIPE, SIG_IGN);
}

int source_interrupted(void)
{
	return interrupted;
}

/* Domains, by xenstore */

static struct xs_handle *open_xenstore(void)
{
	/*
	 * Without a daemon xs_open() goes on to the device of the kernel, which waits
	 * for one for ever. Where another domain has the xenstore, XENSTORED_PATH can
	 * name the device.
	 */
	return access(xs_daemon_socket(), F_OK) ? NULL : xs_open(0);
}

/* The ids of all domains, to be freed; NULL: xenstored does not answer. */
static uint16_t *list_domains(struct source *source, size_t *nr)
{
	unsigned int nr_entries;
	uint16_t *domids = NULL;
	char **entry = NULL;

	*nr = 0;
	if (source->xenstore)
		entry = xs_directory(source->xenstore, XBT_NULL, "/local/domain", &nr_entries);
	if (entry)
		domids = calloc(nr_entries + 1, sizeof(*domids));
	for (unsigned int i = 0; domids && i < nr_entries; i++) {
		char *end;
		unsigned long domid = strtoul(entry[i], &end, 10);

		if (end != entry[i] && !*end && domid < DOMID_RESERVED)
			domids[(*nr)++] = domid;
	}
	free(entry);

	return domids;
}

static void name_domains(struct source *source, struct stats *stats)
{
	for (size_t i = 0; source->xenstore && i < stats->nr_domains; i++) {
		struct domain_stats *domain = &stats->domain[i];
		char path[48], *name;

		snprintf(path, sizeof(path), "/local/domain/%u/name", domain->domid);
		name = xs_read(source->xenstore, XBT_NULL, path, NULL);
		if (name)
			snprintf(domain->name, sizeof(domain->name), "%s", name);
		free(name);
	}
}

/* Records */

static int copy(struct stats *to, const struct stats *from)
{
	*to = *from;
	to->domain = calloc(from->nr_domains + 1, sizeof(*to->domain));
	to->nr_domains = 0;
	if (!to->domain)
		return -1;
	for (size_t i = 0; i < from->nr_domains; i++) {
		const struct domain_stats *domain = &from->domain[i];
		struct vcpu_stats *vcpu = calloc(domain->nr_vcpus + 1, sizeof(*vcpu));

		if (!vcpu) {
			stats_free(to);
			return -1;
		}
		if (domain->nr_vcpus)
			memcpy(vcpu, domain->vcpu, domain->nr_vcpus * sizeof(*vcpu));
		to->domain[i] = *domain;
		to->domain[i].vcpu = vcpu;
		to->nr_domains++;
	}
	return 0;
}

static bool counted(const struct domain_stats *domain)
{
	static const struct vcpu_stats none;

	for (unsigned int v = 0; v < domain->nr_vcpus; v++)
		if (memcmp(&domain->vcpu[v], &none, sizeof(none)))
			return true;
	return false;
}

void source_drop(struct stats *stats, size_t i)
{
	stats->nr_vcpus -= stats->domain[i].nr_vcpus;
	free(stats->domain[i].vcpu);
	stats->nr_domains--;
	memmove(&stats->domain[i], &stats->domain[i + 1],
		(stats->nr_domains - i) * sizeof(stats->domain[i]));
}

static int read_hypfs(struct source *source, struct stats *stats, struct error *error)
{
	size_t nr;
	uint16_t *domids = list_domains(source, &nr);
	int ret = -1;

	stats_init(stats, "hypfs");
	if (!domids) {
		failed(error, "xenstored, which has the list of domains, does not answer: start it");
		goto out;
	}
	for (size_t i = 0; i < nr; i++)
		if (hypfs_read(source->hypfs, domids[i], stats, error) < 0)
			goto out;
	name_domains(source, stats);
	ret = 0;

out:
	free(domids);
	if (ret)
		stats_free(stats);

	return ret;
}

static int read_trace(struct source *source, struct stats *stats, struct error *error)
{
	if (trace_snapshot(source->trace, stats))
		return failed(error, "no memory");
	return 0;
}

/* A trace has who ran once, whether he still does or not, and not who is idle. */
static void adjust_trace(struct source *source, struct stats *stats)
{
	size_t nr;
	uint16_t *domids = list_domains(source, &nr);

	for (size_t i = stats->nr_domains; i--;) {
		bool runs = false;

		for (size_t d = 0; d < nr && !runs; d++)
			runs = domids[d] == stats->domain[i].domid;
		if (!runs && !counted(&stats->domain[i]))
			source_drop(stats, i);
	}
	/* If there is no room for one, it did nothing anyway. */
	for (size_t d = 0; d < nr; d++)
		if (!stats_find(stats, domids[d]))
			stats_vcpu(stats, domids[d], 0);
	free(domids);
	name_domains(source, stats);
}

static int read_replay(struct source *source, struct stats *stats, struct error *error)
{
	char *line = NULL;
	struct error reason;
	size_t room = 0;
	ssize_t length;
	int ret = 1;

	do {
		length = getline(&line, &room, source->replay);
		source->line++;
	} while (length >= 0 && strspn(line, " \t\r\n") == (size_t)length);
	if (length >= 0) {
		ret = stats_read_json(line, length, stats, &reason);
		if (ret)
			failed(error, "%s: line %lu: %s", source->path, source->line, reason.text);
	} else if (ferror(source->replay)) {
		ret = failed(error, "%s: %s", source->path, strerror(errno));
	}
	free(line);

	return ret;
}

static int read_now(struct source *source, struct stats *stats, struct error *error)
{
	return source->kind == HYPFS ? read_hypfs(source, stats, error) :
				       read_trace(source, stats, error);
}

int source_period(struct source *source, struct stats *stats, struct error *error)
{
	struct stats now;
	double time;

	if (source->kind == REPLAY)
		return read_replay(source, stats, error);

	if (read_now(source, &now, error))
		return -1;
	time = source_now();
	if (copy(stats, &now)) {
		stats_free(&now);
		return failed(error, "no memory");
	}
	stats_subtract(stats, &source->before);
	stats->seconds = time - source->since;
	stats_free(&source->before);
	source->before = now;
	source->since = time;
	if (source->kind == TRACE)
		adjust_trace(source, stats);
	return 0;
}

int source_total(struct source *source, struct stats *stats, struct error *error)
{
	if (source->kind != HYPFS)
		return failed(error, "a trace has no totals: this needs a hypervisor that counts");
	return read_hypfs(source, stats, error);
}

/* xentrace */

/* Where PATH has it, or where root's PATH would. -1: nowhere. */
static int find_xentrace(char *found, size_t size)
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
become_xentrace(const char *program, pid_t parent, int out, int messages)
{
	/*
	 * No file that it truncates, but what it has as standard output; 4.17 to 4.20
	 * want a name.
	 */
	char *const argv[] = { (char *)program, "-D", "-e", EVENT_MASK, "-s", XENTRACE_SLEEP,
			       "/proc/self/fd/1", NULL };
	sigset_t set;
	int in;

	ending_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* SIGTERM, not SIGKILL: it turns the tracing off, unless told -x. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	/* Ctrl-C is for us: we then tell it, and read what it still writes. */
	setpgid(0, 0);
	in = open("/dev/null", O_RDONLY);
	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(messages, STDERR_FILENO) < 0)
		_exit(1);
	execv(program, argv);
	dprintf(STDERR_FILENO, "%s\n", strerror(errno));
	_exit(1);
}

static int start_xentrace(struct source *source, const char *program, struct error *error)
{
	int out[2] = { -1, -1 }, messages[2] = { -1, -1 };
	pid_t self = getpid();
	char found[4096];
	int ret = -1;

	if (!program) {
		if (find_xentrace(found, sizeof(found)))
			return failed(error, "no xentrace: install Xen's tools, or use --xentrace");
		program = found;
	} else if (access(program, X_OK)) {
		return failed(error, "%s: %s", program, strerror(errno));
	}
	if (pipe2(out, O_CLOEXEC) || pipe2(messages, O_CLOEXEC) ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) || fcntl(messages[0], F_SETFL, O_NONBLOCK)) {
		failed(error, "a pipe for xentrace: %s", strerror(errno));
		goto out;
	}
	/* It gives up, and leaves the tracing on, when a signal cuts a write short. */
	fcntl(out[0], F_SETPIPE_SZ, 1 << 20);

	source->xentrace = fork();
	if (source->xentrace < 0) {
		source->xentrace = 0;
		failed(error, "a process for xentrace: %s", strerror(errno));
		goto out;
	}
	if (!source->xentrace)
		become_xentrace(program, self, out[1], messages[1]);
	source->records = out[0];
	source->messages = messages[0];
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

/* Keeps the last line. */
static void take_messages(struct source *source)
{
	char buffer[512];
	ssize_t length;

	while ((length = read(source->messages, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < length; i++) {
			char c = buffer[i];

			if (c == '\n') {
				source->message_ended = true;
				continue;
			}
			if (source->message_ended) {
				source->message_ended = false;
				source->message_length = 0;
			}
			if (source->message_length < sizeof(source->message) - 1)
				source->message[source->message_length++] = c;
		}
	}
	source->message[source->message_length] = '\0';
}

/* 1: xentrace closed the pipe; 0; -1: the trace is corrupt. */
static int take_records(struct source *source, struct error *error)
{
	static char buffer[1 << 16];
	ssize_t length;

	while ((length = read(source->records, buffer, sizeof(buffer))) > 0) {
		if (!source->began) {
			source->began = true;
			source->since = source_now();
		}
		if (trace_feed(source->trace, buffer, length))
			return failed(error, "what xentrace writes: %s",
				      trace_error(source->trace));
		/* However much comes, the caller is to have his turn. */
		if (length < (ssize_t)sizeof(buffer))
			break;
	}
	return length == 0;
}

/* Waits for its end, reading on so that it is not held up. False: it hangs. */
static bool await_xentrace(struct source *source, double until, int *status)
{
	static char buffer[1 << 16];

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = source->records, .events = POLLIN },
			{ .fd = source->messages, .events = POLLIN },
		};
		pid_t ended;

		take_messages(source);
		while (read(source->records, buffer, sizeof(buffer)) > 0)
			;
		ended = waitpid(source->xentrace, status, WNOHANG);
		if (ended == source->xentrace || (ended < 0 && errno == ECHILD)) {
			take_messages(source);
			return true;
		}
		if (source_now() > until)
			return false;
		poll(fds, 2, 20);
		/* At the end of its output poll() returns at once. */
		if ((fds[0].revents | fds[1].revents) & POLLHUP)
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
}

static int stop_xentrace(struct source *source)
{
	int status = 0;

	if (!source->xentrace)
		return 0;
	kill(source->xentrace, SIGTERM);
	if (!await_xentrace(source, source_now() + XENTRACE_END_SECONDS, &status)) {
		kill(source->xentrace, SIGKILL);
		waitpid(source->xentrace, &status, 0);
		complain("xentrace had to be killed, and " TRACING_ON);
	}
	close(source->records);
	close(source->messages);
	source->xentrace = 0;

	return status;
}

/* It ended though nobody told it to. */
static int fail_xentrace(struct source *source, struct error *error)
{
	int status = stop_xentrace(source);

	if (WIFSIGNALED(status))
		return failed(error, "xentrace ended: signal %d, and " TRACING_ON,
			      WTERMSIG(status));
	/* There is but one receiver of the buffers' interrupt. */
	if (strstr(source->message, "VIRQ"))
		return failed(error, "xentrace ended: %s: another xentrace runs, end that first",
			      source->message);
	if (source->message_length)
		return failed(error, "xentrace ended: %s", source->message);
	return failed(error, "xentrace ended: exit code %d", WEXITSTATUS(status));
}

enum source_event source_wait(struct source *source, double until, int fd, struct error *error)
{
	enum source_event event = SOURCE_TIME;
	sigset_t ending, before;

	/* Blocked but in ppoll(), so that none comes between the look at it and there. */
	ending_signals(&ending);
	sigprocmask(SIG_BLOCK, &ending, &before);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = source->xentrace ? source->records : -1, .events = POLLIN },
			{ .fd = source->xentrace ? source->messages : -1, .events = POLLIN },
			{ .fd = fd, .events = POLLIN },
		};
		double left = until - source_now();
		struct timespec timeout = { 0 };
		int nr, ended;

		if (interrupted) {
			event = SOURCE_INTERRUPTED;
			break;
		}
		if (left > 0) {
			timeout.tv_sec = left;
			timeout.tv_nsec = (left - timeout.tv_sec) * 1e9;
		}
		nr = ppoll(fds, 3, &timeout, &before);
		if (nr < 0 && errno != EINTR) {
			event = failed(error, "poll: %s", strerror(errno));
			break;
		}
		if (nr < 0) {
			if (interrupted)
				continue;
			event = SOURCE_INPUT;	/* SIGWINCH, or back from a stop */
			if (fd >= 0)
				break;
			continue;
		}
		if (nr && fds[1].revents) {
			take_messages(source);
			if ((fds[1].revents & POLLHUP) && !fds[0].revents)
				nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		}
		if (nr && fds[0].revents) {
			ended = take_records(source, error);
			if (ended > 0)
				fail_xentrace(source, error);
			if (ended) {
				event = SOURCE_FAILED;
				break;
			}
		}
		if (nr && fds[2].revents) {
			event = fds[2].revents == POLLIN ? SOURCE_INPUT : SOURCE_INTERRUPTED;
			break;
		}
		if (left <= 0 || (source->beginning && source->began))
			break;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);

	return event;
}

/* Open and close */

static int no_hypervisor(int error_number, struct error *error)
{
	switch (error_number) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return failed(error,
			      "no /dev/xen/privcmd, so this is no Xen dom0: run xenbatch in dom0");
	case EACCES:
	case EPERM:
		return failed(error,
			      "/dev/xen/privcmd, or a hypercall: %s: run xenbatch as root of dom0",
			      strerror(error_number));
	default:
		return failed(error, "Xen: %s", strerror(error_number));
	}
}

static int open_kind(struct source *source, enum source_kind kind, const char *xentrace,
		     struct error *error)
{
	int counts = 0;

	source->xenstore = open_xenstore();
	source->hypfs = hypfs_open();
	/* A Xen that was built without hypfs can still trace. */
	if (!source->hypfs && errno != ENOSYS)
		return no_hypervisor(errno, error);
	if (source->hypfs && kind != SOURCE_TRACE) {
		counts = hypfs_counts(source->hypfs);
		if (counts < 0)
			return failed(error, "hypfs /domain/0/batch-stats: %s",
				      strerror(errno));
	}
	if (kind == SOURCE_HYPFS && !counts)
		return failed(error, "no hypfs /domain/0/batch-stats: this Xen lacks "
			      "CONFIG_BATCH_STATS, use --source trace");

	source->since = source_now();
	if (counts) {
		source->kind = HYPFS;
		return read_hypfs(source, &source->before, error);
	}
	source->kind = TRACE;
	stats_init(&source->before, "trace");
	source->trace = trace_new();
	if (!source->trace)
		return failed(error, "no memory");
	if (start_xentrace(source, xentrace, error))
		return -1;
	source->beginning = true;
	if (source_wait(source, source_now() + XENTRACE_BEGIN_SECONDS, -1, error) ==
	    SOURCE_FAILED)
		return -1;
	source->beginning = false;
	/* A signal is seen by the next source_wait(). */
	if (!source->began && !interrupted)
		return failed(error, "xentrace wrote nothing in %d seconds",
			      XENTRACE_BEGIN_SECONDS);
	return 0;
}

struct source *source_open(enum source_kind kind, const char *xentrace, struct error *error)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source) {
		failed(error, "no memory");
		return NULL;
	}
	if (open_kind(source, kind, xentrace, error)) {
		source_close(source);
		return NULL;
	}
	return source;
}

struct source *source_open_replay(const char *path, struct error *error)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source) {
		failed(error, "no memory");
		return NULL;
	}
	source->kind = REPLAY;
	source->path = path;
	source->replay = fopen(path, "re");
	if (!source->replay) {
		failed(error, "%s: %s", path, strerror(errno));
		free(source);
		return NULL;
	}
	return source;
}

void source_close(struct source *source)
{
	if (!source)
		return;
	stop_xentrace(source);
	trace_free(source->trace);
	hypfs_close(source->hypfs);
	if (source->xenstore)
		xs_close(source->xenstore);
	stats_free(&source->before);
	if (source->replay)
		fclose(source->replay);
	free(source);
}
