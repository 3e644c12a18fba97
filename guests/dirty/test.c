// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor sets the dirty bit of an entry between ptep_set_wrprotect() or
 * ptep_get_and_clear_full() and the end of the section. munmap(), madvise() and mremap() call
 * the second. On 7.3, ptep_get_and_clear() is not delayed.
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

static struct kunit_case cases[] = {
	KUNIT_CASE(wrprotect_clean),
	KUNIT_CASE(wrprotect_dirty),
	KUNIT_CASE(clear_clean),
	KUNIT_CASE(clear_dirty),
	KUNIT_CASE(clear_read_only),
	{}
};

static struct kunit_suite suite = {
	.name = "dirty",
	.test_cases = cases,
};
kunit_test_suite(suite);

MODULE_DESCRIPTION("What becomes of a dirty bit that is set within a lazy MMU section");
MODULE_LICENSE("GPL");
