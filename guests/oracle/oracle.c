// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle: a guest that knows all hypercalls that it makes, and declares them. Xen's
 * counters are compared with this declaration.
 *
 * Expected: over this domain's whole life, Xen counts what the line
 * `oracle: {JSON}` on the console declares, and nothing else. The names are those
 * of docs/counting.md; the key of a size is the least size of its bucket. If Xen does
 * another thing than the steps say, there is a line "not ok 1 ..." instead. If the oracle
 * itself is wrong, the line is "init: ...", and nothing is known of Xen.
 *
 * Method: steps[] is the only list of what the oracle does. It is walked once to do
 * the steps, and once to declare them. Xen refuses some steps, each with the error that the
 * step names. In a list, Xen refuses the last request. Nothing else enters Xen: no event is
 * unmasked, and the oracle spins to wait for the console. Writes to the page table do not
 * change it.
 *
 * The oracle does not know how often Xen preempts a batch and has it made again. Such a
 * continuation is an entry or a sub-call like any other, but is not declared. So subtract
 * the continuations that were counted. Any batch of two or more may be continued. Those in
 * "continued" always are: they take longer than the 10 ms after which Xen's periodic
 * timer interrupts a vCPU, also on hardware. set_trap_table may be made twice, too.
 *
 * To run it: type = "pv", vcpus = 1, memory = 32, and a console that somebody reads.
 */
#include <pv_kernel.h>

#include <xen/version.h>

#define LONGEST		262144	/* requests; one takes Xen 0.1 to 10 us */
#define NR_BUCKETS	90
#define NO_RESULT	(~0xfffUL)	/* no error has this number */
#define XEN_EINVAL	22
#define XEN_ENOSYS	38
#define LAST_REFUSALS	5		/* that are declared one by one */
#define BAD_ADDRESS	0xffff800000000000UL	/* Xen's own */
#define BAD_FRAME	0x000ffffffffff000UL	/* more than a machine has */
#define UNUSED_BIT	0x200UL	/* of an entry: software may use it */
#define BAD_COMMAND	0x7ffUL
#define BAD_FLAGS	0x10UL		/* uncached: for domains with devices only */

/* An operation is a hypercall, by its number, or one of these. */
enum {
	NR_HYPERCALLS = 64,
	PTWR = NR_HYPERCALLS,	/* a direct write to a page table, which Xen emulates */
	PAGE_FAULT,		/* one that Xen passes on, and the iret from its handler */
	NR_OPS
};

/*
 * If the sub-calls of a multicall are batches, then the first has the size of the
 * multicall, and each one after it one less, down to 1. So the last one cannot be
 * preempted. In a trace, a multicall that was preempted shows all of its sub-calls, and
 * its continuation looks like a new multicall.
 *
 * The times differ, so that a counter cannot be taken for another.
 */
static const struct step {
	unsigned int op;
	unsigned int size; /* of the batch; 0 if the operation is no batch */
	unsigned int times;
	unsigned int subcall;	/* what the sub-calls of a multicall are */
	unsigned int error;	/* that it, or each of its sub-calls, is refused with; 0: none */
} steps[] = {
	{ __HYPERVISOR_vm_assist, 0, 1 },
	{ __HYPERVISOR_set_trap_table, 0, 1 },

	{ __HYPERVISOR_multicall, 1, 7, __HYPERVISOR_xen_version },
	{ __HYPERVISOR_multicall, 2, 6, __HYPERVISOR_xen_version },
	{ __HYPERVISOR_multicall, 31, 5, __HYPERVISOR_xen_version },
	{ __HYPERVISOR_multicall, 32, 4, __HYPERVISOR_xen_version },
	{ __HYPERVISOR_multicall, 33, 3, __HYPERVISOR_xen_version },
	{ __HYPERVISOR_multicall, 64, 2, __HYPERVISOR_xen_version },
	{ __HYPERVISOR_multicall, 3, 4, __HYPERVISOR_mmuext_op },
	{ __HYPERVISOR_multicall, 4, 3, __HYPERVISOR_mmu_update },
	{ __HYPERVISOR_multicall, 5, 2, __HYPERVISOR_update_va_mapping },
	/* Long enough that some of these, and of their sub-calls, are preempted. */
	{ __HYPERVISOR_multicall, 32, 64, __HYPERVISOR_mmu_update },

	{ __HYPERVISOR_mmu_update, 1, 11 },
	{ __HYPERVISOR_mmu_update, 2, 10 },
	{ __HYPERVISOR_mmu_update, 31, 9 },
	{ __HYPERVISOR_mmu_update, 255, 8 },
	{ __HYPERVISOR_mmu_update, LONGEST, 1 },

	{ __HYPERVISOR_mmuext_op, 1, 17 },
	{ __HYPERVISOR_mmuext_op, 2, 16 },
	{ __HYPERVISOR_mmuext_op, 31, 15 },
	{ __HYPERVISOR_mmuext_op, 32, 14 },
	{ __HYPERVISOR_mmuext_op, 64, 13 },

	{ __HYPERVISOR_update_va_mapping, 0, 41 },
	{ PTWR, 0, 100 },
	{ PAGE_FAULT, 0, 50 },

	{ __HYPERVISOR_multicall, 3, 2, __HYPERVISOR_update_va_mapping, XEN_EINVAL },
	{ __HYPERVISOR_multicall, 2, 3, __HYPERVISOR_xen_version, XEN_ENOSYS },
	{ __HYPERVISOR_multicall, 2, 2, __HYPERVISOR_mmuext_op, XEN_ENOSYS },
	{ __HYPERVISOR_multicall, 3, 1, __HYPERVISOR_mmu_update, XEN_EINVAL },
	{ __HYPERVISOR_update_va_mapping, 0, 6, 0, XEN_EINVAL },
	{ __HYPERVISOR_mmuext_op, 2, 5, 0, XEN_ENOSYS },
	{ __HYPERVISOR_mmu_update, 2, 2, 0, XEN_EINVAL },
	/* From the third request on, Xen may keep the table locked: a way of its own. */
	{ __HYPERVISOR_mmu_update, 4, 1, 0, XEN_EINVAL },
	{ __HYPERVISOR_mmu_update, 3, 1, 0, XEN_ENOSYS },

	/* The declaration is printed here, with one notification for all of it. */
	{ __HYPERVISOR_event_channel_op, 0, 1 },
	{ __HYPERVISOR_sched_op, 0, 1 },
};

static const char *const names[NR_OPS] = {
	[__HYPERVISOR_set_trap_table] = "set_trap_table",
	[__HYPERVISOR_mmu_update] = "mmu_update",
	[__HYPERVISOR_multicall] = "multicall",
	[__HYPERVISOR_update_va_mapping] = "update_va_mapping",
	[__HYPERVISOR_xen_version] = "xen_version",
	[__HYPERVISOR_vm_assist] = "vm_assist",
	[__HYPERVISOR_iret] = "iret",
	[__HYPERVISOR_mmuext_op] = "mmuext_op",
	[__HYPERVISOR_sched_op] = "sched_op",
	[__HYPERVISOR_event_channel_op] = "event_channel_op",
	[PTWR] = "ptwr",
	[PAGE_FAULT] = "page_fault",
};

/* entry.S */
void touch_nothing(void);
void page_fault(void);

/* entry.S calls these, and counts the page faults that it handled. */
void unexpected_page_fault(unsigned long rip) __attribute__((noreturn));
unsigned long page_faults;

static unsigned long issued[NR_HYPERCALLS];

static struct mmu_update requests[LONGEST];
static struct mmuext_op operations[64];
static struct multicall_entry calls[64];

/* The last of each is refused; a shorter list is the end of it. */
static struct mmu_update bad_type[3], bad_frame[3], bad_flags[4];
static struct mmuext_op bad_command[3];

/* The steps use only the page table entry that maps this page. */
static char page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static volatile uint64_t *pte;
static uint64_t pte_value;

static const struct trap_info traps[] = {
	{ .vector = TRAP_PAGE_FAULT, .cs = FLAT_KERNEL_CS, .address = (unsigned long)page_fault },
	{ .address = 0 }
};
static struct sched_shutdown shutdown = { .reason = SHUTDOWN_poweroff };

static long issue_call(unsigned int op, const xen_ulong_t args[6])
{
	issued[op]++;
	return hypercall(op, args);
}

/* Ends with such a line instead of the declaration. */
static void end(const char *begin, const char *what, long value) __attribute__((noreturn));
static void end(const char *begin, const char *what, long value)
{
	length = 0;
	put(begin);
	put(what);
	put(value < 0 ? ": -" : ": ");
	put_number(value < 0 ? -value : value);
	put("\n");
	put_line_on_ring();
	issue_call(__HYPERVISOR_event_channel_op,
		   (xen_ulong_t[6]){ EVTCHNOP_send, (unsigned long)&console_event });
	wait_for_reader();
	for (;;)
		issue_call(__HYPERVISOR_sched_op,
			   (xen_ulong_t[6]){ SCHEDOP_shutdown, (unsigned long)&shutdown });
}

/* The oracle is wrong: the judge takes the line for an error of the harness. */
static void fail(const char *what, long value)
{
	end("init: ", what, value);
}

/* Xen is wrong. */
static void wrong(const char *what, long value) __attribute__((noreturn));
static void wrong(const char *what, long value)
{
	end("not ok 1 ", what, value);
}

/* Such as one of a write to the page table, which Xen did not emulate. */
void unexpected_page_fault(unsigned long rip)
{
	wrong("unexpected page fault at VIRT_BASE +", rip - VIRT_BASE);
}

static unsigned long list_of(unsigned int size, const void *list, unsigned int room)
{
	if (size > room)
		fail("there is no room for a batch of", size);
	return (unsigned long)list;
}

/* The arguments of a hypercall that is refused. */
static struct multicall_entry compose_refused(unsigned int op, unsigned int size,
					      unsigned int error)
{
#define CALL(...)	((struct multicall_entry){ op, NO_RESULT, { __VA_ARGS__ } })
#define LAST(array)	(list_of(size, array, ARRAY_SIZE(array)) + sizeof(array) - \
			 size * sizeof((array)[0]))
	switch (op) {
	case __HYPERVISOR_xen_version:
		return CALL(BAD_COMMAND, 0);
	case __HYPERVISOR_mmu_update:
		return CALL(error == XEN_ENOSYS ? LAST(bad_type) :
			    size == ARRAY_SIZE(bad_flags) ? LAST(bad_flags) : LAST(bad_frame),
			    size, 0, DOMID_SELF);
	case __HYPERVISOR_mmuext_op:
		return CALL(LAST(bad_command), size, 0, DOMID_SELF);
	case __HYPERVISOR_update_va_mapping:
		return CALL(BAD_ADDRESS, pte_value, UVMF_NONE);
	}
	fail("it is not known how to have refused hypercall", op);
#undef CALL
}

/*
 * Composes the arguments of a hypercall or of a sub-call. The result is a value that Xen
 * does not return, so that a missing result is noticed.
 */
static struct multicall_entry compose(unsigned int op, unsigned int size)
{
#define CALL(...)	((struct multicall_entry){ op, NO_RESULT, { __VA_ARGS__ } })
#define LIST(array)	list_of(size, array, ARRAY_SIZE(array))
	switch (op) {
	case __HYPERVISOR_vm_assist:
		return CALL(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
	case __HYPERVISOR_set_trap_table:
		return CALL((unsigned long)traps);
	case __HYPERVISOR_xen_version:
		return CALL(XENVER_version, 0);
	case __HYPERVISOR_multicall:
		return CALL(LIST(calls), size);
	case __HYPERVISOR_mmu_update:
		return CALL(LIST(requests), size, 0, DOMID_SELF);
	case __HYPERVISOR_mmuext_op:
		return CALL(LIST(operations), size, 0, DOMID_SELF);
	case __HYPERVISOR_update_va_mapping:
		return CALL((unsigned long)page, pte_value, UVMF_NONE);
	case __HYPERVISOR_event_channel_op:
		return CALL(EVTCHNOP_send, (unsigned long)&console_event);
	case __HYPERVISOR_sched_op:
		return CALL(SCHEDOP_shutdown, (unsigned long)&shutdown);
	}
	fail("it is not known how to make hypercall", op);
}

/* xen_version returns a positive number, all other operations 0. */
static void check(unsigned int op, unsigned int error, long rc)
{
	if (error ? rc != -(long)error : op == __HYPERVISOR_xen_version ? rc <= 0 : rc != 0)
		wrong(names[op], rc);
}

/* Of a multicall its sub-calls are refused, and not itself. */
static unsigned int own_error(const struct step *step)
{
	return step->op == __HYPERVISOR_multicall ? 0 : step->error;
}

static void issue_hypercall(const struct step *step)
{
	struct multicall_entry call = own_error(step) ?
		compose_refused(step->op, step->size, step->error) :
		compose(step->op, step->size);

	if (step->op == __HYPERVISOR_multicall)
		for (unsigned int i = 0; i < step->size; i++)
			calls[i] = step->error ?
				compose_refused(step->subcall, step->size - i, step->error) :
				compose(step->subcall, step->size - i);
	check(step->op, own_error(step), issue_call(step->op, call.args));
	/* Xen may have changed the other fields of a sub-call, so use only its result. */
	if (step->op == __HYPERVISOR_multicall)
		for (unsigned int i = 0; i < step->size; i++)
			check(step->subcall, step->error, calls[i].result);
}

/* What is declared for each operation. */
static struct {
	unsigned long count, subcall;
	unsigned long size[NR_BUCKETS], requests;
	bool continued;
} declared[NR_OPS];

/* What is declared of refusals: how many, by operation and error, and the last ones. */
static struct {
	unsigned long einval, enosys;
} refused[NR_OPS], refused_subcalls;

static struct {
	unsigned int op, error;
	unsigned long address, value;
} last[LAST_REFUSALS];
static unsigned long nr_refused;

static void declare_refusal(unsigned int op, unsigned int size, unsigned int error, bool subcall)
{
	unsigned long address = 0, value = 0;

	if (op == __HYPERVISOR_mmu_update) {
		const struct mmu_update *request =
			error == XEN_ENOSYS ? &bad_type[ARRAY_SIZE(bad_type) - 1] :
			size == ARRAY_SIZE(bad_flags) ? &bad_flags[ARRAY_SIZE(bad_flags) - 1] :
			&bad_frame[ARRAY_SIZE(bad_frame) - 1];

		address = request->ptr;
		value = request->val;
	} else if (op == __HYPERVISOR_mmuext_op) {
		address = bad_command[ARRAY_SIZE(bad_command) - 1].arg1.mfn;
		value = BAD_COMMAND;
	} else if (op == __HYPERVISOR_update_va_mapping) {
		address = BAD_ADDRESS;
		value = pte_value;
	}
	if (op != __HYPERVISOR_xen_version)
		(*(error == XEN_EINVAL ? &refused[op].einval : &refused[op].enosys))++;
	if (subcall)
		(*(error == XEN_EINVAL ? &refused_subcalls.einval : &refused_subcalls.enosys))++;
	for (unsigned int i = LAST_REFUSALS - 1; i; i--)
		last[i] = last[i - 1];
	last[0].op = op;
	last[0].error = error;
	last[0].address = address;
	last[0].value = value;
	nr_refused++;
}

static void declare_refusals(const struct step *step)
{
	bool multicall = step->op == __HYPERVISOR_multicall;

	for (unsigned int i = 0; step->error && i < step->times; i++)
		for (unsigned int call = 0; call < (multicall ? step->size : 1); call++)
			declare_refusal(multicall ? step->subcall : step->op, step->size - call,
					step->error, multicall);
}

/* Returns the least size of the next bucket; first is the least size of this one. */
static unsigned long next_bucket(unsigned long first)
{
	return first <= 64 ? first + 1 : first == 65 ? 128 : 2 * first;
}

static bool is_batch(unsigned int op)
{
	return op == __HYPERVISOR_multicall || op == __HYPERVISOR_mmu_update ||
	       op == __HYPERVISOR_mmuext_op;
}

static void declare_batch(unsigned int op, unsigned int size, unsigned int times)
{
	unsigned int bucket = 0;

	if (!is_batch(op))
		return;
	for (unsigned long next = 1; next <= size; next = next_bucket(next))
		bucket++;
	declared[op].size[bucket] += times;
	declared[op].requests += (unsigned long)size * times;
	declared[op].continued |= size == LONGEST;
}

static void declare(const struct step *step)
{
	declared[step->op].count += step->times;
	if (step->op == PAGE_FAULT)
		declared[__HYPERVISOR_iret].count += step->times;
	declare_batch(step->op, step->size, step->times);
	declare_refusals(step);
	if (step->op == __HYPERVISOR_multicall) {
		declared[step->subcall].subcall += step->size * step->times;
		for (unsigned int i = 0; i < step->size; i++)
			declare_batch(step->subcall, step->size - i, step->times);
	}
}

/* Fails unless what was issued until now is what the steps until now declare. */
static void compare_with_issued(void)
{
	issued[__HYPERVISOR_iret] = page_faults;
	for (unsigned int op = 0; op < NR_HYPERCALLS; op++)
		if (issued[op] != declared[op].count)
			fail("not as often as declared: hypercall", op);
}

/* Puts the key of a JSON object's next member. */
static void put_key(const char *name)
{
	put(line[length - 1] == '{' ? "\"" : ",\"");
	put(name);
	put("\":");
}

static void put_member(const char *name, unsigned long value)
{
	put_key(name);
	put_number(value);
}

static void put_hex(const char *name, unsigned long value)
{
	put_key(name);
	put("\"0x");
	for (int shift = 60; shift >= 0; shift -= 4) {
		const char digit[2] = { "0123456789abcdef"[(value >> shift) % 16] };

		/* No zeros in front, but one at least. */
		if (value >> shift || !shift)
			put(digit);
	}
	put("\"");
}

static void put_errors(const char *name, unsigned long einval, unsigned long enosys)
{
	put_key(name);
	put("{");
	if (einval)
		put_member("EINVAL", einval);
	if (enosys)
		put_member("ENOSYS", enosys);
	put("}");
}

static void put_refused(void)
{
	static const unsigned int ops[] = {
		__HYPERVISOR_mmu_update, __HYPERVISOR_mmuext_op, __HYPERVISOR_update_va_mapping,
	};

	put_key("refused");
	put("{");
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
		put_errors(names[ops[i]], refused[ops[i]].einval, refused[ops[i]].enosys);
	put_errors("subcall", refused_subcalls.einval, refused_subcalls.enosys);
	put_key("last");
	put("[");
	for (unsigned int i = 0; i < LAST_REFUSALS; i++) {
		put(i ? ",{" : "{");
		put_member("nr", nr_refused - i);
		put(",\"op\":\"");
		put(names[last[i].op]);
		put("\",\"error\":\"");
		put(last[i].error == XEN_EINVAL ? "EINVAL\"" : "ENOSYS\"");
		put_hex("address", last[i].address);
		put_hex("value", last[i].value);
		put("}");
	}
	put("]}");
}

static void put_batch(unsigned int op)
{
	unsigned long first = 0;

	put_key(names[op]);
	put("{\"size\":{");
	for (unsigned int i = 0; i < NR_BUCKETS; i++, first = next_bucket(first)) {
		if (!declared[op].size[i])
			continue;
		put(line[length - 1] == '{' ? "\"" : ",\"");
		put_number(first);
		put("\":");
		put_number(declared[op].size[i]);
	}
	put("}");
	put_member("requests", declared[op].requests);
	put("}");
}

static void put_declaration(const struct step *now)
{
	for (const struct step *step = steps; step < steps + ARRAY_SIZE(steps); step++) {
		if (step == now)
			compare_with_issued();
		declare(step);
	}
	put("1..1\nok 1 every hypercall did what it was to\noracle: {\"hypercall\":{");
	for (unsigned int op = 0; op < NR_HYPERCALLS; op++)
		if (declared[op].count)
			put_member(names[op], declared[op].count);
	put("},\"subcall\":{");
	for (unsigned int op = 0; op < NR_HYPERCALLS; op++)
		if (declared[op].subcall)
			put_member(names[op], declared[op].subcall);
	put("},\"batch\":{");
	for (unsigned int op = 0; op < NR_HYPERCALLS; op++)
		if (is_batch(op))
			put_batch(op);
	put("}");
	put_member("update_va_mapping", declared[__HYPERVISOR_update_va_mapping].count +
					declared[__HYPERVISOR_update_va_mapping].subcall);
	put_member(names[PTWR], declared[PTWR].count);
	put_member(names[PAGE_FAULT], declared[PAGE_FAULT].count);
	put_refused();
	put(",\"continued\":{");
	for (unsigned int op = 0; op < NR_HYPERCALLS; op++) {
		if (declared[op].continued) {
			put_key(names[op]);
			put("true");
		}
	}
	put("}}\n");
}

/*
 * By turns by a locked instruction, which Xen emulates by a way of its own, and by a mov. Xen does not
 * write for a locked instruction that changes nothing, so it changes a bit that nobody uses.
 */
static void write_table(void)
{
	static unsigned long writes;

	if (writes++ % 2)
		*pte = pte_value;
	else
		__atomic_exchange_n(pte, pte_value ^ UNUSED_BIT, __ATOMIC_SEQ_CST);
}

static void issue(const struct step *step)
{
	switch (step->op) {
	case PTWR:
		write_table();
		break;
	case PAGE_FAULT:
		touch_nothing();
		break;
	case __HYPERVISOR_event_channel_op:
		put_declaration(step);
		put_line_on_ring();
		issue_hypercall(step);
		wait_for_reader();
		break;
	default:
		issue_hypercall(step);
		break;
	}
}

/*
 * Finds the entry that maps our page. It is in the level-1 table that the oracle boots with,
 * which is pinned through its level-4 table. Makes the batches of this entry.
 */
static void prepare(const struct start_info *start_info)
{
	uint64_t machine;

	pte = find_pte(start_info, page, &machine);
	pte_value = *pte;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		requests[i] = (struct mmu_update){ machine | MMU_NORMAL_PT_UPDATE, pte_value };
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		operations[i].cmd = MMUEXT_TLB_FLUSH_LOCAL;
	for (size_t i = 0; i < ARRAY_SIZE(bad_type); i++) {
		bad_type[i] = bad_frame[i] = requests[0];
		bad_frame[i].ptr |= MMU_PT_UPDATE_PRESERVE_AD;
		bad_command[i] = operations[0];
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_flags); i++) {
		bad_flags[i] = requests[0];
		bad_flags[i].ptr |= MMU_PT_UPDATE_PRESERVE_AD;
	}
	/* No request has this type, no machine this frame, and no operation this command. */
	bad_type[ARRAY_SIZE(bad_type) - 1].ptr |= 7;
	bad_frame[ARRAY_SIZE(bad_frame) - 1].ptr = BAD_FRAME | MMU_PT_UPDATE_PRESERVE_AD;
	bad_flags[ARRAY_SIZE(bad_flags) - 1].val |= BAD_FLAGS;
	bad_command[ARRAY_SIZE(bad_command) - 1].cmd = BAD_COMMAND;
	bad_command[ARRAY_SIZE(bad_command) - 1].arg1.mfn = 0x1234;
}

void pv_main(const struct start_info *start_info)
{
	find_console(start_info);
	prepare(start_info);
	for (const struct step *step = steps; step < steps + ARRAY_SIZE(steps); step++)
		for (unsigned int i = 0; i < step->times; i++)
			issue(step);
	wrong("still running after hypercall", __HYPERVISOR_sched_op);
}
