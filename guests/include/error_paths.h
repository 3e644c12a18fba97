/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the program of error-paths asks of its module, through /proc/error_paths.
 *
 * mmap() at the offset operation_at(operation, at) maps ERROR_PATHS_PAGES pages by an
 * operation that fails at the page of number at. A number of ERROR_PATHS_PAGES makes it
 * succeed. The mapping must have one page more, which stays empty: x86 tracks the memory type
 * of a mapping that remap_pfn_range() fills. It pins pages, too: see pins_ioctl.h.
 */
#ifndef ERROR_PATHS_H
#define ERROR_PATHS_H

#include <linux/ioctl.h>

#define ERROR_PATHS_PAGES	600	/* more than a page table has entries */

enum operation {
	APPLY,	      /* apply_to_page_range(), and its callback fails */
	APPLY_INSIDE, /* the same once more, in a section, and on entries that are there */
	REMAP,	      /* remap_pfn_range(), which refuses a frame */
	INSIDE,	      /* zaps all pages and maps one, in a section; none fails */
};

static inline unsigned long operation_at(enum operation operation, unsigned long at)
{
	return operation << 12 | at;
}

/* How the last mmap() left things. */
struct after_error {
	unsigned int delayed;	/* whether the task was still in a section */
	unsigned int ended;	/* how often the outer section had ended, too */
	unsigned int updated;	/* how many entries were as the operation left them */
};

#define ERROR_PATHS_AFTER	_IOR('e', 0, struct after_error)
/* How many system calls left a section on, since this was asked last. */
#define ERROR_PATHS_LEFT_ON	_IO('e', 1)

#endif /* ERROR_PATHS_H */
