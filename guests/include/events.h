/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: how many hypercalls the kernel makes for the page table updates of a task,
 * by the kernel's xen_mc_flush events.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "pages.h"

#define UPDATE_SIZE	16	/* of struct mmu_update */
#define TRACING		"/sys/kernel/tracing/"
#define EVENT		TRACING "events/xen/xen_mc_flush/"

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
	put(EVENT "enable", "1");
}

/* What this task sends while it does operation(arg). A flush of nothing makes no hypercall. */
static inline struct sent sent_by(void (*operation)(void *arg), void *arg)
{
	char line[256], filter[64];
	struct sent sent = {};
	FILE *trace;

	snprintf(filter, sizeof(filter), "common_pid == %d && mcidx > 0", getpid());
	put(EVENT "filter", filter);
	put(TRACING "trace", "\n");
	put(TRACING "tracing_on", "1");
	operation(arg);
	put(TRACING "tracing_on", "0");

	trace = fopen(TRACING "trace", "r");
	if (!trace)
		ksft_exit_fail_msg(TRACING "trace: %s\n", strerror(errno));
	while (fgets(line, sizeof(line), trace)) {
		const char *event = strstr(line, "flushing ");
		unsigned int calls, bytes;

		if (!event || sscanf(event, "flushing %u hypercalls, %u arg", &calls, &bytes) != 2)
			continue;
		sent.hypercalls++;
		sent.updates += bytes / UPDATE_SIZE;
	}
	fclose(trace);

	return sent;
}

#endif /* EVENTS_H */
