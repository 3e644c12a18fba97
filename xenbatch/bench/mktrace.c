// SPDX-License-Identifier: GPL-2.0-only
/*
 * mktrace SIZE: writes a trace of about SIZE bytes (k, M, G may follow) to standard output,
 * as xentrace does while two domains fork a lot. bench/run times xenbatch report and xenalyze
 * with it. The same SIZE gives the same bytes.
 *
 * The pCPUs' windows come in rounds. In each, a pCPU runs vCPUs in turn; they flush
 * runs of page table updates in lazy MMU sections, pin and unpin page tables, take
 * faults, and have page table writes emulated.
 */

#include <errno.h>
#include <stdio.h>

#include "../tests/build_trace.h"

#define NR_PCPUS	4
#define NR_VCPUS	8	/* as many of domain 1 as of domain 2 */
#define ROUND		4000000	/* cycles between two visits of xentrace */

static uint64_t random_state = 88172645463325252ull;

/* xorshift64: the same numbers on all machines. */
static uint32_t below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) % limit;
}

static void some_work(struct build *b)
{
	unsigned int what = below(100), nr;

	if (what < 25) {		/* a lazy MMU section, flushed as one update */
		hypercall(b, 1, 1 + below(31));
	} else if (what < 45) {		/* with others in between, as a multicall */
		nr = 2 + below(6);
		hypercall(b, 13, nr);
		while (nr--)
			below(2) ? subcall(b, 1, 1 + below(31)) : subcall(b, 26, 1 + below(3));
	} else if (what < 50) {		/* mmap, one at a time */
		nr = 8 + below(25);
		hypercall(b, 13, nr);
		while (nr--)
			subcall(b, 14, 0);
	} else if (what < 60) {
		hypercall(b, 14, 0);
	} else if (what < 65) {
		hypercall(b, 26, 1 + below(4));
	} else if (what < 85) {
		page_fault(b);
	} else if (what < 90) {
		ptwr(b);
	} else {
		hypercall(b, (uint32_t[]){ 3, 5, 23, 29, 32 }[below(5)], 0);
	}
	b->tsc += 500 + below(5000);
}

/* xenalyze follows the time stamps, so the windows of a round end at about the same time. */
static void one_window(struct build *b, unsigned int pcpu, unsigned int *running, uint64_t *tsc,
		       uint64_t until)
{
	window(b, pcpu);
	b->tsc = *tsc;
	while (b->tsc < until) {
		unsigned int i = running[pcpu];

		for (unsigned int nr = 1 + below(60); nr; nr--)
			some_work(b);
		leave(b, 1 + i % 2, i / 2);
		/* pCPU n runs vCPUs n and n + 4, so that no vCPU runs on two at a time. */
		i = i < NR_PCPUS ? i + NR_PCPUS : i - NR_PCPUS;
		run(b, 1 + i % 2, i / 2);
		running[pcpu] = i;
	}
	end(b);
	*tsc = b->tsc;
}

static uint64_t parse_size(const char *text)
{
	char *end;
	double size = strtod(text, &end);

	if (*end == 'k')
		size *= 1e3, end++;
	else if (*end == 'M')
		size *= 1e6, end++;
	else if (*end == 'G')
		size *= 1e9, end++;
	return *end || !(size > 0 && size < 1e13) ? 0 : size;
}

int main(int argc, char **argv)
{
	uint64_t size = argc == 2 ? parse_size(argv[1]) : 0;
	unsigned int running[NR_PCPUS];
	uint64_t tsc[NR_PCPUS], until = 1000000, written = 0;
	struct build b = { };

	if (!size) {
		fputs("usage: mktrace SIZE\n", stderr);
		return 2;
	}
	/* The vCPUs that run at the start. */
	for (unsigned int i = 0; i < NR_PCPUS; i++) {
		running[i] = i;
		b.tsc = until + i;
		window(&b, i);
		run(&b, 1 + i % 2, i / 2);
		end(&b);
		tsc[i] = b.tsc;
	}
	for (unsigned int pcpu = 0; written < size; pcpu = (pcpu + 1) % NR_PCPUS) {
		if (!pcpu)
			until += ROUND;
		one_window(&b, pcpu, running, &tsc[pcpu], until);
		if (fwrite(b.data, 1, b.size, stdout) != b.size)
			break;
		written += b.size;
		b.size = 0;
	}
	build_free(&b);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "mktrace: cannot write: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
