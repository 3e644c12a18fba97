// SPDX-License-Identifier: GPL-2.0-only

#include "trace.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The header of a record: 28 bits of event, how many words of data, and whether
 * a time stamp comes before them. xen/include/public/trace.h.
 */
#define EVENT(header)		((header) & 0x0fffffff)
#define NR_WORDS(header)	((header) >> 28 & 7)
#define HAS_TSC(header)		((header) >> 31)
#define MAX_RECORD		(4 + 8 + 7 * 4)

#define LOST_RECORDS		0x0001f001
#define CPU_CHANGE		0x0001f003
#define WINDOW_HEADER		(CPU_CHANGE | 2u << 28)
/* The state that a vCPU leaves is in bits 8 and 9, the one that it enters in 4 and 5. */
#define RUNSTATE_CHANGE		0x00021001
#define RUNSTATE_BITS		0x00000330
#define CONTINUE_RUNNING	0x00021002
#define PV_PAGE_FAULT		0x00201004
#define PV_PTWR			0x0020100b
#define PV_PTWR_PAE		0x0020100c
#define PV_HYPERCALL		0x0020100d
#define PV_SUBCALL		0x0020200e
#define FLAG_64			0x00000100	/* set in all but those two where addresses have 64 bits */

/* The mask chooses by class and sub-class; Xen writes LOST_RECORDS, and xentrace CPU_CHANGE, anyway. */
_Static_assert(((RUNSTATE_CHANGE | CONTINUE_RUNNING | PV_PAGE_FAULT | PV_PTWR | PV_PTWR_PAE |
		 PV_HYPERCALL | PV_SUBCALL) & 0x0ffff000) == TRACE_EVENT_MASK,
	       "xentrace writes what is counted, and nothing else");

#define RUNSTATE_RUNNING	0

/* Xen sets it in the count of what it has the guest continue (asm/hypercall.h). */
#define MMU_UPDATE_PREEMPTED	0x80000000u

#define HYPERCALL_IRET		23

/*
 * xentrace writes the buffers of the pCPUs in turn, a window each. So the records
 * of a pCPU are in order, but a vCPU that moves to another pCPU in the middle of
 * a multicall may be seen to go on before it is seen to leave off. The only
 * order across pCPUs is that of the time stamps. Hence the times that a vCPU ran
 * wait here, in that order, for those that may yet come in between. Where more
 * wait than this, the oldest half is taken as it is.
 */
#define MAX_INTERVALS		4096u	/* of a vCPU */
#define MAX_ALL_INTERVALS	(1u << 20)
#define MAX_KEPT		(1u << 17)	/* of a part, between two trace_join() */

/* All parts together are to have no more than one trace may have. */
#define PART_MAX_VCPUS		(STATS_MAX_ALL_VCPUS / TRACE_MAX_PARTS)

/* A time that a vCPU ran without a break, and made a multicall. */
struct interval {
	uint64_t start;		/* time stamp */
	uint32_t first;		/* calls of its first multicall */
	uint32_t open;		/* calls left of its last one, when it was preempted; or 0 */
	bool batch;		/* the first was counted as a batch */
};

struct vcpu {
	struct batch_stats no_list;	/* of usual_records(), for what is no batch */
	struct vcpu_stats stats;
	uint16_t domid, id;
	struct interval *interval;	/* by ascending start */
	unsigned int nr_intervals, room;
	uint32_t open;		/* of the last one that does not wait any more */
};

/* What is known of a pCPU, and of the time since current began to run on it. */
struct pcpu {
	struct vcpu *current;	/* NULL: not known, or nobody counted */
	uint64_t tsc;		/* of the last record */
	struct interval now;
	uint64_t nr_multicalls;	/* since now.start */
	bool batch;		/* the last multicall was counted as a batch */
	uint32_t size;		/* of the last multicall */
	uint32_t left;		/* its sub-calls that were not seen */
	uint32_t open;		/* left of the last that was preempted, 0: none */
};

struct domain {
	uint16_t domid;
	unsigned int nr_vcpus;
	struct vcpu **vcpu;
};

/* What a part keeps for trace_join(). */
struct kept {
	struct interval interval;
	uint64_t order;
	uint16_t domid, id;	/* of the vCPU */
};

struct trace {
	uint64_t lost, unattributed;	/* as in struct stats */
	size_t nr_vcpus;	/* of all domains, those too that only make room for higher ones */
	size_t nr_intervals;	/* of all vCPUs */
	size_t nr_domains;
	struct domain *domain;	/* by ascending domid */
	struct pcpu *pcpu[TRACE_MAX_PCPUS];
	unsigned int nr_pcpus;	/* of pcpu[], up to the last that was seen */
	struct pcpu *window_pcpu;
	uint32_t window;	/* bytes left of the window */
	uint64_t offset;	/* of the next record */
	uint8_t partial[MAX_RECORD];	/* the beginning of a record that is not all here */
	size_t nr_partial;
	bool corrupt;
	char error[160];

	uint64_t until;		/* as trace_until() */
	size_t max_vcpus;	/* of nr_vcpus */
	bool left_out;		/* a vCPU or an interval was, for want of room */

	bool part;
	uint64_t order;		/* of what comes next */
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

/* The domain, made if it is not there; NULL: no memory. */
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

/* NULL: none that is counted. That there is no memory for it makes it one. */
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

/* It was counted as a batch, and turned out to continue one. */
static void make_continuation(struct vcpu_stats *stats, uint32_t size)
{
	struct batch_stats *batch = &stats->batch[BATCH_MULTICALL];

	batch->size[bucket_of(size)]--;
	batch->requests -= size;
	batch->continuations++;
}

/*
 * What ran first goes on with what was left open before. Returns what the last one
 * left open.
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

	if (vcpu->nr_intervals == MAX_INTERVALS || trace->nr_intervals >= MAX_ALL_INTERVALS)
		resolve_oldest(trace, vcpu, (vcpu->nr_intervals + 1) / 2);
	if (vcpu->nr_intervals == vcpu->room) {
		unsigned int room = vcpu->room ? 2 * vcpu->room : 16;
		struct interval *interval = realloc(vcpu->interval, room * sizeof(*interval));

		/* Out of memory, or of the room for all: in the order of the file, then. */
		if (!interval || trace->nr_intervals >= MAX_ALL_INTERVALS) {
			vcpu->interval = interval ? interval : vcpu->interval;
			vcpu->open = resolve(&vcpu->stats, new, 1, vcpu->open);
			return;
		}
		vcpu->interval = interval;
		vcpu->room = room;
	}
	/* It is nearly always the last. */
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
 * The last multicall will have no more sub-calls. If it had one at least, but not
 * all, Xen preempted it: it looks for a reason to after the first.
 */
static void close_multicall(struct pcpu *pcpu)
{
	if (pcpu->left && pcpu->left < pcpu->size)
		pcpu->open = pcpu->left;
	pcpu->left = 0;
}

/* lost: nobody knows what it did last, so it is not known to have stopped in a multicall. */
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
 * If the first sub-call continues, so does the multicall: Xen preempted it inside
 * of that sub-call, which was seen, so that one more is left than seemed to be.
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
 * The first word of a hypercall's record is its number and, in two bits for each
 * argument, how many words of it follow. *count: where that of index 1 begins, 0
 * if it is not there. Returns false if the record does not fit its first word:
 * Xen writes any number there that the guest made up, and no arguments, so that
 * the upper bits are the guest's.
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

/* A hypercall or a sub-call that is no list of anything. */
static inline void count_call(struct pcpu *pcpu, uint32_t op, bool sub)
{
	if (!sub) {
		pcpu->current->stats.hypercall[op]++;
		return;
	}
	pcpu->current->stats.subcall[op]++;
	if (pcpu->left)
		pcpu->left--;
	/* Xen ends a multicall with it, and there is nothing to go on with. */
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
	/* Nearly all of them: no argument, or 32 bits of the one with index 1. */
	if (first == op && nr_words == 1)
		count = 0;
	else if (first == (op | 1 << 22) && nr_words == 2)
		count = 1;
	else if (!find_count(first, nr_words, &count))
		op = NR_HYPERCALLS - 1;
	if (op >= NR_HYPERCALLS)
		op = NR_HYPERCALLS - 1;

	kind = batch_kind_of(op);
	if (kind != NR_BATCH_KINDS && !count)
		return "a batch without a size";
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
	/* Others wake up a vCPU from a pCPU that it does not run on. */
	if (event != CONTINUE_RUNNING && old != RUNSTATE_RUNNING && new != RUNSTATE_RUNNING)
		return NULL;
	vcpu = find_vcpu(trace, word(data) >> 16, word(data) & 0xffff);
	if (event == CONTINUE_RUNNING || new == RUNSTATE_RUNNING)
		start_running(trace, pcpu, vcpu);
	else if (vcpu == pcpu->current)
		stop_running(trace, pcpu, false);

	return NULL;
}

/* CPU_CHANGE: whose records come next, and how many bytes of them. */
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

/* A whole record. NULL, or what is wrong with it. */
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
 * Nearly all records have one of a few headers, and come in an order that a processor
 * cannot guess: it is faster to look up what they count than to decide it. All that
 * usual_records() does not do, record() does, and it counts the same.
 */
struct form {
	uint32_t header;
	uint32_t mask, args;	/* masked, the first word is these and a hypercall's number */
	uint32_t size_mask;	/* of the second word */
	uint32_t counter;	/* of number 0, as an index into struct vcpu */
	uint32_t is_subcall;
	const uint16_t *list;	/* by number: the batch_stats to count it in, as such an index */
};

/* struct vcpu begins with counters and nothing else, so it can be walked as an array. */
#define INDEX(member)	(offsetof(struct vcpu, member) / sizeof(uint64_t))
#define NO_LIST		INDEX(no_list)	/* 0: of all that the tables do not name */
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
/* Another one for each of the headers below. */
#define SLOT(header)	(((header) & 15) | ((header) >> 24 & 0x70))
#define FORM(event, nr_words, ...) \
	[SLOT(HEADER(event, nr_words))] = { HEADER(event, nr_words), __VA_ARGS__ }

static const struct form forms[128] = {
	[SLOT(0)] = { .header = ~0u },	/* not 0, which is the header of a record too */
	FORM(PV_HYPERCALL, 1u, ~0u, 0, 0, INDEX(stats.hypercall), 0, hypercall_without_size),
	FORM(PV_HYPERCALL, 2u, ~0u, 1 << 22, ~0u, INDEX(stats.hypercall), 0, hypercall_with_size),
	FORM(PV_SUBCALL, 1u, ~0u, 0, 0, INDEX(stats.subcall), 1, subcall_without_size),
	FORM(PV_SUBCALL, 2u, ~0u, 1 << 22, ~0u, INDEX(stats.subcall), 1, subcall_with_size),
	FORM(PV_PAGE_FAULT | FLAG_64, 5u, 0, 0, 0, INDEX(stats.page_fault), 0, no_number),
	FORM(PV_PTWR | FLAG_64, 6u, 0, 0, 0, INDEX(stats.ptwr), 0, no_number),
};

/* Counts records of the vCPU that runs, and returns where it stopped. */
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

	/* Complete a record of which the last call had the beginning. */
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

		/* Downwards, so that the room for all of them is made at once. */
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
		/* What ends in the middle of a window is nothing to count in parts. */
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
