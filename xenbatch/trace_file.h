/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts a file with several threads. Each skips from window to window, and counts
 * those of its own pCPUs.
 */
#ifndef XENBATCH_TRACE_FILE_H
#define XENBATCH_TRACE_FILE_H

#include <stdint.h>

#include "trace.h"

/*
 * From where fd is to the end, which is past the last window; fd stays where it is.
 * The trace is as after trace_finish(). NULL: this is for trace_feed() to read, since
 * it is no file that can be read from several places, something in it is wrong, or
 * it is too much for the parts of a trace. until: as trace_until(). progress may be
 * NULL; it is called by one of the threads, with how many bytes are done.
 */
struct trace *trace_read_file(int fd, unsigned int nr_threads, uint64_t until,
			      void (*progress)(uint64_t done));

#endif /* XENBATCH_TRACE_FILE_H */
