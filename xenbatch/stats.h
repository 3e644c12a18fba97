/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counts of a vCPU, and of all vCPUs of all domains. A trace, hypfs and a record in JSON
 * are all read into this form. docs/counting.md defines each counter.
 */
#ifndef XENBATCH_STATS_H
#define XENBATCH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One for each hypercall number from 0 to 63 (xen/include/public/xen.h), and one for all above. */
#define NR_HYPERCALLS	65

/* Buckets of a histogram: one for each size from 0 to 64, then one for each power of two. */
#define NR_LINEAR	65
#define NR_BUCKETS	90

/* One for each error number from 0 to 39 (Xen's, which are Linux's), and one for all above. */
#define NR_ERRORS	41

/* How many refusals are kept of each vCPU. */
#define NR_REFUSED	8

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
 * All counters of a vCPU, in the order that each format has them in. One line here adds a
 * counter to hypfs, JSON, CSV, export, diff and plot. Document it in docs/counting.md and
 * xenbatch(1). To count it in a trace, add it to trace.c.
 *
 *   CALLS(name, unit, what)    a count for each hypercall number; what says in words, for
 *                              export, what it counts
 *   BATCH(name, kind, unit)    three counters of batches: name has them by size, name_unit
 *                              the sum of their sizes, name_continuations the continuations;
 *                              unit is what a size counts
 *   CALL(name, number, unit)   the hypercalls and sub-calls of a number, added up; hypfs and
 *                              CSV do not have it, since they have what is added
 *   ERRORS(name, op)           how many of op were refused, a count for each error number;
 *                              a trace cannot have it
 *   SINGLE(name, unit, since, what)
 *                              a single count; since is ALWAYS, or ADDED for a counter that
 *                              records of version 1 can lack: it is 0 for them
 */
#define VCPU_COUNTERS(CALLS, BATCH, CALL, SINGLE, ERRORS)			\
	CALLS(hypercall, hypercalls, "Entries into Xen by hypercalls")		\
	CALLS(subcall, subcalls, "Calls in multicalls")				\
	BATCH(multicall, BATCH_MULTICALL, calls)				\
	BATCH(mmu_update, BATCH_MMU_UPDATE, requests)				\
	BATCH(mmuext_op, BATCH_MMUEXT_OP, operations)				\
	CALL(update_va_mapping, HYPERCALL_UPDATE_VA_MAPPING, calls)		\
	SINGLE(ptwr, writes, ALWAYS,						\
	       "Page table writes that trapped and that Xen emulated")		\
	SINGLE(page_fault, faults, ALWAYS,					\
	       "Page faults that Xen passed on to the guest")			\
	ERRORS(mmu_update_errors, mmu_update)					\
	ERRORS(mmuext_op_errors, mmuext_op)					\
	ERRORS(update_va_mapping_errors, update_va_mapping)			\
	ERRORS(subcall_errors, subcall)

#define MEMBER_NONE(...)
#define MEMBER_CALLS(name, unit, what)		uint64_t name[NR_HYPERCALLS];
#define MEMBER_SINGLE(name, unit, since, what)	uint64_t name;
#define MEMBER_ERRORS(name, op)			uint64_t name[NR_ERRORS];

/* A hypercall or sub-call that Xen refused. docs/counting.md has what address and value are. */
struct refusal {
	uint64_t nr;		/* numbers the refusals of its vCPU from 1 on; 0: none */
	uint32_t op;
	uint32_t error;		/* a positive error number */
	uint64_t address, value;
};

struct vcpu_stats {
	struct batch_stats batch[NR_BATCH_KINDS];
	VCPU_COUNTERS(MEMBER_CALLS, MEMBER_NONE, MEMBER_NONE, MEMBER_SINGLE, MEMBER_ERRORS)
	/* The last of all above, the newest first. They are not added up. */
	struct refusal refused[NR_REFUSED];
};

/* How many counts it has; no count is behind refused. */
#define NR_VALUES	(offsetof(struct vcpu_stats, refused) / sizeof(uint64_t))

enum counter_kind {
	COUNTER_SINGLE,
	COUNTER_BY_HYPERCALL,	/* an array of NR_HYPERCALLS */
	COUNTER_BY_SIZE,	/* a histogram of NR_BUCKETS */
	COUNTER_BY_ERROR,	/* an array of NR_ERRORS */
	COUNTER_SIZES,		/* the sizes of the batches of the counter before it, added up */
	COUNTER_CALL,		/* the sum of CALL() */
};

#define COUNTER_MAX_KEYS	3

struct counter {
	const char *name;			/* in hypfs, in CSV and in docs/counting.md */
	enum counter_kind kind;
	size_t offset;				/* of its first value in struct vcpu_stats */
	unsigned int nr;			/* values; COUNTER_CALL has none of its own */
	unsigned int call;			/* of COUNTER_CALL: the number */
	const char *json[COUNTER_MAX_KEYS];	/* the keys that lead to it in a vCPU's JSON */
	const char *diff;			/* in diff; COUNTER_SIZES is a mean there */
	const char *unit;			/* what it counts, in the plural */
	bool added;				/* as ADDED above */
	const char *what;			/* in words; NULL: it belongs to batches */
};

#define COUNT_ONE(...)		+ 1
#define COUNT_THREE(...)	+ 3
#define NR_COUNTERS \
	(0 VCPU_COUNTERS(COUNT_ONE, COUNT_THREE, COUNT_ONE, COUNT_ONE, COUNT_ONE))

extern const struct counter counters[NR_COUNTERS];

/* Its nr values in a vCPU. They may be written to if vcpu may be, as with strchr(). */
static inline uint64_t *counter_values(const struct counter *counter,
				       const struct vcpu_stats *vcpu)
{
	return (uint64_t *)((char *)vcpu + counter->offset);
}

/* Whether it has more than one value, each of which has a key. */
static inline bool counter_is_array(const struct counter *counter)
{
	return counter->kind == COUNTER_BY_HYPERCALL || counter->kind == COUNTER_BY_SIZE ||
	       counter->kind == COUNTER_BY_ERROR;
}

/*
 * The key that records have for value i: the name or number of a hypercall or an error, the
 * least size of a bucket, or "" if the counter has a single value. It can be stored at key, which must have
 * COUNTER_KEY_SIZE bytes.
 */
#define COUNTER_KEY_SIZE	16
const char *counter_key(const struct counter *counter, unsigned int i, char *key);

/* All its values added up; of COUNTER_CALL, its value. */
uint64_t counter_sum(const struct counter *counter, const struct vcpu_stats *vcpu);

/* Of COUNTER_SIZES: the mean size of the batches, 0 if there were none. */
double counter_mean(const struct counter *sizes, const struct vcpu_stats *vcpu);

/* Xen's domain ids have 16 bits. Those from here on are special (DOMID_FIRST_RESERVED). */
#define DOMID_RESERVED	0x7ff0

/*
 * The limits of every record: vCPUs of a domain, and of all domains. A vCPU takes memory for
 * all vCPUs of its domain with lower ids, so the fuzzers, which make ids up, set lower limits.
 */
#ifndef STATS_MAX_VCPUS
#define STATS_MAX_VCPUS		8192u
#define STATS_MAX_ALL_VCPUS	16384u
#endif

struct domain_stats {
	uint16_t domid;
	char name[256];			/* "": not known; a longer one is cut */
	char uuid[37];			/* "": not known */
	unsigned int nr_vcpus;		/* in vcpu[]; a vCPU that was not seen is all zeros */
	struct vcpu_stats *vcpu;
};

/* A record: the counts of a period of time, from one source. */
struct stats {
	char source[8];			/* "hypfs" or "trace" */
	double seconds;			/* the length of the period; 0: not known */
	uint64_t lost;			/* trace records that Xen lost */
	uint64_t unattributed;		/* trace records whose vCPU is not known */
	bool no_refusals;		/* the source does not tell them, so their counts are 0 */
	size_t nr_vcpus;		/* of all domains */
	size_t nr_domains;
	struct domain_stats *domain;	/* by ascending domid */
};

/* "multicall", "mmu_update", "mmuext_op". */
extern const char *const batch_kind_name[NR_BATCH_KINDS];

/* The kind of batch that a hypercall number makes; NR_BATCH_KINDS: it makes no batches. */
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

/* "EINVAL", or NULL if it has no name here. */
const char *error_name(unsigned int error);
/* The number of a name, or -1. */
int error_number(const char *name);

/* Keeps a refusal, if it is one of the last. */
void keep_refusal(struct vcpu_stats *vcpu, const struct refusal *refusal);
/*
 * How many were refused, at least: a sub-call counts by its kind and as a sub-call, so the larger
 * of both is taken.
 */
uint64_t refused_count(const struct vcpu_stats *vcpu);

/* The bucket of a size. */
static inline unsigned int bucket_of(uint32_t size)
{
	unsigned int log2, bucket;

	if (size < NR_LINEAR)
		return size;
	log2 = 31 - __builtin_clz(size);
	bucket = NR_LINEAR + log2 - 6;

	return bucket < NR_BUCKETS ? bucket : NR_BUCKETS - 1;
}

/* The least size in a bucket. */
uint32_t bucket_first(unsigned int bucket);

uint64_t batch_count(const struct batch_stats *batch);
/* The mean size of the batches, 0 if there were none. */
double batch_mean(const struct batch_stats *batch);

/*
 * to += from, and to -= from. A difference below 0 becomes 0. to keeps its refusals, and when
 * something is subtracted, only those that from does not have yet.
 */
void vcpu_stats_add(struct vcpu_stats *to, const struct vcpu_stats *from);
void vcpu_stats_subtract(struct vcpu_stats *to, const struct vcpu_stats *from);

/* Whether anything was counted. */
bool vcpu_counted(const struct vcpu_stats *vcpu);
bool domain_counted(const struct domain_stats *domain);

/* Adds up all vCPUs of a domain. */
void domain_total(const struct domain_stats *domain, struct vcpu_stats *total);

void stats_init(struct stats *stats, const char *source);
void stats_free(struct stats *stats);
/* 0: free to with stats_free(). -1: no memory; there is nothing to free. */
int stats_copy(struct stats *to, const struct stats *from);
struct domain_stats *stats_find(const struct stats *stats, uint16_t domid);
/*
 * A vCPU of a domain. Adds the domain and the vCPU if the record lacks them. NULL: no memory,
 * or past the limits above. The next call can move all vCPUs.
 */
struct vcpu_stats *stats_vcpu(struct stats *stats, uint16_t domid, unsigned int vcpu);
/* Removes domain[i]. */
void stats_drop(struct stats *stats, size_t i);
/*
 * now -= before, domain by domain, so that now has what was counted in between. A domain
 * that only now has stays as it is; so does one that has the id of another, by their UUIDs. A
 * domain that only before has does not come into now.
 */
void stats_subtract(struct stats *now, const struct stats *before);

#endif /* XENBATCH_STATS_H */
