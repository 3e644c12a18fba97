/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts what is in a trace of xentrace, piece by piece. The counts do not depend on how the
 * trace is split. The memory does not grow with the length of the trace, and stays under
 * 256 MB for any input: records of vCPUs past STATS_MAX_VCPUS or STATS_MAX_ALL_VCPUS are
 * unattributed.
 */
#ifndef XENBATCH_TRACE_H
#define XENBATCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats.h"

/*
 * The events that are counted, for xentrace -e: scheduling changes, and the hypercalls,
 * sub-calls, faults and emulated writes of PV guests. No other place has this number;
 * `xenbatch trace-mask` prints it.
 */
#define TRACE_EVENT_MASK	0x00223000
#define TRACE_TEXT_OF(number)	#number
#define TRACE_TEXT(number)	TRACE_TEXT_OF(number)
#define TRACE_EVENT_MASK_TEXT	TRACE_TEXT(TRACE_EVENT_MASK)

#define TRACE_MAX_PCPUS		4096u	/* a trace that has more is corrupt */

struct trace;

/* NULL: no memory. */
struct trace *trace_new(void);
void trace_free(struct trace *trace);

/*
 * Ignores the records of each pCPU from this time stamp on. Call it before trace_feed().
 * 0: ignores none.
 */
void trace_until(struct trace *trace, uint64_t tsc);

/*
 * 0; or -1 if the trace is corrupt. trace_error() then says why, what was counted up to there
 * stays, and further calls return -1 as well.
 */
int trace_feed(struct trace *trace, const void *buf, size_t len);

/*
 * Call it at the end of the file. 0; 1 if the file ends in a record or a window: what comes
 * before is counted, and trace_error() says where that is; -1 as trace_feed(), or if the file
 * is empty.
 */
int trace_finish(struct trace *trace);

/* One line, with the offset of the byte that is wrong. "": nothing is wrong. */
const char *trace_error(const struct trace *trace);

/*
 * A copy of the counts so far. 0: free stats with stats_free(). -1: no memory; there is
 * nothing to free. seconds is 0, since a trace does not say how many cycles a second has. A
 * multicall near the end of the trace counts as a batch until later records show that it is
 * a continuation.
 */
int trace_snapshot(const struct trace *trace, struct stats *stats);

/*
 * A trace can be counted in parts, each by a thread. A part is fed all windows of some pCPUs,
 * in their order. Only a multicall that goes on on another pCPU needs more than one part, so
 * the parts are joined from time to time. The counts are those of trace_feed() in the end.
 */
#define TRACE_MAX_PARTS		8u

struct trace_window {
	uint32_t pcpu;
	uint32_t size;		/* bytes of records */
};

#define TRACE_WINDOW_HEADER	12u	/* bytes before the records */

/* Reads the header of a window. False: there is no such header at p. */
bool trace_window(const uint8_t *p, struct trace_window *window);

struct trace *trace_new_part(void);

/* As trace_feed(), of a single window. order: where the window begins in the whole trace. */
int trace_feed_part(struct trace *part, uint64_t order, const void *buf, size_t len);

/*
 * Moves what the parts keep for it to whole, which is not fed anything itself. All parts must
 * have been fed up to the same place. 0; or -1: there was not enough room, so that the counts
 * are wrong.
 */
int trace_join(struct trace *whole, struct trace *const *part, unsigned int nr);

/* The end of all parts: replaces the last trace_join(), and trace_finish(). */
int trace_finish_parts(struct trace *whole, struct trace *const *part, unsigned int nr);

#endif /* XENBATCH_TRACE_H */
