// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds the reader of traces any bytes: at once, in pieces, and as a file read by several
 * threads. The input chooses the length of the pieces and the time stamp to end at. All must
 * give the same counts, with the sums of docs/counting.md.
 */

#define _GNU_SOURCE	/* memfd_create() */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any eight bytes of the input, which can be a time stamp; or 0, no end. */
static uint64_t until;

static void choose_until(const uint8_t *data, size_t size, uint8_t chosen)
{
	size_t at = size * (chosen >> 4) / 16;

	until = 0;
	if (chosen % 2 && at + sizeof(until) <= size)
		memcpy(&until, data + at, sizeof(until));
}

static int read_trace(const uint8_t *data, size_t size, size_t piece, struct stats *stats)
{
	struct trace *trace = trace_new();
	int ret;

	if (!trace)
		abort();
	trace_until(trace, until);
	for (size_t i = 0; i < size; i += piece)
		if (trace_feed(trace, data + i, size - i < piece ? size - i : piece))
			break;
	ret = trace_finish(trace);
	if (!!ret != !!*trace_error(trace) || trace_snapshot(trace, stats))
		abort();
	trace_free(trace);

	return ret;
}

/* False: threads cannot read it, for example because it is corrupt. */
static bool read_file(const uint8_t *data, size_t size, unsigned int nr_threads,
		      struct stats *stats)
{
	static int fd = -1;
	struct trace *trace;

	if (fd < 0)
		fd = memfd_create("trace", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	trace = trace_read_file(fd, nr_threads, until, NULL);
	if (!trace)
		return false;
	if (trace_snapshot(trace, stats))
		abort();
	trace_free(trace);

	return true;
}

static void check_vcpu(const struct vcpu_stats *vcpu)
{
	static const int nr[] = { HYPERCALL_MULTICALL, HYPERCALL_MMU_UPDATE, HYPERCALL_MMUEXT_OP };

	for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
		if (batch_count(&vcpu->batch[kind]) + vcpu->batch[kind].continuations !=
		    vcpu->hypercall[nr[kind]] + vcpu->subcall[nr[kind]])
			abort();
}

static void check_same(const struct stats *one, const struct stats *other)
{
	if (one->lost != other->lost || one->unattributed != other->unattributed ||
	    one->nr_domains != other->nr_domains || one->nr_vcpus > STATS_MAX_ALL_VCPUS)
		abort();
	for (size_t i = 0; i < one->nr_domains; i++) {
		const struct domain_stats *a = &one->domain[i], *b = &other->domain[i];

		if (a->domid != b->domid || a->nr_vcpus != b->nr_vcpus ||
		    memcmp(a->vcpu, b->vcpu, a->nr_vcpus * sizeof(*a->vcpu)))
			abort();
		for (unsigned int v = 0; v < a->nr_vcpus; v++)
			check_vcpu(&a->vcpu[v]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats whole, pieces, threads;
	uint8_t chosen = size ? data[size / 2] : 0;
	int ret;

	choose_until(data, size, size ? data[size - 1] : 0);
	ret = read_trace(data, size, size ?: 1, &whole);
	if (read_trace(data, size, 1 + chosen % 61, &pieces) != ret)
		abort();
	check_same(&whole, &pieces);
	stats_free(&pieces);
	/* Not every time, since threads are slow. */
	if (chosen % 4 == 0 && read_file(data, size, 2 + chosen / 4 % 3, &threads)) {
		if (ret)
			abort();
		check_same(&whole, &threads);
		stats_free(&threads);
	}
	stats_free(&whole);
	return 0;
}
