// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three interfaces tell which pages were written: soft-dirty bits, the pagemap scan, and
 * userfaultfd's write protection. Threads on other vCPUs write to the pages meanwhile.
 *
 * Expected: the interfaces miss no write. A checkpoint or a live migration copies only pages
 * that were told to be written, so it would lose a missed write. If a page of a file was not
 * written to, it keeps the mark that says so when it is taken out of the page table.
 *
 * Method: in one pass of writes (pass.h), the interfaces must find each page that was
 * written, and none of those that the pass left alone, one of four. And while the crew
 * writes (crew.h), a copy is kept up to date by the pagemap scan. In the end the copy must
 * have every byte.
 */
#define _GNU_SOURCE
#include "crew.h"
#include "pass.h"
#include "scan.h"

#define COPIED	2000UL	/* pages */
#define SECONDS	10

static bool write_to_most(unsigned long i)
{
	return i % 4 && write_to(i);
}

static void clear_soft_dirty(void)
{
	put("/proc/self/clear_refs", "4");
}

static char *clear_again(void)
{
	clear_soft_dirty();
	return area;
}

/* With again, another pass begins when the operation has ended, and only that one counts. */
static void test_soft_dirty(const char *name, char *(*operation)(void), bool again)
{
	unsigned long written = 0, clean = 0, missed = 0, extra = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t entry[NR];
		char *at;

		area = map(-1);
		target = map(-1);
		fill(area);
		clear_soft_dirty();
		start_pass((round + 1UL) << 32);
		wait_for_it(round);
		at = operation();
		end_pass();
		if (again) {
			start_pass((round + 1UL) << 40);
			end_pass();
		}
		pagemap(at, NR, entry);
		for (unsigned long i = 0; i < NR; i++) {
			bool dirty = entry[i] & PM_SOFT_DIRTY;

			written += done[i];
			clean += !dirty;
			missed += done[i] && !dirty;
			/* Only these: elsewhere a write that is not done may have set the bit. */
			extra += i % 4 == 0 && dirty;
		}
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
	}
	ksft_print_msg("soft-dirty, %s: %lu pages written, %lu clean, %lu missed; of those left alone, %lu dirty\n",
		       name, written, clean, missed, extra);
	ksft_test_result(written && clean && !missed && !extra,
			 "soft-dirty has what is written during %s\n", name);
}

static unsigned long copy_written(const char *at, char *copy)
{
	unsigned long pages = 0;
	long found = scan((void *)at, COPIED);

	for (long i = 0; i < found; i++) {
		memcpy(copy + (regions[i].start - (uintptr_t)at), (void *)regions[i].start,
		       pages_of(&regions[i]) * PAGE);
		pages += pages_of(&regions[i]);
	}
	return pages;
}

static void test_copy(void)
{
	char *at = map_pages(COPIED, -1), *copy = map_pages(COPIED, -1);
	int uffd = watch_writes(at, COPIED);
	unsigned long scans = 0, copied = 0, partial = 0, written, wrong, missed = 0;
	time_t end = time(NULL) + SECONDS;
	bool ok = true;

	crew_begin(at, COPIED, own_content);
	for (crew_work(); time(NULL) < end || crew_written() < 2 * COPIED || !partial; scans++) {
		unsigned long now;

		switch (scans % 4) {
		case 1:
			ok &= crew_fork(scans / 4);
			break;
		case 3:
			crew_protect();
			break;
		}
		now = copy_written(at, copy);
		copied += now;
		partial += now && now < COPIED;
	}
	crew_rest();
	copied += copy_written(at, copy);
	written = crew_written();
	wrong = crew_wrong();
	for (unsigned long i = 0; i < COPIED; i++)
		missed += !page_holds(copy + i * PAGE, i, crew.turn[i], false);
	close(uffd);
	munmap(at, COPIED * PAGE);
	munmap(copy, COPIED * PAGE);
	ksft_print_msg("copy: %lu pages written, %lu copied in %lu scans, %lu of them of a part, %lu missed, %lu wrong\n",
		       written, copied, scans, partial, missed, wrong);
	ksft_test_result(copied > COPIED && ok && !missed && !wrong,
			 "a copy by the pagemap scan misses no write\n");
}

/*
 * The pages are those of a shared file, which may be taken out of the page table at any time;
 * or, for fork, private pages, since fork write-protects only these.
 */
static void test_marks(const char *name, char *(*operation)(void), bool shared)
{
	unsigned long written = 0, kept = 0, missed = 0, lost = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int fd = shared ? memfd_create("pagemap", 0) : -1, uffd;
		bool found[NR] = {};
		long nr;

		if (shared && (fd < 0 || ftruncate(fd, NR * PAGE)))
			ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
		area = map(fd);
		fill(area);
		uffd = watch_writes(area, NR);
		scan(area, NR);
		if (scan(area, NR))
			ksft_exit_fail_msg("PAGEMAP_SCAN did not protect\n");
		start_pass((round + 1UL) << 32);
		wait_for_it(round);
		operation();
		end_pass();
		nr = scan(area, NR);
		for (long i = 0; i < nr; i++)
			for (uint64_t at = regions[i].start; at < regions[i].end; at += PAGE)
				found[(at - (uintptr_t)area) / PAGE] = true;
		for (unsigned long i = 0; i < NR; i++) {
			written += done[i];
			missed += done[i] && !found[i];
			/* Only these: elsewhere a write that is not done may have cleared the mark. */
			kept += i % 4 == 0 && !found[i];
			lost += i % 4 == 0 && found[i];
		}
		close(uffd);
		munmap(area, NR * PAGE);
		if (shared)
			close(fd);
	}
	ksft_print_msg("%s: %lu pages written, %lu missed; of those left alone, %lu are known to be, %lu not\n",
		       name, written, missed, kept, lost);
	ksft_test_result(written && kept && !missed && !lost,
			 "userfaultfd has what is written to %s during %s\n",
			 shared ? "a shared file" : "private pages", name);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(7);
	crew_setup();
	visit = write_to_most;
	pass_setup();
	test_soft_dirty("fork", fork_once, false);
	test_soft_dirty("mprotect", protect, false);
	test_soft_dirty("clear_refs", clear_again, true);
	test_copy();
	test_marks("madvise", dontneed, true);
	test_marks("mprotect", protect, true);
	test_marks("fork", fork_once, false);
	ksft_finished();
}
