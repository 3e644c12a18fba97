/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: the pagemap scan. It tells which pages were written since the last
 * scan, and write-protects these again.
 */
#ifndef SCAN_H
#define SCAN_H

#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "pages.h"

#define SCAN_MAX	2048	/* pages */

/* What the last scan found. */
static struct page_region regions[SCAN_MAX];

/* From here on nr pages can be scanned. Closing the returned fd makes them all writable. */
static inline int watch_writes(void *at, unsigned long nr)
{
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)at, .len = nr * PAGE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
		ksft_exit_fail_msg("userfaultfd: %s\n", strerror(errno));
	return uffd;
}

/* Scans nr pages, SCAN_MAX at most. Returns how many regions of them were written. */
static inline long scan(void *at, unsigned long nr)
{
	static int fd = -1;
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.start = (uintptr_t)at,
		.end = (uintptr_t)at + nr * PAGE,
		.vec = (uintptr_t)regions,
		.vec_len = SCAN_MAX,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};
	long found;

	if (fd < 0)
		fd = open_proc("/proc/self/pagemap");
	found = ioctl(fd, PAGEMAP_SCAN, &arg);
	if (found < 0)
		ksft_exit_fail_msg("PAGEMAP_SCAN: %s\n", strerror(errno));
	return found;
}

static inline unsigned long pages_of(const struct page_region *region)
{
	return (region->end - region->start) / PAGE;
}

/* Scans nr pages. Returns how many of them were written. */
static inline unsigned long scan_pages(void *at, unsigned long nr)
{
	unsigned long pages = 0;
	long found = scan(at, nr);

	for (long i = 0; i < found; i++)
		pages += pages_of(&regions[i]);
	return pages;
}

#endif /* SCAN_H */
