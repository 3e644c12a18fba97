// SPDX-License-Identifier: GPL-2.0-only
/*
 * A KUnit suite that scripts/preempt-off builds into a kernel: for how many instructions
 * preemption is off at a time while mm works on page tables in sections. Hash powerpc and sparc64
 * turn it off for each section.
 *
 * QEMU runs the kernel with icount, so the clock advances by a nanosecond for each instruction.
 * It goes in steps, of 2 ns on pseries and of 10 ns on sun4u. Each operation is done REPEAT
 * times, and the least is taken of what was the longest time of each: an interrupt only ever
 * adds to it.
 *
 * The lines are "preempt-off OPERATION PAGES INSTRUCTIONS FUNCTION"; FUNCTION turned preemption on
 * again.
 */
#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/sched/clock.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <trace/events/preemptirq.h>

#define PAGES	512U
#define REPEAT	8

struct longest {
	u64 ns;
	unsigned long where;
};

static struct {
	struct task_struct *task;
	u64 since;	/* 0 while preemption is on */
	struct longest longest;
} watch;

static void on_disable(void *data, unsigned long ip, unsigned long parent_ip)
{
	if (current == READ_ONCE(watch.task))
		watch.since = local_clock();
}

static void on_enable(void *data, unsigned long ip, unsigned long parent_ip)
{
	u64 ns;

	if (current != READ_ONCE(watch.task) || !watch.since)
		return;
	ns = local_clock() - watch.since;
	watch.since = 0;
	if (ns > watch.longest.ns)
		watch.longest = (struct longest) { .ns = ns, .where = ip };
}

static void begin(void)
{
	watch.since = 0;
	watch.longest = (struct longest) {};
	WRITE_ONCE(watch.task, current);
}

/* Ends what begin() began, and keeps the lesser of what it saw and *least. */
static void end(struct longest *least)
{
	WRITE_ONCE(watch.task, NULL);
	if (!least->ns || watch.longest.ns < least->ns)
		*least = watch.longest;
}

static void print(struct kunit *test, const char *operation, unsigned int pages,
		  struct longest *least)
{
	KUNIT_EXPECT_NE(test, least->ns, 0);
	kunit_info(test, "preempt-off %s %u %llu %ps\n", operation, pages, least->ns,
		   (void *)least->where);
}

static void map_kernel_memory(struct kunit *test)
{
	struct page **pages = kunit_kcalloc(test, PAGES, sizeof(*pages), GFP_KERNEL);
	struct longest map = {}, unmap = {};
	unsigned int i;
	void *at;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
	for (i = 0; i < REPEAT; i++) {
		begin();
		at = vmap(pages, PAGES, VM_MAP, PAGE_KERNEL);
		end(&map);
		KUNIT_ASSERT_NOT_NULL(test, at);
		memset(at, i, PAGES * PAGE_SIZE);
		begin();
		vunmap(at);
		end(&unmap);
	}
	print(test, "vmap", PAGES, &map);
	print(test, "vunmap", PAGES, &unmap);
	for (i = 0; i < PAGES; i++)
		__free_page(pages[i]);
}

/* A fault maps the pages around it, as many as 64 KiB has. */
static void map_around_a_fault(struct kunit *test)
{
	const unsigned int pages = SZ_64K / PAGE_SIZE;
	const size_t size = pages * PAGE_SIZE;
	struct file *file = shmem_kernel_file_setup("preempt-off", size, 0);
	struct longest fault = {}, unmap = {};
	unsigned long at;
	struct page *page;
	unsigned int i;
	char byte;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	for (i = 0; i < pages; i++) {
		page = shmem_read_mapping_page(file->f_mapping, i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(page));
		put_page(page);
	}
	for (i = 0; i < REPEAT; i++) {
		at = kunit_vm_mmap(test, file, 0, size, PROT_READ, MAP_SHARED, 0);
		KUNIT_ASSERT_NE(test, at, 0);
		begin();
		KUNIT_EXPECT_EQ(test, get_user(byte, (char __user *)at), 0);
		end(&fault);
		begin();
		vm_munmap(at, size);
		end(&unmap);
	}
	print(test, "fault", pages, &fault);
	print(test, "munmap", pages, &unmap);
	fput(file);
}

static int watch_begin(struct kunit_suite *suite)
{
	int rc = register_trace_preempt_disable(on_disable, NULL);

	return rc ?: register_trace_preempt_enable(on_enable, NULL);
}

static void watch_end(struct kunit_suite *suite)
{
	unregister_trace_preempt_disable(on_disable, NULL);
	unregister_trace_preempt_enable(on_enable, NULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(map_kernel_memory),
	KUNIT_CASE(map_around_a_fault),
	{}
};

static struct kunit_suite suite = {
	.name = "preempt_off",
	.suite_init = watch_begin,
	.suite_exit = watch_end,
	.test_cases = cases,
};
kunit_test_suite(suite);
