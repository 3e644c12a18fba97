/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the test modules that map kernel memory: pages that hold their own number, and how many
 * of them are mapped at a place.
 */
#ifndef NUMBERED_PAGES_H
#define NUMBERED_PAGES_H

#include "lazy_mmu_test.h"

#define MAX_PAGES	600	/* more than a page table has entries */

static void free_pages_of(void *data)
{
	struct page **pages = data;
	unsigned int i;

	for (i = 0; i < MAX_PAGES && pages[i]; i++)
		__free_page(pages[i]);
}

KUNIT_DEFINE_ACTION_WRAPPER(free_pages_action, free_pages_of, void *);

static __maybe_unused struct page **numbered_pages(struct kunit *test)
{
	struct page **pages = kunit_kcalloc(test, MAX_PAGES, sizeof(*pages), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_pages_action, pages), 0);
	for (i = 0; i < MAX_PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
		*(unsigned int *)page_address(pages[i]) = i;
	}

	return pages;
}

/* Returns how many of nr pages at a place do not hold their number. */
static __maybe_unused unsigned int wrong(const void *at, unsigned int nr)
{
	unsigned int i, bad = 0;

	for (i = 0; i < nr; i++)
		bad += READ_ONCE(*(unsigned int *)(at + i * PAGE_SIZE)) != i;

	return bad;
}

static __maybe_unused unsigned int mapped(const void *at, unsigned int nr)
{
	unsigned int i, level, sum = 0;
	pte_t *ptep;

	for (i = 0; i < nr; i++) {
		ptep = lookup_address((unsigned long)at + i * PAGE_SIZE, &level);
		sum += ptep && level == PG_LEVEL_4K && !pte_none(READ_ONCE(*ptep));
	}

	return sum;
}

#endif /* NUMBERED_PAGES_H */
