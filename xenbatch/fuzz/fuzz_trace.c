// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace that no xentrace wrote: read at once, and in pieces of a length that the
 * input chooses. Both must count the same, and keep the sums of docs/counting.md.
 */

#include <stdlib.h>
#include <string.h>

#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_trace(const uint8_t *data, size_t size, size_t piece, struct stats *stats)
{
	struct trace *trace = trace_new();
	int ret;

	if (!trace)
		abort();
	for (size_t i = 0; i < size; i += piece)
		if (trace_feed(trace, data + i, size - i < piece ? size - i : piece))
			break;
	ret = trace_finish(trace);
	if (!!ret != !!*trace_error(trace) || trace_snapshot(trace, stats))
		abort();
	trace_free(trace);

	return ret;
}

static void check_vcpu(const struct vcpu_stats *vcpu)
{
	static const int nr[] = { HYPERCALL_MULTICALL, HYPERCALL_MMU_UPDATE, HYPERCALL_MMUEXT_OP };

	for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
		if (batch_count(&vcpu->batch[kind]) + vcpu->batch[kind].continuations !=
		    vcpu->hypercall[nr[kind]] + vcpu->subcall[nr[kind]])
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats whole, pieces;
	size_t piece = size ? 1 + data[size / 2] % 61 : 1;

	if (read_trace(data, size, size ?: 1, &whole) != read_trace(data, size, piece, &pieces) ||
	    whole.lost != pieces.lost || whole.unattributed != pieces.unattributed ||
	    whole.nr_domains != pieces.nr_domains || whole.nr_vcpus > STATS_MAX_ALL_VCPUS)
		abort();
	for (size_t i = 0; i < whole.nr_domains; i++) {
		const struct domain_stats *a = &whole.domain[i], *b = &pieces.domain[i];

		if (a->domid != b->domid || a->nr_vcpus != b->nr_vcpus ||
		    memcmp(a->vcpu, b->vcpu, a->nr_vcpus * sizeof(*a->vcpu)))
			abort();
		for (unsigned int v = 0; v < a->nr_vcpus; v++)
			check_vcpu(&a->vcpu[v]);
	}
	stats_free(&whole);
	stats_free(&pieces);
	return 0;
}
