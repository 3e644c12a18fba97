/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is counted for a vCPU, and for all vCPUs of all domains: the one form
 * that a trace, hypfs and a record in JSON are read into. docs/counting.md
 * defines each counter.
 */
#ifndef XENBATCH_STATS_H
#define XENBATCH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hypercall numbers, xen/include/public/xen.h: 0 to 63, and all above in one. */
#define NR_HYPERCALLS	65

/* Buckets of a histogram: sizes 0 to 64, then one for each power of two. */
#define NR_LINEAR	65
#define NR_BUCKETS	90

enum {
	HYPERCALL_MMU_UPDATE = 1,
	HYPERCALL_MULTICALL = 13,
	HYPERCALL_UPDATE_VA_MAPPING = 14,
	HYPERCALL_MMUEXT_OP = 26,
};

enum batch_kind {
	BATCH_MULTICALL,
	BATCH_MMU_UPDATE,
	BATCH_MMUEXT_OP,
	NR_BATCH_KINDS
};

struct batch_stats {
	uint64_t size[NR_BUCKETS];	/* batches by size */
	uint64_t requests;		/* the sizes of all batches, added up */
	uint64_t continuations;
};

struct vcpu_stats {
	uint64_t hypercall[NR_HYPERCALLS];
	uint64_t subcall[NR_HYPERCALLS];
	struct batch_stats batch[NR_BATCH_KINDS];
	uint64_t ptwr;
	uint64_t page_fault;
};

/* Domain ids are 16 bits in Xen; the special ones begin here (DOMID_FIRST_RESERVED). */
#define DOMID_RESERVED	0x7ff0

/*
 * No record has more, whatever it is read from: of one domain, and of all together. The
 * fuzzers set less, since each id that they make up has room made for all below it.
 */
#ifndef STATS_MAX_VCPUS
#define STATS_MAX_VCPUS		8192u
#define STATS_MAX_ALL_VCPUS	16384u
#endif

struct domain_stats {
	uint16_t domid;
	char name[64];			/* "" where it is not known */
	unsigned int nr_vcpus;		/* of vcpu[]; one that was not seen is all zeros */
	struct vcpu_stats *vcpu;
};

/* One record: what was counted in some time, from one source. */
struct stats {
	char source[8];			/* "hypfs" or "trace" */
	double seconds;			/* how long was counted; 0: not known */
	uint64_t lost;			/* trace records that Xen lost */
	uint64_t unattributed;		/* trace records of which no vCPU is known */
	size_t nr_vcpus;		/* of all domains */
	size_t nr_domains;
	struct domain_stats *domain;	/* by ascending domid */
};

/* "multicall", "mmu_update", "mmuext_op". */
extern const char *const batch_kind_name[NR_BATCH_KINDS];
/* What a batch of that kind is made of: "calls", "requests", "operations". */
extern const char *const batch_unit_name[NR_BATCH_KINDS];
/* The kind of a hypercall number, or NR_BATCH_KINDS if it has no list. */
static inline enum batch_kind batch_kind_of(uint32_t hypercall)
{
	switch (hypercall) {
	case HYPERCALL_MULTICALL:
		return BATCH_MULTICALL;
	case HYPERCALL_MMU_UPDATE:
		return BATCH_MMU_UPDATE;
	case HYPERCALL_MMUEXT_OP:
		return BATCH_MMUEXT_OP;
	default:
		return NR_BATCH_KINDS;
	}
}

/* The name of a hypercall number, or NULL if it has none. */
const char *hypercall_name(unsigned int nr);
/* The number of a name, or -1. */
int hypercall_number(const char *name);

/* The bucket of a size, and the least size in a bucket. */
static inline unsigned int bucket_of(uint32_t size)
{
	unsigned int log2, bucket;

	if (size < NR_LINEAR)
		return size;
	log2 = 31 - __builtin_clz(size);
	bucket = NR_LINEAR + log2 - 6;

	return bucket < NR_BUCKETS ? bucket : NR_BUCKETS - 1;
}

uint32_t bucket_first(unsigned int bucket);

uint64_t batch_count(const struct batch_stats *batch);
/* The mean size of the batches, 0 if there were none. */
double batch_mean(const struct batch_stats *batch);

/* to += from, and to -= from. A difference below zero becomes zero. */
void vcpu_stats_add(struct vcpu_stats *to, const struct vcpu_stats *from);
void vcpu_stats_subtract(struct vcpu_stats *to, const struct vcpu_stats *from);

/* All vCPUs of a domain together. */
void domain_total(const struct domain_stats *domain, struct vcpu_stats *total);

void stats_init(struct stats *stats, const char *source);
void stats_free(struct stats *stats);
struct domain_stats *stats_find(const struct stats *stats, uint16_t domid);
/*
 * A domain's vCPU, made if it is not there. NULL: no memory, or past the limits
 * above. The pointer, and that of every other vCPU, is good until the next call.
 */
struct vcpu_stats *stats_vcpu(struct stats *stats, uint16_t domid, unsigned int vcpu);
/*
 * What was counted from before to now: now -= before, domain by domain. A domain
 * that before does not have stays as it is; one that now does not have is dropped.
 */
void stats_subtract(struct stats *now, const struct stats *before);

#endif /* XENBATCH_STATS_H */
