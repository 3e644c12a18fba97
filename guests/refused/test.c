// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xen refuses an update of a batch.
 *
 * Expected: all other updates are in the page table when the section has ended, wherever in
 * the batch the refused one is. The log says which update Xen refused, and the tracepoint
 * fires once for it. If Xen refuses to clear an entry, the page that stays mapped is not
 * freed. Stock Linux loses all updates behind the refused one: Xen stops there.
 *
 * Method: the refused update maps a frame that no machine has. Xen refuses to clear an entry
 * that is not in a page table, so a descriptor of the GDT takes the place of one: it is not
 * present as a descriptor, and present as an entry.
 */
#include <linux/console.h>
#include <linux/kmsg_dump.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <asm/desc.h>
#include <asm/tlbflush.h>
#include <asm/xen/hypercall.h>
#include <asm/xen/page.h>

#include "lazy_mmu_test.h"
#include "loglevel.h"

#define NR	128	/* updates that one batch takes */
#define NOBODYS ((1ull << 46) | _PAGE_PRESENT)
#define TRIES	3
#define LOST	"updates that Xen did not refuse are lost"

/* Linux 7.x exports __flush_tlb_all() for KVM alone. On Xen PV it ends in the same hook. */
static void flush(void)
{
	__flush_tlb_global();
}

/* A context switch may flush with a lock held that a console takes: consoles must print later. */
static int sends = -1; /* the vCPU that sends the queue */
static unsigned int printed_at_once;

static void console_write(struct console *console, const char *text, unsigned int len)
{
	printed_at_once += READ_ONCE(sends) == raw_smp_processor_id();
}

static struct console console = {
	.name = "refused",
	.write = console_write,
	.flags = CON_ENABLED,
	.index = -1,
};

/* The refusals that the kernel traces. */
struct refusals {
	struct tracepoint *tp;
	unsigned int nr;
	u64 ptr, val;	/* of the last one */
	int err;
	const unsigned long *touch; /* what to read when one is refused */
	unsigned long touched;
	struct other *other; /* who else is to read it */
};

/* A thread on another vCPU that reads twice. It does not enter Xen, so that its TLB entry stays. */
struct other {
	struct task_struct *task;
	const unsigned long *at;
	unsigned long is[2];
	atomic_t asked, answered;
	bool ready;
};

static void wait_until(atomic_t *count, int nr)
{
	while (atomic_read(count) < nr)
		cpu_relax();
}

static int read_twice(void *data)
{
	struct other *other = data;
	unsigned long flags;
	int i;

	local_irq_save(flags);
	WRITE_ONCE(other->ready, true);
	for (i = 0; i < 2; i++) {
		wait_until(&other->asked, i + 1);
		other->is[i] = READ_ONCE(*other->at);
		atomic_set(&other->answered, i + 1);
	}
	local_irq_restore(flags);

	return 0;
}

/* Has it read, for the first or the second time. */
static void let_read(struct other *other, int nr)
{
	atomic_set(&other->asked, nr);
	wait_until(&other->answered, nr);
}

static void on_refused(void *data, u64 ptr, u64 val, int err)
{
	struct refusals *r = data;

	r->nr++;
	r->ptr = ptr;
	r->val = val;
	r->err = err;
	if (r->touch)
		r->touched = READ_ONCE(*r->touch);
	if (r->other)
		let_read(r->other, 1);
}

static void find_refused(struct tracepoint *tp, void *data)
{
	struct refusals *r = data;

	if (!strcmp(tp->name, "xen_mmu_update_refused"))
		r->tp = tp;
}

/* Stock Linux does not have the tracepoint. */
static void refusals_begin(struct kunit *test, struct refusals *r)
{
	memset(r, 0, sizeof(*r));
	for_each_kernel_tracepoint(find_refused, r);
	if (r->tp)
		KUNIT_ASSERT_EQ(test, tracepoint_probe_register(r->tp, on_refused, r), 0);
}

static void refusals_end(struct refusals *r)
{
	if (r->tp)
		tracepoint_probe_unregister(r->tp, on_refused, r);
	tracepoint_synchronize_unregister();
}

/* How many lines of the kernel's log have the text. */
static unsigned int logged(struct kunit *test, const char *text)
{
	const size_t size = 2048;
	char *line = kunit_kzalloc(test, size, GFP_KERNEL);
	struct kmsg_dump_iter iter;
	unsigned int nr = 0;

	KUNIT_ASSERT_NOT_NULL(test, line);
	kmsg_dump_rewind(&iter);
	while (kmsg_dump_get_line(&iter, false, line, size - 1, NULL)) {
		nr += !!strstr(line, text);
		memset(line, 0, size);
	}

	return nr;
}

static u64 maddr(const void *entry)
{
	return virt_to_machine(entry).maddr;
}

/* Update nr of a batch of so many was refused with err, and nothing else. */
static void check_refusal(struct kunit *test, const struct refusals *r, unsigned int nr,
			  unsigned int of, int err, const void *entry, u64 val)
{
	char text[256];

	KUNIT_EXPECT_EQ(test, r->nr, 1);
	KUNIT_EXPECT_EQ(test, r->ptr, maddr(entry));
	KUNIT_EXPECT_EQ(test, r->val, val);
	KUNIT_EXPECT_EQ(test, r->err, err);
	snprintf(text, sizeof(text),
		 "update %u of %u refused (%d): the entry at machine address %#llx should be %#llx; task %s[%d]",
		 nr, of, err, maddr(entry), val, current->comm, task_pid_nr(current));
	KUNIT_EXPECT_EQ_MSG(test, logged(test, text), 1, "%s", text);
}

/* Where xen_mc_debug is on, the log has each update of the batch. */
static void check_debug(struct kunit *test, const void *entry, u64 val)
{
	char text[64];

	if (!logged(test, "xen_mc_debug active"))
		return;
	snprintf(text, sizeof(text), "%016llx %016llx", maddr(entry), val);
	KUNIT_EXPECT_GE_MSG(test, logged(test, text), 1, "%s", text);
}

static void clear(pte_t *ptep)
{
	set_pte(ptep, native_make_pte(0));
}

static void refuse(pte_t *ptep)
{
	set_pte(ptep, native_make_pte(NOBODYS));
}

static unsigned int count_lost(const struct target *t, unsigned int nr)
{
	unsigned int lost = 0;

	while (nr--)
		lost += !landed(&t[nr]);

	return lost;
}

/* Of a batch, update number at is refused. */
static void one_refused(struct kunit *test, unsigned int at)
{
	struct target *t = targets(test, NR);
	struct refusals r;
	unsigned long flags;
	section_t section;
	unsigned int i;
	pte_t old = READ_ONCE(*t[at].ptep);

	clear(t[at].ptep);
	refusals_begin(test, &r);
	register_console(&console);
	printed_at_once = 0;
	local_irq_save(flags);
	WRITE_ONCE(sends, raw_smp_processor_id());
	section = section_enter();
	for (i = 0; i < NR; i++) {
		if (i == at)
			refuse(t[i].ptep);
		else
			update(&t[i]);
	}
	section_leave(section);
	WRITE_ONCE(sends, -1);
	local_irq_restore(flags);
	unregister_console(&console);
	refusals_end(&r);

	KUNIT_EXPECT_EQ(test, printed_at_once, 0);

	KUNIT_EXPECT_EQ(test, READ_ONCE(t[at].ptep->pte), 0);
	KUNIT_EXPECT_EQ_MSG(test, count_lost(t, NR), 0, LOST);
	check_refusal(test, &r, at + 1, NR, -EPERM, t[at].ptep, NOBODYS);
	i = at == NR - 1 ? NR - 2 : NR - 1;
	check_debug(test, t[i].ptep, READ_ONCE(t[i].ptep->pte));
	set_pte(t[at].ptep, old);
}

static void first(struct kunit *test)
{
	one_refused(test, 0);
}

static void middle(struct kunit *test)
{
	one_refused(test, NR / 2);
}

static void last(struct kunit *test)
{
	one_refused(test, NR - 1);
}

static void amid_clears(struct kunit *test)
{
	struct target *t = targets(test, NR);
	pte_t *old = kunit_kcalloc(test, NR, sizeof(*old), GFP_KERNEL);
	const unsigned int at = NR / 4;
	unsigned int i, left = 0;
	struct refusals r;
	unsigned long flags;
	section_t section;

	KUNIT_ASSERT_NOT_NULL(test, old);
	for (i = 0; i < NR; i++)
		old[i] = READ_ONCE(*t[i].ptep);
	clear(t[at].ptep);
	refusals_begin(test, &r);
	local_irq_save(flags);
	section = section_enter();
	for (i = 0; i < NR; i++) {
		if (i == at)
			refuse(t[i].ptep);
		else
			clear(t[i].ptep);
	}
	section_leave(section);
	local_irq_restore(flags);
	refusals_end(&r);

	for (i = 0; i < NR; i++)
		left += READ_ONCE(t[i].ptep->pte) != 0;
	KUNIT_EXPECT_EQ_MSG(test, left, 0, LOST);
	check_refusal(test, &r, at + 1, NR, -EPERM, t[at].ptep, NOBODYS);
	for (i = 0; i < NR; i++)
		set_pte(t[i].ptep, old[i]);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_page_action, __free_page, struct page *);

static struct page *new_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_page_action, page), 0);

	return page;
}

/*
 * The list is the second of three in a multicall. Between them are the calls that make a page a page
 * table. The list has an update of an entry before and behind the refused one, and two of entries
 * that the third list updates again, one of them by another command.
 */
static void in_a_multicall(struct kunit *test)
{
	struct batches *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct page *table[] = { new_page(test), new_page(test) };
	struct mm_struct *mm = current->active_mm;
	struct target *t = targets(test, 6);
	pte_t old = READ_ONCE(*t[0].ptep), writable = READ_ONCE(*t[4].ptep);
	struct refusals r;
	unsigned int calls;
	unsigned long flags;
	section_t section;

	KUNIT_ASSERT_NOT_NULL(test, b);
	clear(t[0].ptep);
	batches_begin(test, b);
	refusals_begin(test, &r);
	batches_irq_save(b, flags);
	section = section_enter();
	update(&t[5]);
	paravirt_alloc_pte(mm, page_to_pfn(table[0]));
	update(&t[2]);
	refuse(t[0].ptep);
	update(&t[1]);
	update(&t[2]);
	set_pte(t[4].ptep, writable);
	paravirt_alloc_pte(mm, page_to_pfn(table[1]));
	t[1].bit = 0;
	update(&t[3]);
	set_pte(t[1].ptep, READ_ONCE(*t[1].ptep));
	ptep_set_wrprotect(mm, 0, t[4].ptep);
	section_leave(section);
	batches_irq_restore(b, flags);
	calls = b->nr == 1 ? b->batch[0].calls : 0;
	refusals_end(&r);
	batches_end(b);

	paravirt_release_pte(page_to_pfn(table[0]));
	paravirt_release_pte(page_to_pfn(table[1]));
	KUNIT_EXPECT_GE(test, calls, 5);
	KUNIT_EXPECT_EQ_MSG(test, count_lost(t + 1, 3) + count_lost(t + 5, 1), 0, LOST);
	KUNIT_EXPECT_FALSE(test, pte_write(READ_ONCE(*t[4].ptep)));
	check_refusal(test, &r, 2, 5, -EPERM, t[0].ptep, NOBODYS);
	set_pte(t[0].ptep, old);
	set_pte(t[4].ptep, writable);
}

/*
 * A later update makes up for the one that Xen refuses: in the same list, or in a later one. Nobody
 * knows from the entry then what the refused one has left there, and no page is kept.
 */
static void made_up_for(struct kunit *test, bool same_list)
{
	struct target *t = targets(test, 1);
	struct refusals r;
	unsigned long flags;
	section_t section;
	pte_t old = READ_ONCE(*t->ptep);
	struct page *page = pfn_to_page(pte_pfn(old));
	struct page *table = new_page(test);
	int count = page_count(page);
	char text[64];

	if (!same_list)
		clear(t->ptep);
	refusals_begin(test, &r);
	local_irq_save(flags);
	section = section_enter();
	refuse(t->ptep);
	if (same_list)
		clear(t->ptep);
	/* These calls end the list. */
	paravirt_alloc_pte(current->active_mm, page_to_pfn(table));
	if (!same_list)
		set_pte(t->ptep, old);
	section_leave(section);
	local_irq_restore(flags);
	refusals_end(&r);

	paravirt_release_pte(page_to_pfn(table));
	KUNIT_EXPECT_EQ_MSG(test, READ_ONCE(t->ptep->pte), same_list ? 0 : old.pte, LOST);
	check_refusal(test, &r, 1, same_list ? 2 : 1, -EPERM, t->ptep, NOBODYS);
	KUNIT_EXPECT_EQ(test, page_count(page), count);
	snprintf(text, sizeof(text), "the page at pfn %#lx stays mapped", page_to_pfn(page));
	KUNIT_EXPECT_EQ(test, logged(test, text), 0);
	set_pte(t->ptep, old);
}

static void made_up_for_in_a_list(struct kunit *test)
{
	made_up_for(test, true);
}

static void made_up_for_by_a_list(struct kunit *test)
{
	made_up_for(test, false);
}

/*
 * Xen refuses a call that is not a list of updates: to unpin a page that is not pinned. It is the
 * first one of its multicall, in the place of which the one before had a list. What the other calls
 * do is done. The warning is expected, also if an update of the multicall is refused as well.
 */
static void fail_another_call(struct kunit *test, bool and_update)
{
	const char *text = and_update ? "2 of 3 multicall(s) failed" : "1 of 3 multicall(s) failed";
	struct target *t = targets(test, 3);
	struct page *page = new_page(test);
	pte_t old = READ_ONCE(*t[2].ptep);
	unsigned int before, warned;
	struct refusals r;
	unsigned long flags;
	section_t section;
	int loglevel;

	if (!IS_ENABLED(CONFIG_SPLIT_PTE_PTLOCKS))
		kunit_skip(test, "no page table is unpinned by itself");
	section = section_enter();
	update(&t[0]);
	section_leave(section);
	clear(t[2].ptep);
	before = logged(test, text);
	warned = logged(test, "WARNING: ");
	refusals_begin(test, &r);
	kunit_info(test, "the console does not get the warning of this test\n");
	loglevel = set_loglevel(LOGLEVEL_EMERG);
	SetPagePinned(page);
	local_irq_save(flags);
	section = section_enter();
	paravirt_release_pte(page_to_pfn(page));
	update(&t[1]);
	if (and_update)
		refuse(t[2].ptep);
	section_leave(section);
	local_irq_restore(flags);
	set_loglevel(loglevel);
	refusals_end(&r);

	KUNIT_EXPECT_EQ_MSG(test, count_lost(t, 2), 0, LOST);
	KUNIT_EXPECT_EQ(test, r.nr, and_update);
	KUNIT_EXPECT_EQ(test, logged(test, text) - before, 1);
	KUNIT_EXPECT_EQ(test, logged(test, "WARNING: ") - warned, 1);
	KUNIT_EXPECT_EQ(test, logged(test, "xen: page table update 1 of 1 refused (-22)"), 0);
	set_pte(t[2].ptep, old);
}

static void another_call(struct kunit *test)
{
	fail_another_call(test, false);
}

static void another_call_and_an_update(struct kunit *test)
{
	fail_another_call(test, true);
}

/* Xen refuses uncached mappings to a domain without devices. Nobody frees that page. */
static void refused_flags(struct kunit *test)
{
	struct target *t = targets(test, NR);
	pte_t *ptep = t[NR / 2].ptep, old = READ_ONCE(*ptep);
	struct page *page = pfn_to_page(pte_pfn(old));
	int i, count = page_count(page);
	struct refusals r;
	unsigned long flags;
	section_t section;
	char text[64];

	refusals_begin(test, &r);
	local_irq_save(flags);
	section = section_enter();
	for (i = 0; i < NR; i++) {
		if (i == NR / 2)
			set_pte(ptep, native_make_pte(old.pte | _PAGE_PCD));
		else
			update(&t[i]);
	}
	section_leave(section);
	local_irq_restore(flags);
	refusals_end(&r);

	if (READ_ONCE(ptep->pte) == (old.pte | _PAGE_PCD) && !r.nr) {
		set_pte(ptep, old);
		kunit_skip(test, "Xen maps it uncached, as xen-shim does");
	}
	KUNIT_EXPECT_EQ(test, READ_ONCE(ptep->pte), old.pte);
	KUNIT_EXPECT_EQ_MSG(test, count_lost(t, NR), 0, LOST);
	check_refusal(test, &r, NR / 2 + 1, NR, -EINVAL, ptep, old.pte | _PAGE_PCD);
	KUNIT_EXPECT_EQ(test, page_count(page), count);
	snprintf(text, sizeof(text), "the page at pfn %#lx stays mapped", page_to_pfn(page));
	KUNIT_EXPECT_EQ(test, logged(test, text), 0);
}

KUNIT_DEFINE_ACTION_WRAPPER(vunmap_action, vunmap, const void *);

/* Maps the page until the test ends. */
static pte_t *map_page(struct kunit *test, struct page *page, void **at)
{
	unsigned int level;

	*at = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *at);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vunmap_action, *at), 0);

	return lookup_address((unsigned long)*at, &level);
}

static struct other *start_other(struct kunit *test, const unsigned long *at)
{
	struct other *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, other);
	other->at = at;
	other->task = kthread_create(read_twice, other, "read_twice");
	stop_at_end(test, other->task);
	kthread_bind(other->task, cpumask_any_but(cpu_online_mask, raw_smp_processor_id()));
	wake_up_process(other->task);
	while (!READ_ONCE(other->ready))
		schedule();

	return other;
}

/*
 * The flush of a multicall comes before an update that is made late, which puts another page
 * in the place of one. In between, the TLB gets the old entry again, also that of another vCPU.
 */
static void check_flushed(struct kunit *test, bool elsewhere)
{
	struct other *other;
	struct target *t = targets(test, 1);
	struct page *page[] = { new_page(test), new_page(test) };
	pte_t *ptep, old = READ_ONCE(*t->ptep);
	unsigned long flags, *at;
	unsigned int i, wrong = 0;
	struct refusals r;
	section_t section;

	*(unsigned long *)page_address(page[1]) = 1;
	ptep = map_page(test, page[0], (void **)&at);
	clear(t->ptep);
	for (i = 0; i < TRIES; i++) {
		refusals_begin(test, &r);
		r.touch = at;
		other = elsewhere ? start_other(test, at) : NULL;
		r.other = other;
		local_irq_save(flags);
		section = section_enter();
		refuse(t->ptep);
		set_pte(ptep, pfn_pte(page_to_pfn(page[!(i % 2)]), PAGE_KERNEL));
		flush();
		section_leave(section);
		wrong += READ_ONCE(*at) != !(i % 2);
		if (other)
			let_read(other, 2);
		local_irq_restore(flags);
		refusals_end(&r);
		if (other) {
			stop_now(test, other->task);
			KUNIT_EXPECT_EQ(test, other->is[0], i % 2);
			wrong += other->is[1] != !(i % 2);
		}
		KUNIT_EXPECT_EQ(test, r.nr, 1);
		KUNIT_EXPECT_EQ(test, r.touched, i % 2);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	set_pte(t->ptep, old);
}

static void flushed(struct kunit *test)
{
	check_flushed(test, false);
}

static void flushed_elsewhere(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "there is no other vCPU");
	migrate_disable();
	check_flushed(test, true);
	migrate_enable();
}

static unsigned long *descriptor(void)
{
	return (unsigned long *)get_cpu_gdt_rw(0) + PAGE_SIZE / sizeof(unsigned long) - 1;
}

/* The warning is expected here. */
static void refused_clear(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct target *t = targets(test, NR);
	unsigned long flags, entry, *desc = descriptor();
	int i, loglevel;
	struct refusals r;
	section_t section;
	char text[128];

	KUNIT_ASSERT_NOT_NULL(test, page);
	entry = PFN_PHYS(pfn_to_mfn(page_to_pfn(page))) | _PAGE_PRESENT;
	KUNIT_EXPECT_EQ(test, HYPERVISOR_update_descriptor(maddr(desc), entry), 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*desc), entry);
	refusals_begin(test, &r);
	/* Otherwise the kernel may take the entry for one of a table that can be written. */
	SetPagePinned(virt_to_page(desc));
	kunit_info(test, "the console does not get the warning of this test\n");
	loglevel = set_loglevel(LOGLEVEL_WARNING);
	local_irq_save(flags);
	section = section_enter();
	for (i = 0; i < NR; i++) {
		if (i == NR / 2)
			clear((pte_t *)desc);
		else
			update(&t[i]);
	}
	section_leave(section);
	local_irq_restore(flags);
	set_loglevel(loglevel);
	ClearPagePinned(virt_to_page(desc));
	refusals_end(&r);

	KUNIT_EXPECT_EQ_MSG(test, count_lost(t, NR), 0, LOST);
	check_refusal(test, &r, NR / 2 + 1, NR, -EINVAL, desc, 0);
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	snprintf(text, sizeof(text), "the page at pfn %#lx stays mapped, and is never freed",
		 page_to_pfn(page));
	KUNIT_EXPECT_EQ(test, logged(test, text), 1);
	KUNIT_EXPECT_EQ(test, logged(test, "Xen left a page mapped that was to be unmapped"), 1);
	KUNIT_EXPECT_TRUE(test, test_taint(TAINT_BAD_PAGE));
	KUNIT_EXPECT_EQ(test, HYPERVISOR_update_descriptor(maddr(desc), 0), 0);
	if (page_count(page) == 2)
		put_page(page);
	__free_page(page);
}

/* Another page should take the place of one, which stays mapped, and which its owner then frees. */
static void refused_frame(struct kunit *test)
{
	struct page *page = new_page(test);
	int count = page_count(page);
	struct refusals r;
	unsigned long flags;
	section_t section;
	unsigned int before;
	char text[128];
	void *at;
	pte_t *ptep = map_page(test, page, &at), old = READ_ONCE(*ptep);

	/* That of refused_clear may have been the same page. */
	snprintf(text, sizeof(text), "the page at pfn %#lx stays mapped, and is never freed",
		 page_to_pfn(page));
	before = logged(test, text);
	refusals_begin(test, &r);
	local_irq_save(flags);
	section = section_enter();
	refuse(ptep);
	section_leave(section);
	local_irq_restore(flags);
	refusals_end(&r);

	KUNIT_EXPECT_EQ(test, READ_ONCE(ptep->pte), old.pte);
	check_refusal(test, &r, 1, 1, -EPERM, ptep, NOBODYS);
	KUNIT_EXPECT_EQ(test, page_count(page), count + 1);
	KUNIT_EXPECT_EQ(test, logged(test, text) - before, 1);
	if (page_count(page) == count + 1)
		put_page(page);
}

/* Every update whose number is a multiple of step is refused. */
static void many_refused(struct kunit *test, unsigned int step)
{
	struct target *t = targets(test, NR);
	pte_t *old = kunit_kcalloc(test, NR, sizeof(*old), GFP_KERNEL);
	unsigned int i, lost = 0, wrong = 0;
	struct refusals r;
	unsigned long flags;
	section_t section;

	KUNIT_ASSERT_NOT_NULL(test, old);
	for (i = 0; i < NR; i += step) {
		old[i] = READ_ONCE(*t[i].ptep);
		clear(t[i].ptep);
	}
	refusals_begin(test, &r);
	local_irq_save(flags);
	section = section_enter();
	for (i = 0; i < NR; i++) {
		if (i % step)
			update(&t[i]);
		else
			refuse(t[i].ptep);
	}
	section_leave(section);
	local_irq_restore(flags);
	refusals_end(&r);

	for (i = 0; i < NR; i++) {
		if (i % step)
			lost += !landed(&t[i]);
		else
			wrong += READ_ONCE(t[i].ptep->pte) != 0;
	}
	KUNIT_EXPECT_EQ_MSG(test, lost, 0, LOST);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, r.nr, NR / step);
	for (i = 0; i < NR; i += step)
		set_pte(t[i].ptep, old[i]);
}

static void several(struct kunit *test)
{
	many_refused(test, NR / 4);
}

/* The log is not flooded. That is the last test, since it exhausts what may be logged. */
static void all(struct kunit *test)
{
	unsigned int before = logged(test, "xen: page table update ");

	many_refused(test, 1);
	KUNIT_EXPECT_LE(test, logged(test, "xen: page table update ") - before, 10);
}

/* The log has room for ten refusals in a row, so those that look into it come first. */
static struct kunit_case cases[] = {
	KUNIT_CASE(first),
	KUNIT_CASE(middle),
	KUNIT_CASE(last),
	KUNIT_CASE(amid_clears),
	KUNIT_CASE(in_a_multicall),
	KUNIT_CASE(made_up_for_in_a_list),
	KUNIT_CASE(made_up_for_by_a_list),
	KUNIT_CASE(another_call),
	KUNIT_CASE(refused_flags),
	KUNIT_CASE(refused_clear),
	KUNIT_CASE(refused_frame),
	KUNIT_CASE(another_call_and_an_update),
	KUNIT_CASE(flushed),
	KUNIT_CASE(flushed_elsewhere),
	KUNIT_CASE(several),
	KUNIT_CASE(all),
	{},
};

static struct kunit_suite suite = {
	.name = "refused",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("loses no update but the one that Xen refuses, and says which that is");
MODULE_LICENSE("GPL");
