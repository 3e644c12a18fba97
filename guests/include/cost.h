/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs that measure: what an operation costs the caller, in ticks of the time
 * stamp counter.
 *
 * Under QEMU's icount the counter advances by one for each instruction, of the guest and
 * of Xen together, so the figures are exact. On real hardware they are cycles.
 *
 * The least of several rounds counts, since timer interrupts and dom0 only ever add. Each
 * operation has a line "bench: NAME TICKS BEGIN END". That round ran from BEGIN to END, by
 * which a trace of it can be found.
 *
 * If the program's module has irqs_off.h, and the kernel has kernel/options/irqsoff.config,
 * there is also a line "irqs-off: NAME TICKS FUNCTION". Each round has a longest time with
 * interrupts off, and TICKS is the least of these. FUNCTION turned interrupts on again.
 */
#ifndef COST_H
#define COST_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "kselftest.h"

struct cost {
	const char *name;
	uint64_t least;
	uint64_t begin;		/* of that round */
	uint64_t irqs_off;
	char where[64];
};

/* The open file of the module's parameter irqs_off, or -1. */
static int irqs_off = -1;

static inline void irqs_off_open(const char *parameter)
{
	irqs_off = open(parameter, O_RDWR | O_CLOEXEC);
}

static inline void irqs_off_begin(void)
{
	if (irqs_off >= 0 && pwrite(irqs_off, "0", 1, 0) != 1)
		ksft_exit_fail_msg("irqs_off: %s\n", strerror(errno));
}

static inline void irqs_off_end(struct cost *cost)
{
	char text[128] = "", where[64];
	uint64_t ticks;

	if (irqs_off < 0)
		return;
	if (pread(irqs_off, text, sizeof(text) - 1, 0) < 0 ||
	    sscanf(text, "%lu %63s", &ticks, where) != 2)
		ksft_exit_fail_msg("irqs_off: %s: %s\n", text, strerror(errno));
	if (!cost->irqs_off || ticks < cost->irqs_off) {
		cost->irqs_off = ticks;
		strcpy(cost->where, where);
	}
}

static inline void count(struct cost *cost, uint64_t begin)
{
	uint64_t ticks = __rdtsc() - begin;

	irqs_off_end(cost);
	if (!cost->least || ticks < cost->least) {
		cost->least = ticks;
		cost->begin = begin;
	}
}

#define TIMED(cost, operation)			\
	do {					\
		uint64_t begin;			\
						\
		irqs_off_begin();		\
		begin = __rdtsc();		\
		operation;			\
		count(cost, begin);		\
	} while (0)

static inline void print_costs(const struct cost *cost, int nr)
{
	for (int i = 0; i < nr; i++) {
		printf("bench: %s %lu %lu %lu\n", cost[i].name, cost[i].least, cost[i].begin,
		       cost[i].begin + cost[i].least);
		if (irqs_off >= 0)
			printf("irqs-off: %s %lu %s\n", cost[i].name, cost[i].irqs_off,
			       cost[i].where);
	}
}

#endif /* COST_H */
