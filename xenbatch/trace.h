/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what xentrace writes, piece by piece: any split of the file gives the same
 * counts. Memory does not grow with the length of the trace, and for any input
 * stays under 256 MB: the records of a vCPU past STATS_MAX_VCPUS or
 * STATS_MAX_ALL_VCPUS are unattributed.
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

#define TRACE_MAX_PCPUS		4096u	/* a trace with more is corrupt */

struct trace;

/* NULL: no memory. */
struct trace *trace_new(void);
void trace_free(struct trace *trace);

/*
 * Before anything is fed: the records of each pCPU from this time stamp on are as if they
 * were not there. 0: there is no such end.
 */
void trace_until(struct trace *trace, uint64_t tsc);

/*
 * 0, or -1 once the trace turned out to be corrupt: trace_error() has the reason,
 * and what was counted up to there stays. Feeding it more is another -1.
 */
int trace_feed(struct trace *trace, const void *buf, size_t len);

/*
 * The end of the file. 0; 1 if it cuts off a record or a window, which
 * trace_error() says, and what came before is counted; -1 as trace_feed(), or
 * because there was nothing at all.
 */
int trace_finish(struct trace *trace);

/* One line with the byte offset, "" if nothing was wrong. */
const char *trace_error(const struct trace *trace);

/*
 * A copy of what was counted so far; to be freed. seconds is 0: a trace has cycles,
 * and not how many a second has. While the trace goes on, its last multicalls may
 * yet turn out to be continuations; they are then batches no more. 0, or -1: no
 * memory, and nothing to free.
 */
int trace_snapshot(const struct trace *trace, struct stats *stats);

/*
 * A trace can be counted in parts, each in a thread of its own: the windows of some
 * pCPUs, all of them and in their order. Only multicalls that went on on another pCPU
 * need more than one part to be seen, and for these the parts are joined from time to
 * time. In the end the counts are the same as those of trace_feed().
 */
#define TRACE_MAX_PARTS		8u

struct trace_window {
	uint32_t pcpu, size;	/* bytes of records */
};

#define TRACE_WINDOW_HEADER	12u	/* bytes before them */

/* False: no window begins here. */
bool trace_window(const uint8_t *p, struct trace_window *window);

struct trace *trace_new_part(void);

/* As trace_feed(). order: where the window that this is of begins in the whole. */
int trace_feed_part(struct trace *part, uint64_t order, const void *buf, size_t len);

/*
 * Takes to whole, which is fed nothing, what the parts have for it; all of them have
 * come as far. 0; -1: there was no room for something, and the counts are not right.
 */
int trace_join(struct trace *whole, struct trace *const *part, unsigned int nr);

/* The end, instead of the last trace_join() and of trace_finish(). */
int trace_finish_parts(struct trace *whole, struct trace *const *part, unsigned int nr);

#endif /* XENBATCH_TRACE_H */
