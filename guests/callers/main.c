// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's users of lazy MMU mode, as user space reaches them: mprotect,
 * mremap, madvise, the pagemap scan, fork, munmap and exit.
 *
 * Expected: each page holds what was written to it, and allows the access that was
 * asked for. If a batch is lost, late, cut short or sent to the wrong page, then a page
 * has wrong contents or allows the wrong access.
 *
 * Method: each page holds its own number. The areas are neither a multiple of a
 * batch (31 entries, 128 with the series) nor of a page table (512), and cross the
 * end of a page table.
 */
#define _GNU_SOURCE
#include "scan.h"
#include "vcpus.h"

static unsigned long nr = 1219;	/* pages of an area; an argument makes it fewer, for cross-check */

static bool can(volatile uint64_t *p, bool write)
{
	bool ok = false;

	if (!sigsetjmp(gone, 0)) {
		landing = true;
		if (write)
			*p = *p;
		else
			(void)*p;
		ok = true;
	}
	landing = false;
	return ok;
}

static uint64_t *page(void *area, unsigned long i)
{
	return (uint64_t *)((char *)area + i * PAGE);
}

static void *new_area(void)
{
	void *area = map_pages(nr, -1);

	madvise(area, nr * PAGE, MADV_NOHUGEPAGE);
	return area;
}

/* Whether every page holds its number plus base. Prints the first page that does not. */
static bool holds(void *area, uint64_t base)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (*page(area, i) != base + i) {
			ksft_print_msg("page %lu holds %lu, not %lu\n", i, *page(area, i), base + i);
			return false;
		}
	}
	return true;
}

static void fill(void *area, uint64_t base)
{
	for (unsigned long i = 0; i < nr; i++)
		*page(area, i) = base + i;
}

static bool allows(void *area, bool readable, bool writable)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (can(page(area, i), false) != readable || can(page(area, i), true) != writable) {
			ksft_print_msg("page %lu is not as it was asked for\n", i);
			return false;
		}
	}
	return true;
}

static void test_mprotect(void)
{
	void *area = new_area();
	bool ok;

	fill(area, 1000);
	mprotect(area, nr * PAGE, PROT_READ);
	ksft_test_result(allows(area, true, false) && holds(area, 1000), "mprotect to read-only\n");
	mprotect(area, nr * PAGE, PROT_NONE);
	ksft_test_result(allows(area, false, false), "mprotect to no access\n");
	mprotect(area, nr * PAGE, PROT_READ | PROT_WRITE);
	ksft_test_result(allows(area, true, true) && holds(area, 1000), "mprotect to read-write\n");
	munmap(area, nr * PAGE);
	ksft_test_result(allows(area, false, false), "munmap\n");

	/* An entry that is not present has its frame number inverted. */
	area = new_area();
	fill(area, 1000);
	ok = !mprotect(area, nr * PAGE, PROT_NONE);
	munmap(area, nr * PAGE);
	ksft_test_result(ok && allows(area, false, false), "munmap of pages without access\n");
}

static void read_all(void *area)
{
	for (unsigned long i = 0; i < nr; i++)
		(void)*(volatile uint64_t *)page(area, i);
}

static bool is_zero(void *area)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (*(volatile uint64_t *)page(area, i)) {
			ksft_print_msg("page %lu is not zero\n", i);
			return false;
		}
	}
	return true;
}

/*
 * What was only read is mapped by special entries of one page of zeroes, which has no count of its
 * mappings. They stay special, and do not become writable: another area keeps its zeroes.
 */
static void test_zero_pages(void)
{
	void *area = new_area(), *other = new_area();
	bool ok;

	read_all(area);
	read_all(other);
	ok = !mprotect(area, nr * PAGE, PROT_READ) && is_zero(area) &&
	     !mprotect(area, nr * PAGE, PROT_NONE) && allows(area, false, false) &&
	     !mprotect(area, nr * PAGE, PROT_READ | PROT_WRITE) && is_zero(area);
	ksft_test_result(ok, "mprotect of pages that were only read\n");
	for (unsigned long i = 0; i < nr; i += 2)
		*page(area, i) = i + 1;
	ok = is_zero(other);
	for (unsigned long i = 0; i < nr; i++)
		ok &= *page(area, i) == (i % 2 ? 0 : i + 1);
	ok &= !mprotect(area, nr * PAGE, PROT_READ) && !munmap(area, nr * PAGE) &&
	      !munmap(other, nr * PAGE);
	ksft_test_result(ok, "such pages are written to, and unmapped\n");
}

static void test_mremap(void)
{
	char *room = mmap(NULL, (nr + 1024) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *target = (char *)(((uintptr_t)room | (512 * PAGE - 1)) + 1) + 3 * PAGE;
	void *area = new_area();
	void *moved;

	fill(area, 2000);
	moved = mremap(area, nr * PAGE, nr * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	ksft_test_result(moved == target && allows(target, true, true) && holds(target, 2000),
			 "mremap to a place that is not aligned\n");
	ksft_test_result(allows(area, false, false), "mremap leaves nothing behind\n");
	munmap(room, (nr + 1024) * PAGE);
}

static void test_madvise(void)
{
	void *area = new_area();
	bool ok;

	fill(area, 3000);
	ok = !madvise(area, nr * PAGE, MADV_COLD);
	ksft_test_result(ok && holds(area, 3000), "madvise cold\n");

	ok = !madvise(area, nr * PAGE, MADV_FREE);
	for (unsigned long i = 0; i < nr; i++)
		ok &= *page(area, i) == 3000 + i || *page(area, i) == 0;
	fill(area, 4000);
	ksft_test_result(ok && holds(area, 4000), "madvise free, then written again\n");

	ok = !madvise(area, nr * PAGE, MADV_DONTNEED);
	for (unsigned long i = 0; i < nr; i++)
		ok &= *page(area, i) == 0;
	ksft_test_result(ok, "madvise dontneed\n");
	munmap(area, nr * PAGE);
}

static void test_pagemap_scan(void)
{
	void *area = new_area();
	int uffd = watch_writes(area, nr);
	unsigned long first, second, third;

	fill(area, 5000);
	first = scan_pages(area, nr);
	second = scan_pages(area, nr);
	ksft_print_msg("written: %lu pages, then %lu\n", first, second);
	ksft_test_result(first == nr && second == 0, "pagemap scan protects every page\n");

	for (unsigned long i = 0; i < nr; i += 7)
		*page(area, i) = 5000 + i;
	third = scan_pages(area, nr);
	ksft_print_msg("written: %lu pages\n", third);
	ksft_test_result(third == (nr + 6) / 7, "pagemap scan finds every page written since\n");
	ksft_test_result(holds(area, 5000), "pagemap scan changes no contents\n");

	close(uffd);
	munmap(area, nr * PAGE);
}

/*
 * When the kernel clears an entry of a file that was write-protected, it puts a marker in
 * its place, in the same section. The entry must be gone by then, also one without access.
 */
static void test_markers(void)
{
	int fd = memfd_create("callers", 0), uffd;
	unsigned long first, second;
	void *area;

	if (fd < 0 || ftruncate(fd, nr * PAGE))
		ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
	area = map_pages(nr, fd);
	uffd = watch_writes(area, nr);
	fill(area, 5500);
	first = scan_pages(area, nr);
	if (mprotect(area, nr * PAGE, PROT_NONE) || madvise(area, nr * PAGE, MADV_DONTNEED) ||
	    mprotect(area, nr * PAGE, PROT_READ | PROT_WRITE))
		ksft_exit_fail_msg("mprotect or madvise: %s\n", strerror(errno));
	second = scan_pages(area, nr);
	ksft_print_msg("written: %lu pages, then %lu\n", first, second);
	ksft_test_result(first == nr && second == 0, "markers stand for protected entries\n");
	ksft_test_result(holds(area, 5500), "markers change no contents\n");

	close(uffd);
	close(fd);
	munmap(area, nr * PAGE);
}

static void test_fork(void)
{
	void *area = new_area();
	int up[2], down[2], status = -1;
	pid_t child;
	char c;
	bool ok;

	fill(area, 6000);
	if (pipe(up) || pipe(down))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
	child = start_child();
	if (!child) {
		/* The parent writes first; the child keeps what was there at the fork. */
		ok = read(down[0], &c, 1) == 1 && holds(area, 6000);
		fill(area, 8000);
		ok &= write(up[1], &c, 1) == 1 && holds(area, 8000);
		_exit(!ok);
	}
	/* Else read() would wait for ever if the child has died. */
	close(up[1]);
	fill(area, 7000);
	ok = write(down[1], "", 1) == 1 && read(up[0], &c, 1) == 1 && holds(area, 7000);
	ksft_test_result(ok, "fork: the parent keeps what it wrote\n");
	ok = waitpid(child, &status, 0) == child && status == 0;
	ksft_test_result(ok, "fork: the child keeps what it wrote\n");

	ok = true;
	for (int i = 0; i < 20; i++) {
		child = start_child();
		if (!child) {
			ok = holds(area, 7000);
			fill(area, 9000 + i);
			_exit(!(ok && holds(area, 9000 + i)));
		}
		ok &= waitpid(child, &status, 0) == child && status == 0;
	}
	ksft_test_result(ok && holds(area, 7000), "20 children write and exit\n");
	munmap(area, nr * PAGE);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		nr = strtoul(argv[1], NULL, 10);
	catch_faults();
	ksft_print_header();
	ksft_set_plan(20);
	test_mprotect();
	test_zero_pages();
	test_mremap();
	test_madvise();
	test_pagemap_scan();
	test_markers();
	test_fork();
	ksft_finished();
}
