// SPDX-License-Identifier: GPL-2.0-only
/*
 * seeds FOLDER: writes inputs for each fuzzer to begin with, as FOLDER/fuzz_NAME/…, so that
 * it need not find the format by chance.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../tests/build_trace.h"
#include "hypfs.h"
#include "output.h"
#include "trace.h"

static const char *folder;

static void write_seed(const char *fuzzer, const char *name, const void *data, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, fuzzer);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", folder, fuzzer, name);
	f = fopen(path, "w");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
		fprintf(stderr, "seeds: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static void preempted(struct build *b)
{
	run(b, 1, 0);
	hypercall(b, 13, 4);
	subcall(b, 1, 31);
	subcall(b, 26, 2);
	leave(b, 1, 0);
}

static void goes_on(struct build *b, bool inside)
{
	run(b, 1, 0);
	hypercall(b, 13, 2 + inside);
	subcall(b, 26, inside ? PREEMPTED | 1 : 3);
	subcall(b, 14, 0);
	hypercall(b, 1, PREEMPTED | 7);
	page_fault(b);
	ptwr(b);
	leave(b, 1, 0);
}

/* The trace seeds fuzz_trace, and its record fuzz_json. */
static void trace_seed(struct build *b, const char *name)
{
	struct trace *trace = trace_new();
	struct stats stats;
	char *text = NULL;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	end(b);
	if (!trace || !f)
		abort();
	trace_feed(trace, b->data, b->size);
	trace_finish(trace);
	if (trace_snapshot(trace, &stats))
		abort();
	stats_write_json(f, &stats);
	fclose(f);
	write_seed("fuzz_trace", name, b->data, b->size);
	write_seed("fuzz_json", name, text, length);
	free(text);
	stats_free(&stats);
	trace_free(trace);
	build_free(b);
}

/* A blob with a counter, an array and a histogram, of a vCPU. */
static void hypfs_seed(void)
{
	struct {
		struct batch_stats_header header;
		struct batch_stats_desc desc[3];
		uint64_t data[1 + NR_HYPERCALLS + NR_BUCKETS];
	} blob = {
		.header = {
			.version = BATCH_STATS_VERSION,
			.desc_offset = sizeof(blob.header),
			.desc_size = sizeof(blob.desc[0]),
			.nr_desc = 3,
			.data_offset = sizeof(blob.header) + sizeof(blob.desc),
			.data_size = sizeof(blob.data),
		},
		.desc = {
			{ "ptwr", BATCH_STATS_COUNTER, 1, 0, 0 },
			{ "hypercall", BATCH_STATS_ARRAY, NR_HYPERCALLS, 8, 0 },
			{ "multicall", BATCH_STATS_HISTOGRAM, NR_BUCKETS,
			  8 + 8 * NR_HYPERCALLS, NR_LINEAR },
		},
	};

	blob.data[0] = 3;
	blob.data[1 + HYPERCALL_MULTICALL] = 1;
	blob.data[1 + NR_HYPERCALLS + 2] = 1;
	write_seed("fuzz_hypfs", "small", &blob, sizeof(blob));
}

int main(int argc, char **argv)
{
	struct build b = { .tsc = 1000 };

	if (argc != 2) {
		fputs("usage: seeds FOLDER\n", stderr);
		return 2;
	}
	folder = argv[1];
	mkdir(folder, 0777);

	window(&b, 0);
	preempted(&b);
	goes_on(&b, false);
	lost(&b, 7);
	trace_seed(&b, "one-pcpu");

	b.tsc = 2000;
	window(&b, 0);
	goes_on(&b, true);
	b.tsc = 1000;
	window(&b, 1);
	preempted(&b);
	trace_seed(&b, "two-pcpus");

	hypfs_seed();
	return 0;
}
