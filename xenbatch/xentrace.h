/* SPDX-License-Identifier: GPL-2.0-only */
/* xentrace(8) as a child process: starts it, reads what it writes, ends it. */
#ifndef XENBATCH_XENTRACE_H
#define XENBATCH_XENTRACE_H

#include <poll.h>

#include "error.h"
#include "trace.h"

struct xentrace;

/*
 * program: the file to run. NULL: the xentrace in PATH, or else in a folder that root's PATH
 * usually has. Returns NULL if there is none or it cannot be started; error says why.
 */
struct xentrace *xentrace_start(const char *program, struct error *error);

/* Sets what poll() is to wait for: xentrace's records and its messages. xentrace may be NULL. */
#define XENTRACE_FDS	2
void xentrace_set_fds(const struct xentrace *xentrace, struct pollfd *fds);

/*
 * After poll(): feeds trace what xentrace wrote, and keeps its last message. Returns 0; or -1
 * if the trace is corrupt, or if xentrace has ended; error says why. xentrace may be NULL.
 */
int xentrace_read(struct xentrace *xentrace, const struct pollfd *fds, struct trace *trace,
		  struct error *error);

/* When it wrote its first records, by seconds_now(); 0: it has not yet. */
double xentrace_began(const struct xentrace *xentrace);

/*
 * Ends xentrace, which turns Xen's tracing off, and frees it. Complains if it has to be
 * killed, or if it fails: the tracing may then still be on. xentrace may be NULL.
 */
void xentrace_end(struct xentrace *xentrace);

#endif /* XENBATCH_XENTRACE_H */
