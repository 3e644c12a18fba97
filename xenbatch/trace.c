// SPDX-License-Identifier: GPL-2.0-only

#include "trace.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The header of a record has 28 bits of event, the number of words of data, and whether a
 * time stamp comes before the data (xen/include/public/trace.h).
 */
#define EVENT(header)		((header) & 0x0fffffff)
#define NR_WORDS(header)	((header) >> 28 & 7)
#define HAS_TSC(header)		((header) >> 31)
#define MAX_RECORD		(4 + 8 + 7 * 4)

#define LOST_RECORDS		0x0001f001
#define CPU_CHANGE		0x0001f003
#define WINDOW_HEADER		(CPU_CHANGE | 2u << 28)
/* Bits 8 and 9 have the state that a vCPU leaves, bits 4 and 5 the one that it enters. */
#define RUNSTATE_CHANGE		0x00021001
#define RUNSTATE_BITS		0x00000330
#define CONTINUE_RUNNING	0x00021002
#define PV_PAGE_FAULT		0x00201004
#define PV_PTWR			0x0020100b
#define PV_PTWR_PAE		0x0020100c
#define PV_HYPERCALL		0x0020100d
#define PV_SUBCALL		0x0020200e
#define FLAG_64			0x00000100	/* the record has addresses of 64 bits */

/* A mask chooses classes. LOST_RECORDS of Xen and CPU_CHANGE of xentrace always come. */
_Static_assert(((RUNSTATE_CHANGE | CONTINUE_RUNNING | PV_PAGE_FAULT | PV_PTWR | PV_PTWR_PAE |
		 PV_HYPERCALL | PV_SUBCALL) & 0x0ffff000) == TRACE_EVENT_MASK,
	       "xentrace writes what is counted, and nothing else");

#define RUNSTATE_RUNNING	0

/* Xen sets this bit in the count of a hypercall that the guest continues (asm/hypercall.h). */
#define MMU_UPDATE_PREEMPTED	0x80000000u

#define HYPERCALL_IRET		23

/*
 * xentrace writes the buffers of the pCPUs in turn, each as a window. So the records of a
 * pCPU are in order, but if a vCPU moves to another pCPU in the middle of a multicall, the
 * trace can have the rest of the multicall before its beginning. Across pCPUs, only the time
 * stamps give the order. So the intervals in which a vCPU ran wait here, sorted by time
 * stamp, since others can still come in between. When more than this wait, the oldest half
 * is resolved as it is.
 */
#define MAX_INTERVALS		4096u	/* of a vCPU */
#define MAX_ALL_INTERVALS	(1u << 20)
#define MAX_KEPT		(1u << 17)	/* of a part, from one trace_join() to the next */

/* So that all parts together have at most as many as a trace may have. */
#define PART_MAX_VCPUS		(STATS_MAX_ALL_VCPUS / TRACE_MAX_PARTS)

/* An interval in which a vCPU ran without a break and made multicalls. */
struct interval {
	uint64_t start;		/* time stamp */
	uint32_t first;		/* calls of its first multicall */
	uint32_t open;		/* calls left of its last one, if Xen preempted it; else 0 */
	bool batch;		/* the first was counted as a batch */
};

struct vcpu {
	struct batch_stats no_list;	/* where usual_records() counts what is not a batch */
	struct vcpu_stats stats;
	uint16_t domid, id;
	struct interval *interval;	/* by ascending start */
	unsigned int nr_intervals, room;
	uint32_t open;		/* of the last interval that was resolved */
};

/* A pCPU, and the interval since current began to run on it. */
struct pcpu {
	struct vcpu *current;	/* NULL: not known, or not counted */
	uint64_t tsc;		/* of the last record */
	struct interval now;
	uint64_t nr_multicalls;	/* since now.start */
	bool batch;		/* the last multicall was counted as a batch */
	uint32_t size;		/* of the last multicall */
	uint32_t left;		/* its sub-calls that have not come yet */
	uint32_t open;		/* calls left of the last that was preempted; 0: none was */
};

struct domain {
	uint16_t domid;
	unsigned int nr_vcpus;
	struct vcpu **vcpu;
};

/* What a part keeps up to the next trace_join(). */
struct kept {
	struct interval interval;
	uint64_t order;
	uint16_t domid, id;	/* of the vCPU */
};

struct trace {
	uint64_t lost, unattributed;	/* as in struct stats */
	size_t nr_vcpus;	/* of all domains, with those that only make room for higher ids */
	size_t nr_intervals;	/* of all vCPUs */
	size_t nr_domains;
	struct domain *domain;	/* by ascending domid */
	struct pcpu *pcpu[TRACE_MAX_PCPUS];
	unsigned int nr_pcpus;	/* in pcpu[], up to the last that was seen */
	struct pcpu *window_pcpu;
	uint32_t window;	/* bytes left of the window */
	uint64_t offset;	/* of the next record */
	uint8_t partial[MAX_RECORD];	/* the beginning of a record whose rest was not fed yet */
	size_t nr_partial;
	bool corrupt;
	char error[160];

	uint64_t until;		/* as trace_until() */
	size_t max_vcpus;	/* the limit of nr_vcpus */
	bool left_out;		/* there was no room for a vCPU or an interval */

	bool part;
	uint64_t order;		/* of what is fed next */
	struct kept *kept;	/* by ascending order */
	size_t nr_kept, kept_room;
};

static const char no_trace[] = "this is not an xentrace file";

static uint32_t word(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

bool trace_window(const uint8_t *p, struct trace_window *window)
{
	if (word(p) != WINDOW_HEADER)
		return false;
	window->pcpu = word(p + 4);
	window->size = word(p + 8);

	return true;
}

static uint64_t tsc(const uint8_t *record)
{
	return word(record + 4) | (uint64_t)word(record + 8) << 32;
}

static size_t record_size(uint32_t header)
{
	return 4 + 8 * HAS_TSC(header) + 4 * NR_WORDS(header);
}

static int corrupt(struct trace *trace, const char *what)
{
	trace->corrupt = true;
	snprintf(trace->error, sizeof(trace->error), "corrupt at byte %" PRIu64 ": %s",
		 trace->offset, what);
	return -1;
}

/* Adds the domain if it is not there. NULL: no memory. */
static struct domain *find_domain(struct trace *trace, uint16_t domid)
{
	size_t low = 0, high = trace->nr_domains;
	struct domain *domain;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (trace->domain[middle].domid < domid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < trace->nr_domains && trace->domain[low].domid == domid)
		return &trace->domain[low];

	domain = realloc(trace->domain, (trace->nr_domains + 1) * sizeof(*domain));
	if (!domain)
		return NULL;
	trace->domain = domain;
	memmove(&domain[low + 1], &domain[low], (trace->nr_domains - low) * sizeof(*domain));
	trace->nr_domains++;
	domain[low] = (struct domain){ .domid = domid };

	return &domain[low];
}

static struct vcpu *make_vcpu(struct trace *trace, uint16_t domid, uint16_t id)
{
	struct domain *domain = find_domain(trace, domid);
	struct vcpu **slot;

	if (!domain)
		return NULL;
	if (id >= domain->nr_vcpus) {
		size_t more = id + 1 - domain->nr_vcpus;
		struct vcpu **vcpu;

		if (trace->nr_vcpus + more > trace->max_vcpus)
			return NULL;
		vcpu = realloc(domain->vcpu, (id + 1) * sizeof(*vcpu));
		if (!vcpu)
			return NULL;
		memset(&vcpu[domain->nr_vcpus], 0, more * sizeof(*vcpu));
		domain->vcpu = vcpu;
		domain->nr_vcpus = id + 1;
		trace->nr_vcpus += more;
	}
	slot = &domain->vcpu[id];
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->domid = domid;
		(*slot)->id = id;
	}
	return *slot;
}

/* NULL: this vCPU is not counted, possibly because there is no memory for it. */
static struct vcpu *find_vcpu(struct trace *trace, uint32_t domid, uint32_t id)
{
	struct vcpu *vcpu;

	if (domid >= DOMID_RESERVED || id >= STATS_MAX_VCPUS)
		return NULL;
	vcpu = make_vcpu(trace, domid, id);
	if (!vcpu)
		trace->left_out = true;

	return vcpu;
}

static void count_batch(struct batch_stats *batch, uint32_t size)
{
	batch->size[bucket_of(size)]++;
	batch->requests += size;
}

/* A multicall that was counted as a batch is a continuation after all. */
static void make_continuation(struct vcpu_stats *stats, uint32_t size)
{
	struct batch_stats *batch = &stats->batch[BATCH_MULTICALL];

	batch->size[bucket_of(size)]--;
	batch->requests -= size;
	batch->continuations++;
}

/*
 * The first multicall of an interval continues the open one of the interval before, if it has
 * as many calls as were left. Returns what the last interval left open.
 */
static uint32_t resolve(struct vcpu_stats *stats, const struct interval *interval,
			unsigned int nr, uint32_t open)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (open && interval[i].batch && interval[i].first == open)
			make_continuation(stats, open);
		open = interval[i].open;
	}
	return open;
}

static void resolve_oldest(struct trace *trace, struct vcpu *vcpu, unsigned int nr)
{
	vcpu->open = resolve(&vcpu->stats, vcpu->interval, nr, vcpu->open);
	vcpu->nr_intervals -= nr;
	trace->nr_intervals -= nr;
	memmove(vcpu->interval, vcpu->interval + nr, vcpu->nr_intervals * sizeof(*vcpu->interval));
}

static void add_interval(struct trace *trace, struct vcpu *vcpu, const struct interval *new)
{
	unsigned int i;

	if (vcpu->nr_intervals &&
	    (vcpu->nr_intervals == MAX_INTERVALS || trace->nr_intervals >= MAX_ALL_INTERVALS))
		resolve_oldest(trace, vcpu, (vcpu->nr_intervals + 1) / 2);
	if (vcpu->nr_intervals == vcpu->room) {
		unsigned int room = vcpu->room ? 2 * vcpu->room : 16;
		struct interval *interval = NULL;

		if (trace->nr_intervals < MAX_ALL_INTERVALS)
			interval = realloc(vcpu->interval, room * sizeof(*interval));
		/* No memory, or too many intervals: resolve it now, in the order of the file. */
		if (!interval) {
			vcpu->open = resolve(&vcpu->stats, new, 1, vcpu->open);
			return;
		}
		vcpu->interval = interval;
		vcpu->room = room;
	}
	/* It nearly always comes last. */
	for (i = vcpu->nr_intervals; i && vcpu->interval[i - 1].start > new->start; i--)
		vcpu->interval[i] = vcpu->interval[i - 1];
	vcpu->interval[i] = *new;
	vcpu->nr_intervals++;
	trace->nr_intervals++;
}

static void keep_interval(struct trace *part, const struct vcpu *vcpu, const struct interval *new)
{
	if (part->nr_kept == part->kept_room) {
		size_t room = part->kept_room ? 2 * part->kept_room : 64;
		struct kept *kept = NULL;

		if (room <= MAX_KEPT)
			kept = realloc(part->kept, room * sizeof(*kept));
		if (!kept) {
			part->left_out = true;
			return;
		}
		part->kept = kept;
		part->kept_room = room;
	}
	part->kept[part->nr_kept++] = (struct kept){
		.interval = *new, .order = part->order, .domid = vcpu->domid, .id = vcpu->id,
	};
}

/*
 * The last multicall gets no more sub-calls. If some but not all of them came, Xen preempted
 * it: Xen does that after the first sub-call at the earliest.
 */
static void close_multicall(struct pcpu *pcpu)
{
	if (pcpu->left && pcpu->left < pcpu->size)
		pcpu->open = pcpu->left;
	pcpu->left = 0;
}

/* lost: the last records are not known, so the vCPU may not have stopped in a multicall. */
static void stop_running(struct trace *trace, struct pcpu *pcpu, bool lost)
{
	if (!pcpu->current)
		return;
	close_multicall(pcpu);
	pcpu->now.open = lost ? 0 : pcpu->open;
	if (pcpu->nr_multicalls && trace->part)
		keep_interval(trace, pcpu->current, &pcpu->now);
	else if (pcpu->nr_multicalls)
		add_interval(trace, pcpu->current, &pcpu->now);
	pcpu->current = NULL;
}

static void start_running(struct trace *trace, struct pcpu *pcpu, struct vcpu *vcpu)
{
	if (pcpu->current == vcpu)
		return;
	stop_running(trace, pcpu, true);
	pcpu->current = vcpu;
	pcpu->now = (struct interval){ .start = pcpu->tsc };
	pcpu->nr_multicalls = 0;
	pcpu->size = pcpu->left = pcpu->open = 0;
}

static void multicall(struct pcpu *pcpu, uint32_t size)
{
	struct batch_stats *batch = &pcpu->current->stats.batch[BATCH_MULTICALL];

	close_multicall(pcpu);
	pcpu->size = pcpu->left = size;
	pcpu->batch = !pcpu->open || pcpu->open != size;
	if (pcpu->batch) {
		count_batch(batch, size);
	} else {
		batch->continuations++;
		pcpu->open = 0;
	}
	if (!pcpu->nr_multicalls++) {
		pcpu->now.first = size;
		pcpu->now.batch = true;
	}
}

/*
 * If the first sub-call is a continuation, so is the multicall. Xen preempted it inside of
 * that sub-call, which was counted as done, so one more call is left.
 */
static void first_subcall_continues(struct pcpu *pcpu)
{
	if (pcpu->batch)
		make_continuation(&pcpu->current->stats, pcpu->size);
	if (pcpu->open == pcpu->size - 1)
		pcpu->open = 0;
	if (pcpu->nr_multicalls == 1) {
		pcpu->now.first = pcpu->size - 1;
		pcpu->now.batch = false;
	}
}

/*
 * The first word of a hypercall's record has its number, and two bits for each argument: how
 * many words of it follow. Sets *count to where the argument with index 1 begins, 0 if it is
 * not there. Returns false if the record does not fit its first word. A guest can call any
 * number; Xen then writes that as the first word, without arguments.
 */
static bool find_count(uint32_t first, unsigned int nr_words, unsigned int *count)
{
	unsigned int nr = 1;

	*count = 0;
	for (unsigned int i = 0; i < 6; i++) {
		unsigned int words = first >> (20 + 2 * i) & 3;

		if (words == 3)
			return false;
		if (i == 1 && words)
			*count = nr;
		nr += words;
	}
	return nr == nr_words;
}

/* Counts a hypercall or a sub-call without a list. */
static inline void count_call(struct pcpu *pcpu, uint32_t op, bool sub)
{
	if (!sub) {
		pcpu->current->stats.hypercall[op]++;
		return;
	}
	pcpu->current->stats.subcall[op]++;
	if (pcpu->left)
		pcpu->left--;
	/* It ends the multicall, and nothing is left of it to continue. */
	if (op == HYPERCALL_IRET)
		pcpu->left = 0;
}

static inline void count_list(struct pcpu *pcpu, enum batch_kind kind, uint32_t op,
			      uint32_t size, bool sub)
{
	struct batch_stats *batch = &pcpu->current->stats.batch[kind];
	bool continues = kind != BATCH_MULTICALL && size & MMU_UPDATE_PREEMPTED;

	if (continues && sub && pcpu->left && pcpu->left == pcpu->size)
		first_subcall_continues(pcpu);
	count_call(pcpu, op, sub);
	if (continues)
		batch->continuations++;
	else if (kind == BATCH_MULTICALL && !sub)
		multicall(pcpu, size);
	else
		count_batch(batch, size);
}

static inline const char *hypercall(struct trace *trace, struct pcpu *pcpu, const uint8_t *data,
				    unsigned int nr_words, bool sub)
{
	uint32_t first, op;
	unsigned int count;
	enum batch_kind kind;

	if (!nr_words)
		return "a hypercall without a number";
	first = word(data);
	op = first & 0xfffff;
	/* Nearly all have no argument, or 32 bits of the one with index 1. */
	if (first == op && nr_words == 1)
		count = 0;
	else if (first == (op | 1 << 22) && nr_words == 2)
		count = 1;
	else if (!find_count(first, nr_words, &count))
		op = NR_HYPERCALLS - 1;
	if (op >= NR_HYPERCALLS)
		op = NR_HYPERCALLS - 1;

	kind = batch_kind_of(op);
	/* Xen records the size by all 64 bits of the number, and 32 bits of the number itself. */
	if (kind != NR_BATCH_KINDS && !count) {
		op = NR_HYPERCALLS - 1;
		kind = NR_BATCH_KINDS;
	}
	if (!pcpu->current)
		trace->unattributed++;
	else if (kind != NR_BATCH_KINDS)
		count_list(pcpu, kind, op, word(data + 4 * count), sub);
	else
		count_call(pcpu, op, sub);
	return NULL;
}

static const char *runstate(struct trace *trace, struct pcpu *pcpu, uint32_t event,
			    const uint8_t *data, unsigned int nr_words)
{
	unsigned int old = event >> 8 & 3, new = event >> 4 & 3;
	struct vcpu *vcpu;

	if (!nr_words)
		return "a runstate change without a vCPU";
	/* The record of a vCPU that wakes up can come from a pCPU that it does not run on. */
	if (event != CONTINUE_RUNNING && old != RUNSTATE_RUNNING && new != RUNSTATE_RUNNING)
		return NULL;
	vcpu = find_vcpu(trace, word(data) >> 16, word(data) & 0xffff);
	if (event == CONTINUE_RUNNING || new == RUNSTATE_RUNNING)
		start_running(trace, pcpu, vcpu);
	else if (vcpu == pcpu->current)
		stop_running(trace, pcpu, false);

	return NULL;
}

/* CPU_CHANGE says which pCPU the next records are of, and how many bytes they have. */
static const char *new_window(struct trace *trace, const uint8_t *p)
{
	struct trace_window window;
	struct pcpu **pcpu;

	if (!trace_window(p, &window))
		return trace->window_pcpu ? "no window of a pCPU begins here" : no_trace;
	if (window.pcpu >= TRACE_MAX_PCPUS)
		return "no machine has so many pCPUs";
	pcpu = &trace->pcpu[window.pcpu];
	if (!*pcpu)
		*pcpu = calloc(1, sizeof(**pcpu));
	if (!*pcpu)
		return "no memory";
	if (window.pcpu >= trace->nr_pcpus)
		trace->nr_pcpus = window.pcpu + 1;
	trace->window_pcpu = *pcpu;
	trace->window = window.size;

	return NULL;
}

/* Counts a whole record. Returns NULL, or what is wrong with it. */
static inline const char *record(struct trace *trace, const uint8_t *p, uint32_t header,
				 size_t size)
{
	struct pcpu *pcpu = trace->window_pcpu;
	unsigned int nr_words = NR_WORDS(header);
	uint32_t event = EVENT(header);

	if (!trace->window)
		return new_window(trace, p);
	if (size > trace->window)
		return "a record crosses the end of its window";
	trace->window -= size;
	if (HAS_TSC(header))
		pcpu->tsc = tsc(p);
	if (trace->until && pcpu->tsc >= trace->until)
		return NULL;
	p += 4 + 8 * HAS_TSC(header);

	switch (event) {
	case PV_HYPERCALL:
		return hypercall(trace, pcpu, p, nr_words, false);
	case PV_SUBCALL:
		return hypercall(trace, pcpu, p, nr_words, true);
	case PV_PAGE_FAULT:
	case PV_PAGE_FAULT | FLAG_64:
		if (pcpu->current)
			pcpu->current->stats.page_fault++;
		else
			trace->unattributed++;
		break;
	case PV_PTWR:
	case PV_PTWR | FLAG_64:
	case PV_PTWR_PAE:
	case PV_PTWR_PAE | FLAG_64:
		if (pcpu->current)
			pcpu->current->stats.ptwr++;
		else
			trace->unattributed++;
		break;
	case LOST_RECORDS:
		if (!nr_words)
			return "lost records without their number";
		trace->lost += word(p);
		stop_running(trace, pcpu, true);
		break;
	case CPU_CHANGE:
		return "a window begins inside of another";
	default:
		if ((event & ~RUNSTATE_BITS) == RUNSTATE_CHANGE || event == CONTINUE_RUNNING)
			return runstate(trace, pcpu, event, p, nr_words);
		break;
	}
	return NULL;
}

/*
 * Nearly all records have one of a few headers, in an order that a processor cannot predict.
 * So it is faster to look up what they count than to branch. usual_records() counts these;
 * record() can count all of them, and gives the same counts.
 */
struct form {
	uint32_t header;
	uint32_t mask, args;	/* first word & mask is args and a hypercall number */
	uint32_t size_mask;	/* for the second word */
	uint32_t counter;	/* the index in struct vcpu of the count of number 0 */
	uint32_t is_subcall;
	const uint16_t *list;	/* by number: as counter, of its batch_stats */
};

/* struct vcpu begins with nothing but counts, so they can be treated as an array. */
#define INDEX(member)	(offsetof(struct vcpu, member) / sizeof(uint64_t))
#define NO_LIST		INDEX(no_list)	/* is 0, for all numbers that the tables leave out */
#define FOR_MULTICALL	0xfffe
#define FOR_RECORD	0xffff

static const uint16_t no_number[64] = { NO_LIST };

static const uint16_t hypercall_without_size[64] = {
	[HYPERCALL_MULTICALL] = FOR_RECORD,
	[HYPERCALL_MMU_UPDATE] = FOR_RECORD,
	[HYPERCALL_MMUEXT_OP] = FOR_RECORD,
};

static const uint16_t hypercall_with_size[64] = {
	[HYPERCALL_MULTICALL] = FOR_MULTICALL,
	[HYPERCALL_MMU_UPDATE] = INDEX(stats.batch[BATCH_MMU_UPDATE]),
	[HYPERCALL_MMUEXT_OP] = INDEX(stats.batch[BATCH_MMUEXT_OP]),
};

static const uint16_t subcall_without_size[64] = {
	[HYPERCALL_MULTICALL] = FOR_RECORD,
	[HYPERCALL_MMU_UPDATE] = FOR_RECORD,
	[HYPERCALL_MMUEXT_OP] = FOR_RECORD,
	[HYPERCALL_IRET] = FOR_RECORD,
};

static const uint16_t subcall_with_size[64] = {
	[HYPERCALL_MULTICALL] = INDEX(stats.batch[BATCH_MULTICALL]),
	[HYPERCALL_MMU_UPDATE] = INDEX(stats.batch[BATCH_MMU_UPDATE]),
	[HYPERCALL_MMUEXT_OP] = INDEX(stats.batch[BATCH_MMUEXT_OP]),
	[HYPERCALL_IRET] = FOR_RECORD,
};

#define HEADER(event, nr_words)	((event) | (nr_words) << 28 | 1u << 31)
/* It differs for all headers below. */
#define SLOT(header)	(((header) & 15) | ((header) >> 24 & 0x70))
#define FORM(event, nr_words, ...) \
	[SLOT(HEADER(event, nr_words))] = { HEADER(event, nr_words), __VA_ARGS__ }

static const struct form forms[128] = {
	[SLOT(0)] = { .header = ~0u },	/* not 0, since a record can have the header 0 */
	FORM(PV_HYPERCALL, 1u, ~0u, 0, 0, INDEX(stats.hypercall), 0, hypercall_without_size),
	FORM(PV_HYPERCALL, 2u, ~0u, 1 << 22, ~0u, INDEX(stats.hypercall), 0, hypercall_with_size),
	FORM(PV_SUBCALL, 1u, ~0u, 0, 0, INDEX(stats.subcall), 1, subcall_without_size),
	FORM(PV_SUBCALL, 2u, ~0u, 1 << 22, ~0u, INDEX(stats.subcall), 1, subcall_with_size),
	FORM(PV_PAGE_FAULT | FLAG_64, 5u, 0, 0, 0, INDEX(stats.page_fault), 0, no_number),
	FORM(PV_PTWR | FLAG_64, 6u, 0, 0, 0, INDEX(stats.ptwr), 0, no_number),
};

/* Counts records of the vCPU that runs. Returns where the first other record begins. */
static const uint8_t *usual_records(struct pcpu *pcpu, const uint8_t *p, const uint8_t *end)
{
	uint64_t *counter = (uint64_t *)pcpu->current;
	uint32_t left = pcpu->left;
	const uint8_t *last = NULL;

	while (end - p >= MAX_RECORD) {
		uint32_t header = word(p);
		const struct form *form = &forms[SLOT(header)];
		uint32_t number = (word(p + 12) & form->mask) ^ form->args;
		uint32_t size = word(p + 16) & form->size_mask;
		unsigned int list;

		if (header != form->header || number >= 64)
			break;
		list = form->list[number];
		if (list == FOR_RECORD || size & MMU_UPDATE_PREEMPTED)
			break;

		counter[form->counter + number]++;
		if (list == FOR_MULTICALL) {
			pcpu->left = left;
			multicall(pcpu, size);
			left = pcpu->left;
		} else {
			counter[list + bucket_of(size)]++;
			counter[list + NR_BUCKETS] += size;
			left -= form->is_subcall & (left > 0);
		}
		last = p;
		p += 4 + 8 + 4 * NR_WORDS(header);
	}
	pcpu->left = left;
	if (last)
		pcpu->tsc = tsc(last);

	return p;
}

int trace_feed(struct trace *trace, const void *buf, size_t len)
{
	const uint8_t *p = buf, *end = p + len, *begin;
	const char *error = NULL;
	size_t size;

	if (trace->corrupt)
		return -1;

	/* Complete the record that the last call ended in. */
	while (trace->nr_partial && p < end) {
		trace->partial[trace->nr_partial++] = *p++;
		if (trace->nr_partial < 4)
			continue;
		size = record_size(word(trace->partial));
		if (trace->nr_partial < size)
			continue;
		error = record(trace, trace->partial, word(trace->partial), size);
		if (error)
			return corrupt(trace, error);
		trace->offset += size;
		trace->nr_partial = 0;
	}

	begin = p;
	while (end - p >= 4) {
		uint32_t header;

		if (trace->window && trace->window_pcpu->current && !trace->until) {
			const uint8_t *from = p;

			p = usual_records(trace->window_pcpu, from,
					  trace->window < end - from ? from + trace->window : end);
			trace->window -= p - from;
			if (end - p < 4)
				break;
		}
		header = word(p);
		size = record_size(header);
		if ((size_t)(end - p) < size)
			break;
		error = record(trace, p, header, size);
		if (error)
			break;
		p += size;
	}
	trace->offset += p - begin;
	if (error)
		return corrupt(trace, error);
	if (p < end) {
		memcpy(trace->partial, p, end - p);
		trace->nr_partial = end - p;
	}
	return 0;
}

int trace_snapshot(const struct trace *trace, struct stats *stats)
{
	stats_init(stats, "trace");
	stats->lost = trace->lost;
	stats->unattributed = trace->unattributed;
	for (size_t d = 0; d < trace->nr_domains; d++) {
		const struct domain *domain = &trace->domain[d];

		/* The last first, since it makes room for all. */
		for (unsigned int i = domain->nr_vcpus; i-- > 0;) {
			struct vcpu_stats *to;

			if (!domain->vcpu[i])
				continue;
			to = stats_vcpu(stats, domain->domid, i);
			if (!to) {
				stats_free(stats);
				return -1;
			}
			*to = domain->vcpu[i]->stats;
			resolve(to, domain->vcpu[i]->interval, domain->vcpu[i]->nr_intervals,
				domain->vcpu[i]->open);
		}
	}
	return 0;
}

static void stop_all(struct trace *trace)
{
	for (unsigned int i = 0; i < trace->nr_pcpus; i++) {
		trace->order = i;
		if (trace->pcpu[i])
			stop_running(trace, trace->pcpu[i], true);
	}
}

int trace_finish(struct trace *trace)
{
	stop_all(trace);
	if (trace->corrupt)
		return -1;

	if (!trace->offset && !trace->nr_partial)
		return corrupt(trace, "the file is empty");
	if (!trace->offset && (trace->nr_partial < 4 || word(trace->partial) != WINDOW_HEADER))
		return corrupt(trace, no_trace);
	if (!trace->nr_partial && !trace->window)
		return 0;
	snprintf(trace->error, sizeof(trace->error), "cut off at byte %" PRIu64 ": %s",
		 trace->offset + trace->nr_partial,
		 trace->nr_partial ? "in the middle of a record" : "before the end of a window");
	return 1;
}

int trace_feed_part(struct trace *part, uint64_t order, const void *buf, size_t len)
{
	part->order = order;
	return trace_feed(part, buf, len);
}

int trace_join(struct trace *whole, struct trace *const *part, unsigned int nr)
{
	size_t taken[TRACE_MAX_PARTS] = { 0 };

	for (;;) {
		const struct kept *first = NULL;
		unsigned int of = 0;
		struct vcpu *vcpu;

		for (unsigned int i = 0; i < nr; i++) {
			if (taken[i] == part[i]->nr_kept)
				continue;
			if (!first || part[i]->kept[taken[i]].order < first->order) {
				first = &part[i]->kept[taken[i]];
				of = i;
			}
		}
		if (!first)
			break;
		taken[of]++;
		vcpu = find_vcpu(whole, first->domid, first->id);
		if (vcpu)
			add_interval(whole, vcpu, &first->interval);
	}
	for (unsigned int i = 0; i < nr; i++) {
		part[i]->nr_kept = 0;
		whole->left_out |= part[i]->left_out;
	}
	return whole->left_out ? -1 : 0;
}

static void add_counts(struct trace *whole, const struct trace *part)
{
	whole->lost += part->lost;
	whole->unattributed += part->unattributed;
	for (size_t d = 0; d < part->nr_domains; d++) {
		const struct domain *domain = &part->domain[d];

		for (unsigned int i = 0; i < domain->nr_vcpus; i++) {
			struct vcpu *to;

			if (!domain->vcpu[i])
				continue;
			to = find_vcpu(whole, domain->domid, i);
			if (to)
				vcpu_stats_add(&to->stats, &domain->vcpu[i]->stats);
		}
	}
}

int trace_finish_parts(struct trace *whole, struct trace *const *part, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		/* A trace that ends in the middle of a window cannot be counted in parts. */
		if (part[i]->nr_partial || part[i]->window)
			return -1;
		stop_all(part[i]);
		add_counts(whole, part[i]);
	}
	return trace_join(whole, part, nr);
}

struct trace *trace_new(void)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (trace)
		trace->max_vcpus = STATS_MAX_ALL_VCPUS;
	return trace;
}

void trace_until(struct trace *trace, uint64_t tsc)
{
	trace->until = tsc;
}

struct trace *trace_new_part(void)
{
	struct trace *part = trace_new();

	if (part) {
		part->part = true;
		part->max_vcpus = PART_MAX_VCPUS;
	}
	return part;
}

void trace_free(struct trace *trace)
{
	if (!trace)
		return;
	for (size_t d = 0; d < trace->nr_domains; d++) {
		for (unsigned int i = 0; i < trace->domain[d].nr_vcpus; i++) {
			if (trace->domain[d].vcpu[i])
				free(trace->domain[d].vcpu[i]->interval);
			free(trace->domain[d].vcpu[i]);
		}
		free(trace->domain[d].vcpu);
	}
	free(trace->domain);
	free(trace->kept);
	for (unsigned int i = 0; i < trace->nr_pcpus; i++)
		free(trace->pcpu[i]);
	free(trace);
}

const char *trace_error(const struct trace *trace)
{
	return trace->error;
}
