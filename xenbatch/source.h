/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where stat and top get a record from for each period. They need not know which of these
 * sources it is:
 *
 *   hypfs   a hypervisor that counts; xenstore says which domains there are
 *   trace   any hypervisor; xentrace runs as long as the source is open
 *   replay  a file of records that stat --json wrote
 */
#ifndef XENBATCH_SOURCE_H
#define XENBATCH_SOURCE_H

#include <stddef.h>

#include "error.h"
#include "stats.h"

enum source_kind { SOURCE_HYPFS, SOURCE_TRACE, SOURCE_AUTO };

struct source;

/*
 * SOURCE_AUTO: hypfs if this hypervisor counts, else trace. xentrace: the program to run for
 * a trace, as for xentrace_start(). Returns NULL on failure; error says why.
 */
struct source *source_open(enum source_kind kind, const char *xentrace, struct error *error);

/* path must stay valid while the source is open. Returns NULL on failure; error says why. */
struct source *source_open_replay(const char *path, struct error *error);

/* Ends xentrace, and so the tracing, before it returns. source may be NULL. */
void source_close(struct source *source);

/*
 * From here on SIGINT, SIGTERM and SIGHUP make source_wait() return, and interrupt a write.
 * source_interrupted() returns the signal that came, or 0. SIGPIPE is ignored.
 */
void source_catch_signals(void);
int source_interrupted(void);

enum source_event {
	SOURCE_FAILED = -1,	/* error says why */
	SOURCE_TIME,		/* the time has come */
	SOURCE_INPUT,		/* fd can be read, or the size of the window changed */
	SOURCE_INTERRUPTED,	/* a signal came, or fd was closed */
};

/* Waits up to a time of seconds_now(), and reads what xentrace writes meanwhile. fd may be -1. */
enum source_event source_wait(struct source *source, double until, int fd, struct error *error);

/*
 * What was counted since the last call, or since source_open(). 0: free stats with
 * stats_free(). 1: the replay has ended. -1: error says why.
 *
 * From hypfs, stats has each PV domain that runs, by xenstore, and of which this domain may
 * know; the last counts of a domain that has ended are lost. From a trace, it has each domain
 * that runs, and each other one of which something was counted.
 */
int source_period(struct source *source, struct stats *stats, struct error *error);

/* What was counted since each domain was created. Only hypfs has it. As source_period(). */
int source_total(struct source *source, struct stats *stats, struct error *error);

#endif /* XENBATCH_SOURCE_H */
