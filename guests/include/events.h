/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: how many hypercalls the kernel makes for the page table updates of a task,
 * by the kernel's xen_mc_flush events.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>

#include "pages.h"

#define UPDATE_SIZE	16	/* of struct mmu_update */
#define TRACING		"/sys/kernel/tracing/"
#define EVENTS		TRACING "events/xen/"
#define FLUSH		"xen_mc_flush"
#define SET_PMD		"xen_mmu_set_pmd"

struct sent {
	unsigned long hypercalls;
	unsigned long updates;
};

/* Once in a guest, before sent_by(). */
static inline void events_setup(void)
{
	if (mount("tracefs", TRACING, "tracefs", 0, NULL))
		ksft_exit_fail_msg("mount tracefs: %s\n", strerror(errno));
	/* Enabled only once, since enabling patches the kernel's text, by hypercalls. */
	put(TRACING "tracing_on", "0");
	put(EVENTS FLUSH "/enable", "1");
	put(EVENTS SET_PMD "/enable", "1");
}

static inline FILE *open_trace(void)
{
	FILE *trace = fopen(TRACING "trace", "r");

	if (!trace)
		ksft_exit_fail_msg(TRACING "trace: %s\n", strerror(errno));
	return trace;
}

/* The updates of a line of the trace that is of a hypercall, else 0. */
static inline unsigned int updates_of(const char *line)
{
	const char *event = strstr(line, "flushing ");
	unsigned int calls, bytes;

	if (!event || sscanf(event, "flushing %u hypercalls, %u arg", &calls, &bytes) != 2)
		return 0;
	return bytes / UPDATE_SIZE;
}

/* What this task sends while it does operation(arg). A flush of nothing makes no hypercall. */
static inline struct sent sent_by(void (*operation)(void *arg), void *arg)
{
	char line[256], filter[64];
	struct sent sent = {};
	FILE *trace;

	snprintf(filter, sizeof(filter), "common_pid == %d && mcidx > 0", getpid());
	put(EVENTS FLUSH "/filter", filter);
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	put(EVENTS SET_PMD "/filter", filter);
	put(TRACING "trace", "\n");
	put(TRACING "tracing_on", "1");
	operation(arg);
	put(TRACING "tracing_on", "0");

	trace = open_trace();
	while (fgets(line, sizeof(line), trace)) {
		sent.hypercalls += !!strstr(line, "flushing ");
		sent.updates += updates_of(line);
	}
	fclose(trace);

	return sent;
}

/*
 * How many updates went out with the first one of a pmd entry that the last sent_by() has seen; 0 if
 * there was none.
 */
static inline unsigned long sent_with_pmd(void)
{
	FILE *trace = open_trace();
	unsigned long updates = 0;
	bool set = false;
	char line[256];

	while (!updates && fgets(line, sizeof(line), trace)) {
		if (set)
			updates = updates_of(line);
		set |= !!strstr(line, SET_PMD ":");
	}
	fclose(trace);

	return updates;
}

#endif /* EVENTS_H */
