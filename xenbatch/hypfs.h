/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a hypervisor built with CONFIG_BATCH_STATS shows in hypfs.
 *
 * /domain/<domid>/batch-stats is a BLOB that describes itself, after the model
 * of KVM's binary statistics: a header, descriptors, and then a block of 64-bit
 * counters for each vCPU. All is in the byte order of the processor. A reader
 * takes every place and size from the header, and every counter from the
 * descriptor of its name, so that both may grow; it skips a name or kind that it
 * does not know. A layout that such a reader could not follow has another
 * version.
 *
 * /domain does not list the domains: reading a directory costs in proportion to
 * what is in it, and Xen cannot be preempted there. Who runs is for others to say
 * (xl list, XEN_SYSCTL_getdomaininfolist).
 */
#ifndef XENBATCH_HYPFS_H
#define XENBATCH_HYPFS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "stats.h"

#define BATCH_STATS_VERSION	1

struct batch_stats_header {
	uint32_t version;	/* BATCH_STATS_VERSION */
	uint32_t desc_offset;	/* where the descriptors begin, in bytes of the blob */
	uint32_t desc_size;	/* bytes from one descriptor to the next */
	uint32_t nr_desc;
	uint32_t data_offset;	/* where vCPU 0's counters begin; a multiple of 8 */
	uint32_t vcpu_size;	/* bytes from one vCPU's counters to the next's; a multiple of 8 */
	uint32_t nr_vcpus;
	uint32_t reserved;	/* 0 */
};

enum batch_stats_kind {
	BATCH_STATS_COUNTER = 0,	/* one value */
	BATCH_STATS_ARRAY = 1,		/* a value for each index; the last has all that are higher */
	BATCH_STATS_HISTOGRAM = 2,	/* a value for each bucket of sizes */
};

struct batch_stats_desc {
	char name[32];		/* as in docs/counting.md, padded with NULs, at least one */
	uint32_t kind;		/* enum batch_stats_kind */
	uint32_t nr;		/* how many 64-bit values */
	uint32_t offset;	/* where they begin, in bytes of a vCPU's counters; a multiple of 8 */
	/*
	 * HISTOGRAM: as many buckets for one size each, from 0. The one after them
	 * has the sizes from linear up to the next power of two, and then there is one
	 * for each power of two. The last has all that are larger. Else 0.
	 */
	uint32_t linear;
};

/*
 * Adds what a blob has for domain domid to stats. 0; or -1, the reason with the
 * byte of the blob that is at fault in error, and no count in stats changed.
 * Nothing that a blob says is trusted. A domain without vCPUs does not come into
 * stats, and a counter that the blob does not have is zero.
 *
 * Where the blob's buckets or indices are not ours: a bucket counts where its
 * least size falls, and an array's last element, if it stands for more than one
 * index that we have, as our last.
 */
int hypfs_decode(const void *blob, size_t size, struct stats *stats, uint16_t domid,
		 struct error *error);

struct hypfs;

/* NULL: errno says why. ENOSYS: this Xen was built without hypfs. */
struct hypfs *hypfs_open(void);
void hypfs_close(struct hypfs *hypfs);

/* Whether this Xen counts: it does for domain 0, if for any. -1: errno. */
int hypfs_counts(struct hypfs *hypfs);

/* Adds /domain/<domid>/batch-stats to stats. 0; 1: no such domain; -1: error. */
int hypfs_read(struct hypfs *hypfs, uint16_t domid, struct stats *stats,
	       struct error *error);

#endif /* XENBATCH_HYPFS_H */
