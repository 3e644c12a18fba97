/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds a trace, record by record, for the tests, the seeds of the fuzzers and the benchmark.
 * A window is open from window() to the next window() or end(), which sets its size.
 */
#ifndef BUILD_TRACE_H
#define BUILD_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct build {
	uint8_t *data;
	size_t size, room;
	size_t window;		/* where the size of the open window is, 0: none is open */
	uint32_t pcpu;		/* the pCPU of the window */
	uint64_t tsc;		/* of the next record; each takes a cycle */
};

static inline void put(struct build *b, uint32_t word)
{
	if (b->size + sizeof(word) > b->room) {
		b->room = b->room ? 2 * b->room : 4096;
		b->data = realloc(b->data, b->room);
		if (!b->data)
			abort();
	}
	for (int i = 0; i < 4; i++)
		b->data[b->size++] = word >> (8 * i);
}

static inline void end(struct build *b)
{
	uint32_t size;

	if (!b->window)
		return;
	size = b->size - b->window - 4;
	for (int i = 0; i < 4; i++)
		b->data[b->window + i] = size >> (8 * i);
	b->window = 0;
}

static inline void window(struct build *b, uint32_t pcpu)
{
	end(b);
	put(b, 0x0001f003 | 2u << 28);
	put(b, pcpu);
	b->pcpu = pcpu;
	b->window = b->size;
	put(b, 0);
}

/* A record without a time stamp, and one with. */
static inline void plain(struct build *b, uint32_t event, unsigned int nr, const uint32_t *words)
{
	put(b, event | nr << 28);
	for (unsigned int i = 0; i < nr; i++)
		put(b, words[i]);
}

static inline void record(struct build *b, uint32_t event, unsigned int nr, const uint32_t *words)
{
	put(b, event | nr << 28 | 1u << 31);
	put(b, b->tsc);
	put(b, b->tsc >> 32);
	b->tsc++;
	for (unsigned int i = 0; i < nr; i++)
		put(b, words[i]);
}

#define WORDS(...)	(sizeof((uint32_t[]){ __VA_ARGS__ }) / 4), (uint32_t[]){ __VA_ARGS__ }

enum { RUNNING, RUNNABLE, BLOCKED, OFFLINE };

static inline void runstate(struct build *b, unsigned int domid, unsigned int vcpu,
			    unsigned int old, unsigned int new)
{
	record(b, 0x00021001 | old << 8 | new << 4, WORDS(domid << 16 | vcpu));
}

/* From the idle vCPU, whose id is that of the pCPU, to a vCPU, and back. */
static inline void run(struct build *b, unsigned int domid, unsigned int vcpu)
{
	runstate(b, 0x7fff, b->pcpu, RUNNING, RUNNABLE);
	runstate(b, domid, vcpu, RUNNABLE, RUNNING);
}

static inline void leave(struct build *b, unsigned int domid, unsigned int vcpu)
{
	runstate(b, domid, vcpu, RUNNING, RUNNABLE);
	runstate(b, 0x7fff, b->pcpu, RUNNABLE, RUNNING);
}

/* With the arguments that Xen records for the number. */
static inline void call(struct build *b, bool sub, uint32_t nr, uint32_t count)
{
	uint32_t event = sub ? 0x0020200e : 0x0020100d;

	switch (nr) {
	case 1:
	case 13:
	case 26:
		record(b, event, WORDS(nr | 1 << 22, count));
		break;
	case 20:
		record(b, event, WORDS(nr | 1 << 20 | 1 << 24, 5, count));
		break;
	case 24:
		record(b, event, WORDS(nr | 1 << 20 | 1 << 22, 7, 0));
		break;
	case 29:
		record(b, event, WORDS(nr | 1 << 20, 1));
		break;
	default:
		record(b, event, WORDS(nr));
	}
}

#define PREEMPTED	0x80000000u

static inline void hypercall(struct build *b, uint32_t nr, uint32_t count)
{
	call(b, false, nr, count);
}

static inline void subcall(struct build *b, uint32_t nr, uint32_t count)
{
	call(b, true, nr, count);
}

static inline void lost(struct build *b, uint32_t nr)
{
	record(b, 0x0001f001, WORDS(nr, 1, 0, 0));
}

static inline void page_fault(struct build *b)
{
	record(b, 0x00201104, WORDS(0x1000, 0, 0x2000, 0, 7));
}

static inline void ptwr(struct build *b)
{
	record(b, 0x0020110b, WORDS(0x67, 0, 0x1000, 0, 0x2000, 0));
}

static inline void build_free(struct build *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

#endif /* BUILD_TRACE_H */
