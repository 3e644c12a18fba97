// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process drops pages of a private file mapping that it wrote to, and that are in swap.
 * Any user may do that.
 *
 * Expected: the pages are the file's again, and Linux does not warn. The clearing of such an
 * entry is queued. Linux 6.12 and 7.3 look whether the entry is cleared, and warn, which stops
 * a machine with panic_on_warn.
 *
 * With userfaultfd, the entry of a write-protected page becomes a marker. The marker must
 * arrive after the clearing.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "pages.h"

#define NR	64UL

static char *map_private(void)
{
	int fd = memfd_create("zap", 0);
	char *at;

	if (fd < 0 || ftruncate(fd, NR * PAGE))
		ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
	for (unsigned long i = 0; i < NR; i++)
		if (pwrite(fd, "f", 1, i * PAGE) != 1)
			ksft_exit_fail_msg("pwrite: %s\n", strerror(errno));
	at = mmap(NULL, NR * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	close(fd);
	memset(at, 'p', NR * PAGE);
	return at;
}

static unsigned long files_own(const char *at)
{
	unsigned long found = 0;

	for (unsigned long i = 0; i < NR; i++)
		found += *(const volatile char *)(at + i * PAGE) == 'f';
	return found;
}

static int write_protect(char *at)
{
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)at, .len = NR * PAGE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect protect = { .range = reg.range, .mode = UFFDIO_WRITEPROTECT_MODE_WP };

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg) ||
	    ioctl(uffd, UFFDIO_WRITEPROTECT, &protect))
		ksft_exit_fail_msg("userfaultfd: %s\n", strerror(errno));
	return uffd;
}

int main(void)
{
	unsigned long out, marked;
	char *at;

	ksft_print_header();
	ksft_set_plan(3);
	swap_to_memory("64M");

	at = map_private();
	out = page_out(at, NR);
	madvise(at, NR * PAGE, MADV_DONTNEED);
	ksft_print_msg("%lu of %lu pages were in swap\n", out, NR);
	ksft_test_result(out == NR && files_own(at) == NR, "dropped pages are the file's again\n");

	at = map_private();
	write_protect(at);
	out = page_out(at, NR / 2);
	madvise(at, NR * PAGE, MADV_DONTNEED);
	marked = pages_with(at, NR, PM_UFFD_WP);
	ksft_print_msg("%lu pages were in swap, %lu are markers now\n", out, marked);
	ksft_test_result(out == NR / 2 && marked == NR, "write-protected entries become markers\n");

	/* Bit 9 of the taint: the kernel has warned. */
	ksft_test_result(!(number_in("/proc/sys/kernel/tainted", "") & 1 << 9), "the kernel did not warn\n");
	ksft_finished();
}
