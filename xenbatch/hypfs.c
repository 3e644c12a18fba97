// SPDX-License-Identifier: GPL-2.0-only

#include "hypfs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenhypfs.h>
#include <xentoollog.h>

_Static_assert(sizeof(struct batch_stats_header) == 24, "the blob's layout");
_Static_assert(sizeof(struct batch_stats_desc) == 48, "the blob's layout");
_Static_assert(sizeof(struct refusal) == 32, "the blob's layout");

/* How hypfs calls a kind, or -1: hypfs does not have such counters. */
static int64_t hypfs_kind(const struct counter *counter)
{
	switch (counter->kind) {
	case COUNTER_BY_HYPERCALL:
	case COUNTER_BY_ERROR:
		return BATCH_STATS_ARRAY;
	case COUNTER_BY_SIZE:
		return BATCH_STATS_HISTOGRAM;
	case COUNTER_CALL:
		return -1;
	default:
		return BATCH_STATS_COUNTER;
	}
}

/* Where a blob has each of counters[]. */
struct layout {
	struct batch_stats_header header;
	bool has[NR_COUNTERS];
	struct batch_stats_desc desc[NR_COUNTERS];
	struct batch_stats_desc refused;	/* nr is 0 if Xen does not count them */
};

/* The byte of a member of the header, and of the descriptor at byte start. */
#define IN_HEADER(member)	offsetof(struct batch_stats_header, member)
#define IN_DESC(start, member)	((start) + offsetof(struct batch_stats_desc, member))

/* Each product is of two 32-bit values, so it fits 64 bits. */
static int check_header(const struct batch_stats_header *header, uint64_t size, struct error *error)
{
	uint64_t length;

	if (header->version != BATCH_STATS_VERSION)
		return failed(error, "byte %zu: version %" PRIu32 ", this program reads version %d",
			      IN_HEADER(version), header->version, BATCH_STATS_VERSION);

	if (header->desc_offset < sizeof(*header) || header->desc_offset > size)
		return failed(error,
			      "byte %zu: descriptors at byte %" PRIu32 ", of a blob of %" PRIu64,
			      IN_HEADER(desc_offset), header->desc_offset, size);
	if (header->desc_size < sizeof(struct batch_stats_desc))
		return failed(error, "byte %zu: descriptors of %" PRIu32 " bytes, the least is %zu",
			      IN_HEADER(desc_size), header->desc_size,
			      sizeof(struct batch_stats_desc));
	length = (uint64_t)header->nr_desc * header->desc_size;
	if (length > size - header->desc_offset)
		return failed(error, "byte %zu: %" PRIu32 " descriptors are more than the blob has",
			      IN_HEADER(nr_desc), header->nr_desc);

	if (header->data_offset < sizeof(*header) || header->data_offset > size ||
	    header->data_offset % 8)
		return failed(error,
			      "byte %zu: counters at byte %" PRIu32 ", of a blob of %" PRIu64,
			      IN_HEADER(data_offset), header->data_offset, size);
	if (header->data_size % 8 || header->data_size > size - header->data_offset)
		return failed(error, "byte %zu: %" PRIu32 " bytes of counters",
			      IN_HEADER(data_size), header->data_size);

	return 0;
}

static int check_desc(const struct batch_stats_desc *desc, const struct counter *counter,
		      uint64_t start, uint32_t data_size, struct error *error)
{
	/* An error, not skipped: the zeros would look like counts. */
	if (desc->kind != hypfs_kind(counter))
		return failed(error, "byte %" PRIu64 ": %s is of kind %" PRIu32 ", not %" PRId64,
			      IN_DESC(start, kind), counter->name, desc->kind,
			      hypfs_kind(counter));
	if (!desc->nr || (desc->kind == BATCH_STATS_COUNTER && desc->nr != 1))
		return failed(error, "byte %" PRIu64 ": %s has %" PRIu32 " values",
			      IN_DESC(start, nr), counter->name, desc->nr);
	if (desc->offset % 8)
		return failed(error,
			      "byte %" PRIu64 ": %s at byte %" PRIu32 ", not a multiple of 8",
			      IN_DESC(start, offset), counter->name, desc->offset);
	if (desc->offset > data_size || desc->nr > (data_size - desc->offset) / sizeof(uint64_t))
		return failed(error, "byte %" PRIu64 ": %s goes past the end of the counters",
			      IN_DESC(start, offset), counter->name);

	return 0;
}

static int check_refused(const struct batch_stats_desc *desc, uint64_t start, uint32_t data_size,
			 struct error *error)
{
	if (desc->linear < sizeof(struct refusal))
		return failed(error, "byte %" PRIu64 ": %s has %" PRIu32 " bytes each",
			      IN_DESC(start, linear), desc->name, desc->linear);
	if (desc->offset % 8 || desc->offset > data_size ||
	    desc->nr > (data_size - desc->offset) / desc->linear)
		return failed(error, "byte %" PRIu64 ": %s goes past the end of the counters",
			      IN_DESC(start, offset), desc->name);
	return 0;
}

static int read_layout(const uint8_t *blob, size_t size, struct layout *layout, struct error *error)
{
	const struct batch_stats_header *header = &layout->header;

	memset(layout, 0, sizeof(*layout));
	if (size < sizeof(*header))
		return failed(error, "byte %zu: the blob ends in its header", size);
	memcpy(&layout->header, blob, sizeof(*header));
	if (check_header(header, size, error))
		return -1;

	for (uint32_t i = 0; i < header->nr_desc; i++) {
		uint64_t start = header->desc_offset + (uint64_t)i * header->desc_size;
		struct batch_stats_desc desc;

		memcpy(&desc, blob + start, sizeof(desc));
		if (!memchr(desc.name, '\0', sizeof(desc.name)))
			return failed(error, "byte %" PRIu64 ": a name without a NUL",
				      start);
		if (desc.kind == BATCH_STATS_REFUSALS && !strcmp(desc.name, "refused")) {
			if (check_refused(&desc, start, header->data_size, error))
				return -1;
			layout->refused = desc;
		}
		if (desc.kind > BATCH_STATS_HISTOGRAM)
			continue;
		for (size_t c = 0; c < NR_COUNTERS; c++) {
			if (strcmp(desc.name, counters[c].name) || hypfs_kind(&counters[c]) < 0)
				continue;
			if (layout->has[c])
				return failed(error, "byte %" PRIu64 ": %s a second time",
					      start, desc.name);
			if (check_desc(&desc, &counters[c], start, header->data_size, error))
				return -1;
			layout->has[c] = true;
			layout->desc[c] = desc;
		}
	}
	return 0;
}

/* The least size in a bucket of a histogram with a bucket for each size below linear. */
static uint32_t least_size(uint32_t bucket, uint32_t linear)
{
	unsigned int log2;

	if (bucket <= linear)
		return bucket;
	/* The first power of two above linear, doubled for each bucket after that. */
	log2 = linear ? 32 - __builtin_clz(linear) : 0;
	bucket -= linear + 1;

	return bucket < 32 - log2 ? UINT32_C(1) << (log2 + bucket) : UINT32_MAX;
}

/* The index in the counter of value i of a descriptor. */
static uint32_t place(const struct batch_stats_desc *desc, const struct counter *counter,
		      uint32_t i)
{
	switch (desc->kind) {
	case BATCH_STATS_HISTOGRAM:
		return bucket_of(least_size(i, desc->linear));
	case BATCH_STATS_ARRAY:
		return i < desc->nr - 1 && i < counter->nr ? i : counter->nr - 1;
	default:
		return 0;
	}
}

int hypfs_decode(const void *blob, size_t size, struct vcpu_stats *vcpu, bool *refusals,
		 struct error *error)
{
	const uint8_t *data;
	struct layout layout;

	if (read_layout(blob, size, &layout, error))
		return -1;
	data = (const uint8_t *)blob + layout.header.data_offset;
	*refusals = false;
	for (size_t c = 0; c < NR_COUNTERS; c++) {
		const struct batch_stats_desc *desc = &layout.desc[c];
		uint64_t *to = counter_values(&counters[c], vcpu);

		*refusals |= layout.has[c] && counters[c].kind == COUNTER_BY_ERROR;
		for (uint32_t i = 0; i < desc->nr; i++) {
			uint64_t value;

			memcpy(&value, data + desc->offset + i * sizeof(value), sizeof(value));
			to[place(desc, &counters[c], i)] += value;
		}
	}
	for (uint32_t i = 0; i < layout.refused.nr; i++) {
		struct refusal refusal;

		memcpy(&refusal, data + layout.refused.offset + (size_t)i * layout.refused.linear,
		       sizeof(refusal));
		keep_refusal(vcpu, &refusal);
	}
	return !layout.header.nr_desc;
}

struct hypfs {
	xenhypfs_handle *handle;
	struct xentoollog_logger logger;
};

static void __attribute__((format(printf, 5, 0)))
be_quiet(struct xentoollog_logger *logger, xentoollog_level level, int error,
	 const char *context, const char *format, va_list args)
{
	(void)logger, (void)level, (void)error, (void)context, (void)format, (void)args;
}

static void no_progress(struct xentoollog_logger *logger, const char *context, const char *what,
			int percent, unsigned long done, unsigned long total)
{
	(void)logger, (void)context, (void)what, (void)percent, (void)done, (void)total;
}

static void no_destroy(struct xentoollog_logger *logger)
{
	(void)logger;
}

struct hypfs *hypfs_open(void)
{
	struct hypfs *hypfs = malloc(sizeof(*hypfs));
	int saved;

	if (!hypfs)
		return NULL;
	/* The caller reports errors, so the library is not to print them as well. */
	hypfs->logger = (struct xentoollog_logger){ be_quiet, no_progress, no_destroy };
	hypfs->handle = xenhypfs_open(&hypfs->logger, 0);
	if (!hypfs->handle) {
		saved = errno;
		free(hypfs);
		errno = saved;
		return NULL;
	}
	return hypfs;
}

void hypfs_close(struct hypfs *hypfs)
{
	if (!hypfs)
		return;
	xenhypfs_close(hypfs->handle);
	free(hypfs);
}

int hypfs_counts(struct hypfs *hypfs)
{
	struct xenhypfs_dirent *dirent = NULL;
	void *content = xenhypfs_read_raw(hypfs->handle, HYPFS_DOM0, &dirent);
	int counts = content ? 1 : errno == ENOENT ? 0 : -1;

	free(content);
	free(dirent);

	return counts;
}

/* 0; 1: nothing is counted for this vCPU; 2: there is no such vCPU; -1: error. */
static int read_vcpu(struct hypfs *hypfs, uint16_t domid, unsigned int id, struct vcpu_stats *vcpu,
		     bool *refusals, struct error *error)
{
	struct xenhypfs_dirent *dirent = NULL;
	struct error reason;
	char path[64];
	void *blob;
	int ret;

	snprintf(path, sizeof(path), "/domain/%u/vcpu/%u/batch-stats", domid, id);
	blob = xenhypfs_read_raw(hypfs->handle, path, &dirent);
	if (!blob) {
		/* EACCES: Flask does not let this domain know of that one. */
		if (errno == ENOENT || errno == ESRCH || errno == EACCES)
			return 2;
		return failed(error, "hypfs %s: %s", path, strerror(errno));
	}
	if (dirent->type != xenhypfs_type_blob || dirent->encoding != xenhypfs_enc_plain)
		ret = failed(&reason, "not a plain blob");
	else
		ret = hypfs_decode(blob, dirent->size, vcpu, refusals, &reason);
	if (ret < 0)
		failed(error, "hypfs %s: %s", path, reason.text);
	free(blob);
	free(dirent);

	return ret;
}

int hypfs_read(struct hypfs *hypfs, uint16_t domid, struct stats *stats, struct error *error)
{
	for (unsigned int id = 0;; id++) {
		struct vcpu_stats counts = {}, *vcpu;
		bool refusals = false;
		int ret = read_vcpu(hypfs, domid, id, &counts, &refusals, error);

		if (ret)
			return ret < 0 ? -1 : !id;
		vcpu = stats_vcpu(stats, domid, id);
		if (!vcpu)
			return failed(error, "no memory, or more than %u vCPUs",
				      STATS_MAX_ALL_VCPUS);
		*vcpu = counts;
		stats->no_refusals |= !refusals;
	}
}
