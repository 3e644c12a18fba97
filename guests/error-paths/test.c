// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs in a section fails halfway: an array of vmap() has no page at one place, a
 * callback of apply_to_page_range() returns an error, as privcmd's may, remap_pfn_range() may
 * not map a frame, or fork has to leave its section and begin again (main.c).
 *
 * Expected: the section ends all the same, so that the next update is not delayed, and an
 * outer section goes on. What came before the error is done, or is undone by who is to undo
 * it, and nothing after it is done.
 *
 * Method: an update of the task shows whether it is in a section, also at the end of each
 * system call. vmap() of too few pages is tried here; its tracepoint says where it would have
 * mapped. The rest is for the program, which asks through /proc/error_paths.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/version.h>

#include "error_paths.h"
#include "loglevel.h"
#include "numbered_pages.h"
#include "pins.h"

static const unsigned int places[] = { 0, 1, 31, 32, 127, 128, 129, 511, 512, MAX_PAGES - 1 };

/* Where vmap() of this task maps. */
struct area {
	struct task_struct *task;
	unsigned long addr;
};

static void on_area(void *data, unsigned long addr, unsigned long size, unsigned long align,
		    unsigned long vstart, unsigned long vend, int failed)
{
	struct area *area = data;

	if (current == area->task && size >= MAX_PAGES * PAGE_SIZE && !failed)
		area->addr = addr;
}

struct probe {
	const char *name;
	void *probe;
	void *data;
	struct tracepoint *tp;
};

static void find_tracepoint(struct tracepoint *tp, void *data)
{
	struct probe *probe = data;

	if (!strcmp(tp->name, probe->name))
		probe->tp = tp;
}

static int start_probe(struct probe *probe)
{
	for_each_kernel_tracepoint(find_tracepoint, probe);

	return probe->tp ? tracepoint_probe_register(probe->tp, probe->probe, probe->data) :
			   -ENOENT;
}

/* The warning is expected here. */
static void *vmap_with_warning(struct page **pages)
{
	int loglevel = set_loglevel(LOGLEVEL_WARNING);
	void *at = vmap(pages, MAX_PAGES, VM_MAP, PAGE_KERNEL);

	set_loglevel(loglevel);

	return at;
}

static void vmap_lacks_a_page(struct kunit *test)
{
	struct page **pages = numbered_pages(test);
	struct target *t = targets(test, 1);
	struct area area = { .task = current };
	struct probe probe = { "alloc_vmap_area", on_area, &area };
	unsigned int i;

	KUNIT_ASSERT_EQ(test, start_probe(&probe), 0);
	kunit_info(test, "the console does not get the warnings of this test\n");
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		struct page *page = pages[places[i]];
		void *at;

		pages[places[i]] = NULL;
		area.addr = 0;
		at = vmap_with_warning(pages);
		pages[places[i]] = page;
		KUNIT_EXPECT_FALSE(test, deferred(t));
		KUNIT_EXPECT_NULL(test, at);
		KUNIT_EXPECT_NE(test, area.addr, 0);
		KUNIT_EXPECT_EQ_MSG(test, mapped((void *)area.addr, MAX_PAGES), 0,
				    "page %u", places[i]);

		at = vmap(pages, MAX_PAGES, VM_MAP, PAGE_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, at);
		if (!at)
			break;
		KUNIT_EXPECT_EQ(test, wrong(at, MAX_PAGES), 0);
		vunmap(at);
		KUNIT_EXPECT_FALSE(test, deferred(t));
	}
	tracepoint_probe_unregister(probe.tp, on_area, &area);
	tracepoint_synchronize_unregister();
}

#ifdef HAVE_LAZY_MMU_STATE
/* vmap() allocates, so this may sleep in a section: the series allows that. */
static void vmap_lacks_a_page_in_a_section(struct kunit *test)
{
	struct page **pages = numbered_pages(test);
	struct target *t = targets(test, 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		struct page *page = pages[places[i]];
		section_t section = section_enter();
		bool goes_on;
		void *at;

		pages[places[i]] = NULL;
		at = vmap_with_warning(pages);
		pages[places[i]] = page;
		goes_on = deferred(t);
		section_leave(section);
		KUNIT_EXPECT_TRUE(test, landed(t));
		KUNIT_EXPECT_TRUE(test, goes_on);
		KUNIT_EXPECT_FALSE(test, deferred(t));
		KUNIT_EXPECT_NULL(test, at);
	}
}
#endif

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(vmap_lacks_a_page),
#ifdef HAVE_LAZY_MMU_STATE
	KUNIT_CASE_SLOW(vmap_lacks_a_page_in_a_section),
#endif
	{}
};

static struct kunit_suite suite = {
	.name = "error_paths",
	.test_cases = cases,
};
kunit_test_suite(suite);

/* From here on, for the program. */

#define SIZE	(ERROR_PATHS_PAGES * PAGE_SIZE)

static struct target target;
static void *target_page;
static struct page *numbered[ERROR_PATHS_PAGES];
static struct after_error after;
static atomic_t left_on;

/*
 * In a section that was not left, a fault's new entry is delayed, so that the fault comes again and
 * takes another page. So the section ends here, before the task returns to the program.
 */
static void on_sys_exit(void *data, struct pt_regs *regs, long ret)
{
	if (current->mm && deferred(&target)) {
		leave_sections();
		atomic_inc(&left_on);
	}
}

static struct probe at_sys_exit = { "sys_exit", on_sys_exit };

struct work {
	struct vm_area_struct *vma;
	unsigned int nr;	/* the page that the callback is at */
	unsigned int fails_at;
	unsigned int found;
};

static int map_page(pte_t *ptep, unsigned long addr, void *data)
{
	struct work *work = data;
	unsigned long pfn = page_to_pfn(numbered[work->nr]);

	if (work->nr == work->fails_at)
		return -EIO;
	set_pte_at(work->vma->vm_mm, addr, ptep,
		   pte_mkspecial(pfn_pte(pfn, work->vma->vm_page_prot)));
	work->nr++;

	return 0;
}

static int protect_page(pte_t *ptep, unsigned long addr, void *data)
{
	struct work *work = data;

	if (work->nr == work->fails_at)
		return -EIO;
	set_pte_at(work->vma->vm_mm, addr, ptep, pte_wrprotect(READ_ONCE(*ptep)));
	work->nr++;

	return 0;
}

static int count_present(pte_t *ptep, unsigned long addr, void *data)
{
	struct work *work = data;

	work->found += pte_pfn(READ_ONCE(*ptep)) == page_to_pfn(numbered[work->nr++]);

	return 0;
}

static int count_protected(pte_t *ptep, unsigned long addr, void *data)
{
	struct work *work = data;

	work->found += !pte_write(READ_ONCE(*ptep));

	return 0;
}

static int count_any(pte_t *ptep, unsigned long addr, void *data)
{
	struct work *work = data;

	work->found += !pte_none(READ_ONCE(*ptep));

	return 0;
}

/* Of the entries that are there. */
static unsigned int count(struct vm_area_struct *vma, pte_fn_t callback)
{
	struct work work = { .vma = vma };

	apply_to_page_range(vma->vm_mm, vma->vm_start, SIZE, callback, &work);

	return work.found;
}

static int apply(struct vm_area_struct *vma, unsigned int fails_at)
{
	struct work work = { .vma = vma, .fails_at = fails_at };
	int err;

	/* The pages have no references for their mappings. */
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTCOPY);
	err = apply_to_page_range(vma->vm_mm, vma->vm_start, SIZE, map_page, &work);
	after.delayed = deferred(&target);
	after.updated = count(vma, count_present);

	return err;
}

/* Without preemption, so that stock Linux does not die of a switch in nested sections. */
static int apply_inside(struct vm_area_struct *vma, unsigned int fails_at)
{
	struct work work = { .vma = vma, .fails_at = fails_at };
	int err = apply(vma, ERROR_PATHS_PAGES);
	section_t section;

	if (err)
		return err;
	preempt_disable();
	section = section_enter();
	err = apply_to_page_range(vma->vm_mm, vma->vm_start, SIZE, protect_page, &work);
	after.ended = !deferred(&target);
	section_leave(section);
	preempt_enable();
	after.delayed = deferred(&target);
	after.updated = count(vma, count_protected);

	return err;
}

/*
 * On a processor with the bug L1TF, a user may not have an entry without access that has the
 * number of a high frame. Other processors get the bug for a moment.
 */
static int remap(struct vm_area_struct *vma, unsigned int fails_at)
{
	unsigned long *bugs = (unsigned long *)boot_cpu_data.x86_capability;
	bool has_bug = test_bit(X86_BUG_L1TF, bugs);
	int err;

	if (!has_bug)
		set_bit(X86_BUG_L1TF, bugs);
	err = remap_pfn_range(vma, vma->vm_start, l1tf_pfn_limit() - fails_at, SIZE, PAGE_NONE);
	after.delayed = deferred(&target);
	if (!has_bug)
		clear_bit(X86_BUG_L1TF, bugs);
	after.updated = count(vma, count_any);

	return err;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define zap_vma_ptes zap_special_vma_range
#endif

/* Calls of mm that have a section, inside of another one, which must go on. */
static int inside(struct vm_area_struct *vma)
{
#ifdef HAVE_LAZY_MMU_STATE
	int err = apply(vma, ERROR_PATHS_PAGES);
	section_t section;

	if (err)
		return err;
	section = section_enter();
	zap_vma_ptes(vma, vma->vm_start, SIZE);
	after.ended = !deferred(&target);
	err = remap_pfn_range(vma, vma->vm_start, page_to_pfn(numbered[0]), PAGE_SIZE, PAGE_NONE);
	after.ended += !deferred(&target);
	section_leave(section);
	after.delayed = deferred(&target);
	after.updated = count(vma, count_any);

	return err;
#else
	return -EOPNOTSUPP;
#endif
}

static int error_paths_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long fails_at = vma->vm_pgoff & 0xfff;

	if (vma_pages(vma) != ERROR_PATHS_PAGES + 1 || fails_at > ERROR_PATHS_PAGES)
		return -EINVAL;
	memset(&after, 0, sizeof(after));
	switch (vma->vm_pgoff >> 12) {
	case APPLY:
		return apply(vma, fails_at);
	case APPLY_INSIDE:
		return apply_inside(vma, fails_at);
	case REMAP:
		return remap(vma, fails_at);
	case INSIDE:
		return inside(vma);
	default:
		return -EINVAL;
	}
}

static long error_paths_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case ERROR_PATHS_AFTER:
		return copy_to_user((void __user *)arg, &after, sizeof(after)) ? -EFAULT : 0;
	case ERROR_PATHS_LEFT_ON:
		return atomic_xchg(&left_on, 0);
	default:
		return pins_ioctl(file->private_data, cmd, arg);
	}
}

static const struct proc_ops error_paths_ops = {
	.proc_open = pins_open,
	.proc_release = pins_release,
	.proc_mmap = error_paths_mmap,
	.proc_ioctl = error_paths_ioctl,
};

/* What is allocated here stays, since the guest never unloads a module. */
static int __init error_paths_init(void)
{
	unsigned int i, level;
	int err;

	BUILD_BUG_ON(MAX_PAGES != ERROR_PATHS_PAGES);
	target_page = vzalloc(PAGE_SIZE);
	if (!target_page)
		return -ENOMEM;
	target.ptep = lookup_address((unsigned long)target_page, &level);
	for (i = 0; i < ERROR_PATHS_PAGES; i++) {
		numbered[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!numbered[i])
			return -ENOMEM;
		*(unsigned int *)page_address(numbered[i]) = i;
	}
	err = start_probe(&at_sys_exit);
	if (err)
		return err;

	return proc_create("error_paths", 0666, NULL, &error_paths_ops) ? 0 : -ENOMEM;
}
module_init(error_paths_init);

MODULE_DESCRIPTION("errors in the middle of lazy MMU sections");
MODULE_LICENSE("GPL");
