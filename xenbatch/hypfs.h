/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a hypervisor built with CONFIG_BATCH_STATS shows in hypfs.
 *
 * /domain/<domid>/vcpu/<vcpu>/batch-stats is a BLOB that describes itself, like KVM's binary
 * statistics. It has a header, descriptors, and then the 64-bit counters of the vCPU, in the
 * byte order of the processor. A reader takes every place and size from the header, and finds
 * a counter by the name in its descriptor, so both may grow. It skips a name or kind that it
 * does not know. A layout that such a reader could not follow has another version. If there
 * are no descriptors, nothing is counted for this vCPU: its domain is not PV.
 *
 * Neither /domain nor /domain/<domid>/vcpu lists what is in it. Reading a directory takes time
 * in proportion to what is in it, and Xen cannot be preempted there. To find the domains, use
 * xenstore, xl list or XEN_SYSCTL_getdomaininfolist. vCPUs have the ids from 0 on.
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
	uint32_t data_offset;	/* where the counters begin; a multiple of 8 */
	uint32_t data_size;	/* bytes of all counters; a multiple of 8 */
};

enum batch_stats_kind {
	BATCH_STATS_COUNTER = 0,	/* one value */
	BATCH_STATS_ARRAY = 1,		/* a value for each index, and the last for all higher */
	BATCH_STATS_HISTOGRAM = 2,	/* a value for each bucket of sizes */
	BATCH_STATS_REFUSALS = 3,	/* of the name "refused": each a struct refusal (stats.h) */
};

struct batch_stats_desc {
	char name[32];		/* as in docs/counting.md, padded with NULs, at least one */
	uint32_t kind;		/* enum batch_stats_kind */
	uint32_t nr;		/* how many 64-bit values, or refusals */
	uint32_t offset;	/* their first byte in the counters; a multiple of 8 */
	/*
	 * Of a HISTOGRAM: how many buckets have one size each, from 0 on. The next bucket has
	 * the sizes from linear up to the next power of two. Then there is one for each power
	 * of two. The last bucket has all larger sizes. Of REFUSALS: how many bytes each has.
	 * Else 0.
	 */
	uint32_t linear;
};

/*
 * Adds the counts in a blob to a vCPU. 0; 1: nothing is counted for it; or -1, with the byte of
 * the blob that is wrong in error. After 1 and -1, vcpu is unchanged. The blob is not trusted.
 * A counter that it lacks is 0. *refusals: whether it counts refusals by error.
 *
 * The blob may have other buckets or fewer indices than struct vcpu_stats. A bucket then
 * counts where its least size belongs. An array's last element stands for all higher indices,
 * so it counts as the last here.
 */
int hypfs_decode(const void *blob, size_t size, struct vcpu_stats *vcpu, bool *refusals,
		 struct error *error);

struct hypfs;

/* NULL: errno says why. ENOSYS: this Xen was built without hypfs. */
struct hypfs *hypfs_open(void);
void hypfs_close(struct hypfs *hypfs);

/* Whether this Xen counts, by whether it does for domain 0: 1, 0, or -1: errno says why. */
int hypfs_counts(struct hypfs *hypfs);

/* What hypfs_counts() reads. */
#define HYPFS_DOM0	"/domain/0/vcpu/0/batch-stats"

/*
 * Adds the vCPUs of a domain to stats. 0; 1: there is no such domain, it is not PV, or this
 * domain may not know of it; -1: error.
 */
int hypfs_read(struct hypfs *hypfs, uint16_t domid, struct stats *stats,
	       struct error *error);

#endif /* XENBATCH_HYPFS_H */
