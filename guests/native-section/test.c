// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without Xen PV, a lazy MMU section is one NOP where it begins and one where it ends.
 *
 * Method: there are labels before and after each end of some sections. The test compares
 * the code between two labels, as this kernel has patched it, with one NOP of that length.
 * It finds a call that was not patched out, and a state that is set, moved, spilled or
 * handed over.
 *
 * finds_a_store proves that the test can fail: it has a store between two labels.
 */
#include <linux/module.h>
#include <linux/objtool.h>
#include <asm/nops.h>

#include "lazy_mmu_test.h"

#define PART(name)	asm volatile(#name ": " ANNOTATE_NOENDBR)

extern const u8 empty_enter[], empty_inside[], empty_left[];
extern const u8 outer_enter[], inner_enter[], inner_inside[], inner_left[], outer_left[];
extern const u8 call_enter[], call_inside[], call_leave[], call_left[];
extern const u8 store_enter[], store_inside[];

static int stored;

static noinline void empty(void)
{
	section_t section;

	PART(empty_enter);
	section = section_enter();
	PART(empty_inside);
	section_leave(section);
	PART(empty_left);
}

static noinline void one_in_the_other(void)
{
	section_t outer, inner;

	PART(outer_enter);
	outer = section_enter();
	PART(inner_enter);
	inner = section_enter();
	PART(inner_inside);
	section_leave(inner);
	PART(inner_left);
	section_leave(outer);
	PART(outer_left);
}

/* The call may change registers, so the compiler would have to save a state. */
static noinline void around_a_call(void)
{
	section_t section;

	PART(call_enter);
	section = section_enter();
	PART(call_inside);
	empty();
	PART(call_leave);
	section_leave(section);
	PART(call_left);
}

static noinline void not_only_a_nop(void)
{
	section_t section;

	PART(store_enter);
	section = section_enter();
	WRITE_ONCE(stored, 1);
	PART(store_inside);
	section_leave(section);
}

static noinline bool one_nop(const u8 *begin, const u8 *end)
{
	static const u8 nops[ASM_NOP_MAX][ASM_NOP_MAX] = {
		{ BYTES_NOP1 }, { BYTES_NOP2 }, { BYTES_NOP3 }, { BYTES_NOP4 },
		{ BYTES_NOP5 }, { BYTES_NOP6 }, { BYTES_NOP7 }, { BYTES_NOP8 },
		{ BYTES_NOP9 }, { BYTES_NOP10 }, { BYTES_NOP11 },
	};
	size_t len = end - begin;

	return len && len <= ASM_NOP_MAX && !memcmp(begin, nops[len - 1], len);
}

#define EXPECT_ONE_NOP(test, begin, end)					\
	KUNIT_EXPECT_TRUE_MSG(test, one_nop(begin, end), #begin ": %*ph",	\
			      (int)((end) - (begin)), begin)

static void empty_section(struct kunit *test)
{
	empty();
	EXPECT_ONE_NOP(test, empty_enter, empty_inside);
	EXPECT_ONE_NOP(test, empty_inside, empty_left);
}

static void nested_sections(struct kunit *test)
{
	one_in_the_other();
	EXPECT_ONE_NOP(test, outer_enter, inner_enter);
	EXPECT_ONE_NOP(test, inner_enter, inner_inside);
	EXPECT_ONE_NOP(test, inner_inside, inner_left);
	EXPECT_ONE_NOP(test, inner_left, outer_left);
}

static void section_around_a_call(struct kunit *test)
{
	around_a_call();
	EXPECT_ONE_NOP(test, call_enter, call_inside);
	EXPECT_ONE_NOP(test, call_leave, call_left);
}

static void finds_a_store(struct kunit *test)
{
	not_only_a_nop();
	KUNIT_EXPECT_FALSE(test, one_nop(store_enter, store_inside));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(empty_section),
	KUNIT_CASE(nested_sections),
	KUNIT_CASE(section_around_a_call),
	KUNIT_CASE(finds_a_store),
	{}
};

static struct kunit_suite suite = {
	.name = "native_section",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("What is left of a lazy MMU section without Xen PV");
MODULE_LICENSE("GPL");
