// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.c and trace_file.c. Each trace is read whole, cut in two at every byte, and
 * as a file by several threads: if these do not give the same record, count() fails.
 */

#define _GNU_SOURCE	/* memfd_create() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "build_trace.h"
#include "output.h"
#include "trace_file.h"

#define MULTICALL	HYPERCALL_MULTICALL
#define MMU_UPDATE	HYPERCALL_MMU_UPDATE
#define MMUEXT_OP	HYPERCALL_MMUEXT_OP
#define UPDATE_VA	HYPERCALL_UPDATE_VA_MAPPING

/* The trace that was read last, what was counted, and what trace_finish() said. */
static struct trace *trace;
static struct stats stats;
static int result;

static uint64_t until;	/* as trace_until(), for what is read */

/* Of the trace, as text; fills stats. */
static char *record_of_it(void)
{
	char *text = NULL;
	size_t size;
	FILE *f;

	assert_int_equal(trace_snapshot(trace, &stats), 0);
	f = open_memstream(&text, &size);
	assert_non_null(f);
	fprintf(f, "%d %s ", result, trace_error(trace));
	stats_write_json(f, &stats);
	fclose(f);

	return text;
}

static char *feed_in_two(const struct build *b, size_t cut)
{
	trace_free(trace);
	stats_free(&stats);
	trace = trace_new();
	assert_non_null(trace);
	trace_until(trace, until);
	/* Copies of their exact size, so that ASan sees a read past the end of either. */
	for (int part = 0; part < 2; part++) {
		size_t length = part ? b->size - cut : cut;
		uint8_t *copy = malloc(length ?: 1);

		assert_non_null(copy);
		if (length)
			memcpy(copy, b->data + (part ? cut : 0), length);
		trace_feed(trace, copy, length);
		free(copy);
	}
	result = trace_finish(trace);

	return record_of_it();
}

static int file_of(const struct build *b)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	/* The trace begins where the descriptor is. */
	assert_int_equal(write(fd, "before", 6), 6);
	assert_int_equal(pwrite(fd, b->data, b->size, 6), b->size);

	return fd;
}

/* The record of feed_in_two(), or nothing if the trace is not as it should be. */
static void assert_threads_count(const struct build *b, const char *expect)
{
	int fd = file_of(b);

	assert_null(trace_read_file(fd, 1, until, NULL));
	for (unsigned int nr = 2; nr <= TRACE_MAX_PARTS + 1; nr++) {
		struct trace *other = trace_read_file(fd, nr, until, NULL);
		char *text;

		assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
		assert_int_equal(!other, result != 0);
		if (!other)
			continue;
		trace_free(trace);
		stats_free(&stats);
		trace = other;
		text = record_of_it();
		assert_string_equal(text, expect);
		free(text);
	}
	close(fd);
}

static void count_unfinished(struct build *b)
{
	char *whole = feed_in_two(b, b->size);

	assert_threads_count(b, whole);

	for (size_t cut = 0; cut < b->size; cut++) {
		char *split = feed_in_two(b, cut);

		assert_string_equal(split, whole);
		free(split);
	}
	free(whole);
	build_free(b);
}

static void count(struct build *b)
{
	end(b);
	count_unfinished(b);
	assert_string_equal(trace_error(trace), "");
	assert_int_equal(result, 0);
}

static const struct vcpu_stats *vcpu(unsigned int domid, unsigned int id)
{
	struct domain_stats *domain = stats_find(&stats, domid);

	assert_non_null(domain);
	assert_true(id < domain->nr_vcpus);
	return &domain->vcpu[id];
}

/* How many batches, their sizes together, and how many continuations. */
static void assert_batch(const struct vcpu_stats *v, enum batch_kind kind, uint64_t nr,
			 uint64_t requests, uint64_t continuations)
{
	assert_int_equal(batch_count(&v->batch[kind]), nr);
	assert_int_equal(v->batch[kind].requests, requests);
	assert_int_equal(v->batch[kind].continuations, continuations);
}

/* docs/counting.md: batches = hypercall[n] + subcall[n] - continuations. */
static void assert_sums(const struct vcpu_stats *v)
{
	static const int nr[] = { MULTICALL, MMU_UPDATE, MMUEXT_OP };

	for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
		assert_int_equal(batch_count(&v->batch[kind]) + v->batch[kind].continuations,
				 v->hypercall[nr[kind]] + v->subcall[nr[kind]]);
}

static void every_kind_of_record(void **state)
{
	struct build b = { .tsc = 1000 };
	const struct vcpu_stats *v;
	(void)state;

	window(&b, 3);
	run(&b, 1, 0);
	plain(&b, 0, 0, NULL);			/* does not count */
	hypercall(&b, MULTICALL, 2);
	subcall(&b, MMU_UPDATE, 31);
	subcall(&b, UPDATE_VA, 0);
	hypercall(&b, MMU_UPDATE, 1);
	hypercall(&b, MMUEXT_OP, 4);
	hypercall(&b, UPDATE_VA, 0);
	hypercall(&b, 20, 9);
	hypercall(&b, 24, 0);
	hypercall(&b, 29, 0);
	hypercall(&b, 23, 0);
	page_fault(&b);
	record(&b, 0x00201004, WORDS(1, 2, 3));
	ptwr(&b);
	record(&b, 0x0020100c, WORDS(1, 0, 2, 3));
	record(&b, 0x0020100b, WORDS(1, 2, 3));
	record(&b, 0x0020110c, WORDS(1, 0, 2, 0, 3, 0));
	/* These do not count. */
	record(&b, 0x00201003, WORDS(1, 2));
	record(&b, 0x00201001, WORDS(1, 2));
	plain(&b, 0x0001f002, WORDS(0, 0, 0));
	plain(&b, 0x0001f002, 0, NULL);
	record(&b, 0x0008f001, 0, NULL);
	/* Each pCPU and each vCPU has its own. */
	window(&b, 0);
	run(&b, 1, 2);
	hypercall(&b, 0, 0);
	count(&b);

	v = vcpu(1, 0);
	assert_int_equal(v->hypercall[MULTICALL], 1);
	assert_int_equal(v->hypercall[MMU_UPDATE], 1);
	assert_int_equal(v->subcall[MMU_UPDATE], 1);
	assert_int_equal(v->hypercall[UPDATE_VA], 1);
	assert_int_equal(v->subcall[UPDATE_VA], 1);
	assert_int_equal(v->hypercall[20], 1);
	assert_int_equal(v->hypercall[24], 1);
	assert_int_equal(v->hypercall[29], 1);
	assert_int_equal(v->hypercall[23], 1);
	assert_int_equal(v->page_fault, 2);
	assert_int_equal(v->ptwr, 4);
	assert_batch(v, BATCH_MULTICALL, 1, 2, 0);
	assert_batch(v, BATCH_MMU_UPDATE, 2, 32, 0);
	assert_batch(v, BATCH_MMUEXT_OP, 1, 4, 0);
	assert_int_equal(v->batch[BATCH_MMU_UPDATE].size[31], 1);
	assert_int_equal(v->batch[BATCH_MMU_UPDATE].size[1], 1);
	assert_sums(v);
	assert_int_equal(vcpu(1, 2)->hypercall[0], 1);
	assert_int_equal(vcpu(1, 1)->hypercall[0], 0);
	assert_int_equal(stats.unattributed, 0);
	assert_int_equal(stats.lost, 0);
}

static void who_runs(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	hypercall(&b, 0, 0);			/* no vCPU is known */
	page_fault(&b);
	ptwr(&b);
	subcall(&b, 0, 0);
	record(&b, 0x00021002, WORDS(2 << 16 | 1));	/* 2v1 goes on */
	hypercall(&b, 0, 0);
	runstate(&b, 3, 0, BLOCKED, RUNNABLE);	/* 2v1 wakes another up */
	hypercall(&b, 0, 0);
	runstate(&b, 3, 0, RUNNING, BLOCKED);	/* not the one that runs here */
	hypercall(&b, 0, 0);
	leave(&b, 2, 1);
	hypercall(&b, 0, 0);			/* idle */
	run(&b, 3, 0);
	hypercall(&b, 0, 0);
	runstate(&b, 3, 0, RUNNING, BLOCKED);
	hypercall(&b, 0, 0);			/* no vCPU runs */
	/* Domain 3 still runs here after a window of another pCPU. */
	run(&b, 3, 0);
	window(&b, 1);
	hypercall(&b, 0, 0);			/* no vCPU is known here */
	window(&b, 0);
	hypercall(&b, 0, 0);
	count(&b);

	assert_int_equal(vcpu(2, 1)->hypercall[0], 3);
	assert_int_equal(vcpu(3, 0)->hypercall[0], 2);
	assert_int_equal(stats.unattributed, 7);
}

/* Xen's special domains, of which the idle domain has the greatest id, do not count. */
static void special_domains(void **state)
{
	struct build b = {};
	(void)state;

	window(&b, 0);
	run(&b, DOMID_RESERVED - 1, 0);
	hypercall(&b, 0, 0);
	run(&b, DOMID_RESERVED, 0);
	hypercall(&b, 0, 0);
	count(&b);

	assert_int_equal(stats.nr_domains, 1);
	assert_int_equal(vcpu(DOMID_RESERVED - 1, 0)->hypercall[0], 1);
	assert_int_equal(stats.unattributed, 1);
}

static void lost_records(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 3);
	subcall(&b, MMU_UPDATE, 5);
	lost(&b, 70000);
	subcall(&b, MMU_UPDATE, 5);
	hypercall(&b, 0, 0);
	run(&b, 1, 0);
	hypercall(&b, 0, 0);
	/* Before a loss, it is not known whether a multicall was preempted. */
	hypercall(&b, MULTICALL, 2);
	subcall(&b, 0, 0);
	subcall(&b, 0, 0);
	lost(&b, 2);
	count(&b);

	assert_int_equal(stats.lost, 70002);
	assert_int_equal(stats.unattributed, 2);
	assert_int_equal(vcpu(1, 0)->hypercall[0], 1);
	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 2, 5, 0);
	assert_sums(vcpu(1, 0));
}

/* A bit in the count marks it: as hypercall, as sub-call, and with a count of 0. */
static void continued_updates(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, MMU_UPDATE, 100);
	hypercall(&b, MMU_UPDATE, PREEMPTED | 60);
	hypercall(&b, MMU_UPDATE, PREEMPTED);
	hypercall(&b, MMUEXT_OP, 8);
	hypercall(&b, MMUEXT_OP, PREEMPTED | 2);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MMU_UPDATE, 1, 100, 2);
	assert_batch(vcpu(1, 0), BATCH_MMUEXT_OP, 1, 8, 1);
	assert_sums(vcpu(1, 0));
}

static void preempted_between_calls(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 5);
	subcall(&b, 0, 0);
	subcall(&b, 0, 0);
	hypercall(&b, 23, 0);		/* the guest takes an interrupt */
	hypercall(&b, MULTICALL, 2);	/* whose handler makes a multicall */
	subcall(&b, 0, 0);
	subcall(&b, 0, 0);
	hypercall(&b, MULTICALL, 3);
	subcall(&b, 0, 0);
	hypercall(&b, MULTICALL, 2);	/* and again */
	subcall(&b, 0, 0);
	subcall(&b, 0, 0);
	hypercall(&b, MULTICALL, 2);	/* a batch: no multicall has calls left */
	subcall(&b, 0, 0);
	subcall(&b, 0, 0);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 3, 5 + 2 + 2, 2);
	assert_sums(vcpu(1, 0));
}

/* The scheduler can choose the vCPU that it preempted, which then has not stopped. */
static void goes_on_between_calls(void **state)
{
	struct build b = {};
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 5);
	subcall(&b, 0, 0);
	subcall(&b, 0, 0);
	record(&b, 0x00021002, WORDS(1 << 16));
	hypercall(&b, MULTICALL, 3);
	for (int i = 0; i < 3; i++)
		subcall(&b, 0, 0);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 1, 5, 1);
	assert_sums(vcpu(1, 0));
}

/* Xen runs at least one call, so a multicall without a sub-call has failed. */
static void failed_multicalls(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 4);	/* a bad address */
	hypercall(&b, MULTICALL, 4);
	for (int i = 0; i < 4; i++)
		subcall(&b, 0, 0);
	hypercall(&b, MULTICALL, 0);
	hypercall(&b, MULTICALL, 3);	/* iret ends it */
	subcall(&b, 0, 0);
	subcall(&b, 23, 0);
	hypercall(&b, MULTICALL, 1);
	subcall(&b, 0, 0);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 5, 4 + 4 + 0 + 3 + 1, 0);
	assert_sums(vcpu(1, 0));
}

static void preempted_inside_a_call(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	/* Preempted in the second of three: two are left, one of which was seen. */
	hypercall(&b, MULTICALL, 3);
	subcall(&b, 0, 0);
	subcall(&b, MMU_UPDATE, 31);
	hypercall(&b, MULTICALL, 2);
	subcall(&b, MMU_UPDATE, PREEMPTED | 20);
	subcall(&b, 0, 0);
	/* None is left now, though it looks like one. */
	hypercall(&b, MULTICALL, 1);
	subcall(&b, 0, 0);
	/* Preempted in the last call, twice. */
	hypercall(&b, MULTICALL, 2);
	subcall(&b, 0, 0);
	subcall(&b, MMUEXT_OP, 9);
	hypercall(&b, MULTICALL, 1);
	subcall(&b, MMUEXT_OP, PREEMPTED | 5);
	hypercall(&b, MULTICALL, 1);
	subcall(&b, MMUEXT_OP, PREEMPTED);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 3, 3 + 1 + 2, 3);
	assert_batch(vcpu(1, 0), BATCH_MMU_UPDATE, 1, 31, 1);
	assert_batch(vcpu(1, 0), BATCH_MMUEXT_OP, 1, 9, 2);
	assert_sums(vcpu(1, 0));
}

/* By its size and by its first call, it continues: that counts once. */
static void continues_by_both(void **state)
{
	struct build b = {};
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 5);
	subcall(&b, 0, 0);
	hypercall(&b, MULTICALL, 4);
	subcall(&b, MMU_UPDATE, PREEMPTED | 1);
	for (int i = 0; i < 3; i++)
		subcall(&b, 0, 0);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 1, 5, 1);
	assert_sums(vcpu(1, 0));
}

/* As many calls, and the first updates page tables too, but does not continue. */
static void not_a_continuation(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 2);
	subcall(&b, 0, 0);
	subcall(&b, MMU_UPDATE, 31);
	hypercall(&b, MULTICALL, 1);
	subcall(&b, MMU_UPDATE, 31);
	/* The continuation is that of the second sub-call, which the multicall has anew. */
	hypercall(&b, MULTICALL, 2);
	subcall(&b, 0, 0);
	subcall(&b, MMU_UPDATE, PREEMPTED | 3);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 3, 5, 0);
	assert_sums(vcpu(1, 0));
}

/* Part of a multicall of five, three left: on one pCPU, and then on another. */
static void part_one(struct build *b, uint64_t tsc)
{
	b->tsc = tsc;
	run(b, 1, 0);
	hypercall(b, MULTICALL, 5);
	subcall(b, MMU_UPDATE, 1);
	subcall(b, MMU_UPDATE, 1);
	leave(b, 1, 0);
}

static void part_two(struct build *b, uint64_t tsc, bool stay)
{
	b->tsc = tsc;
	run(b, 1, 0);
	hypercall(b, MULTICALL, 3);
	for (int i = 0; i < 3; i++)
		subcall(b, MMU_UPDATE, 1);
	hypercall(b, MULTICALL, 3);
	for (int i = 0; i < 3; i++)
		subcall(b, MMU_UPDATE, 1);
	if (!stay)
		leave(b, 1, 0);
}

static void moved_to_another_pcpu(void **state)
{
	(void)state;

	for (int order = 0; order < 4; order++) {
		struct build b = { };

		if (order & 1) {
			window(&b, 0);
			part_two(&b, 2000, order & 2);
			window(&b, 1);
			part_one(&b, 1000);
		} else {
			window(&b, 0);
			part_one(&b, 1000);
			window(&b, 1);
			part_two(&b, 2000, order & 2);
		}
		count(&b);
		assert_batch(vcpu(1, 0), BATCH_MULTICALL, 2, 5 + 3, 1);
		assert_sums(vcpu(1, 0));
	}
}

/* A machine that has been up for seconds has time stamps of more than 32 bits. */
static void moved_as_the_low_word_overflows(void **state)
{
	struct build b = {};
	(void)state;

	window(&b, 0);
	part_two(&b, UINT64_C(0x500000000), false);
	window(&b, 1);
	part_one(&b, UINT64_C(0x4ffffff00));
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 2, 5 + 3, 1);
	assert_sums(vcpu(1, 0));
}

/* The order of time decides what continues, not that of the windows. */
static void moved_but_earlier(void **state)
{
	(void)state;

	for (int order = 0; order < 2; order++) {
		struct build b = { };

		window(&b, order);
		if (order)
			part_one(&b, 3000);
		else
			part_two(&b, 2000, false);
		window(&b, !order);
		if (order)
			part_two(&b, 2000, false);
		else
			part_one(&b, 3000);
		count(&b);
		assert_batch(vcpu(1, 0), BATCH_MULTICALL, 3, 5 + 3 + 3, 0);
		assert_sums(vcpu(1, 0));
	}
}

/* A record without a time stamp is as late as the one before. */
static void moved_without_a_time_stamp(void **state)
{
	(void)state;

	for (int order = 0; order < 2; order++) {
		struct build b = { };

		for (int i = 0; i < 2; i++) {
			window(&b, i);
			b.tsc = i == order ? 1000 : 2000;
			run(&b, 2, i);
			b.tsc += 2000;
			hypercall(&b, 0, 0);
			leave(&b, 2, i);
			b.tsc += i == order ? 2000 : 0;
			run(&b, 2, i);
			b.tsc += i == order ? 0 : 2000;
			hypercall(&b, 0, 0);
			/* 1v0, from 5000 or so on, or from 6000. */
			plain(&b, 0x00021021, WORDS(2 << 16 | i));
			plain(&b, 0x00021101, WORDS(1 << 16));
			hypercall(&b, MULTICALL, i == order ? 5 : 3);
			for (int j = 0; j < (i == order ? 2 : 3); j++)
				subcall(&b, MMU_UPDATE, 1);
			plain(&b, 0x00021011, WORDS(1 << 16));
		}
		count(&b);
		assert_batch(vcpu(1, 0), BATCH_MULTICALL, 1, 5, 1);
		assert_sums(vcpu(1, 0));
	}
}

/* What runs at the end stops in the order of the pCPUs; no vCPU runs on two. */
static void still_runs_at_the_end(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 5);
	part_one(&b, 1000);
	b.tsc = 2000;
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 3);
	window(&b, 2);
	b.tsc = 2000;
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 7);
	count(&b);

	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 3, 5 + 3 + 7, 0);
}

/*
 * part_one() moves to another processor, on which later() is. It is counted with either processor's
 * window first.
 */
static void count_in_either_order(void (*later)(struct build *), uint64_t multicalls,
				  uint64_t requests, uint64_t continuations)
{
	for (int order = 0; order < 2; order++) {
		struct build b = {};

		for (int i = 0; i < 2; i++) {
			window(&b, i);
			if (i == order) {
				part_one(&b, 1000);
				continue;
			}
			b.tsc = 2000;
			run(&b, 1, 0);
			later(&b);
			leave(&b, 1, 0);
		}
		count(&b);
		assert_batch(vcpu(1, 0), BATCH_MULTICALL, multicalls, requests, continuations);
		assert_sums(vcpu(1, 0));
	}
}

static void goes_on_inside_a_call(struct build *b)
{
	hypercall(b, MULTICALL, 4);
	subcall(b, MMU_UPDATE, PREEMPTED | 1);
	for (int i = 0; i < 3; i++)
		subcall(b, MMU_UPDATE, 1);
	leave(b, 1, 0);
	/* Nothing is left for this one. */
	run(b, 1, 0);
	hypercall(b, MULTICALL, 3);
	for (int i = 0; i < 3; i++)
		subcall(b, MMU_UPDATE, 1);
}

static void moved_inside_a_call(void **state)
{
	(void)state;
	count_in_either_order(goes_on_inside_a_call, 2, 5 + 3, 1);
}

static void goes_on_and_stops_inside_a_call(struct build *b)
{
	hypercall(b, MULTICALL, 3);
	for (int i = 0; i < 3; i++)
		subcall(b, MMU_UPDATE, 1);
	hypercall(b, MULTICALL, 2);
	subcall(b, 0, 0);
	subcall(b, MMUEXT_OP, 9);
	hypercall(b, MULTICALL, 1);
	subcall(b, MMUEXT_OP, PREEMPTED | 5);
}

/* A later multicall that was preempted inside a call says nothing of the one that moved. */
static void moved_before_one_inside_a_call(void **state)
{
	(void)state;
	count_in_either_order(goes_on_and_stops_inside_a_call, 2, 5 + 2, 2);
}

/* Back and forth: two multicalls of one vCPU, each on two pCPUs, in both file orders. */
static void moved_back_and_forth(void **state)
{
	(void)state;

	for (int order = 0; order < 2; order++) {
		struct build b = { };

		for (int i = 0; i < 2; i++) {
			window(&b, i);
			if (i == order) {
				part_one(&b, 1000);
				part_one(&b, 3000);
			} else {
				part_two(&b, 2000, false);
				part_two(&b, 4000, false);
			}
		}
		count(&b);
		assert_batch(vcpu(1, 0), BATCH_MULTICALL, 4, 5 + 3 + 5 + 3, 2);
		assert_sums(vcpu(1, 0));
	}
}

/* A window may have many of them, each of which waits for the other window. */
static void moved_many_times(void **state)
{
	(void)state;

	for (int order = 0; order < 2; order++) {
		struct build b = { };

		for (int i = 0; i < 2; i++) {
			window(&b, i);
			for (int move = 0; move < 40; move++) {
				if (i == order)
					part_one(&b, 1000 + 2000 * move);
				else
					part_two(&b, 2000 + 2000 * move, false);
			}
		}
		count(&b);
		assert_batch(vcpu(1, 0), BATCH_MULTICALL, 80, 40 * (5 + 3), 40);
		assert_sums(vcpu(1, 0));
	}
}

/*
 * More intervals than can wait. Each half that is resolved ends with a part one, which goes on in
 * the next half; else only the first half has any that go on.
 */
static void moved_more_often_than_can_wait(void **state)
{
	unsigned int moves = 3100, pairs = 0;
	struct build b = {};
	char *text;
	(void)state;

	window(&b, 0);
	part_two(&b, 500, false);
	for (unsigned int move = 0; move < moves; move++) {
		window(&b, 1);
		part_one(&b, 1000 + 2000 * move);
		window(&b, 0);
		if (move < 1024 || move % 1024 == 1023) {
			part_two(&b, 2000 + 2000 * move, false);
			pairs++;
		} else {
			part_one(&b, 2000 + 2000 * move);
		}
	}
	end(&b);
	text = feed_in_two(&b, b.size / 2);
	assert_threads_count(&b, text);
	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 2 + 2 * moves,
		     2 * 3 + pairs * (5 + 3) + (moves - pairs) * (5 + 5), pairs);
	assert_sums(vcpu(1, 0));
	free(text);
	build_free(&b);
}

/* docs/counting.md: then the first one's rest counts as a batch. */
static void another_one_was_preempted_since(void **state)
{
	(void)state;

	for (int order = 0; order < 2; order++) {
		struct build b = { };

		for (int i = 0; i < 3; i++) {
			window(&b, i);
			switch ((i + order) % 3) {
			case 0:
				part_two(&b, 3000, false);
				break;
			case 1:
				b.tsc = 2000;
				run(&b, 1, 0);
				hypercall(&b, MULTICALL, 4);
				subcall(&b, MMU_UPDATE, 1);
				subcall(&b, MMU_UPDATE, 1);
				leave(&b, 1, 0);
				break;
			case 2:
				part_one(&b, 1000);
				break;
			}
		}
		count(&b);
		assert_batch(vcpu(1, 0), BATCH_MULTICALL, 4, 5 + 4 + 3 + 3, 0);
		assert_sums(vcpu(1, 0));
	}
}

/* Another vCPU of the domain does not matter. */
static void not_the_same_vcpu(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	part_one(&b, 1000);
	run(&b, 1, 1);
	hypercall(&b, MULTICALL, 3);
	leave(&b, 1, 1);
	run(&b, 1, 0);
	hypercall(&b, MULTICALL, 3);
	count(&b);

	assert_batch(vcpu(1, 1), BATCH_MULTICALL, 1, 3, 0);
	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 1, 5, 1);
}

/* Without the records that are not before a time. The first of each pCPU has one. */
static void copy_before(struct build *to, const struct build *from, uint64_t time)
{
	uint64_t tsc = 0;

	for (size_t at = 0; at < from->size;) {
		uint32_t word[10];
		size_t size;

		memcpy(word, from->data + at, sizeof(word) < from->size - at ? sizeof(word) : from->size - at);
		size = 4 + 8 * (word[0] >> 31) + 4 * (word[0] >> 28 & 7);
		if ((word[0] & 0x0fffffff) == 0x0001f003)
			window(to, word[1]);
		if (word[0] >> 31)
			tsc = word[1] | (uint64_t)word[2] << 32;
		if ((word[0] & 0x0fffffff) != 0x0001f003 && tsc < time)
			for (size_t i = 0; i < size; i += 4)
				put(to, word[i / 4]);
		at += size;
	}
	end(to);
}

/* Up to any time, it is as if the trace had ended there, and no vCPU had gone on since. */
static void up_to_a_time(void **state)
{
	struct build whole = { };
	(void)state;

	/* In the file, the pCPU that goes on comes first. */
	window(&whole, 1);
	part_two(&whole, 2000, true);
	ptwr(&whole);
	lost(&whole, 3);
	page_fault(&whole);
	window(&whole, 0);
	part_one(&whole, 1000);
	run(&whole, 2, 3);
	page_fault(&whole);
	plain(&whole, 0x0020100d, WORDS(UPDATE_VA));
	hypercall(&whole, MMU_UPDATE, 31);
	end(&whole);

	for (uint64_t time = 999; time < 2030; time++) {
		struct build before = { };
		char *text, *expect;

		copy_before(&before, &whole, time);
		until = 0;
		expect = feed_in_two(&before, before.size / 2);
		until = time;
		text = feed_in_two(&whole, whole.size / 2);
		assert_string_equal(text, expect);
		assert_threads_count(&whole, expect);
		if (time == 1010)
			assert_int_equal(vcpu(2, 3)->hypercall[MMU_UPDATE], 0);
		free(text);
		free(expect);
		build_free(&before);
	}
	assert_int_equal(vcpu(2, 3)->hypercall[MMU_UPDATE], 1);
	assert_int_equal(stats.lost, 3);
	until = 0;
	build_free(&whole);
}

/* A guest can call any number, even one that looks as if arguments followed. */
static void made_up_numbers(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	record(&b, 0x0020100d, WORDS(63));
	record(&b, 0x0020100d, WORDS(64));
	record(&b, 0x0020100d, WORDS(0xfffff));
	record(&b, 0x0020100d, WORDS(0xffffffff));
	record(&b, 0x0020100d, WORDS(MMU_UPDATE | 1 << 22));
	record(&b, 0x0020100d, WORDS(MMU_UPDATE | 3u << 30));
	/* 64 bits of argument 0, and then the count. */
	record(&b, 0x0020100d, WORDS(MMU_UPDATE | 2 << 20 | 1 << 22, 0, 0, 12));
	/* A count of 64 bits: Xen takes the lower half. */
	record(&b, 0x0020100d, WORDS(MMUEXT_OP | 2 << 22, 7, 1));
	/* The number is beyond 32 bits, and so has no size. */
	record(&b, 0x0020100d, WORDS(MULTICALL));
	record(&b, 0x0020100d, WORDS(MMUEXT_OP | 1 << 20, 5));
	record(&b, 0x0020200e, WORDS(MMU_UPDATE));
	count(&b);

	assert_int_equal(vcpu(1, 0)->hypercall[63], 1);
	assert_int_equal(vcpu(1, 0)->hypercall[64], 7);
	assert_int_equal(vcpu(1, 0)->subcall[64], 1);
	assert_batch(vcpu(1, 0), BATCH_MULTICALL, 0, 0, 0);
	assert_batch(vcpu(1, 0), BATCH_MMU_UPDATE, 1, 12, 0);
	assert_batch(vcpu(1, 0), BATCH_MMUEXT_OP, 1, 7, 0);
}

static void cut_off(void **state)
{
	struct build b = { };
	size_t whole;
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, 0, 0);
	whole = b.size;
	hypercall(&b, MMU_UPDATE, 7);
	end(&b);

	/* At every byte after the first hypercall, which stays counted. */
	for (size_t size = b.size - 1; size >= whole; size--) {
		char *text, expect[80];

		b.size = size;
		text = feed_in_two(&b, size / 2);
		snprintf(expect, sizeof(expect), "cut off at byte %zu: %s", size, size > whole ?
			 "in the middle of a record" : "before the end of a window");
		assert_int_equal(result, 1);
		assert_string_equal(trace_error(trace), expect);
		assert_int_equal(vcpu(1, 0)->hypercall[0], 1);
		assert_batch(vcpu(1, 0), BATCH_MMU_UPDATE, 0, 0, 0);
		free(text);
	}
	build_free(&b);
}

/* No thread sees that its last window has half a record. */
static void half_a_record_at_the_end(void **state)
{
	struct build b = { };
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	put(&b, 0x0020100d | 1u << 28);
	end(&b);
	count_unfinished(&b);
	assert_int_equal(result, 1);
	assert_string_equal(trace_error(trace), "cut off at byte 48: in the middle of a record");
}

static void assert_corrupt(struct build *b, const char *error)
{
	count_unfinished(b);
	assert_int_equal(result, -1);
	assert_string_equal(trace_error(trace), error);
}

static void corrupt_traces(void **state)
{
	struct build b = { };
	(void)state;

	assert_corrupt(&b, "corrupt at byte 0: the file is empty");

	for (int i = 0; i < 20; i++)
		put(&b, 0x6c6c6548);
	assert_corrupt(&b, "corrupt at byte 0: this is not an xentrace file");

	put(&b, 0x0001f003);
	assert_corrupt(&b, "corrupt at byte 0: this is not an xentrace file");

	window(&b, 4096);
	assert_corrupt(&b, "corrupt at byte 0: no machine has so many pCPUs");
	b.window = 0;

	window(&b, 0);
	run(&b, 1, 0);
	end(&b);
	hypercall(&b, 0, 0);
	assert_corrupt(&b, "corrupt at byte 44: no window of a pCPU begins here");

	window(&b, 0);
	run(&b, 1, 0);
	end(&b);
	b.data[8] -= 4;
	assert_corrupt(&b, "corrupt at byte 28: a record crosses the end of its window");

	/* One of those that are nearly all, and more of them after it. */
	window(&b, 0);
	run(&b, 1, 0);
	hypercall(&b, 0, 0);
	end(&b);
	b.data[8] -= 4;
	for (int i = 0; i < 9; i++)
		hypercall(&b, 0, 0);
	assert_corrupt(&b, "corrupt at byte 44: a record crosses the end of its window");

	window(&b, 0);
	plain(&b, 0x0001f003, WORDS(0, 0));
	end(&b);
	assert_corrupt(&b, "corrupt at byte 12: a window begins inside of another");

	window(&b, 0);
	record(&b, 0x0020100d, 0, NULL);
	end(&b);
	assert_corrupt(&b, "corrupt at byte 12: a hypercall without a number");

	window(&b, 0);
	record(&b, 0x0001f001, 0, NULL);
	end(&b);
	assert_corrupt(&b, "corrupt at byte 12: lost records without their number");

	window(&b, 0);
	record(&b, 0x00021012, 0, NULL);
	record(&b, 0x00021101, 0, NULL);
	end(&b);
	assert_corrupt(&b, "corrupt at byte 24: a runstate change without a vCPU");
}

/*
 * What no limit may depend on: vCPUs that go from pCPU to pCPU, in the middle of
 * multicalls, so often that not all of it can wait to be put in order.
 */
static void moved_at_random(void **state)
{
	struct build b = { };
	uint64_t tsc[6] = { 0 };
	uint32_t random = 1;
	char *text;
	(void)state;

	for (unsigned int i = 0; i < 300; i++) {
		unsigned int pcpu = (random >> 16) % 6;

		/* Even numbers, as with hyperthreads off. */
		window(&b, 2 * pcpu);
		b.tsc = tsc[pcpu];
		for (unsigned int nr = 0; nr < 50; nr++) {
			unsigned int id;

			random = random * 1103515245 + 12345;
			id = (random >> 16) % 3;
			run(&b, 1, id);
			hypercall(&b, MULTICALL, 2 + (random >> 20) % 3);
			subcall(&b, MMU_UPDATE, (random >> 24) % 40);
			if (random >> 31)
				subcall(&b, MMU_UPDATE, 2);
			leave(&b, 1, id);
			/* Many at the same time, which are in the order of the file. */
			b.tsc &= ~63ull;
		}
		tsc[pcpu] = b.tsc + 64;
	}
	end(&b);
	text = feed_in_two(&b, b.size / 2);
	assert_int_equal(result, 0);
	assert_true(vcpu(1, 0)->hypercall[MULTICALL] > 4096);
	assert_true(vcpu(1, 0)->batch[BATCH_MULTICALL].continuations > 100);
	assert_threads_count(&b, text);
	free(text);
	build_free(&b);
}

/* Correct traces that several threads do not read. */
static void not_for_threads(void **state)
{
	struct build b = { };
	int fds[2], fd;
	(void)state;

	window(&b, 0);
	run(&b, 1, 0);
	end(&b);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], b.data, b.size), b.size);
	assert_null(trace_read_file(fds[0], 2, 0, NULL));
	close(fds[0]);
	close(fds[1]);

	/* Too many vCPUs for a part. */
	window(&b, 0);
	run(&b, 1, STATS_MAX_ALL_VCPUS / TRACE_MAX_PARTS - 1);
	end(&b);
	fd = file_of(&b);
	trace_free(trace);
	trace = trace_read_file(fd, 2, 0, NULL);
	assert_non_null(trace);
	close(fd);
	window(&b, 0);
	run(&b, 2, 0);
	end(&b);
	fd = file_of(&b);
	assert_null(trace_read_file(fd, 2, 0, NULL));
	close(fd);
	build_free(&b);
}

/* What a part cannot keep is not left out in silence. */
static void too_many_intervals(void **state)
{
	struct trace *whole = trace_new(), *part = trace_new_part();
	struct build b = { };
	(void)state;

	assert_non_null(whole);
	assert_non_null(part);
	window(&b, 0);
	for (unsigned int i = 0; i < 1024; i++) {
		run(&b, 1, 0);
		hypercall(&b, MULTICALL, 2);
		leave(&b, 1, 0);
	}
	end(&b);
	for (unsigned int i = 0; i < 128; i++)
		assert_int_equal(trace_feed_part(part, i, b.data, b.size), 0);
	assert_int_equal(trace_join(whole, &part, 1), 0);
	for (unsigned int i = 0; i < 129; i++)
		assert_int_equal(trace_feed_part(part, i, b.data, b.size), 0);
	assert_int_equal(trace_join(whole, &part, 1), -1);
	trace_free(part);
	trace_free(whole);
	build_free(&b);
}

/* A hostile trace names every possible vCPU. */
static void too_many_vcpus(void **state)
{
	struct build b = { };
	uint64_t counted = 0;
	char *text;
	(void)state;

	window(&b, 0);
	for (unsigned int domid = 0; domid < 0x8000; domid += 64)
		for (unsigned int id = 63; id < 65536; id += 4096 + 63) {
			run(&b, domid, id);
			hypercall(&b, 0, 0);
		}
	end(&b);
	text = feed_in_two(&b, b.size);
	free(text);
	build_free(&b);

	assert_int_equal(result, 0);
	assert_true(stats.nr_vcpus <= STATS_MAX_ALL_VCPUS);
	for (size_t i = 0; i < stats.nr_domains; i++) {
		struct vcpu_stats total;

		domain_total(&stats.domain[i], &total);
		counted += total.hypercall[0];
	}
	assert_true(counted > 20);
	assert_int_equal(counted + stats.unattributed, 512 * 16);
}

static int forget_trace(void **state)
{
	(void)state;
	trace_free(trace);
	stats_free(&stats);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_record),
		cmocka_unit_test(who_runs),
		cmocka_unit_test(special_domains),
		cmocka_unit_test(lost_records),
		cmocka_unit_test(continued_updates),
		cmocka_unit_test(preempted_between_calls),
		cmocka_unit_test(goes_on_between_calls),
		cmocka_unit_test(failed_multicalls),
		cmocka_unit_test(preempted_inside_a_call),
		cmocka_unit_test(continues_by_both),
		cmocka_unit_test(not_a_continuation),
		cmocka_unit_test(moved_to_another_pcpu),
		cmocka_unit_test(moved_as_the_low_word_overflows),
		cmocka_unit_test(moved_but_earlier),
		cmocka_unit_test(moved_without_a_time_stamp),
		cmocka_unit_test(still_runs_at_the_end),
		cmocka_unit_test(moved_inside_a_call),
		cmocka_unit_test(moved_before_one_inside_a_call),
		cmocka_unit_test(moved_back_and_forth),
		cmocka_unit_test(moved_many_times),
		cmocka_unit_test(moved_more_often_than_can_wait),
		cmocka_unit_test(another_one_was_preempted_since),
		cmocka_unit_test(not_the_same_vcpu),
		cmocka_unit_test(up_to_a_time),
		cmocka_unit_test(made_up_numbers),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(half_a_record_at_the_end),
		cmocka_unit_test(corrupt_traces),
		cmocka_unit_test(moved_at_random),
		cmocka_unit_test(not_for_threads),
		cmocka_unit_test(too_many_intervals),
		cmocka_unit_test(too_many_vcpus),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, forget_trace);
}
