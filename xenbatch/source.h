/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where stat and top get their records from, period by period, without knowing
 * which of these it is:
 *
 *   hypfs   a hypervisor that counts; the domains are those in xenstore
 *   trace   any hypervisor; xentrace runs as long as the source is open
 *   replay  records that stat --json wrote
 */
#ifndef XENBATCH_SOURCE_H
#define XENBATCH_SOURCE_H

#include <stddef.h>

#include "error.h"
#include "stats.h"

enum source_kind { SOURCE_HYPFS, SOURCE_TRACE, SOURCE_AUTO };

struct source;

/*
 * SOURCE_AUTO is hypfs if this hypervisor counts, else trace. xentrace: the
 * program to run for a trace, or NULL for the one that is installed. NULL: the
 * reason in error.
 */
struct source *source_open(enum source_kind kind, const char *xentrace, struct error *error);

/* path stays the caller's. */
struct source *source_open_replay(const char *path, struct error *error);

/* Ends xentrace, and with it the tracing, before it returns. */
void source_close(struct source *source);

/*
 * From here on SIGINT, SIGTERM and SIGHUP make source_wait() return, and interrupt
 * a write; source_interrupted() says which one came, 0: none. SIGPIPE is ignored.
 */
void source_catch_signals(void);
int source_interrupted(void);

enum source_event {
	SOURCE_FAILED = -1,	/* the reason is in error */
	SOURCE_TIME,		/* it is as late as asked for */
	SOURCE_INPUT,		/* fd can be read, or the window has another size */
	SOURCE_INTERRUPTED,	/* by a signal, or fd is closed */
};

/* Waits up to a time of seconds_now(), and reads what xentrace writes meanwhile. fd may be -1. */
enum source_event source_wait(struct source *source, double until, int fd, struct error *error);

/*
 * What was counted since the last call, or since source_open(). 0, and *stats is
 * to be freed; 1: the replay is at its end; -1.
 *
 * There is each domain that runs, so far as xenstore says, and each other one of
 * which something was counted. What a domain did between the last call and its
 * end is lost with hypfs.
 */
int source_period(struct source *source, struct stats *stats, struct error *error);

/* What was counted since the creation of each domain; hypfs alone knows. */
int source_total(struct source *source, struct stats *stats, struct error *error);

#endif /* XENBATCH_SOURCE_H */
