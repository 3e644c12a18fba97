// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor sets the dirty bit of an entry between ptep_set_wrprotect() or
 * ptep_get_and_clear_full() and the end of the section, or after ptep_modify_prot_commit(). munmap(),
 * madvise() and mremap() call the second. On 7.3, ptep_get_and_clear() is not delayed.
 *
 * Expected: the bit is in the page table afterwards, or in the returned entry. An entry
 * that can still become dirty is write-protected and cleared at once, also in a section. All
 * other updates by the two operations are delayed, if the kernel has tracepoints for the two.
 *
 * Method: the test maps a page, clean or dirty. If the entry still allows writes after
 * the operation, the test writes.
 */
#include <linux/module.h>
#include <xen/xen.h>

#include "late.h"
#include "lazy_mmu_test.h"

struct mapping {
	struct page *page;
	unsigned long *word;
	pte_t *ptep;
};

static struct mapping map(struct kunit *test, pgprot_t prot)
{
	struct mapping m = { .page = alloc_page(GFP_KERNEL | __GFP_ZERO) };
	unsigned int level;

	KUNIT_ASSERT_NOT_NULL(test, m.page);
	m.word = vmap(&m.page, 1, VM_MAP, prot);
	KUNIT_ASSERT_NOT_NULL(test, m.word);
	m.ptep = lookup_address((unsigned long)m.word, &level);
	KUNIT_ASSERT_NOT_NULL(test, m.ptep);
	KUNIT_ASSERT_EQ(test, level, PG_LEVEL_4K);

	return m;
}

static void unmap(struct mapping *m)
{
	vunmap(m->word);
	__free_page(m->page);
}

struct search {
	const char *name;
	bool found;
};

static void look_at(struct tracepoint *tp, void *data)
{
	struct search *search = data;

	search->found |= !strcmp(tp->name, search->name);
}

/* Whether the kernel delays an operation: on Xen PV, if it has the operation's tracepoint. */
static bool delays(const char *name)
{
	struct search search = { .name = name };

	for_each_kernel_tracepoint(look_at, &search);

	return xen_pv_domain() && search.found;
}

static pgprot_t clean(void)
{
	return __pgprot(pgprot_val(PAGE_KERNEL) & ~_PAGE_DIRTY);
}

static void wrprotect(struct kunit *test, pgprot_t prot, bool delay)
{
	struct mapping m = map(test, prot);
	unsigned long flags;
	section_t section;
	bool delayed;
	pte_t pte;

	local_irq_save(flags);
	section = section_enter();
	/*
	 * init_mm is not exported. Any other mm does as well, except in a kernel with
	 * PAGE_TABLE_CHECK, which takes the page for a user's then.
	 */
	ptep_set_wrprotect(current->active_mm, (unsigned long)m.word, m.ptep);
	delayed = pte_write(READ_ONCE(*m.ptep));
	if (delayed)
		WRITE_ONCE(*m.word, 1);
	section_leave(section);
	pte = READ_ONCE(*m.ptep);
	local_irq_restore(flags);
	unmap(&m);

	KUNIT_EXPECT_EQ(test, delayed, delay && delays("xen_mmu_ptep_wrprotect"));
	KUNIT_EXPECT_FALSE(test, pte_write(pte));
	KUNIT_EXPECT_TRUE(test, !delayed || pte_young(pte));
	KUNIT_EXPECT_EQ(test, pte_dirty(pte), pgprot_val(prot) & _PAGE_DIRTY ? true : delayed);
}

/* fork() looks at a clean entry once more after this, so it is not delayed. */
static void wrprotect_clean(struct kunit *test)
{
	wrprotect(test, clean(), false);
}

static void wrprotect_dirty(struct kunit *test)
{
	wrprotect(test, PAGE_KERNEL, true);
}

static void wrprotect_old(struct kunit *test)
{
	wrprotect(test, __pgprot(pgprot_val(PAGE_KERNEL) & ~_PAGE_ACCESSED), true);
}

/* mprotect() changes a clean entry. Where the change is delayed, what the processor sets stays. */
static void modify_clean(struct kunit *test)
{
	struct vm_area_struct vma = { .vm_mm = current->active_mm };
	struct mapping m = map(test, clean());
	unsigned long flags;
	section_t section;
	pte_t old, pte;
	bool delayed;

	local_irq_save(flags);
	section = section_enter();
	old = ptep_modify_prot_start(&vma, (unsigned long)m.word, m.ptep);
	ptep_modify_prot_commit(&vma, (unsigned long)m.word, m.ptep, old, pte_wrprotect(old));
	delayed = pte_write(READ_ONCE(*m.ptep));
	if (delayed)
		WRITE_ONCE(*m.word, 1);
	section_leave(section);
	pte = READ_ONCE(*m.ptep);
	local_irq_restore(flags);
	unmap(&m);

	KUNIT_EXPECT_TRUE(test, delayed || !delays("xen_mmu_ptep_wrprotect"));
	KUNIT_EXPECT_FALSE(test, pte_write(pte));
	KUNIT_EXPECT_EQ(test, pte_dirty(pte), delayed);
}

static void clear(struct kunit *test, pgprot_t prot, bool writable, bool delay)
{
	struct mapping m = map(test, prot);
	unsigned long flags;
	section_t section;
	pte_t old, pte;
	bool delayed;

	local_irq_save(flags);
	section = section_enter();
	old = ptep_get_and_clear_full(current->active_mm, (unsigned long)m.word, m.ptep, 0);
	delayed = !pte_none(READ_ONCE(*m.ptep));
	if (delayed && writable)
		WRITE_ONCE(*m.word, 1);
	section_leave(section);
	pte = READ_ONCE(*m.ptep);
	local_irq_restore(flags);
	unmap(&m);

	KUNIT_EXPECT_EQ(test, delayed, delay && delays("xen_mmu_ptep_get_and_clear"));
	KUNIT_EXPECT_TRUE(test, pte_none(pte));
	KUNIT_EXPECT_TRUE(test, !delayed || !writable || pte_dirty(old));
}

static void clear_clean(struct kunit *test)
{
	clear(test, clean(), true, false);
}

static void clear_dirty(struct kunit *test)
{
	clear(test, PAGE_KERNEL, true, true);
}

static void clear_read_only(struct kunit *test)
{
	clear(test, PAGE_KERNEL_RO, false, true);
}

/* No processor walks a page table that is not pinned. So its entries are written at once. */
static void unpinned(struct kunit *test)
{
	struct mapping m = map(test, PAGE_KERNEL);
	struct mm_struct *mm = current->active_mm;
	pte_t pte = READ_ONCE(*m.ptep), *table = page_address(m.page);
	bool set, protected, cleared;
	unsigned long flags;
	section_t section;

	local_irq_save(flags);
	section = section_enter();
	set_pte(table, pte);
	set = pte_same(READ_ONCE(*table), pte);
	ptep_set_wrprotect(mm, 0, table);
	protected = !pte_write(READ_ONCE(*table));
	ptep_get_and_clear_full(mm, 0, table, 0);
	cleared = pte_none(READ_ONCE(*table));
	section_leave(section);
	local_irq_restore(flags);
	unmap(&m);

	if (xen_pv_domain() && !delays("xen_mmu_write_pte"))
		kunit_skip(test, "this kernel asks Xen to write them");
	KUNIT_EXPECT_TRUE(test, set);
	KUNIT_EXPECT_TRUE(test, protected);
	KUNIT_EXPECT_TRUE(test, cleared);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(wrprotect_clean),
	KUNIT_CASE(wrprotect_dirty),
	KUNIT_CASE(wrprotect_old),
	KUNIT_CASE(modify_clean),
	KUNIT_CASE(clear_clean),
	KUNIT_CASE(clear_dirty),
	KUNIT_CASE(clear_read_only),
	KUNIT_CASE(unpinned),
	{},
};

static struct kunit_suite suite = {
	.name = "dirty",
	.test_cases = cases,
};
kunit_test_suite(suite);

/*
 * From here on, for the program. A write of its address to late_at has each of its LATE_PAGES pages
 * written to between fork()'s look at the page's entry and the write protection, as another thread
 * might. late is how many there were.
 */
static struct mm_struct *late_mm;
static unsigned long late_at, late_pfns[LATE_PAGES];
static unsigned int late;

module_param(late, uint, 0400);

static void on_wrprotect(void *data, pte_t *ptep, pte_t pte)
{
	unsigned long i;
	u64 value;

	if (!current->mm || current->mm != READ_ONCE(late_mm) || pte_dirty(pte))
		return;
	for (i = 0; i < LATE_PAGES; i++)
		if (late_pfns[i] == pte_pfn(pte))
			break;
	value = LATE + i;
	if (i < LATE_PAGES &&
	    !copy_to_user_nofault((void __user *)(late_at + i * PAGE_SIZE), &value, sizeof(value)))
		late++;
}

static void find_wrprotect(struct tracepoint *tp, void *data)
{
	if (!strcmp(tp->name, "xen_mmu_ptep_wrprotect"))
		*(int *)data = tracepoint_probe_register(tp, on_wrprotect, NULL);
}

static int set_late_at(const char *text, const struct kernel_param *kp)
{
	int err = kstrtoul(text, 0, &late_at);
	struct page *page;
	unsigned int i;

	for (i = 0; i < LATE_PAGES && !err; i++) {
		if (get_user_pages_fast(late_at + i * PAGE_SIZE, 1, 0, &page) != 1)
			return -EFAULT;
		late_pfns[i] = page_to_pfn(page);
		put_page(page);
	}
	WRITE_ONCE(late_mm, current->mm);
	/* Once, and not before: the probe makes each fork slower. */
	for_each_kernel_tracepoint(find_wrprotect, &err);

	return err;
}

static const struct kernel_param_ops late_at_ops = { .set = set_late_at };
module_param_cb(late_at, &late_at_ops, NULL, 0200);

MODULE_DESCRIPTION("What becomes of a dirty bit that is set within a lazy MMU section");
MODULE_LICENSE("GPL");
