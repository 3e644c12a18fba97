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

/*
 * All that is counted for a vCPU, in the order of every format. A line here is all that a
 * new counter takes to be read from hypfs, to be read and written as JSON, and to be in
 * CSV and in diff; its documentation is in docs/counting.md and xenbatch(1). trace.c
 * counts it.
 *
 *   CALLS(name, unit)          by hypercall number
 *   BATCH(name, kind, unit)    batches by size; unit: what a size counts. Three counters:
 *                              name, name_unit (the sizes of all batches, added up) and
 *                              name_continuations
 *   CALL(name, number, unit)   hypercalls and sub-calls of this number, added up: not
 *                              counted apart, so not in hypfs nor in CSV
 *   SINGLE(name, unit, since)  one number. since: ALWAYS, or ADDED for a counter that
 *                              version 1 of a record may lack; it is 0 there
 */
#define VCPU_COUNTERS(CALLS, BATCH, CALL, SINGLE)				\
	CALLS(hypercall, hypercalls)						\
	CALLS(subcall, subcalls)						\
	BATCH(multicall, BATCH_MULTICALL, calls)				\
	BATCH(mmu_update, BATCH_MMU_UPDATE, requests)				\
	BATCH(mmuext_op, BATCH_MMUEXT_OP, operations)				\
	CALL(update_va_mapping, HYPERCALL_UPDATE_VA_MAPPING, calls)		\
	SINGLE(ptwr, writes, ALWAYS)						\
	SINGLE(page_fault, faults, ALWAYS)

#define MEMBER_NONE(...)
#define MEMBER_CALLS(name, unit)		uint64_t name[NR_HYPERCALLS];
#define MEMBER_SINGLE(name, unit, since)	uint64_t name;

struct vcpu_stats {
	struct batch_stats batch[NR_BATCH_KINDS];
	VCPU_COUNTERS(MEMBER_CALLS, MEMBER_NONE, MEMBER_NONE, MEMBER_SINGLE)
};

enum counter_kind {
	COUNTER_SINGLE,
	COUNTER_BY_HYPERCALL,	/* an array of NR_HYPERCALLS */
	COUNTER_BY_SIZE,	/* a histogram of NR_BUCKETS */
	COUNTER_SIZES,		/* the sizes of the batches of the counter before it, added up */
	COUNTER_CALL,		/* the sum of CALL() */
};

#define COUNTER_MAX_KEYS	3

struct counter {
	const char *name;			/* in hypfs, in CSV and in docs/counting.md */
	enum counter_kind kind;
	size_t offset;				/* of its first value in struct vcpu_stats */
	unsigned int nr;			/* values; of COUNTER_CALL: the number of the call */
	const char *json[COUNTER_MAX_KEYS];	/* the keys that lead to it in a vCPU's JSON */
	const char *diff;			/* in diff; COUNTER_SIZES is a mean there */
	const char *unit;			/* what it counts, in the plural */
	bool added;				/* as ADDED above */
};

#define COUNT_ONE(...)		+ 1
#define COUNT_THREE(...)	+ 3
#define NR_COUNTERS		(0 VCPU_COUNTERS(COUNT_ONE, COUNT_THREE, COUNT_ONE, COUNT_ONE))

extern const struct counter counters[NR_COUNTERS];

/*
 * Its values in a vCPU; COUNTER_CALL has none of its own. As strchr(): whether the caller
 * may write to them depends on vcpu alone.
 */
static inline uint64_t *counter_values(const struct counter *counter,
				       const struct vcpu_stats *vcpu)
{
	return (uint64_t *)((char *)vcpu + counter->offset);
}

/*
 * What records call value i: the name or number of a hypercall, or the least size of a
 * bucket; "" for a counter that has but one value. key is where there is room for it.
 */
#define COUNTER_KEY_SIZE	16
const char *counter_key(const struct counter *counter, unsigned int i, char *key);

/* All its values added up; of COUNTER_CALL, its value. */
uint64_t counter_sum(const struct counter *counter, const struct vcpu_stats *vcpu);

/* Of COUNTER_SIZES: the mean size of the batches, 0 if there were none. */
double counter_mean(const struct counter *sizes, const struct vcpu_stats *vcpu);

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

/* Whether anything was counted. */
bool vcpu_counted(const struct vcpu_stats *vcpu);
bool domain_counted(const struct domain_stats *domain);

/* All vCPUs of a domain together. */
void domain_total(const struct domain_stats *domain, struct vcpu_stats *total);

void stats_init(struct stats *stats, const char *source);
void stats_free(struct stats *stats);
/* 0, and to is to be freed; -1: no memory, and nothing to free. */
int stats_copy(struct stats *to, const struct stats *from);
struct domain_stats *stats_find(const struct stats *stats, uint16_t domid);
/*
 * A domain's vCPU, made if it is not there. NULL: no memory, or past the limits
 * above. The pointer, and that of every other vCPU, is good until the next call.
 */
struct vcpu_stats *stats_vcpu(struct stats *stats, uint16_t domid, unsigned int vcpu);
/* Takes domain i out. */
void stats_drop(struct stats *stats, size_t i);
/*
 * What was counted from before to now: now -= before, domain by domain. A domain
 * that before does not have stays as it is; one that now does not have is dropped.
 */
void stats_subtract(struct stats *now, const struct stats *before);

#endif /* XENBATCH_STATS_H */
