// SPDX-License-Identifier: GPL-2.0-only
/*
 * hypfs_decode(). A test builds a blob from a list of descriptors, and then breaks it in one
 * place. Each blob is in memory of its exact size, so that the address sanitizer sees a read
 * past its end.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hypfs.h"

struct blob {
	uint8_t data[1 << 13];
	size_t size;
};

struct described {
	const char *name;
	uint32_t kind, nr, linear;
};

/* The counters of a Xen with xen-patches/. */
static const struct described ours[] = {
	{ "hypercall", BATCH_STATS_ARRAY, NR_HYPERCALLS, 0 },
	{ "subcall", BATCH_STATS_ARRAY, NR_HYPERCALLS, 0 },
	{ "multicall", BATCH_STATS_HISTOGRAM, NR_BUCKETS, NR_LINEAR },
	{ "mmu_update", BATCH_STATS_HISTOGRAM, NR_BUCKETS, NR_LINEAR },
	{ "mmuext_op", BATCH_STATS_HISTOGRAM, NR_BUCKETS, NR_LINEAR },
	{ "multicall_calls", BATCH_STATS_COUNTER, 1, 0 },
	{ "mmu_update_requests", BATCH_STATS_COUNTER, 1, 0 },
	{ "mmuext_op_operations", BATCH_STATS_COUNTER, 1, 0 },
	{ "multicall_continuations", BATCH_STATS_COUNTER, 1, 0 },
	{ "mmu_update_continuations", BATCH_STATS_COUNTER, 1, 0 },
	{ "mmuext_op_continuations", BATCH_STATS_COUNTER, 1, 0 },
	{ "ptwr", BATCH_STATS_COUNTER, 1, 0 },
	{ "page_fault", BATCH_STATS_COUNTER, 1, 0 },
	{ "mmu_update_errors", BATCH_STATS_ARRAY, NR_ERRORS, 0 },
	{ "mmuext_op_errors", BATCH_STATS_ARRAY, NR_ERRORS, 0 },
	{ "update_va_mapping_errors", BATCH_STATS_ARRAY, NR_ERRORS, 0 },
	{ "subcall_errors", BATCH_STATS_ARRAY, NR_ERRORS, 0 },
	/* A later Xen may say more of each. */
	{ "refused", BATCH_STATS_REFUSALS, NR_REFUSED, sizeof(struct refusal) + 8 },
};

#define REFUSED	17	/* its index above */


#define NR(array)	(sizeof(array) / sizeof((array)[0]))

static uint32_t get32(const struct blob *blob, size_t at)
{
	uint32_t value;

	memcpy(&value, blob->data + at, sizeof(value));
	return value;
}

static void set32(struct blob *blob, size_t at, uint32_t value)
{
	memcpy(blob->data + at, &value, sizeof(value));
}

#define HEADER(member)		offsetof(struct batch_stats_header, member)
#define DESC(blob, i, member)						\
	(get32(blob, HEADER(desc_offset)) +				\
	 (i) * get32(blob, HEADER(desc_size)) +				\
	 offsetof(struct batch_stats_desc, member))

/* Where value i of a counter is. */
static size_t value_at(const struct blob *blob, unsigned int counter, unsigned int i)
{
	return get32(blob, HEADER(data_offset)) + get32(blob, DESC(blob, counter, offset)) +
	       i * sizeof(uint64_t);
}

static void set_value(struct blob *blob, unsigned int counter, unsigned int i, uint64_t value)
{
	memcpy(blob->data + value_at(blob, counter, i), &value, sizeof(value));
}

/* Another number for each value. */
static uint64_t mark(unsigned int counter, unsigned int i)
{
	return UINT64_C(1000000000000) + counter * 1000 + i + 1;
}

static void set_refusal(struct blob *blob, unsigned int counter, size_t at, uint64_t nr)
{
	struct refusal refusal = { nr, HYPERCALL_MMUEXT_OP, 16, 0x1000 + nr, 0x2000 + nr };

	memcpy(blob->data + value_at(blob, counter, 0) + at, &refusal, sizeof(refusal));
}

static void build_sized(struct blob *blob, const struct described *counter, size_t nr,
			uint32_t header_size, uint32_t desc_size)
{
	uint32_t offset = 0;

	memset(blob, 0, sizeof(*blob));
	set32(blob, HEADER(version), BATCH_STATS_VERSION);
	set32(blob, HEADER(desc_offset), header_size);
	set32(blob, HEADER(desc_size), desc_size);
	set32(blob, HEADER(nr_desc), nr);
	set32(blob, HEADER(data_offset), header_size + nr * desc_size);
	for (size_t i = 0; i < nr; i++) {
		strcpy((char *)blob->data + DESC(blob, i, name), counter[i].name);
		set32(blob, DESC(blob, i, kind), counter[i].kind);
		set32(blob, DESC(blob, i, nr), counter[i].nr);
		set32(blob, DESC(blob, i, offset), offset);
		set32(blob, DESC(blob, i, linear), counter[i].linear);
		offset += counter[i].nr * (counter[i].kind == BATCH_STATS_REFUSALS ?
					   counter[i].linear : sizeof(uint64_t));
	}
	set32(blob, HEADER(data_size), offset);
	blob->size = get32(blob, HEADER(data_offset)) + offset;
	assert_true(blob->size <= sizeof(blob->data));
	for (size_t c = 0; c < nr; c++)
		for (unsigned int i = 0; i < counter[c].nr; i++)
			if (counter[c].kind == BATCH_STATS_REFUSALS)
				set_refusal(blob, c, i * counter[c].linear,
					    1 + (i + 3) % counter[c].nr);
			else
				set_value(blob, c, i, mark(c, i));
}

static void build(struct blob *blob, const struct described *counter, size_t nr)
{
	build_sized(blob, counter, nr, sizeof(struct batch_stats_header),
		    sizeof(struct batch_stats_desc));
}

static struct error error;
static bool refusals;	/* what hypfs_decode() said of them */

static int decode(const struct blob *blob, struct vcpu_stats *vcpu)
{
	uint8_t *copy = malloc(blob->size + 1);
	int ret;

	assert_non_null(copy);
	/* At an odd address, since a blob need not be aligned. */
	memcpy(copy + 1, blob->data, blob->size);
	error.text[0] = 0;
	memset(vcpu, 0, sizeof(*vcpu));
	ret = hypfs_decode(copy + 1, blob->size, vcpu, &refusals, &error);
	free(copy);

	return ret;
}

/* The error must name the byte, and nothing must be counted. */
static void expect_error(const struct blob *blob, size_t byte)
{
	struct vcpu_stats vcpu;
	char begin[32];

	assert_int_equal(decode(blob, &vcpu), -1);
	assert_false(vcpu_counted(&vcpu));
	snprintf(begin, sizeof(begin), "byte %zu: ", byte);
	if (strncmp(error.text, begin, strlen(begin)))
		fail_msg("\"%s\" does not begin with \"%s\"", error.text, begin);
	assert_null(strchr(error.text, '\n'));
}

/* Good until the next call. */
static const struct vcpu_stats *expect_vcpu(const struct blob *blob)
{
	static struct vcpu_stats vcpu;

	if (decode(blob, &vcpu))
		fail_msg("%s", error.text);
	return &vcpu;
}

static void expect_ours(const struct vcpu_stats *vcpu)
{
	for (unsigned int i = 0; i < NR_HYPERCALLS; i++) {
		assert_int_equal(vcpu->hypercall[i], mark(0, i));
		assert_int_equal(vcpu->subcall[i], mark(1, i));
	}
	for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++) {
		for (unsigned int i = 0; i < NR_BUCKETS; i++)
			assert_int_equal(vcpu->batch[kind].size[i], mark(2 + kind, i));
		assert_int_equal(vcpu->batch[kind].requests, mark(5 + kind, 0));
		assert_int_equal(vcpu->batch[kind].continuations, mark(8 + kind, 0));
	}
	assert_int_equal(vcpu->ptwr, mark(11, 0));
	assert_int_equal(vcpu->page_fault, mark(12, 0));
	for (unsigned int i = 0; i < NR_ERRORS; i++) {
		assert_int_equal(vcpu->mmu_update_errors[i], mark(13, i));
		assert_int_equal(vcpu->subcall_errors[i], mark(16, i));
	}
	/* The newest first, wherever they are in the ring. */
	for (unsigned int i = 0; i < NR_REFUSED; i++) {
		assert_int_equal(vcpu->refused[i].nr, NR_REFUSED - i);
		assert_int_equal(vcpu->refused[i].error, 16);
		assert_int_equal(vcpu->refused[i].address, 0x1000 + NR_REFUSED - i);
		assert_int_equal(vcpu->refused[i].value, 0x2000 + NR_REFUSED - i);
	}
}

static struct blob blob;

static void every_counter_has_its_place(void **state)
{
	(void)state;
	build(&blob, ours, NR(ours));
	expect_ours(expect_vcpu(&blob));
	assert_true(refusals);
	/* A Xen that counts, but no refusals: the errors come last. */
	build(&blob, ours, NR(ours) - 5);
	expect_vcpu(&blob);
	assert_false(refusals);
}

static void larger_header_and_descriptors(void **state)
{
	(void)state;
	build_sized(&blob, ours, NR(ours), 40, 64);
	expect_ours(expect_vcpu(&blob));
}

static void more_data(void **state)
{
	(void)state;
	build(&blob, ours, NR(ours));
	/* 16 bytes that no descriptor describes. */
	set32(&blob, HEADER(data_size), get32(&blob, HEADER(data_size)) + 16);
	blob.size += 16;
	expect_ours(expect_vcpu(&blob));
}

static void unknown_names_and_kinds_are_skipped(void **state)
{
	static const struct described counter[] = {
		{ "from_the_future", BATCH_STATS_COUNTER, 1, 0 },
		{ "ptwr", BATCH_STATS_COUNTER, 1, 0 },
		{ "page_fault", 99, 3, 0 },
		{ "", BATCH_STATS_ARRAY, 2, 0 },
		{ "ptw", BATCH_STATS_COUNTER, 1, 0 },
		{ "ptwr2", BATCH_STATS_COUNTER, 1, 0 },
	};
	const struct vcpu_stats *vcpu;

	(void)state;
	build(&blob, counter, NR(counter));
	/* A reader that does not know the kind or the name must not look at the place. */
	set32(&blob, DESC(&blob, 0, offset), UINT32_MAX);
	set32(&blob, DESC(&blob, 2, nr), UINT32_MAX);
	vcpu = expect_vcpu(&blob);
	assert_int_equal(vcpu->ptwr, mark(1, 0));
	assert_int_equal(vcpu->page_fault, 0);
	assert_int_equal(vcpu->hypercall[0], 0);
}

static void nothing_is_counted(void **state)
{
	struct vcpu_stats vcpu;

	(void)state;
	build(&blob, NULL, 0);
	assert_int_equal(decode(&blob, &vcpu), 1);
	assert_false(vcpu_counted(&vcpu));
}

static void adds_to_what_is_there(void **state)
{
	struct vcpu_stats vcpu;

	(void)state;
	build(&blob, ours, NR(ours));
	assert_int_equal(decode(&blob, &vcpu), 0);
	assert_int_equal(hypfs_decode(blob.data, blob.size, &vcpu, &refusals, &error), 0);
	assert_int_equal(vcpu.ptwr, 2 * mark(11, 0));
}

/* Bucket i of a histogram of nr with so many single sizes is counted at this size. */
static void expect_bucket(uint32_t nr, uint32_t linear, unsigned int i, uint32_t size)
{
	const struct described counter = { "mmu_update", BATCH_STATS_HISTOGRAM, nr, linear };
	const struct vcpu_stats *vcpu;

	build(&blob, &counter, 1);
	memset(blob.data + value_at(&blob, 0, 0), 0, nr * sizeof(uint64_t));
	set_value(&blob, 0, i, 5);
	vcpu = expect_vcpu(&blob);
	if (vcpu->batch[BATCH_MMU_UPDATE].size[bucket_of(size)] != 5)
		fail_msg("%u buckets, %u of them for one size: bucket %u does not count at size %u",
			 nr, linear, i, size);
	assert_int_equal(batch_count(&vcpu->batch[BATCH_MMU_UPDATE]), 5);
}

static void other_buckets(void **state)
{
	(void)state;
	/* Fewer single sizes: 8 to 15, 16 to 31, ... */
	expect_bucket(20, 8, 7, 7);
	expect_bucket(20, 8, 8, 8);
	expect_bucket(20, 8, 9, 16);
	expect_bucket(20, 8, 12, 128);
	expect_bucket(20, 8, 19, 16384);
	/* That do not end at a power of two: 5 to 7, 8 to 15, ... */
	expect_bucket(20, 5, 5, 5);
	expect_bucket(20, 5, 6, 8);
	/* None: 0, 1, 2 to 3, 4 to 7, ... */
	expect_bucket(20, 0, 0, 0);
	expect_bucket(20, 0, 1, 1);
	expect_bucket(20, 0, 2, 2);
	expect_bucket(20, 0, 3, 4);
	expect_bucket(20, 1, 1, 1);
	expect_bucket(20, 1, 2, 2);
	/* More single sizes: our buckets are coarser. */
	expect_bucket(300, 256, 64, 64);
	expect_bucket(300, 256, 65, 65);
	expect_bucket(300, 256, 127, 127);
	expect_bucket(300, 256, 128, 128);
	expect_bucket(300, 256, 255, 255);
	expect_bucket(300, 256, 256, 256);
	expect_bucket(300, 256, 257, 512);
	/* 64 is one of theirs in the bucket up to 127. */
	expect_bucket(90, 64, 64, 64);
	expect_bucket(90, 64, 65, 128);
	/* Fewer than ours, and more than there are sizes. */
	expect_bucket(10, NR_LINEAR, 9, 9);
	expect_bucket(100, NR_LINEAR, 89, UINT32_C(1) << 30);
	expect_bucket(100, NR_LINEAR, 91, UINT32_MAX);
	expect_bucket(100, NR_LINEAR, 99, UINT32_MAX);
	expect_bucket(40, UINT32_MAX, 39, 39);
	expect_bucket(40, 0, 32, UINT32_C(1) << 31);
	expect_bucket(40, 0, 33, UINT32_MAX);
	expect_bucket(40, 0, 39, UINT32_MAX);
}

static void other_indices(void **state)
{
	struct described counter = { "hypercall", BATCH_STATS_ARRAY, 100, 0 };
	const struct vcpu_stats *vcpu;
	uint64_t above = 0;

	(void)state;
	build(&blob, &counter, 1);
	vcpu = expect_vcpu(&blob);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(vcpu->hypercall[i], mark(0, i));
	for (unsigned int i = 64; i < 100; i++)
		above += mark(0, i);
	assert_int_equal(vcpu->hypercall[64], above);

	/* The last is 31 and all above. */
	counter.nr = 32;
	build(&blob, &counter, 1);
	vcpu = expect_vcpu(&blob);
	assert_int_equal(vcpu->hypercall[30], mark(0, 30));
	assert_int_equal(vcpu->hypercall[31], 0);
	assert_int_equal(vcpu->hypercall[64], mark(0, 31));
}

static void corrupt_header(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		size_t byte;	/* that the error names */
	} bad[] = {
		{ HEADER(version), 0, HEADER(version) },
		{ HEADER(version), 2, HEADER(version) },
		{ HEADER(desc_offset), 0, HEADER(desc_offset) },
		{ HEADER(desc_offset), 23, HEADER(desc_offset) },
		{ HEADER(desc_offset), UINT32_MAX, HEADER(desc_offset) },
		{ HEADER(desc_size), 0, HEADER(desc_size) },
		{ HEADER(desc_size), 47, HEADER(desc_size) },
		{ HEADER(desc_size), UINT32_MAX, HEADER(nr_desc) },
		{ HEADER(nr_desc), UINT32_MAX, HEADER(nr_desc) },
		/* 48 * 0x05555556 is 0x20 in 32 bits. */
		{ HEADER(nr_desc), 0x05555556, HEADER(nr_desc) },
		{ HEADER(data_offset), 0, HEADER(data_offset) },
		{ HEADER(data_offset), UINT32_MAX - 7, HEADER(data_offset) },
		{ HEADER(data_offset), 36, HEADER(data_offset) },
		{ HEADER(data_size), 12, HEADER(data_size) },
		{ HEADER(data_size), UINT32_MAX - 7, HEADER(data_size) },
	};

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		build(&blob, ours, NR(ours));
		set32(&blob, bad[i].at, bad[i].value);
		expect_error(&blob, bad[i].byte);
	}
	/* As many bytes of descriptors as the blob has, but not from there on. */
	build(&blob, ours, NR(ours));
	set32(&blob, HEADER(desc_offset), blob.size - 48);
	expect_error(&blob, HEADER(nr_desc));
	/* More counters than there are. */
	build(&blob, ours, NR(ours));
	set32(&blob, HEADER(data_size), get32(&blob, HEADER(data_size)) + 8);
	expect_error(&blob, HEADER(data_size));
}

static void corrupt_descriptor(void **state)
{
	/* Descriptor 3 is mmu_update, 11 is ptwr. */
	static const struct {
		unsigned int counter;
		size_t at;
		uint32_t value;
		size_t named;	/* the member that the error is at */
	} bad[] = {
#define MEMBER(member)	offsetof(struct batch_stats_desc, member)
		{ 3, MEMBER(kind), BATCH_STATS_COUNTER, MEMBER(kind) },
		{ 3, MEMBER(kind), BATCH_STATS_ARRAY, MEMBER(kind) },
		{ 11, MEMBER(kind), BATCH_STATS_HISTOGRAM, MEMBER(kind) },
		{ 3, MEMBER(nr), 0, MEMBER(nr) },
		{ 11, MEMBER(nr), 0, MEMBER(nr) },
		{ 11, MEMBER(nr), 2, MEMBER(nr) },
		{ 3, MEMBER(nr), UINT32_MAX, MEMBER(offset) },
		/* 8 * 0x20000001 is 8 in 32 bits. */
		{ 3, MEMBER(nr), 0x20000001, MEMBER(offset) },
		{ 3, MEMBER(offset), 4, MEMBER(offset) },
		{ 3, MEMBER(offset), UINT32_MAX - 7, MEMBER(offset) },
		{ 11, MEMBER(offset), UINT32_MAX - 7, MEMBER(offset) },
	};
	uint32_t data_size;

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		build(&blob, ours, NR(ours));
		set32(&blob, DESC(&blob, bad[i].counter, name) + bad[i].at, bad[i].value);
		expect_error(&blob, DESC(&blob, bad[i].counter, name) + bad[i].named);
	}

	/* The last value that fits, and the first that does not. */
	build(&blob, ours, NR(ours));
	data_size = get32(&blob, HEADER(data_size));
	set32(&blob, DESC(&blob, 11, offset), data_size - 8);
	expect_vcpu(&blob);
	set32(&blob, DESC(&blob, 11, offset), data_size);
	expect_error(&blob, DESC(&blob, 11, offset));
	/* Of many values, the last does not fit. */
	build(&blob, ours, NR(ours));
	set32(&blob, DESC(&blob, 3, offset),
	      data_size - 8 * (get32(&blob, DESC(&blob, 3, nr)) - 1));
	expect_error(&blob, DESC(&blob, 3, offset));

	build(&blob, ours, NR(ours));
	memset(blob.data + DESC(&blob, 4, name), 'x', sizeof(((struct batch_stats_desc *)0)->name));
	expect_error(&blob, DESC(&blob, 4, name));

	/* One refusal more than there is room for, and places that are not in the blob. */
	build(&blob, ours, NR(ours));
	set32(&blob, DESC(&blob, REFUSED, nr), NR_REFUSED + 1);
	expect_error(&blob, DESC(&blob, REFUSED, offset));
	set32(&blob, DESC(&blob, REFUSED, nr), UINT32_MAX);
	expect_error(&blob, DESC(&blob, REFUSED, offset));
	build(&blob, ours, NR(ours));
	set32(&blob, DESC(&blob, REFUSED, offset), UINT32_MAX - 7);
	expect_error(&blob, DESC(&blob, REFUSED, offset));
	set32(&blob, DESC(&blob, REFUSED, offset), 4);
	expect_error(&blob, DESC(&blob, REFUSED, offset));

	/* Refusals that are shorter than what is known of them. */
	build(&blob, ours, NR(ours));
	set32(&blob, DESC(&blob, REFUSED, linear), sizeof(struct refusal) - 1);
	expect_error(&blob, DESC(&blob, REFUSED, linear));
	set32(&blob, DESC(&blob, REFUSED, linear), 0);
	expect_error(&blob, DESC(&blob, REFUSED, linear));

	build(&blob, ours, NR(ours));
	strcpy((char *)blob.data + DESC(&blob, 12, name), "ptwr");
	expect_error(&blob, DESC(&blob, 12, name));
}

static void cut_off_at_every_byte(void **state)
{
	struct vcpu_stats vcpu;
	size_t size;

	(void)state;
	build(&blob, ours, NR(ours));
	size = blob.size;
	for (blob.size = 0; blob.size < size; blob.size++) {
		assert_int_equal(decode(&blob, &vcpu), -1);
		assert_int_equal(strncmp(error.text, "byte ", 5), 0);
		assert_false(vcpu_counted(&vcpu));
	}
	/* More bytes after the last counter are fine. */
	blob.size = size + 5;
	expect_vcpu(&blob);
}

/* Every byte of the header and the descriptors in turn: no crash, and no error without a reason. */
static void every_byte_broken(void **state)
{
	static const uint8_t flip[] = { 0x01, 0x80, 0xff };
	struct vcpu_stats vcpu;
	size_t end;

	(void)state;
	build(&blob, ours, NR(ours));
	end = get32(&blob, HEADER(data_offset));
	for (size_t i = 0; i < end; i++) {
		for (size_t f = 0; f < NR(flip); f++) {
			build(&blob, ours, NR(ours));
			blob.data[i] ^= flip[f];
			if (decode(&blob, &vcpu) < 0)
				assert_true(*error.text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_counter_has_its_place),
		cmocka_unit_test(larger_header_and_descriptors),
		cmocka_unit_test(more_data),
		cmocka_unit_test(unknown_names_and_kinds_are_skipped),
		cmocka_unit_test(nothing_is_counted),
		cmocka_unit_test(adds_to_what_is_there),
		cmocka_unit_test(other_buckets),
		cmocka_unit_test(other_indices),
		cmocka_unit_test(corrupt_header),
		cmocka_unit_test(corrupt_descriptor),
		cmocka_unit_test(cut_off_at_every_byte),
		cmocka_unit_test(every_byte_broken),
	};

	return cmocka_run_group_tests_name("hypfs", tests, NULL, NULL);
}
