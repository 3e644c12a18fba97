// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that changes the permissions of page table entries in every way that Xen allows or
 * refuses, and looks at what Xen then knows of the pages.
 *
 * What may be wrong: a hypervisor that takes a short way for such a change may let a page table
 * be writable, may take a page for writable that is not, or may lose or keep a reference.
 *
 * How that shows. A guest cannot read Xen's counts, but it can ask:
 *   - A page can be pinned as a page table if, and only if, no entry maps it writable. So pinning
 *     tells whether the count of writable mappings is 0.
 *   - XENMEM_exchange takes a page only if its general count is 1. So it tells whether one
 *     reference was lost or kept.
 *   - After a writable mapping is refused, the entry must be as it was.
 * A domain whose pages have a reference too many does not go away: steps.sh looks for that.
 *
 * Method: first each kind of page, in both directions, with and without PRESERVE_AD, with the
 * result that Xen without any patch gives. Then lists that end or change in the middle. Then
 * tables with entries in single slots. Then UPDATES random updates of a model, which says for
 * each what Xen must return. The random numbers begin with the seed that is printed; SEED= of
 * "make run" repeats them. Then two vCPUs: one writes through whatever its TLB holds, and
 * must not be able to once the page is a page table. Then both update the same few entries of
 * one table, which only Xen's lock of the table keeps apart.
 *
 * To run it: type = "pv", vcpus = 2, memory = 32, and self=DOMID on the command line, its own
 * domid. A guest with "grants" there grants a page to as many domains as its grant table has room
 * for, from domain 1 on, and waits. A guest with granter=DOMID maps that page.
 */
#include <pv_kernel.h>

#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/vcpu.h>

#define UPDATES		1000000
#define RACING_UPDATES	200000
#define NR_FRAMES	64
#define NR_TABLES	2
#define NR_SLOTS	(512 * NR_TABLES)
#define LONGEST		40	/* more than what Xen copies at once */

/* Bits of an entry. Xen adds KERNEL to an entry without USER, and GLOBAL to one with it. */
#define PRESENT		0x001UL
#define RW		0x002UL
#define USER		0x004UL
#define PWT		0x008UL
#define PCD		0x010UL
#define ACCESSED	0x020UL
#define DIRTY		0x040UL
#define PAT		0x080UL
#define GLOBAL		0x100UL
#define AVAIL		0xe00UL
#define NX		(1UL << 63)
#define KERNEL		(1UL << 52)
#define RO_ENTRY	(PRESENT | USER | ACCESSED | NX)
#define RW_ENTRY	(RO_ENTRY | RW | DIRTY)

/*
 * A debug build of Xen marks entries that a grant made, complains if they are changed, and refuses
 * the mark from a guest.
 */
#define GRANT		(1UL << 62)
#define TRAP_PROTECTION	13

/* Xen's errors. */
#define OK		0
#define E_PERM		(-1)
#define E_FAULT		(-14)
#define E_BUSY		(-16)
#define E_INVAL		(-22)
#define E_NOSYS		(-38)

/* entry.S */
bool poke(volatile uint64_t *where, uint64_t value);
void page_fault(void);
void protection_fault(void);
extern char second_stack[];
unsigned long protection_faults;
void unexpected_page_fault(unsigned long rip) __attribute__((noreturn));

struct page {
	uint64_t entry[512];
} __attribute__((aligned(PAGE_SIZE)));

static struct page frames[NR_FRAMES], tables[NR_TABLES], upper[3], window, grant_window;
/* The end of lists, and after it a page that is not mapped. */
static struct {
	struct page list, hole;
} end_of_list;

static const struct start_info *start;
static const struct trap_info traps[] = {
	{ .vector = TRAP_PAGE_FAULT, .cs = FLAT_KERNEL_CS, .address = (unsigned long)page_fault },
	{ .vector = TRAP_PROTECTION, .cs = FLAT_KERNEL_CS, .address = (unsigned long)protection_fault },
	{ .address = 0 }
};

#define CALL(op, ...)	hypercall(op, (xen_ulong_t[6]){ __VA_ARGS__ })

static void say(void)
{
	put("\n");
	put_line_on_ring();
	CALL(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&console_event);
	wait_for_reader();
	length = 0;
}

static void end(unsigned int reason) __attribute__((noreturn));
static void end(unsigned int reason)
{
	struct sched_shutdown shutdown = { .reason = reason };

	for (;;)
		CALL(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&shutdown);
}

static void put_signed(long value)
{
	if (value < 0)
		put("-");
	put_number(value < 0 ? -value : value);
}

/* What the test is at, for a message. */
static const char *doing = "";
static unsigned long step;

/* The harness is wrong: nothing is known of Xen. The judge takes the line for such an error. */
static void fail(const char *what, long value)
{
	length = 0;
	put("init: ");
	put(doing);
	put(": ");
	put(what);
	put(" ");
	put_signed(value);
	say();
	end(SHUTDOWN_poweroff);
}

static unsigned int tests;

static void passed(const char *name)
{
	put("ok ");
	put_number(++tests);
	put(" ");
	put(name);
	say();
}

/* Begins a line that says that Xen is wrong. */
static void put_wrong(const char *what, long is)
{
	length = 0;
	put("not ok ");
	put_number(++tests);
	put(" ");
	put(doing);
	put(", step ");
	put_number(step);
	put(": ");
	put(what);
	put(" ");
	put_signed(is);
}

/* This kernel touches only what it has mapped, so Xen has not mapped it as asked. */
void unexpected_page_fault(unsigned long rip)
{
	put_wrong("page fault at VIRT_BASE +", rip - VIRT_BASE);
	say();
	end(SHUTDOWN_poweroff);
}

/* Xen is wrong: says so, and ends, since what follows would only be wrong in its turn. */
static void wrong(const char *what, long is, long expected) __attribute__((noreturn));
static void wrong(const char *what, long is, long expected)
{
	put_wrong(what, is);
	put(", expected ");
	put_signed(expected);
	say();
	end(SHUTDOWN_poweroff);
}

static void expect(const char *what, long is, long expected)
{
	if (is != expected)
		wrong(what, is, expected);
}

/* The entry that maps an address, and its machine address. */
static volatile uint64_t *home(const void *address, uint64_t *machine)
{
	return find_pte(start, address, machine);
}

static uint64_t frame_of(const void *address)
{
	uint64_t machine;

	return *home(address, &machine) & PTE_FRAME;
}

/* Makes a list of updates. Sets *done. */
static long update_list(const struct mmu_update *list, unsigned int count, unsigned int *done,
			unsigned int domid)
{
	*done = 0;
	return CALL(__HYPERVISOR_mmu_update, (unsigned long)list, count, (unsigned long)done, domid);
}

static long update(uint64_t machine, unsigned int command, uint64_t value, unsigned int domid)
{
	struct mmu_update request = { machine | command, value };
	unsigned int done;
	long rc = update_list(&request, 1, &done, domid);

	expect("done", done, rc == OK);
	return rc;
}

static long extended(unsigned int command, uint64_t frame)
{
	struct mmuext_op op = { .cmd = command, .arg1.mfn = frame >> PAGE_SHIFT };

	return CALL(__HYPERVISOR_mmuext_op, (unsigned long)&op, 1, 0, DOMID_SELF);
}

static long pin(uint64_t frame)
{
	return extended(MMUEXT_PIN_L1_TABLE, frame);
}

static long unpin(uint64_t frame)
{
	return extended(MMUEXT_UNPIN_TABLE, frame);
}

/* Maps an address of this kernel with other bits, or with 0 not at all. */
static void set_home(const void *address, uint64_t flags)
{
	uint64_t machine, frame = frame_of(address);

	home(address, &machine);
	expect("the result for a home entry", update(machine, MMU_NORMAL_PT_UPDATE,
						     flags ? frame | flags : 0, DOMID_SELF), OK);
	extended(MMUEXT_TLB_FLUSH_ALL, 0);
}

/* What Xen makes of the bits of a present entry. */
static uint64_t adjusted(uint64_t entry)
{
	if (!(entry & USER))
		entry |= KERNEL | USER;
	if (!(entry & KERNEL))
		entry |= GLOBAL;
	return entry;
}

/* Whether a page has no writable mapping: whether it can be a page table. It must be zero. */
static bool can_be_table(uint64_t frame)
{
	long rc = pin(frame);

	if (rc == OK) {
		expect("the result of unpinning", unpin(frame), OK);
		return true;
	}
	expect("the result of pinning a writable page", rc, E_INVAL);
	return false;
}

static const unsigned int commands[] = { MMU_NORMAL_PT_UPDATE, MMU_PT_UPDATE_PRESERVE_AD,
					 MMU_PT_UPDATE_NO_TRANSLATE };

static uint64_t window_entry, window_frame;
static volatile uint64_t *window_pte;

/* Both directions, with each command, of a page for which both are allowed. */
static void toggle(const char *name, uint64_t frame, bool table)
{
	doing = name;
	for (step = 0; step < ARRAY_SIZE(commands); step++) {
		unsigned int command = commands[step];
		bool keep = command == MMU_PT_UPDATE_PRESERVE_AD;

		/* To writable, to read-only and to writable again; the entry is dirty. */
		expect("mapping it", update(window_entry, MMU_NORMAL_PT_UPDATE, frame | RO_ENTRY, DOMID_SELF), OK);
		if (table)
			expect("a read-only page can be a table", can_be_table(frame), true);
		expect("to writable", update(window_entry, command, frame | RW_ENTRY, DOMID_SELF), OK);
		expect("the writable entry is right", *window_pte == adjusted(frame | RW_ENTRY), true);
		if (table)
			expect("a writable page can be a table", can_be_table(frame), false);
		/* Without the dirty bit, which PRESERVE_AD keeps. */
		expect("to read-only", update(window_entry, command, frame | (RO_ENTRY & ~ACCESSED), DOMID_SELF), OK);
		expect("the read-only entry is right",
		       *window_pte == adjusted(frame | (RO_ENTRY & ~ACCESSED) | (keep ? ACCESSED | DIRTY : 0)), true);
		if (table)
			expect("the page can be a table again", can_be_table(frame), true);
		/* Other bits change at the same time. */
		expect("to writable, and others", update(window_entry, command,
							 frame | (RW_ENTRY & ~NX) | AVAIL, DOMID_SELF), OK);
		expect("to read-only, and others", update(window_entry, command,
							  frame | (RO_ENTRY & ~USER), DOMID_SELF), OK);
		expect("the entry of the kernel is right",
		       *window_pte == (adjusted(frame | (RO_ENTRY & ~USER)) | (keep ? DIRTY : 0)), true);
		if (table)
			expect("the page can be a table still", can_be_table(frame), true);
		expect("unmapping it", update(window_entry, command, 0, DOMID_SELF), OK);
	}
	passed(name);
}

/* The same through update_va_mapping. */
static void toggle_by_address(uint64_t frame)
{
	static const uint64_t values[] = { RO_ENTRY, RW_ENTRY, RO_ENTRY, RW_ENTRY, 0 };

	doing = "own page, update_va_mapping";
	for (step = 0; step < ARRAY_SIZE(values); step++) {
		uint64_t value = values[step] ? frame | values[step] : 0;

		expect("the result", CALL(__HYPERVISOR_update_va_mapping, (unsigned long)&window, value, UVMF_NONE), OK);
		expect("the entry is right", *window_pte == (value ? adjusted(value) : 0), true);
		expect("the page can be a table", can_be_table(frame), !(value & RW));
	}
	passed(doing);
}

/* What must be refused, and with what. */
static void refused(const char *name, uint64_t from, uint64_t to, unsigned int domid, long expected)
{
	doing = name;
	for (step = 0; step < ARRAY_SIZE(commands); step++) {
		uint64_t was;

		if (from)
			expect("mapping it", update(window_entry, MMU_NORMAL_PT_UPDATE, from, DOMID_SELF), OK);
		was = *window_pte;
		expect("the result", update(window_entry, commands[step], to, domid), expected);
		expect("the entry is as it was", *window_pte == was, true);
		if (from)
			expect("unmapping it", update(window_entry, MMU_NORMAL_PT_UPDATE, 0, DOMID_SELF), OK);
	}
	passed(name);
}

static long grant_call(unsigned int command, void *arg)
{
	return CALL(__HYPERVISOR_grant_table_op, command, (unsigned long)arg, 1);
}

static volatile grant_entry_v1_t *grants = (void *)&grant_window;

/* Maps this domain's grant table at grant_window. Returns its frame. */
static uint64_t set_up_grants(void)
{
	xen_pfn_t mfn = 0;
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
	uint64_t machine;

	set_xen_guest_handle(setup.frame_list, &mfn);
	if (grant_call(GNTTABOP_setup_table, &setup) || setup.status)
		fail("the grant table", setup.status);
	home(&grant_window, &machine);
	expect("mapping the grant table", update(machine, MMU_NORMAL_PT_UPDATE,
						 mfn << PAGE_SHIFT | RW_ENTRY, DOMID_SELF), OK);
	extended(MMUEXT_TLB_FLUSH_ALL, 0);
	return mfn << PAGE_SHIFT;
}

#define FIRST_GRANT	8	/* those before are reserved */
#define NR_GRANTS	(PAGE_SIZE / sizeof(grant_entry_v1_t))

static struct gnttab_map_grant_ref map_grant(unsigned int domid, unsigned int ref, unsigned int flags)
{
	struct gnttab_map_grant_ref map = {
		.host_addr = window_entry, .flags = GNTMAP_host_map | GNTMAP_contains_pte | flags,
		.dom = domid, .ref = ref
	};

	if (grant_call(GNTTABOP_map_grant_ref, &map))
		fail("mapping a grant", map.status);
	return map;
}

static int unmap_grant(grant_handle_t handle)
{
	struct gnttab_unmap_grant_ref unmap = { .host_addr = window_entry, .handle = handle };

	if (grant_call(GNTTABOP_unmap_grant_ref, &unmap))
		fail("unmapping a grant", unmap.status);
	return unmap.status;
}

/* A page of this domain that it grants to itself. */
static void self_granted(uint64_t frame, unsigned int self)
{
	doing = "self-granted page";
	grants[FIRST_GRANT].domid = self;
	grants[FIRST_GRANT].frame = frame >> PAGE_SHIFT;
	asm volatile ("" ::: "memory");
	grants[FIRST_GRANT].flags = GTF_permit_access;
	for (step = 0; step < ARRAY_SIZE(commands); step++) {
		struct gnttab_map_grant_ref map = map_grant(self, FIRST_GRANT, 0);

		expect("the status", map.status, GNTST_okay);
		unsigned long before = protection_faults, complaints = !!(*window_pte & GRANT);

		expect("a page that is granted writable can be a table", can_be_table(frame), false);
		expect("to read-only", update(window_entry, commands[step], frame | RO_ENTRY, DOMID_SELF), OK);
		expect("complaints", protection_faults - before, complaints);
		expect("the status of unmapping it read-only", unmap_grant(map.handle), GNTST_general_error);
		expect("to writable", update(window_entry, commands[step], frame | RW_ENTRY, DOMID_SELF), OK);
		expect("the status of unmapping it", unmap_grant(map.handle), GNTST_okay);
		expect("the page can be a table", can_be_table(frame), true);
		expect("the entry is empty", *window_pte, 0);
	}
	grants[FIRST_GRANT].flags = 0;
	passed(doing);
}

/* A page of another domain, which grants it to each domain by a reference of its own. */
static void foreign_granted(unsigned int granter, unsigned int self)
{
	doing = "foreign page";
	if (FIRST_GRANT + self >= NR_GRANTS)
		fail("so many domains have been that none is granted to domain", self);
	for (unsigned int writable = 0; writable < 2; writable++) {
		doing = writable ? "foreign page, granted writable" : "foreign page, granted read-only";
		for (step = 0; step < ARRAY_SIZE(commands); step++) {
			struct gnttab_map_grant_ref map =
				map_grant(granter, FIRST_GRANT + self, writable ? 0 : GNTMAP_readonly);
			uint64_t was = *window_pte, to = (was ^ RW) & ~(KERNEL | GRANT);

			expect("the status", map.status, GNTST_okay);
			expect("the change of permissions", update(window_entry, commands[step], to, DOMID_SELF), E_BUSY);
			expect("the change with the other domain named",
			       update(window_entry, commands[step], to, granter), E_PERM);
			/* Nor may it write there, as if the page were a table of the other domain's. */
			expect("a write to the page of the other domain",
			       update(was & PTE_FRAME, commands[step], 0, (granter + 1) << 16 | DOMID_SELF), E_PERM);
			expect("the entry is as it was", *window_pte == was, true);
			expect("the status of unmapping it", unmap_grant(map.handle), GNTST_okay);
		}
		passed(doing);
	}
}

static struct mmu_update list[LONGEST];
static uint64_t table_frame[NR_TABLES];

/* Lists in which something changes or ends. */
static void lists(void)
{
	uint64_t frame = frame_of(&frames[0]);
	struct mmu_update *last = (struct mmu_update *)&end_of_list.hole;
	unsigned int done, n;

	/* Request 3 of 5 is refused: the first three are made. */
	doing = "a list with a refused request";
	expect("pinning", pin(frame), OK);
	for (n = 0; n < 5; n++)
		list[n] = (struct mmu_update){ table_frame[0] + 8 * n, frame | (n == 3 ? RW_ENTRY : RO_ENTRY) };
	expect("the result", update_list(list, 5, &done, DOMID_SELF), E_BUSY);
	expect("done", done, 3);
	for (n = 0; n < 5; n++)
		expect("an entry is there", tables[0].entry[n] != 0, n < 3);
	for (n = 0; n < 5; n++)
		list[n].val = 0;
	expect("the result", update_list(list, 5, &done, DOMID_SELF), OK);
	expect("unpinning", unpin(frame), OK);
	passed(doing);

	/* The command, the table or the kind of the update changes. */
	doing = "a list of all kinds";
	for (n = 0; n < LONGEST; n++) {
		unsigned int kind = n % 5;

		list[n] = (struct mmu_update){ table_frame[n / 3 % 2] + 8 * n + commands[n % 3], frame | RO_ENTRY };
		if (kind == 3)	/* the frame number that the page has already */
			list[n] = (struct mmu_update){ table_frame[n / 3 % 2] | MMU_MACHPHYS_UPDATE,
				machine_to_phys_mapping[table_frame[n / 3 % 2] >> PAGE_SHIFT] };
		if (kind == 4)	/* no page table */
			list[n] = (struct mmu_update){ frame_of(&frames[1]) + 8 * n, n };
	}
	/* A page that is no table takes whatever is written. */
	set_home(&frames[1], RW_ENTRY);
	expect("the result", update_list(list, LONGEST, &done, DOMID_SELF), OK);
	expect("done", done, LONGEST);
	for (n = 0; n < LONGEST; n++) {
		expect("an entry is there", tables[n / 3 % 2].entry[n] != 0, n % 5 < 3);
		expect("an entry is in the other table", tables[!(n / 3 % 2)].entry[n], 0);
		if (n % 5 == 4)
			expect("what was written", frames[1].entry[n], n);
		list[n] = (struct mmu_update){ table_frame[n / 3 % 2] + 8 * n, 0 };
	}
	expect("the result", update_list(list, LONGEST, &done, DOMID_SELF), OK);
	for (n = 0; n < 512; n++)
		frames[1].entry[n] = 0;
	set_home(&frames[1], RO_ENTRY);
	list[2].ptr |= 5;
	expect("the result of an unknown command", update_list(list, 4, &done, DOMID_SELF), E_NOSYS);
	expect("done", done, 2);
	passed(doing);

	/* Many for one table, and in between each kind of another one. */
	doing = "a list that others interrupt";
	for (unsigned int kind = 0; kind < 5; kind++) {
		step = kind;
		for (n = 0; n < LONGEST; n++) {
			list[n] = (struct mmu_update){ table_frame[0] + 8 * n, frame | RO_ENTRY };
			if (n % 7 != 5)
				continue;
			if (kind < 2)
				list[n].ptr += commands[1 + kind];
			if (kind == 2)
				list[n].ptr += table_frame[1] - table_frame[0];
			/* Another page, with which Xen must not go on. */
			if (kind == 3)
				list[n] = (struct mmu_update){ window_frame | MMU_MACHPHYS_UPDATE,
					machine_to_phys_mapping[window_frame >> PAGE_SHIFT] };
			if (kind == 4)
				list[n].val = 0;
		}
		expect("the result", update_list(list, LONGEST, &done, DOMID_SELF), OK);
		expect("done", done, LONGEST);
		for (n = 0; n < 512; n++) {
			bool other = n % 7 == 5;

			expect("an entry is right", tables[0].entry[n] ==
			       (n < LONGEST && (!other || kind < 2) ? adjusted(frame | RO_ENTRY) : 0), true);
			expect("an entry is in the other table", tables[1].entry[n] != 0,
			       n < LONGEST && other && kind == 2);
		}
		for (n = 0; n < LONGEST; n++)
			list[n] = (struct mmu_update){ table_frame[kind == 2 && n % 7 == 5] + 8 * n, 0 };
		expect("clearing", update_list(list, LONGEST, &done, DOMID_SELF), OK);
	}
	passed(doing);

	/* The list goes on where nothing is mapped: what is in front of it is made. */
	doing = "a list that ends with its page";
	set_home(&end_of_list.hole, 0);
	for (unsigned int there = 0; there < 20; there++) {
		step = there;
		for (n = 1; n <= there; n++)
			last[-(int)n] = (struct mmu_update){ table_frame[0] + 8 * n, frame | RO_ENTRY };
		expect("the result", update_list(last - there, 20, &done, DOMID_SELF), E_FAULT);
		expect("done", done, there);
		for (n = 1; n <= 20; n++)
			expect("an entry is there", tables[0].entry[n] != 0, n <= there);
		for (n = 1; n <= there; n++)
			last[-(int)n].val = 0;
		expect("clearing", update_list(last - there, there, &done, DOMID_SELF), OK);
	}
	passed(doing);
}

/* Tables of each level with an entry in a single slot: what it maps is referenced. */
static void single_slots(void)
{
	uint64_t below[3], frame = frame_of(&frames[0]);
	unsigned int slot, level, done;
	static const unsigned int pins[] = { MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE };

	doing = "L1 tables with one entry";
	for (slot = 0; slot < 512; slot++) {
		step = slot;
		/* Writable page, as tables[1] is read-only: write its home. */
		expect("unpinning", unpin(table_frame[1]), OK);
		set_home(&tables[1], RW_ENTRY);
		/* A page table must not be mapped writable by the table that is to be one. */
		tables[1].entry[slot] = table_frame[0] | RW_ENTRY;
		set_home(&tables[1], RO_ENTRY);
		expect("pinning a table that maps one writable", pin(table_frame[1]), E_BUSY);
		set_home(&tables[1], RW_ENTRY);
		tables[1].entry[slot] = frame | RW_ENTRY | PCD;
		set_home(&tables[1], RO_ENTRY);
		expect("pinning a table with an uncached entry", pin(table_frame[1]), E_INVAL);
		set_home(&tables[1], RW_ENTRY);
		tables[1].entry[slot] = frame | RW_ENTRY;
		set_home(&tables[1], RO_ENTRY);
		expect("pinning", pin(table_frame[1]), OK);
		expect("the entry is adjusted", tables[1].entry[slot] == adjusted(frame | RW_ENTRY), true);
		expect("a page that it maps writable can be a table", can_be_table(frame), false);
		expect("unpinning", unpin(table_frame[1]), OK);
		expect("the page can be a table after that", can_be_table(frame), true);
		set_home(&tables[1], RW_ENTRY);
		tables[1].entry[slot] = 0;
		set_home(&tables[1], RO_ENTRY);
		expect("pinning", pin(table_frame[1]), OK);
	}
	passed(doing);

	for (level = 0; level < 3; level++)
		below[level] = frame_of(&upper[level]);
	doing = "L2, L3 and L4 tables with one entry";
	for (level = 0; level < 3; level++) {
		uint64_t target = level ? below[level - 1] : table_frame[1];

		for (slot = 0; slot < 512; slot++) {
			step = level * 1000 + slot;
			/* The slots of an L4 table that are Xen's. */
			if (level == 2 && slot >= 256 && slot < 272)
				continue;
			/* Below it, the slots vary as well. */
			set_home(&upper[level], RW_ENTRY);
			upper[level].entry[slot] = target | PRESENT | RW | USER | ACCESSED;
			set_home(&upper[level], RO_ENTRY);
			if (!level)
				expect("unpinning", unpin(table_frame[1]), OK);
			expect("pinning", extended(pins[level], below[level]), OK);
			/* What it points to is a table now, though it is not pinned. */
			expect("mapping the table below it writable",
			       update(window_entry, MMU_NORMAL_PT_UPDATE, target | RW_ENTRY, DOMID_SELF), E_BUSY);
			expect("unpinning", unpin(below[level]), OK);
			expect("mapping the page below it writable",
			       update(window_entry, MMU_NORMAL_PT_UPDATE, target | RW_ENTRY, DOMID_SELF), OK);
			expect("unmapping it", update(window_entry, MMU_NORMAL_PT_UPDATE, 0, DOMID_SELF), OK);
			if (!level)
				expect("pinning", pin(table_frame[1]), OK);
			/* The last entry stays for the level above. */
			if (slot == 511)
				break;
			set_home(&upper[level], RW_ENTRY);
			for (unsigned int i = 0; i < 512; i++)
				upper[level].entry[i] = 0;
			set_home(&upper[level], RO_ENTRY);
		}
	}
	for (level = 0; level < 3; level++) {
		set_home(&upper[level], RW_ENTRY);
		for (unsigned int i = 0; i < 512; i++)
			upper[level].entry[i] = 0;
		set_home(&upper[level], RO_ENTRY);
	}
	passed(doing);

	/* The page that the second request names is the one that the first and the third map. */
	doing = "an L2 entry, a frame number, and the entry again";
	expect("pinning", extended(MMUEXT_PIN_L2_TABLE, below[0]), OK);
	list[0] = (struct mmu_update){ below[0], table_frame[1] | PRESENT | RW | USER | ACCESSED };
	list[1] = (struct mmu_update){ table_frame[1] | MMU_MACHPHYS_UPDATE,
		machine_to_phys_mapping[table_frame[1] >> PAGE_SHIFT] };
	list[2] = (struct mmu_update){ below[0], 0 };
	expect("the result", update_list(list, 3, &done, DOMID_SELF), OK);
	expect("unpinning", unpin(below[0]), OK);
	expect("unpinning", unpin(table_frame[1]), OK);
	/* Refused if it is still referenced as a table. */
	set_home(&tables[1], RW_ENTRY);
	set_home(&tables[1], RO_ENTRY);
	expect("pinning", pin(table_frame[1]), OK);
	passed(doing);
}

/* What the second vCPU does until it is to stop. */
static void (*second_work)(void);
static volatile bool stop;

static void second_vcpu(void) __attribute__((noreturn));
static void second_vcpu(void)
{
	for (;;) {
		second_work();
		CALL(__HYPERVISOR_vcpu_op, VCPUOP_down, 1);
	}
}

static void initialise_second_vcpu(void)
{
	static struct vcpu_guest_context context;

	context.flags = VGCF_IN_KERNEL;
	context.user_regs.rip = (unsigned long)second_vcpu;
	context.user_regs.rsp = (unsigned long)second_stack - 8;
	context.user_regs.cs = FLAT_KERNEL_CS;
	context.user_regs.ss = FLAT_KERNEL_SS;
	context.user_regs.rflags = 0x1000 | 0x200;
	context.kernel_ss = FLAT_KERNEL_SS;
	context.kernel_sp = (unsigned long)second_stack - 4096;
	context.trap_ctxt[TRAP_PAGE_FAULT] = traps[0];
	context.trap_ctxt[TRAP_PROTECTION] = traps[1];
	context.ctrlreg[0] = 0x80000001;
	context.ctrlreg[3] = frame_of((void *)start->pt_base);
	expect("VCPUOP_initialise", CALL(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, (unsigned long)&context), OK);
}

static void start_second_vcpu(void (*work)(void))
{
	second_work = work;
	stop = false;
	expect("VCPUOP_up", CALL(__HYPERVISOR_vcpu_op, VCPUOP_up, 1), OK);
}

static void stop_second_vcpu(void)
{
	stop = true;
	while (CALL(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 1))
		asm volatile ("pause");
}

/* xorshift64*. */
static uint64_t random_of(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dUL;
}

static uint64_t random_state;

static uint64_t random(void)
{
	return random_of(&random_state);
}

#define RACING_SLOTS	4
#define RACING_FRAMES	2

/*
 * Makes a list of updates of the first entries of tables[0]. None of them may be refused. Returns
 * Xen's result. Sets *done.
 */
static long race(struct mmu_update *requests, uint64_t *state, unsigned int *done)
{
	static const uint64_t values[] = { 0, RO_ENTRY, RW_ENTRY };
	unsigned int count = 1 + random_of(state) % LONGEST;
	unsigned int command = commands[random_of(state) % ARRAY_SIZE(commands)];

	for (unsigned int i = 0; i < count; i++) {
		uint64_t value = values[random_of(state) % ARRAY_SIZE(values)];

		if (value)
			value |= frame_of(&frames[random_of(state) % RACING_FRAMES]);
		requests[i].ptr = table_frame[0] + random_of(state) % RACING_SLOTS * 8 + command;
		requests[i].val = value;
	}
	return update_list(requests, count, done, DOMID_SELF);
}

static volatile unsigned long second_updates;
static volatile long second_result;

static void race_on(void)
{
	static struct mmu_update requests[LONGEST];
	uint64_t state = ~random_state | 1;

	while (!stop && !second_result) {
		unsigned int done;

		second_result = race(requests, &state, &done);
		second_updates += done;
	}
}

/*
 * Whatever the order of their updates, each entry holds the references of what it maps, and no
 * other. When all entries are clear, no page may have a writable mapping; exchange_frames() then
 * asks for the other references.
 */
static void two_updaters(unsigned long seed)
{
	unsigned int done, i;

	doing = "two vCPUs that update one table";
	random_state = seed ? seed : 1;
	start_second_vcpu(race_on);
	for (step = 0; step < RACING_UPDATES; step += done)
		expect("the result", race(list, &random_state, &done), OK);
	stop_second_vcpu();
	expect("the result of the second vCPU", second_result, OK);
	if (second_updates < RACING_UPDATES / 10)
		fail("too few updates of the second vCPU:", second_updates);
	for (i = 0; i < RACING_SLOTS; i++)
		expect("clearing", update(table_frame[0] + i * 8, MMU_NORMAL_PT_UPDATE, 0, DOMID_SELF), OK);
	for (i = 0; i < RACING_FRAMES; i++)
		expect("the page can be a table", can_be_table(frame_of(&frames[i])), true);
	passed(doing);
}

/* The model. */
static uint64_t frame[NR_FRAMES];
static uint64_t entries[NR_SLOTS];
static unsigned int writable[NR_FRAMES];
static bool pinned[NR_FRAMES];

static unsigned int frame_nr(uint64_t entry)
{
	for (unsigned int i = 0; i < NR_FRAMES; i++)
		if (frame[i] == (entry & PTE_FRAME))
			return i;
	fail("no such frame", entry >> PAGE_SHIFT);
}

/* What Xen must return for this update; and makes it in the model if that is 0. */
static long model_update(unsigned int slot, unsigned int command, uint64_t value)
{
	uint64_t old = entries[slot];

	if (value & PRESENT) {
		if (value & (PWT | PCD | PAT))
			return E_INVAL;
		if ((value & PTE_FRAME) == 0xfee00000)
			return E_PERM;
		if ((value & RW) && pinned[frame_nr(value)])
			return E_BUSY;
		value = adjusted(value);
		writable[frame_nr(value)] += !!(value & RW);
	}
	if (command == MMU_PT_UPDATE_PRESERVE_AD)
		value |= old & (ACCESSED | DIRTY);
	if (old & PRESENT)
		writable[frame_nr(old)] -= !!(old & RW);
	entries[slot] = value;
	return OK;
}

static void random_pin(void)
{
	unsigned int i = random() % NR_FRAMES;

	if (pinned[i]) {
		expect("unpinning", unpin(frame[i]), OK);
		pinned[i] = false;
	} else {
		expect("pinning", pin(frame[i]), writable[i] ? E_INVAL : OK);
		pinned[i] = !writable[i];
	}
}

static uint64_t random_value(uint64_t old)
{
	unsigned int kind = random() % 256;
	uint64_t flags = RO_ENTRY & ~(random() & (ACCESSED | NX | USER));

	flags |= random() & (AVAIL | RW | DIRTY);
	if (kind == 0)
		return 0xfee00000 | flags | PCD | PWT;
	if (kind == 1)
		return 0xfee00000 | flags;
	if (kind == 2)
		return frame[random() % NR_FRAMES] | flags | PAT;
	if (!(old & PRESENT))
		return kind < 64 ? 0 : frame[random() % NR_FRAMES] | flags;
	if (kind < 64)
		return 0;
	/* Mostly other permissions for the same page. */
	return kind < 224 ? (old & PTE_FRAME) | flags : frame[random() % NR_FRAMES] | flags;
}

static void check_entries(void)
{
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		if (tables[i / 512].entry[i % 512] != entries[i])
			wrong("the entry is right: slot", i, -1);
}

static void random_updates(unsigned long seed)
{
	unsigned long results = 0, refusals = 0, sum = 0;
	unsigned int i;

	doing = "random updates";
	random_state = seed ? seed : 1;
	for (i = 0; i < NR_FRAMES; i++)
		frame[i] = frame_of(&frames[i]);
	for (step = 0; step < UPDATES;) {
		unsigned int count = 1 + random() % LONGEST, table = random() % NR_TABLES, expected_done = count, done;
		unsigned int command = commands[random() % ARRAY_SIZE(commands)];
		long rc = OK, is;

		if (random() % 4 == 0)
			random_pin();
		for (i = 0; i < count; i++) {
			unsigned int slot;
			uint64_t value;

			if (random() % 16 == 0)
				table = random() % NR_TABLES;
			if (random() % 16 == 0)
				command = commands[random() % ARRAY_SIZE(commands)];
			slot = table * 512 + random() % 512;
			/* After a refusal the model stays as it is. */
			value = random_value(entries[slot]);
			list[i] = (struct mmu_update){ table_frame[table] + slot % 512 * 8 + command, value };
			if (rc == OK) {
				rc = model_update(slot, command, value);
				if (rc != OK)
					expected_done = i;
			}
		}
		is = update_list(list, count, &done, DOMID_SELF);
		expect("the result", is, rc);
		expect("done", done, expected_done);
		for (i = 0; i < count; i++) {
			uint64_t machine = list[i].ptr & ~7UL;
			unsigned int t = (machine & PTE_FRAME) != table_frame[0], s = machine % PAGE_SIZE / 8;

			if (tables[t].entry[s] != entries[t * 512 + s])
				wrong("the entry is right: slot", t * 512 + s, -1);
			sum = sum * 31 + tables[t].entry[s] % PAGE_SIZE;
		}
		refusals += rc != OK;
		results++;
		step += count;
	}
	check_entries();
	put("# ");
	put_number(results);
	put(" lists, ");
	put_number(refusals);
	put(" refused, sum ");
	put_number(sum);
	say();
	/* Each page as it should be; then all are unmapped, and each is as if nothing had been. */
	for (i = 0; i < NR_FRAMES; i++)
		if (!pinned[i])
			expect("the page can be a table", can_be_table(frame[i]), !writable[i]);
	for (i = 0; i < NR_SLOTS; i++)
		expect("clearing", update(table_frame[i / 512] + i % 512 * 8, MMU_NORMAL_PT_UPDATE, 0, DOMID_SELF), OK);
	for (i = 0; i < NR_FRAMES; i++) {
		if (pinned[i])
			expect("unpinning", unpin(frame[i]), OK);
		expect("the page can be a table", can_be_table(frame[i]), true);
	}
	passed(doing);
}

/* Gives each frame back for another one, which Xen only does if nothing refers to it. */
static void exchange_frames(void)
{
	doing = "general references after all that";
	for (step = 0; step < NR_FRAMES; step++) {
		uint64_t old = frame_of(&frames[step]);
		xen_pfn_t in = old >> PAGE_SHIFT, out = machine_to_phys_mapping[in];
		struct xen_memory_exchange exchange = {
			.in = { .nr_extents = 1, .domid = DOMID_SELF },
			.out = { .nr_extents = 1, .domid = DOMID_SELF },
		};

		set_home(&frames[step], 0);
		set_xen_guest_handle(exchange.in.extent_start, &in);
		set_xen_guest_handle(exchange.out.extent_start, &out);
		expect("the result of the exchange", CALL(__HYPERVISOR_memory_op, XENMEM_exchange, (unsigned long)&exchange), OK);
		expect("exchanged", exchange.nr_exchanged, 1);
	}
	passed(doing);
}

static volatile uint64_t *writes_to;
static volatile unsigned long attempts, writes;

/* Writes small even numbers, which are harmless in a page table. */
static void write_on(void)
{
	unsigned long value = 0;

	while (!stop) {
		value = (value + 2) % 512;
		if (poke(writes_to, value))
			writes++;
		attempts++;
	}
}

static void wait_for_attempts(unsigned long n)
{
	unsigned long from = attempts;

	while (attempts - from < n)
		asm volatile ("pause");
}

static void stale_entries(void)
{
	uint64_t machine, target = frame_of(&frames[2]);
	unsigned long while_writable = 0;

	doing = "a second vCPU with a stale TLB entry";
	writes_to = &frames[2].entry[0];
	home(&frames[2], &machine);
	set_home(&frames[2], RW_ENTRY);
	start_second_vcpu(write_on);
	for (step = 0; step < 200; step++) {
		unsigned int command = commands[step % 2];
		unsigned long before = writes, value;

		/* It writes, so it has a writable entry in its TLB. */
		while (writes - before < 10)
			asm volatile ("pause");
		/* No flush: it may still write. */
		expect("to read-only", update(machine, command, target | RO_ENTRY, DOMID_SELF), OK);
		expect("pinning", pin(target), OK);
		/* The one that was under way when the page became a table may not be counted yet. */
		wait_for_attempts(2);
		before = writes;
		value = frames[2].entry[0];
		wait_for_attempts(100);
		expect("writes to a page table", writes - before, 0);
		expect("a word of the page table", frames[2].entry[0], value);
		expect("to writable, of a page table", update(machine, command, target | RW_ENTRY, DOMID_SELF), E_BUSY);
		expect("unpinning", unpin(target), OK);
		expect("to writable", update(machine, command, target | RW_ENTRY, DOMID_SELF), OK);
		while_writable += writes;
	}
	if (!while_writable)
		fail("the second vCPU wrote nothing", 0);
	stop_second_vcpu();
	frames[2].entry[0] = 0;
	set_home(&frames[2], RO_ENTRY);
	passed(doing);
}

/* Returns the number behind KEY in the command line, or none if there is no KEY. */
static unsigned long option(const char *key, unsigned long none)
{
	for (const char *at = (const char *)start->cmd_line; *at; at++) {
		unsigned long number = 0, i;

		for (i = 0; key[i] && at[i] == key[i]; i++)
			;
		if (key[i])
			continue;
		for (; at[i] >= '0' && at[i] <= '9'; i++)
			number = number * 10 + at[i] - '0';
		return number;
	}
	return none;
}

/* Grants one page to all domains for which there is an entry, and stays. */
static void grant_to_all(void) __attribute__((noreturn));
static void grant_to_all(void)
{
	struct sched_poll poll = { .timeout = 0 };

	set_up_grants();
	for (unsigned int domid = 1; FIRST_GRANT + domid < NR_GRANTS; domid++) {
		grants[FIRST_GRANT + domid].domid = domid;
		grants[FIRST_GRANT + domid].frame = frame_of(&frames[0]) >> PAGE_SHIFT;
		asm volatile ("" ::: "memory");
		grants[FIRST_GRANT + domid].flags = GTF_permit_access;
	}
	put("granted");
	say();
	for (;;)
		CALL(__HYPERVISOR_sched_op, SCHEDOP_poll, (unsigned long)&poll);
}

void pv_main(const struct start_info *start_info)
{
	unsigned long seed, granter, self, i;
	uint64_t own, grant_frame;

	start = start_info;
	find_console(start);
	expect("set_trap_table", CALL(__HYPERVISOR_set_trap_table, (unsigned long)traps), OK);
	if (option("grants", ~0UL) != ~0UL)
		grant_to_all();
	self = option("self=", 0);
	granter = option("granter=", 0);
	seed = option("seed=", 0);
	if (!seed)
		asm volatile ("rdtsc; shl $32, %%rdx; or %%rdx, %0" : "=a" (seed) : : "rdx");

	put("1..");
	put_number(22 + 2 * !!granter);
	put("\n# seed=");
	put_number(seed);
	say();

	doing = "preparing";
	for (i = 0; i < NR_FRAMES; i++)
		set_home(&frames[i], RO_ENTRY);
	for (i = 0; i < NR_TABLES; i++) {
		table_frame[i] = frame_of(&tables[i]);
		set_home(&tables[i], RO_ENTRY);
		expect("pinning", pin(table_frame[i]), OK);
	}
	initialise_second_vcpu();
	window_pte = home(&window, &window_entry);
	window_frame = *window_pte & PTE_FRAME;
	set_home(&window, 0);
	grant_frame = set_up_grants();
	own = frame_of(&frames[0]);

	toggle("own page", own, true);
	toggle_by_address(own);
	/* Xen's heap, which this domain may map; it is never a page table. */
	toggle("shared_info", start->shared_info, false);
	toggle("grant table", grant_frame, false);
	self_granted(own, self);
	if (granter)
		foreign_granted(granter, self);

	expect("pinning", pin(own), OK);
	refused("page table, to writable", own | RO_ENTRY, own | RW_ENTRY, DOMID_SELF, E_BUSY);
	expect("unpinning", unpin(own), OK);
	refused("own page, to writable, as one of DOMID_IO", own | RO_ENTRY, own | RW_ENTRY, DOMID_IO, E_BUSY);
	refused("own page, to read-only, as one of DOMID_IO", own | RW_ENTRY, own | RO_ENTRY, DOMID_IO, E_BUSY);
	refused("MMIO", 0, 0xfee00000 | RW_ENTRY, DOMID_SELF, E_PERM);
	refused("own page, uncached", own | RO_ENTRY, own | RW_ENTRY | PCD | PWT, DOMID_SELF, E_INVAL);
	refused("own page, write-combining", own | RW_ENTRY, own | RO_ENTRY | PAT, DOMID_SELF, E_INVAL);

	lists();
	single_slots();
	stale_entries();
	random_updates(seed);
	two_updaters(seed);
	exchange_frames();
	end(SHUTDOWN_poweroff);
}
