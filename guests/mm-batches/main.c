// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mm does to the entries of many pages goes out in batches.
 *
 * A section that is missing loses no update. It costs a hypercall for each page, or, where Xen
 * emulates a write, a trap. No test of contents sees that.
 *
 * Expected: the updates of all pages are queued, and go out with 8 or more in a hypercall. A fault on
 * a file maps 16 pages at once, so its batches are short. MADV_COLD is left out: it clears the
 * accessed bit by an atomic operation, which traps.
 *
 * Method: the kernel's xen_mc_flush events of this task, around one operation. On Linux from 7.2
 * on each operation fails, since this task was forked: see fork-batches.
 */
#define _GNU_SOURCE
#include "events.h"
#include "scan.h"
#include "vcpus.h"

#define NR		1024UL
#define LEN		(NR * PAGE)
#define TABLE		512UL /* pages that a page table maps */
#define FEW		100UL /* fewer than one hypercall carries */

static void check(bool ok, const char *call)
{
	if (!ok)
		ksft_exit_fail_msg("%s: %s\n", call, strerror(errno));
}

static void *written_pages(void)
{
	char *area = map_pages(NR, -1);

	madvise(area, LEN, MADV_NOHUGEPAGE);
	memset(area, 1, LEN);
	return area;
}

static void protect(void *area)
{
	check(!mprotect(area, LEN, PROT_READ), "mprotect");
}

static void move(void *area)
{
	check(mremap(area, LEN, LEN, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL) != MAP_FAILED, "mremap");
}

static void unmap(void *area)
{
	check(!munmap(area, LEN), "munmap");
}

static void drop(void *area)
{
	check(!madvise(area, LEN, MADV_DONTNEED), "MADV_DONTNEED");
}

static void drop_table(void *area)
{
	check(!madvise(area, TABLE * PAGE, MADV_DONTNEED), "MADV_DONTNEED");
}

static void free_lazily(void *area)
{
	check(!madvise(area, LEN, MADV_FREE), "MADV_FREE");
}

static void fork_once(void *area)
{
	pid_t child = start_child();

	(void)area;
	if (!child)
		_exit(0);
	check(waitpid(child, NULL, 0) == child, "waitpid");
}

static void read_all(void *area)
{
	for (unsigned long i = 0; i < NR; i++)
		(void)*(volatile char *)((char *)area + i * PAGE);
}

static void scan_all(void *area)
{
	check(scan_pages(area, NR) == (long)NR, "PAGEMAP_SCAN");
}

static void test(const char *what, void (*operation)(void *area), void *area)
{
	struct sent sent = sent_by(operation, area);

	ksft_print_msg("%s: %lu pages, %lu updates in %lu hypercalls\n", what, NR, sent.updates,
		       sent.hypercalls);
	ksft_test_result(sent.updates >= NR && sent.hypercalls <= NR / 8, "%s\n", what);
}

/*
 * MADV_DONTNEED of all that a page table maps frees the table on 7.3. Whoever gets the lock of the
 * pmd next must find the pmd entry empty, so its update is not queued behind those of the pages.
 */
static void test_pmd(void)
{
	char *area = map_pages(3 * TABLE, -1);
	unsigned long updates;
	struct sent sent;

	madvise(area, 3 * TABLE * PAGE, MADV_NOHUGEPAGE);
	area += -(uintptr_t)area % (TABLE * PAGE);
	memset(area, 1, FEW * PAGE);
	sent = sent_by(drop_table, area);
	updates = sent_with_pmd();
	ksft_print_msg("%lu updates, %lu with the first pmd entry\n", sent.updates, updates);
	if (!updates)
		ksft_test_result_skip("MADV_DONTNEED does not free a page table\n");
	else
		ksft_test_result(updates == 1, "MADV_DONTNEED unhooks a page table at once\n");
}

int main(void)
{
	void *area;
	int fd;

	ksft_print_header();
	ksft_set_plan(9);
	events_setup();
	test("mprotect", protect, written_pages());
	test("mremap", move, written_pages());
	test("munmap", unmap, written_pages());
	test("MADV_DONTNEED", drop, written_pages());
	test("MADV_FREE", free_lazily, written_pages());
	test("fork", fork_once, written_pages());

	fd = memfd_create("mm-batches", 0);
	check(fd >= 0 && write(fd, written_pages(), LEN) == (ssize_t)LEN, "memfd");
	test("faults on a file", read_all, map_pages(NR, fd));

	area = map_pages(NR, -1);
	madvise(area, LEN, MADV_NOHUGEPAGE);
	watch_writes(area, NR);
	memset(area, 1, LEN);
	test("pagemap scan", scan_all, area);
	test_pmd();
	ksft_finished();
}
