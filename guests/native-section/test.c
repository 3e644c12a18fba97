// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without Xen PV, a lazy MMU section executes at most two jumps or NOPs where it begins, and at
 * most two where it ends: one goes past the call of a hook, and the compiler may need one to
 * come back. Where it begins, one more instruction may set its state, which is
 * LAZY_MMU_DEFAULT.
 *
 * Method: there are labels before and after each end of some sections. The test follows the
 * code from one label to the next, as this kernel has patched it, and counts what a processor
 * would execute. It knows NOPs, jumps, and instructions that set a register or a stack slot to
 * zero. Anything else fails: a call that was not patched out, or a state that is moved, saved
 * or handed over.
 *
 * counts_code proves that the test can fail, by code that it must count or refuse.
 */
#include <linux/module.h>
#include <linux/objtool.h>
#include <linux/unaligned.h>
#include <asm/nops.h>

#include "lazy_mmu_test.h"

/* The longest instruction that the test knows. */
#define MAX_LEN ASM_NOP_MAX

#define PART(name)	asm volatile(#name ": " ANNOTATE_NOENDBR)

extern const u8 empty_enter[], empty_inside[], empty_left[];
extern const u8 outer_enter[], inner_enter[], inner_inside[], inner_left[], outer_left[];
extern const u8 call_enter[], call_inside[], call_leave[], call_left[];

struct executed {
	unsigned int jumps; /* and NOPs */
	unsigned int zeroes;
	bool known; /* nothing else */
};

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

/* The length of the NOP that code begins with, or 0. */
static size_t nop_len(const u8 *code, size_t len)
{
	static const u8 nops[ASM_NOP_MAX][ASM_NOP_MAX] = {
		{ BYTES_NOP1 }, { BYTES_NOP2 }, { BYTES_NOP3 }, { BYTES_NOP4 },
		{ BYTES_NOP5 }, { BYTES_NOP6 }, { BYTES_NOP7 }, { BYTES_NOP8 },
		{ BYTES_NOP9 }, { BYTES_NOP10 }, { BYTES_NOP11 },
	};
	/* Clang has one where a jump may go. */
	static const u8 endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t i;

	if (len >= sizeof(endbr) && !memcmp(code, endbr, sizeof(endbr)))
		return sizeof(endbr);
	for (i = min_t(size_t, len, ASM_NOP_MAX); i; i--)
		if (!memcmp(code, nops[i - 1], i))
			return i;

	return 0;
}

/* How far the jump goes that code begins with, or 0. */
static ssize_t jump_to(const u8 *code)
{
	if (code[0] == 0xeb)
		return 2 + (s8)code[1];
	if (code[0] == 0xe9)
		return 5 + get_unaligned((s32 *)(code + 1));

	return 0;
}

/* The length of the instruction that code begins with, if it only sets something to 0. */
static size_t zero_len(const u8 *code, size_t len)
{
	/* movl $0, 8(%rsp) */
	static const u8 to_stack[] = { 0xc7, 0x44, 0x24 };
	static const u8 to_frame[] = { 0xc7, 0x45 };
	static const u8 nothing[4];

	/* xorl %eax, %eax and its like, with a REX prefix for both registers or for none */
	if (len >= 3 && code[0] == 0x45 && code[1] == 0x31 && code[2] >> 6 == 3 &&
	    (code[2] >> 3 & 7) == (code[2] & 7))
		return 3;
	if (len >= 2 && code[0] == 0x31 && code[1] >> 6 == 3 && (code[1] >> 3 & 7) == (code[1] & 7))
		return 2;
	if (len >= 8 && !memcmp(code, to_stack, 3) && !memcmp(code + 4, nothing, 4))
		return 8;
	if (len >= 7 && !memcmp(code, to_frame, 2) && !memcmp(code + 3, nothing, 4))
		return 7;

	return 0;
}

/* What a processor executes from begin to end. On its way it may be elsewhere. */
static noinline struct executed executed(const u8 *begin, const u8 *end)
{
	struct executed ran = {};
	const u8 *code = begin;

	while (code != end && ran.jumps + ran.zeroes < 8) {
		size_t len = code < end ? end - code : MAX_LEN;
		ssize_t step = nop_len(code, len) ?: jump_to(code);

		if (step) {
			ran.jumps++;
		} else {
			step = zero_len(code, len);
			ran.zeroes++;
		}
		if (!step)
			return ran;
		code += step;
	}
	ran.known = code == end;

	return ran;
}

static void expect(struct kunit *test, const char *where, const u8 *begin, const u8 *end,
		   unsigned int max_zeroes)
{
	struct executed ran = executed(begin, end);

	KUNIT_EXPECT_TRUE_MSG(test,
			      ran.known && ran.jumps && ran.jumps <= 2 && ran.zeroes <= max_zeroes,
			      "%s: %u jumps or NOPs, %u zeroes, %*ph", where, ran.jumps, ran.zeroes,
			      (int)(end - begin), begin);
}

#define EXPECT_ENTER(test, begin, end) expect(test, #begin, begin, end, 1)
#define EXPECT_LEAVE(test, begin, end) expect(test, #begin, begin, end, 0)

static void empty_section(struct kunit *test)
{
	empty();
	EXPECT_ENTER(test, empty_enter, empty_inside);
	EXPECT_LEAVE(test, empty_inside, empty_left);
}

static void nested_sections(struct kunit *test)
{
	one_in_the_other();
	EXPECT_ENTER(test, outer_enter, inner_enter);
	EXPECT_ENTER(test, inner_enter, inner_inside);
	EXPECT_LEAVE(test, inner_inside, inner_left);
	EXPECT_LEAVE(test, inner_left, outer_left);
}

static void section_around_a_call(struct kunit *test)
{
	around_a_call();
	EXPECT_ENTER(test, call_enter, call_inside);
	EXPECT_LEAVE(test, call_leave, call_left);
}

#ifdef HAVE_LAZY_MMU_STATE
static void state_is_default(struct kunit *test)
{
	section_t outer = section_enter();
	section_t inner = section_enter();

	KUNIT_EXPECT_TRUE(test, outer == LAZY_MMU_DEFAULT);
	KUNIT_EXPECT_TRUE(test, inner == LAZY_MMU_DEFAULT);
	section_leave(inner);
	section_leave(outer);
}
#endif

/* Behind each code are zeroes, which may be read. */
static const struct {
	const char *what;
	u8 code[32];
	size_t len;
	struct executed ran;
} codes[] = {
	{ "a NOP", { BYTES_NOP5 }, 5, { 1, 0, true } },
	{ "two NOPs", { BYTES_NOP5, BYTES_NOP1 }, 6, { 2, 0, true } },
	{ "a jump to an endbr64", { 0xeb, 1, 0xcc, 0xf3, 0x0f, 0x1e, 0xfa }, 7, { 2, 0, true } },
	{ "a jump over a call", { 0xeb, 5, 0xe8, 0, 0, 0, 0 }, 7, { 1, 0, true } },
	{ "a long jump over a call", { 0xe9, 5, 0, 0, 0, 0xe8, 0, 0, 0, 0 }, 10, { 1, 0, true } },
	{ "a jump out, xorl %ebx, %ebx, jumps back and to the end",
	  { 0xeb, 3, 0xeb, 6, 0xcc, 0x31, 0xdb, 0xeb, 0xf9, 0xcc },
	  10,
	  { 3, 1, true } },
	{ "xorl %r12d, %r12d", { 0x45, 0x31, 0xe4 }, 3, { 0, 1, true } },
	{ "movl $0, 8(%rsp)", { 0xc7, 0x44, 0x24, 8, 0, 0, 0, 0 }, 8, { 0, 1, true } },
	{ "movl $0, -8(%rbp)", { 0xc7, 0x45, 0xf8, 0, 0, 0, 0 }, 7, { 0, 1, true } },
	{ "a jump to itself", { 0xeb, 0xfe }, 2 },
	{ "a jump back, for ever", { BYTES_NOP1, 0xeb, 0xfd }, 3 },
	{ "a call", { 0xe8, 0, 0, 0, 0 }, 5 },
	{ "xorl %ebx, %eax", { 0x31, 0xd8 }, 2 },
	{ "movl $1, 8(%rsp)", { 0xc7, 0x44, 0x24, 8, 1, 0, 0, 0 }, 8 },
	{ "movl %ebx, %edi, as a state is handed over", { 0x89, 0xdf }, 2 },
};

static void counts_code(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		struct executed ran = executed(codes[i].code, codes[i].code + codes[i].len);

		KUNIT_EXPECT_EQ_MSG(test, ran.known, codes[i].ran.known, "%s", codes[i].what);
		if (!ran.known)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, ran.jumps, codes[i].ran.jumps, "%s", codes[i].what);
		KUNIT_EXPECT_EQ_MSG(test, ran.zeroes, codes[i].ran.zeroes, "%s", codes[i].what);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(empty_section),
	KUNIT_CASE(nested_sections),
	KUNIT_CASE(section_around_a_call),
#ifdef HAVE_LAZY_MMU_STATE
	KUNIT_CASE(state_is_default),
#endif
	KUNIT_CASE(counts_code),
	{}
};

static struct kunit_suite suite = {
	.name = "native_section",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("What is left of a lazy MMU section without Xen PV");
MODULE_LICENSE("GPL");
