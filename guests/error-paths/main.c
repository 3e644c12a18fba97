// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of error-paths that needs a process: operations that fail in the middle of a
 * section, and forks that fail, or that leave their section and begin again. test.c says what
 * is expected. Also: a fork that failed leaves no page mapped twice, and every process has
 * its contents.
 *
 * Fork leaves its section with -EAGAIN to allocate a page for the child, if the parent's page
 * is pinned. It fails with -ENOMEM, with part of the pages copied, if it may not commit memory
 * for a later mapping. Its -ENOMEM inside of page tables, and its -EIO, cannot be provoked
 * here: they need an allocation to fail (-EIO one with GFP_ATOMIC, of a counter for a page in
 * swap that more than 62 entries share), and the kernels have no fault injection.
 */
#define _GNU_SOURCE

#include "device.h"
#include "error_paths.h"
#include "vcpus.h"

#define NR		ERROR_PATHS_PAGES
#define PINNED		MAX_PINS
#define LATER		(64UL << 20)	/* of the mapping that fork may not copy */
#define SPARE		(16UL << 10)	/* KiB that may be committed besides */
#define FAILURES	20

static const unsigned long places[] = { 0, 1, 31, 32, 127, 128, 129, 511, 512, NR - 1 };
static int module;

static bool left_on(void)
{
	return ioctl(module, ERROR_PATHS_LEFT_ON);
}

static uint64_t *word(char *at, unsigned long i)
{
	return (uint64_t *)(at + i * PAGE);
}

static void fill(char *at, unsigned long nr, uint64_t base)
{
	for (unsigned long i = 0; i < nr; i++)
		*word(at, i) = base + i;
}

static bool holds(char *at, unsigned long nr, uint64_t base)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (*word(at, i) != base + i) {
			ksft_print_msg("page %lu holds %lu, not %lu\n", i, *word(at, i), base + i);
			return false;
		}
	}
	return true;
}

static void *map_by(enum operation operation, unsigned long at)
{
	return mmap(NULL, (NR + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, module,
		    operation_at(operation, at) * PAGE);
}

/* The operation fails at each of the places, with this error, and updates leaves that many entries. */
static bool fails(enum operation operation, int error, bool undone)
{
	for (unsigned int i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct after_error after;
		unsigned long place = places[i];
		void *at = map_by(operation, place);
		int err = errno;
		char *new;

		if (ioctl(module, ERROR_PATHS_AFTER, &after))
			ksft_exit_fail_msg("ERROR_PATHS_AFTER: %s\n", strerror(errno));
		if (at != MAP_FAILED || err != error || after.delayed || after.ended ||
		    after.updated != (undone ? 0 : place) || left_on()) {
			ksft_print_msg("page %lu: %s, %u entries%s%s\n", place,
				       at == MAP_FAILED ? strerror(err) : "no error", after.updated,
				       after.delayed ? ", still in a section" : "",
				       after.ended ? ", the outer section has ended" : "");
			return false;
		}
		/* It takes the place of what failed. */
		new = map_pages(NR, -1);
		for (unsigned long page = 0; page < NR; page++) {
			if (*word(new, page)) {
				ksft_print_msg("page %lu is not new\n", page);
				return false;
			}
		}
		munmap(new, NR * PAGE);
	}
	return true;
}

static bool succeeds(enum operation operation)
{
	void *at = map_by(operation, NR);

	if (at == MAP_FAILED) {
		ksft_print_msg("without an error: %s\n", strerror(errno));
		return false;
	}
	if (operation != REMAP) {
		for (unsigned long i = 0; i < NR; i++)
			if (*(volatile unsigned int *)((char *)at + i * PAGE) != i)
				return false;
	}
	return !munmap(at, (NR + 1) * PAGE) && !left_on();
}

static void test_apply(void)
{
	ksft_test_result(fails(APPLY, EIO, false) && succeeds(APPLY),
			 "a callback fails in apply_to_page_range()\n");
	ksft_test_result(fails(APPLY_INSIDE, EIO, false) && succeeds(APPLY_INSIDE),
			 "a callback fails in apply_to_page_range(), inside an outer section\n");
}

/* Only a user without CAP_SYS_ADMIN is refused a frame. */
static void test_remap(void)
{
	int status = -1;
	pid_t child = start_child();

	if (!child) {
		bool ok;

		if (setuid(1))
			ksft_exit_fail_msg("setuid: %s\n", strerror(errno));
		ok = fails(REMAP, EACCES, true) && succeeds(REMAP);
		fflush(stdout);
		_exit(!ok);
	}
	ksft_test_result(waitpid(child, &status, 0) == child && !status,
			 "remap_pfn_range() is refused a frame\n");
}

static void test_inside(void)
{
	struct after_error after;
	void *at = map_by(INSIDE, NR);

	if (at == MAP_FAILED && errno == EOPNOTSUPP) {
		ksft_test_result_skip("this kernel does not preempt nested sections\n");
		return;
	}
	if (ioctl(module, ERROR_PATHS_AFTER, &after))
		ksft_exit_fail_msg("ERROR_PATHS_AFTER: %s\n", strerror(errno));
	ksft_test_result(at != MAP_FAILED && !after.ended && !after.delayed && after.updated == 1 &&
				 !munmap(at, (NR + 1) * PAGE) && !left_on(),
			 "zap_vma_ptes() and remap_pfn_range() leave the outer section on\n");
}

/* Which pages are present, and where. */
static void frames(const char *at, unsigned long nr, uint64_t *pfn)
{
	pagemap(at, nr, pfn);
	for (unsigned long i = 0; i < nr; i++)
		pfn[i] = pfn[i] & PM_PRESENT ? pfn[i] & PM_PFN : 0;
}

static bool wait_for(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
}

static bool tell(int fd)
{
	return write(fd, "", 1) == 1;
}

static void test_fork_again(void)
{
	uint64_t before[PINNED], after[PINNED], copies[PINNED];
	char *at = map_pages(PINNED, -1);
	int down[2], status = -1;
	pid_t child;
	bool ok;

	fill(at, PINNED, 1000);
	if (!pin_pages(module, at, PINNED, true) || pipe(down))
		ksft_exit_fail_msg("pin or pipe: %s\n", strerror(errno));
	frames(at, PINNED, before);
	child = start_child();
	if (!child) {
		ok = !left_on();
		frames(at, PINNED, copies);
		for (unsigned long i = 0; i < PINNED; i++) {
			if (!copies[i] || copies[i] == before[i]) {
				ksft_print_msg("the child has no copy of page %lu\n", i);
				ok = false;
			}
		}
		/* Whatever the parent and the device write. */
		ok = wait_for(down[0]) && holds(at, PINNED, 1000) && ok;
		fflush(stdout);
		_exit(!ok);
	}
	ok = !left_on();
	frames(at, PINNED, after);
	ok &= !memcmp(before, after, sizeof(before));
	fill(at, PINNED, 2000);
	frames(at, PINNED, after);
	ok &= !memcmp(before, after, sizeof(before)) && holds(at, PINNED, 2000);
	device_writes(module, 3000);
	ok &= holds(at, PINNED, 3000) && tell(down[1]);
	ok &= waitpid(child, &status, 0) == child && !status && !left_on();
	ksft_test_result(ok, "fork begins again for each page that is pinned\n");
	unpin_pages(module);
	close(down[0]);
	close(down[1]);
	munmap(at, PINNED * PAGE);
}

static unsigned long mapped_twice(const char *at, unsigned long nr)
{
	int counts = open_proc("/proc/kpagecount");
	unsigned long found = 0;
	uint64_t pfn[NR];

	frames(at, nr, pfn);
	for (unsigned long i = 0; i < nr; i++) {
		uint64_t count = 0;

		read_entries(counts, pfn[i], 1, &count);
		found += count != 1;
	}
	close(counts);
	return found;
}

static void test_fork_fails(void)
{
	char *later = mmap(NULL, LATER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* Fork comes to this one first, since it is at a lower address. */
	char *at = map_pages(NR, -1);
	char limit[32];
	bool ok = true;

	if (later == MAP_FAILED || at > later)
		ksft_exit_fail_msg("mmap\n");
	snprintf(limit, sizeof(limit), "%lu", number_in("/proc/meminfo", "Committed_AS:") + SPARE);
	put("/proc/sys/vm/overcommit_kbytes", limit);
	put("/proc/sys/vm/overcommit_memory", "2");
	for (int i = 0; i < FAILURES && ok; i++) {
		pid_t child;

		fill(at, NR, i);
		fflush(stdout);
		child = fork();
		if (!child)
			_exit(0);
		ok = child < 0 && errno == ENOMEM && !left_on() && !mapped_twice(at, NR) &&
		     holds(at, NR, i);
	}
	put("/proc/sys/vm/overcommit_memory", "0");
	ksft_test_result(ok, "fork fails after it has copied page tables\n");
	munmap(later, LATER);
	munmap(at, NR * PAGE);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(6);
	module = open_device("/proc/error_paths");
	test_apply();
	test_remap();
	test_inside();
	test_fork_again();
	test_fork_fails();
	ksft_finished();
}
