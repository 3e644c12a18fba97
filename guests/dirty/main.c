// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread on a second vCPU writes to pages while fork, munmap, madvise or mremap
 * works on them.
 *
 * Expected, of every page that was written to:
 *   - after MADV_FREE, which lets the kernel drop clean pages, the page holds what was
 *     written, however hard reclaim tries: the processor's dirty bit was not lost
 *   - a page of a shared file is marked dirty (/proc/kpageflags)
 *   - a child sees nothing that the parent writes after fork() has returned: the parent's
 *     entries were write-protected in time
 *   - a child that has seen what the parent wrote during fork() keeps it
 *   - words that nobody wrote to have not changed
 *
 * Method: in each round, all pages are clean and writable when the operation begins.
 * The writer goes once through them (pass.h).
 */
#define _GNU_SOURCE
#include "late.h"
#include "pass.h"

_Static_assert(NR == LATE_PAGES, "the module and the program have as many pages");

/* The kernel may drop these pages while they are clean. The writer writes to them meanwhile. */
static void test_lazyfree(const char *name, char *(*operation)(void))
{
	unsigned long written = 0, dropped = 0, lost = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t base = (round + 1UL) << 32;
		char *at;

		area = map(-1);
		target = map(-1);
		fill(area);
		madvise(area, NR * PAGE, MADV_FREE);
		start_pass(base);
		wait_for_it(round);
		at = operation();
		end_pass();
		madvise(at, NR * PAGE, MADV_PAGEOUT);
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t now = atomic_load(word(at, i));

			written += done[i];
			dropped += !done[i] && !now;
			lost += done[i] && (now != base + i || !untouched(at + i * PAGE, i));
		}
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
	}
	ksft_print_msg("%s: %lu pages written, %lu of the others dropped, %lu lost\n",
		       name, written, dropped, lost);
	result_if_met(written && dropped, !lost, "%s keeps what is written to lazily freed pages\n", name);
}

static bool is_dirty(int kpageflags, uint64_t page)
{
	return page_flags(kpageflags, page) & KPF_DIRTY;
}

/* The pages of a shared file were only read. The writer makes the first write to each. */
static void test_shared(const char *name, char *(*operation)(void))
{
	int kpageflags = open_proc("/proc/kpageflags");
	unsigned long written = 0, clean = 0, lost = 0, wrong = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t base = (round + 1UL) << 32;
		int fd = memfd_create("dirty", 0);
		uint64_t page[NR];

		if (fd < 0 || ftruncate(fd, NR * PAGE))
			ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
		area = map(fd);
		target = map(-1);
		for (unsigned long i = 0; i < NR; i++)
			(void)atomic_load(word(area, i));
		pagemap(area, NR, page);
		for (unsigned long i = 0; i < NR; i++)
			clean += !is_dirty(kpageflags, page[i]);
		start_pass(base);
		wait_for_it(round);
		operation();
		end_pass();
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t now = 0;

			pread(fd, &now, sizeof(now), i * PAGE);
			written += done[i];
			lost += done[i] && !is_dirty(kpageflags, page[i]);
			wrong += done[i] ? now != base + i : now && now != base + i;
		}
		close(fd);
	}
	close(kpageflags);
	ksft_print_msg("%s: %lu pages written of %lu that were clean, %lu not marked, %lu wrong\n",
		       name, written, clean, lost, wrong);
	result_if_met(written && clean, !lost && !wrong,
		      "%s leaves every written page of a shared file dirty\n", name);
}

/*
 * The writer begins another pass only after fork() has returned, and the child looks
 * only after that pass.
 */
static void test_child_is_apart(void)
{
	_Atomic unsigned int *passed = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long failed = 0;

	area = map(-1);
	fill(area);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t before = (2 * round + 1UL) << 32, after = (2 * round + 2UL) << 32;
		int status = -1;
		pid_t child;

		start_pass(before);
		wait_for_it(round);
		child = start_child();
		if (!child) {
			bool ok = true;

			while (atomic_load(passed) <= (unsigned int)round)
				sched_yield();
			for (unsigned long i = 0; i < NR; i++)
				ok &= *word(area, i) < after && untouched(area + i * PAGE, i);
			_exit(!ok);
		}
		end_pass();
		start_pass(after);
		end_pass();
		atomic_store(passed, round + 1);
		waitpid(child, &status, 0);
		failed += status != 0;
		for (unsigned long i = 0; i < NR; i++)
			failed += *word(area, i) != after + i || !untouched(area + i * PAGE, i);
	}
	munmap(area, NR * PAGE);
	ksft_test_result(!failed, "a child sees nothing of what its parent writes later\n");
}

/* What the child found, in memory that it shares with its parent. */
struct found {
	_Atomic bool alone; /* the parent has unmapped the pages */
	unsigned long late; /* pages that the child had as they were written late */
	unsigned long lost; /* of these, what reclaim dropped */
};

/*
 * The module writes to each page when fork() has read its entry, and has yet to write-protect it. A
 * race with the pass seldom comes there. The child's entry must be dirty then, or reclaim drops the
 * page when the parent has unmapped it.
 */
static void test_late_write(void)
{
	struct found *found =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t first[NR];
	char text[32];
	int status = -1;
	pid_t child;

	area = map(-1);
	fill(area);
	snprintf(text, sizeof(text), "%#lx", (unsigned long)area);
	put("/sys/module/dirty/parameters/late_at", text);
	madvise(area, NR * PAGE, MADV_FREE);
	child = start_child();
	if (!child) {
		for (unsigned long i = 0; i < NR; i++)
			first[i] = atomic_load(word(area, i));
		while (!atomic_load(&found->alone))
			sleep_ms(1);
		madvise(area, NR * PAGE, MADV_PAGEOUT);
		for (unsigned long i = 0; i < NR; i++) {
			found->late += first[i] == LATE + i;
			found->lost +=
				first[i] == LATE + i && atomic_load(word(area, i)) != LATE + i;
		}
		_exit(0);
	}
	munmap(area, NR * PAGE);
	atomic_store(&found->alone, true);
	if (waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("the child ended with %d\n", status);
	ksft_print_msg("fork: %lu pages written late, by %lu of the module's writes, %lu lost\n",
		       found->late, number_in("/sys/module/dirty/parameters/late", ""),
		       found->lost);
	result_if_met(found->late, !found->lost,
		      "fork keeps what is written while it copies an entry\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(6);
	pass_setup();
	test_late_write();
	test_child_is_apart();
	test_lazyfree("mremap", move);
	test_shared("munmap", unmap);
	test_shared("madvise", dontneed);
	test_shared("mremap", move);
	ksft_finished();
}
