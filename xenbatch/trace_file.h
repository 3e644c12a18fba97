/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts a file with several threads. Each goes through all windows, and counts those of its
 * pCPUs.
 */
#ifndef XENBATCH_TRACE_FILE_H
#define XENBATCH_TRACE_FILE_H

#include <stdint.h>

#include "trace.h"

/*
 * Counts from the position of fd to the end of the file; the position does not change.
 * Returns a trace as after trace_finish(). Returns NULL if trace_feed() must read it instead:
 * it is not a regular file, something in it is wrong, or it has too much for the parts of a
 * trace. until: as for trace_until(). One of the threads calls progress with the number of
 * bytes done; it may be NULL.
 */
struct trace *trace_read_file(int fd, unsigned int nr_threads, uint64_t until,
			      void (*progress)(uint64_t done));

#endif /* XENBATCH_TRACE_FILE_H */
