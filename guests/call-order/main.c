// SPDX-License-Identifier: GPL-2.0-only
/*
 * In which order a call updates entries, flushes the TLB and frees pages.
 *
 * Expected:
 *   - what a call has queued is in the page table before the lock of the table is dropped, or
 *     another vCPU reads an entry that is about to change
 *   - what a call has queued is in the page table before the call flushes the TLB. Otherwise the
 *     flush chooses its vCPUs too early, and one that begins to run the process keeps an old entry
 *   - a page is freed after that flush
 *   - a fault maps the pages around it in one batch
 *   - no call leaves its section on; MADV_COLD does not if it has yielded the processor
 *
 * Method: watched.h sees each multicall of this process before it is sent. An order that is wrong
 * is wrong in each call, so no other vCPU has to look at the right moment, as in joins and freed.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "scan.h"
#include "vcpus.h"
#include "watched_mark.h"

#define PARAMETER "/sys/module/call_order/parameters/"
#define NR	  50UL	/* pages: for more than 33, Linux flushes the whole TLB; 128 fill the queue */
#define TABLE	  512UL
#define SECONDS	  3
#define BATCH	  16UL /* pages that one fault maps */

static unsigned long count(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETER "%s", name);
	return number_in(path, "");
}

/* A place for NR pages in one page table. */
static char *place(int fd)
{
	char *at = map_pages(NR + TABLE, fd);

	return at + -(uintptr_t)at % (TABLE * PAGE);
}

static void mark(char *at)
{
	for (unsigned long i = 0; i < NR; i++)
		((volatile uint64_t *)(at + i * PAGE))[MARK_AT] = MARK;
}

static int file(void)
{
	int fd = memfd_create("call-order", 0);

	if (fd < 0 || ftruncate(fd, (NR + TABLE) * PAGE))
		ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
	return fd;
}

static void scan_it(char *at)
{
	if (scan_pages(at, NR) != NR)
		ksft_exit_fail_msg("the scan did not find all pages\n");
}

static void move(char *at)
{
	char *to = place(-1);

	if (mremap(at, NR * PAGE, NR * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE) != to + PAGE)
		ksft_exit_fail_msg("mremap: %s\n", strerror(errno));
}

static void advise(char *at, int advice)
{
	if (madvise(at, NR * PAGE, advice))
		ksft_exit_fail_msg("madvise: %s\n", strerror(errno));
}

static void drop(char *at)
{
	advise(at, MADV_DONTNEED);
}

static void punch_hole(char *at)
{
	advise(at, MADV_REMOVE);
}

static void protect(char *at)
{
	if (mprotect(at, NR * PAGE, PROT_READ))
		ksft_exit_fail_msg("mprotect: %s\n", strerror(errno));
}

static void unmap(char *at)
{
	munmap(at, NR * PAGE);
}

static void test(const char *name, void (*call)(char *at), char *at)
{
	unsigned long late, early, unlocked, left_on;

	mark(at);
	left_on = count("left_on");
	late = count("late_updates");
	early = count("early_frees");
	unlocked = count("unlocked");
	call(at);
	late = count("late_updates") - late;
	early = count("early_frees") - early;
	unlocked = count("unlocked") - unlocked;
	left_on = count("left_on") - left_on;
	ksft_print_msg(
		"%s: %lu batches sent after the unlock, %lu flushes with updates before them, %lu pages freed early, %lu sections left on\n",
		name, unlocked, late, early, left_on);
	ksft_test_result(!unlocked && !late && !early && !left_on,
			 "%s updates, unlocks, flushes, and then frees\n", name);
}

static void test_fault(void)
{
	char *at = place(file());
	unsigned long largest, unlocked;

	/* All pages are in the page cache, and none is mapped. */
	mark(at);
	drop(at);
	put(PARAMETER "largest", "0");
	unlocked = count("unlocked");
	(void)*(volatile char *)(at + BATCH / 2 * PAGE);
	largest = count("largest");
	unlocked = count("unlocked") - unlocked;
	ksft_print_msg("the largest batch of a fault has %lu updates, %lu were sent after the unlock\n",
		       largest, unlocked);
	ksft_test_result(largest >= BATCH - 1 && !unlocked, "a fault maps the pages around it in one batch\n");
}

/* Something else must want the processor while MADV_COLD holds the page table lock. */
static void test_cold(void)
{
	char *at = map_pages(2 * TABLE, -1);
	unsigned long before, calls = 0;
	pid_t other;

	memset(at, 1, 2 * TABLE * PAGE);
	other = start_child();
	while (!other)
		;
	before = count("left_on");
	for (time_t end = time(NULL) + SECONDS; time(NULL) < end; calls++)
		if (madvise(at, 2 * TABLE * PAGE, MADV_COLD))
			ksft_exit_fail_msg("MADV_COLD: %s\n", strerror(errno));
	before = count("left_on") - before;
	kill(other, SIGKILL);
	ksft_print_msg("%lu calls, after %lu of which the task was in a section\n", calls, before);
	ksft_test_result(!before, "MADV_COLD leaves its section\n");
}

static int move_uffd;
static char *move_to;

static void move_by_uffd(char *at)
{
	struct uffdio_move move = {
		.dst = (uintptr_t)move_to,
		.src = (uintptr_t)at,
		.len = NR * PAGE,
	};

	if (ioctl(move_uffd, UFFDIO_MOVE, &move))
		ksft_exit_fail_msg("UFFDIO_MOVE: %s\n", strerror(errno));
}

static void test_uffd_move(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MOVE };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	move_to = place(-1);
	reg.range.start = (uintptr_t)move_to;
	reg.range.len = NR * PAGE;
	move_uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (move_uffd < 0 || ioctl(move_uffd, UFFDIO_API, &api) ||
	    ioctl(move_uffd, UFFDIO_REGISTER, &reg))
		ksft_exit_fail_msg("userfaultfd: %s\n", strerror(errno));
	test("UFFDIO_MOVE", move_by_uffd, place(-1));
	close(move_uffd);
}

int main(void)
{
	int uffd;
	char *at;

	ksft_print_header();
	ksft_set_plan(9);
	put(PARAMETER "watch", "1");
	at = place(-1);
	uffd = watch_writes(at, NR);
	test("the pagemap scan", scan_it, at);
	close(uffd);
	test("mremap", move, place(-1));
	test("MADV_DONTNEED", drop, place(-1));
	test("MADV_REMOVE of a shared file", punch_hole, place(file()));
	test("munmap", unmap, place(-1));
	test("mprotect", protect, place(-1));
	test_fault();
	test_cold();
	test_uffd_move();
	ksft_finished();
}
