// SPDX-License-Identifier: GPL-2.0-only

#define _GNU_SOURCE	/* ppoll() */

#include "source.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

#include "clock.h"
#include "hypfs.h"
#include "output.h"
#include "xentrace.h"

/* xentrace itself makes hypercalls, so there are records as soon as it runs. */
#define XENTRACE_BEGIN_SECONDS	10

struct source {
	enum { HYPFS, TRACE, REPLAY } kind;
	double since;			/* when the period began */
	struct stats before;		/* the counts at that time */

	struct xs_handle *xenstore;	/* NULL: there is none */
	struct hypfs *hypfs;

	struct trace *trace;
	struct xentrace *xentrace;

	FILE *replay;
	const char *path;
	unsigned long line;
};

/* Signals */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

void source_catch_signals(void)
{
	/* Without SA_RESTART: a write that blocks is to be interrupted. */
	struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* Not to be killed when a reader goes away: xentrace must be ended first. */
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
	 * If no daemon runs, xs_open() opens the kernel's device, which then waits for one
	 * for ever. If the xenstore is in another domain, XENSTORED_PATH can name the device.
	 */
	return access(xs_daemon_socket(), F_OK) ? NULL : xs_open(0);
}

/* The ids of all domains. Free it. NULL: xenstored does not answer. */
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

/* Reads what a domain's node holds; "" if the domain has no such node. */
static void read_node(struct source *source, uint16_t domid, const char *node, char *to,
		      size_t size)
{
	char path[48], *value;

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, node);
	value = xs_read(source->xenstore, XBT_NULL, path, NULL);
	snprintf(to, size, "%s", value ?: "");
	free(value);
}

static void name_domains(struct source *source, struct stats *stats)
{
	for (size_t i = 0; source->xenstore && i < stats->nr_domains; i++) {
		struct domain_stats *domain = &stats->domain[i];
		char vm[48];

		read_node(source, domain->domid, "name", domain->name, sizeof(domain->name));
		/* "/vm/UUID" */
		read_node(source, domain->domid, "vm", vm, sizeof(vm));
		if (!strncmp(vm, "/vm/", 4))
			snprintf(domain->uuid, sizeof(domain->uuid), "%.36s", vm + 4);
	}
}

/* Records */

static int read_hypfs(struct source *source, struct stats *stats, struct error *error)
{
	size_t nr;
	uint16_t *domids = list_domains(source, &nr);
	int ret = -1;

	stats_init(stats, "hypfs");
	if (!domids) {
		failed(error, "xenstored, which lists the domains, does not answer: %s",
		       source->xenstore ? strerror(errno) : "start it");
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

/* Drops domains that have ended and counted nothing, and adds those that did not run. */
static void adjust_trace(struct source *source, struct stats *stats)
{
	size_t nr;
	uint16_t *domids = list_domains(source, &nr);

	for (size_t i = stats->nr_domains; i--;) {
		bool runs = false;

		for (size_t d = 0; d < nr && !runs; d++)
			runs = domids[d] == stats->domain[i].domid;
		if (!runs && !domain_counted(&stats->domain[i]))
			stats_drop(stats, i);
	}
	/* If there is no room for one, it is left out: it counted nothing. */
	for (size_t d = 0; d < nr; d++)
		if (!stats_find(stats, domids[d]))
			stats_vcpu(stats, domids[d], 0);
	free(domids);
	name_domains(source, stats);
}

/* Xenstore forgets the name of a domain that has ended. The record before had it. */
static void keep_names(const struct stats *before, struct stats *stats)
{
	for (size_t i = 0; i < stats->nr_domains; i++) {
		struct domain_stats *domain = &stats->domain[i];
		const struct domain_stats *old = stats_find(before, domain->domid);

		if (!old || domain->name[0])
			continue;
		memcpy(domain->name, old->name, sizeof(domain->name));
		memcpy(domain->uuid, old->uuid, sizeof(domain->uuid));
	}
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
	time = seconds_now();
	if (stats_copy(stats, &now)) {
		stats_free(&now);
		return failed(error, "no memory");
	}
	stats_subtract(stats, &source->before);
	stats->seconds = time - source->since;
	if (source->kind == TRACE) {
		adjust_trace(source, stats);
		keep_names(&source->before, stats);
		keep_names(stats, &now);
	}
	stats_free(&source->before);
	source->before = now;
	source->since = time;
	return 0;
}

int source_total(struct source *source, struct stats *stats, struct error *error)
{
	if (source->kind != HYPFS)
		return failed(error, "a trace has no totals: this needs a hypervisor that counts");
	return read_hypfs(source, stats, error);
}

/* Wait */

static struct timespec time_left(double until)
{
	double left = until - seconds_now();

	if (left <= 0)
		return (struct timespec){ 0 };
	return (struct timespec){ .tv_sec = left, .tv_nsec = (left - (time_t)left) * 1e9 };
}

/* Signals that end are blocked except in ppoll(), so that none is missed just before it. */
static enum source_event wait_blocked(struct source *source, double until, int fd,
				      bool for_records, const sigset_t *unblocked,
				      struct error *error)
{
	for (;;) {
		struct pollfd fds[1 + XENTRACE_FDS] = { { .fd = fd, .events = POLLIN } };
		struct timespec left = time_left(until);
		int nr;

		if (interrupted)
			return SOURCE_INTERRUPTED;
		xentrace_set_fds(source->xentrace, &fds[1]);
		nr = ppoll(fds, 1 + XENTRACE_FDS, &left, unblocked);
		if (nr < 0 && errno != EINTR)
			return failed(error, "poll: %s", strerror(errno));
		if (nr < 0) {
			/* SIGWINCH, or a stop that is over. */
			if (!interrupted && fd >= 0)
				return SOURCE_INPUT;
			continue;
		}
		if (nr && xentrace_read(source->xentrace, &fds[1], source->trace, error))
			return SOURCE_FAILED;
		if (nr && fds[0].revents)
			return fds[0].revents == POLLIN ? SOURCE_INPUT : SOURCE_INTERRUPTED;
		if ((!left.tv_sec && !left.tv_nsec) ||
		    (for_records && xentrace_began(source->xentrace)))
			return SOURCE_TIME;
	}
}

static enum source_event wait_for(struct source *source, double until, int fd, bool for_records,
				  struct error *error)
{
	enum source_event event;
	sigset_t ending, before;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigprocmask(SIG_BLOCK, &ending, &before);
	event = wait_blocked(source, until, fd, for_records, &before, error);
	sigprocmask(SIG_SETMASK, &before, NULL);

	return event;
}

enum source_event source_wait(struct source *source, double until, int fd, struct error *error)
{
	return wait_for(source, until, fd, false, error);
}

/* Open and close */

static int no_hypervisor(int error_number, struct error *error)
{
	switch (error_number) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return failed(error,
			      "no /dev/xen/privcmd, so this is not dom0: run xenbatch in dom0");
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
	/* ENOSYS: this Xen was built without hypfs, but it can trace. */
	if (!source->hypfs && errno != ENOSYS)
		return no_hypervisor(errno, error);
	if (source->hypfs && kind != SOURCE_TRACE) {
		counts = hypfs_counts(source->hypfs);
		if (counts < 0)
			return failed(error, "hypfs " HYPFS_DOM0 ": %s", strerror(errno));
	}
	if (kind == SOURCE_HYPFS && !counts)
		return failed(error, "no hypfs " HYPFS_DOM0 ": this Xen lacks CONFIG_BATCH_STATS");

	source->since = seconds_now();
	if (counts) {
		source->kind = HYPFS;
		return read_hypfs(source, &source->before, error);
	}
	source->kind = TRACE;
	stats_init(&source->before, "trace");
	source->trace = trace_new();
	if (!source->trace)
		return failed(error, "no memory");
	source->xentrace = xentrace_start(xentrace, error);
	if (!source->xentrace ||
	    wait_for(source, seconds_now() + XENTRACE_BEGIN_SECONDS, -1, true, error) ==
	    SOURCE_FAILED)
		return -1;
	if (xentrace_began(source->xentrace))
		source->since = xentrace_began(source->xentrace);
	else if (!interrupted)	/* else the next source_wait() says that a signal came */
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
	xentrace_end(source->xentrace);
	trace_free(source->trace);
	hypfs_close(source->hypfs);
	if (source->xenstore)
		xs_close(source->xenstore);
	stats_free(&source->before);
	if (source->replay)
		fclose(source->replay);
	free(source);
}
