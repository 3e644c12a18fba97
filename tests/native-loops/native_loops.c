// SPDX-License-Identifier: GPL-2.0-only
/*
 * native_loops [PASSES]: times ways to change the entries of a page table, without a hypervisor.
 *
 * On Xen PV the kernel has to call Xen's functions to clear an entry (ptep_get_and_clear(), an
 * xchg) and to take its write bit away (ptep_set_wrprotect(), a cmpxchg). The same kernel runs
 * on bare metal. How the call is left out there has a price, which this program measures: it
 * runs over the 512 entries of a table, in memory that no processor uses as a page table.
 *
 *   plain      the instruction alone, as in a kernel without Xen PV
 *   prefixes   the same with two segment prefixes that mean nothing, so that it is as long as
 *              the call that an alternative puts in its place
 *   fixed      operands in the registers of a call, and moved there, as PVOP_ALT_CALLEE1()
 *              has them. The zero flag does not survive a call, so the cmpxchg is followed by
 *              a comparison of its result
 *   nop        a NOP of five bytes before the instruction, as a static key leaves it
 *   jump       a jump over the call, as cpu_feature_enabled() leaves it
 *   out        a jump to code that is out of line, and one more to come back: so GCC may lay
 *              out the same
 *   btr        lock btr in the place of the cmpxchg: Linux until 6.5, before shadow stacks
 *
 * What to take from the table: whether a way is dearer than the plain instruction. It is not if
 * zero is within the range of its differences. The table cannot show what code costs that is
 * not in the caches yet, nor what other processors do. AMD's Bulldozer and its kin, for example,
 * take 14 cycles or more to decode four prefixes (Agner Fog, "The microarchitecture of Intel,
 * AMD, and VIA CPUs"), and lock, two segment prefixes and REX are four.
 *
 * Figures are in ticks of the time stamp counter, an entry. There are nine runs. Each takes the
 * median of PASSES passes over the table, 2001 unless given. The ways take turns, pass by pass,
 * so that a change of the clock meets all of them; so a difference is one within a run. The
 * table has the median run, and the median, least and greatest difference.
 *
 * The program fails if a way leaves other entries, or returns others, than it must. It does not
 * judge times.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define __aligned(size)	  __attribute__((aligned(size)))
#define noinline	  __attribute__((noinline))
#define ENTRIES		  512
#define RUNS		  9

/* The bits of an entry that pte_wrprotect() knows. */
#define RW	    1
#define DIRTY	    6
#define SAVED_DIRTY 58

/* What alternatives leave where the kernel is not a PV guest. */
#define NOP  ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n\t"
#define JUMP "jmp 1f\n\t.skip 8, 0xcc\n1:\n\t"
#define OUT  "jmp 1f\n2:\n\t.subsection 1\n1:\tjmp 2b\n\t.previous\n\t"

typedef uint64_t pte_t;

static pte_t table[ENTRIES] __aligned(4096);

static pte_t touched(size_t i)
{
	return (0x12345 + i) << 12 | 0x67;
}

static inline pte_t pte_wrprotect(pte_t pte)
{
	pte_t moves;

	pte &= ~(1ULL << RW);
	/* Without the write bit, the dirty bit is kept in another place. */
	moves = ~pte >> RW & 1;
	pte |= (pte >> DIRTY & moves) << SAVED_DIRTY;

	return pte & ~(moves << DIRTY);
}

/* Ways to clear an entry: each returns what it was. */

static __always_inline pte_t xchg_plain(pte_t *ptep)
{
	pte_t pte;

	asm volatile("xorl %k[pte], %k[pte]\n\t"
		     "xchgq %[pte], (%[ptep])"
		     : [pte] "=&r"(pte)
		     : [ptep] "r"(ptep)
		     : "memory", "cc");
	return pte;
}

static __always_inline pte_t xchg_prefixes(pte_t *ptep)
{
	pte_t pte;

	asm volatile("xorl %k[pte], %k[pte]\n\t"
		     "cs; cs lock xchgq %[pte], (%[ptep])"
		     : [pte] "=&r"(pte)
		     : [ptep] "r"(ptep)
		     : "memory", "cc");
	return pte;
}

static __always_inline pte_t xchg_fixed(pte_t *ptep)
{
	pte_t pte;

	asm volatile("movq %[ptep], %%rdi\n\t"
		     "xorl %%eax, %%eax\n\t"
		     "lock xchgq %%rax, (%%rdi)\n\t"
		     "movq %%rax, %[pte]"
		     : [pte] "=r"(pte)
		     : [ptep] "r"(ptep)
		     : "rax", "rdi", "memory", "cc");
	return pte;
}

static __always_inline pte_t xchg_nop(pte_t *ptep)
{
	asm volatile(NOP);
	return xchg_plain(ptep);
}

static __always_inline pte_t xchg_jump(pte_t *ptep)
{
	asm volatile(JUMP);
	return xchg_plain(ptep);
}

static __always_inline pte_t xchg_out(pte_t *ptep)
{
	asm volatile(OUT);
	return xchg_plain(ptep);
}

/* Ways to replace old by new: each returns whether the entry was old, and says what it was. */

static __always_inline bool cmpxchg_plain(pte_t *ptep, pte_t *old, pte_t new)
{
	bool done;

	asm volatile("lock cmpxchgq %[new], (%[ptep])"
		     : "=@ccz"(done), "+a"(*old)
		     : [ptep] "r"(ptep), [new] "r"(new)
		     : "memory");
	return done;
}

static __always_inline bool cmpxchg_prefixes(pte_t *ptep, pte_t *old, pte_t new)
{
	bool done;

	asm volatile("lock; cs; cs; cmpxchgq %[new], (%[ptep])"
		     : "=@ccz"(done), "+a"(*old)
		     : [ptep] "r"(ptep), [new] "r"(new)
		     : "memory");
	return done;
}

static __always_inline bool cmpxchg_fixed(pte_t *ptep, pte_t *old, pte_t new)
{
	bool done;

	asm volatile("movq %[ptep], %%rdi\n\t"
		     "movq %[new], %%rsi\n\t"
		     "movq %%rax, %%rdx\n\t"
		     "lock cmpxchgq %%rsi, (%%rdi)\n\t"
		     "cmpq %%rdx, %%rax"
		     : "=@ccz"(done), "+a"(*old)
		     : [ptep] "r"(ptep), [new] "r"(new)
		     : "rdi", "rsi", "rdx", "memory");
	return done;
}

/* A pass over the table returns the sum of what the entries were. */

static __always_inline uint64_t clear(pte_t *ptep, pte_t (*xchg)(pte_t *ptep))
{
	const pte_t *end = ptep + ENTRIES;
	uint64_t sum = 0;

	for (; ptep < end; ptep++)
		sum += xchg(ptep);
	return sum;
}

static noinline __aligned(64) uint64_t clear_plain(pte_t *ptep)
{
	return clear(ptep, xchg_plain);
}

static noinline __aligned(64) uint64_t clear_prefixes(pte_t *ptep)
{
	return clear(ptep, xchg_prefixes);
}

static noinline __aligned(64) uint64_t clear_fixed(pte_t *ptep)
{
	return clear(ptep, xchg_fixed);
}

static noinline __aligned(64) uint64_t clear_nop(pte_t *ptep)
{
	return clear(ptep, xchg_nop);
}

static noinline __aligned(64) uint64_t clear_jump(pte_t *ptep)
{
	return clear(ptep, xchg_jump);
}

static noinline __aligned(64) uint64_t clear_out(pte_t *ptep)
{
	return clear(ptep, xchg_out);
}

enum before { NOTHING, A_NOP, A_JUMP, TWO_JUMPS };

static __always_inline uint64_t wrprotect(pte_t *ptep, enum before before,
					  bool (*cmpxchg)(pte_t *ptep, pte_t *old, pte_t new))
{
	const pte_t *end = ptep + ENTRIES;
	uint64_t sum = 0;

	for (; ptep < end; ptep++) {
		pte_t old;

		if (before == A_NOP)
			asm volatile(NOP);
		if (before == A_JUMP)
			asm volatile(JUMP);
		if (before == TWO_JUMPS)
			asm volatile(OUT);
		old = *ptep;
		while (!cmpxchg(ptep, &old, pte_wrprotect(old)))
			;
		sum += old;
	}
	return sum;
}

static noinline __aligned(64) uint64_t wrprotect_plain(pte_t *ptep)
{
	return wrprotect(ptep, NOTHING, cmpxchg_plain);
}

static noinline __aligned(64) uint64_t wrprotect_prefixes(pte_t *ptep)
{
	return wrprotect(ptep, NOTHING, cmpxchg_prefixes);
}

static noinline __aligned(64) uint64_t wrprotect_fixed(pte_t *ptep)
{
	return wrprotect(ptep, NOTHING, cmpxchg_fixed);
}

static noinline __aligned(64) uint64_t wrprotect_nop(pte_t *ptep)
{
	return wrprotect(ptep, A_NOP, cmpxchg_plain);
}

static noinline __aligned(64) uint64_t wrprotect_jump(pte_t *ptep)
{
	return wrprotect(ptep, A_JUMP, cmpxchg_plain);
}

static noinline __aligned(64) uint64_t wrprotect_out(pte_t *ptep)
{
	return wrprotect(ptep, TWO_JUMPS, cmpxchg_plain);
}

/* As in those kernels, it does not move the dirty bit. */
static noinline __aligned(64) uint64_t wrprotect_btr(pte_t *ptep)
{
	const pte_t *end = ptep + ENTRIES;
	uint64_t sum = 0;

	for (; ptep < end; ptep++) {
		sum += *ptep;
		asm volatile("lock btrq %[bit], (%[ptep])"
			     :
			     : [ptep] "r"(ptep), [bit] "i"(RW)
			     : "memory", "cc");
	}
	return sum;
}

static pte_t cleared(size_t i)
{
	(void)i;
	return 0;
}

static pte_t wrprotected(size_t i)
{
	return pte_wrprotect(touched(i));
}

static pte_t without_rw(size_t i)
{
	return touched(i) & ~(1ULL << RW);
}

static const struct way {
	const char *what;
	const char *name;
	uint64_t (*pass)(pte_t *ptep);
	pte_t (*leaves)(size_t i);
	bool plain; /* what those after it are compared with */
} ways[] = {
	{ "clear, xchg", "plain", clear_plain, cleared, true },
	{ "clear, xchg", "prefixes", clear_prefixes, cleared, false },
	{ "clear, xchg", "fixed", clear_fixed, cleared, false },
	{ "clear, xchg", "nop", clear_nop, cleared, false },
	{ "clear, xchg", "jump", clear_jump, cleared, false },
	{ "clear, xchg", "out", clear_out, cleared, false },
	{ "wrprotect, cmpxchg", "plain", wrprotect_plain, wrprotected, true },
	{ "wrprotect, cmpxchg", "prefixes", wrprotect_prefixes, wrprotected, false },
	{ "wrprotect, cmpxchg", "fixed", wrprotect_fixed, wrprotected, false },
	{ "wrprotect, cmpxchg", "nop", wrprotect_nop, wrprotected, false },
	{ "wrprotect, cmpxchg", "jump", wrprotect_jump, wrprotected, false },
	{ "wrprotect, cmpxchg", "out", wrprotect_out, wrprotected, false },
	{ "wrprotect", "btr", wrprotect_btr, without_rw, false },
};

static uint64_t fill(void)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < ENTRIES; i++) {
		table[i] = touched(i);
		sum += table[i];
	}
	return sum;
}

static bool is_right(const struct way *way)
{
	uint64_t sum = fill(), found = way->pass(table);
	size_t i;

	if (found != sum) {
		printf("not ok: %s, %s returns entries that were not there\n", way->what,
		       way->name);
		return false;
	}
	for (i = 0; i < ENTRIES; i++) {
		if (table[i] != way->leaves(i)) {
			printf("not ok: %s, %s leaves %#llx in entry %zu\n", way->what, way->name,
			       (unsigned long long)table[i], i);
			return false;
		}
	}
	return true;
}

static uint64_t ticks_of(const struct way *way)
{
	unsigned int cpu;
	uint64_t begin;

	fill();
	_mm_mfence();
	_mm_lfence();
	begin = __rdtsc();
	_mm_lfence();
	way->pass(table);

	return __rdtscp(&cpu) - begin;
}

static int compare_ticks(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static int compare_doubles(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Fills runs with the figures of each way. */
static void measure(double (*runs)[RUNS], uint64_t *ticks, size_t passes)
{
	size_t run, pass, i;

	for (run = 0; run < RUNS; run++) {
		for (pass = 0; pass < passes; pass++)
			for (i = 0; i < ARRAY_SIZE(ways); i++)
				ticks[i * passes + pass] = ticks_of(&ways[i]);
		for (i = 0; i < ARRAY_SIZE(ways); i++) {
			qsort(&ticks[i * passes], passes, sizeof(*ticks), compare_ticks);
			runs[i][run] = (double)ticks[i * passes + passes / 2] / ENTRIES;
		}
	}
}

static void print(double (*runs)[RUNS])
{
	double more[ARRAY_SIZE(ways)][RUNS];
	size_t i, run, plain = 0;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].plain)
			plain = i;
		for (run = 0; run < RUNS; run++)
			more[i][run] = runs[i][run] - runs[plain][run];
	}
	printf("%-20s %-9s %7s   %s\n", "ticks an entry", "way", "median",
	       "more than plain: median, least..greatest");
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		qsort(runs[i], RUNS, sizeof(double), compare_doubles);
		qsort(more[i], RUNS, sizeof(double), compare_doubles);
		printf("%-20s %-9s %7.2f", ways[i].what, ways[i].name, runs[i][RUNS / 2]);
		if (!ways[i].plain)
			printf("   %+.2f, %+.2f..%+.2f", more[i][RUNS / 2], more[i][0],
			       more[i][RUNS - 1]);
		putchar('\n');
	}
}

/* One processor, the one that it is on, so that all of a run has one clock and one cache. */
static bool pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return false;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);

	return !sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	size_t passes = argc > 1 ? strtoul(argv[1], NULL, 10) : 2001;
	static double runs[ARRAY_SIZE(ways)][RUNS];
	uint64_t *ticks;
	size_t i;

	if (!passes || argc > 2) {
		fputs("usage: native_loops [PASSES]\n", stderr);
		return 2;
	}
	ticks = calloc(passes * ARRAY_SIZE(ways), sizeof(*ticks));
	if (!ticks || !pin()) {
		perror("native_loops");
		return 2;
	}
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (!is_right(&ways[i]))
			return 1;
	measure(runs, ticks, passes);
	print(runs);
	free(ticks);

	return 0;
}
