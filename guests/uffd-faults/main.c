// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pagemap scan, or UFFDIO_WRITEPROTECT, write-protects pages that are not there yet, or
 * that are in swap. A second vCPU writes to some of them meanwhile.
 *
 * Expected: each page that was written to is there, and holds what was written. Where there is
 * no page, the write protection puts a marker into the entry; an entry in swap gets another
 * bit. Both are queued. If the page table lock is dropped before the queue is sent, a page
 * fault finds the entry as it was, and puts a page there, which the late update then
 * overwrites: the page is lost. So does Linux 6.12 in the pagemap scan. If the page is lost
 * before its writer goes on, the writer gets another one, and only the kernel's count of the
 * process's pages is wrong, of which the kernel warns when the process ends.
 *
 * Method: the second vCPU writes to the last pages, whose updates are sent last. The fault
 * that meets the section waits for the lock, and goes on when it is dropped.
 */
#define _GNU_SOURCE

#include "scan.h"
#include "vcpus.h"

#define NR	 255UL /* one less than some batches, so that the last is as long as can be */
#define TABLE	 512UL /* all pages are in one page table, which has this many entries */
#define LAST	 16UL  /* pages that are written to meanwhile */
#define SWAPPED	 64UL  /* pages that are in swap, in the tests of swap */
#define MEETINGS 30UL  /* of a write and the protection, at least */
#define SECONDS	 12    /* for each test */
#define AT_MOST	 45    /* seconds, if there are too few meetings by then */
#define MOMENTS	 25

static char *area;
static int uffd;
static _Atomic int begun, done;	  /* the round */
static _Atomic bool protecting;	  /* in this moment */
static _Atomic unsigned long met; /* writes that took place then */

static _Atomic uint64_t *word(unsigned long i, unsigned int nr)
{
	return (_Atomic uint64_t *)(area + i * PAGE) + nr;
}

static void spin(int loops)
{
	for (volatile int i = 0; i < loops; i++)
		;
}

static void *writer(void *unused)
{
	on_cpu(1);
	for (int round = 1;; round++) {
		while (atomic_load(&begun) < round)
			;
		spin(round % MOMENTS * 200);
		for (unsigned long i = 0; i < LAST; i++) {
			unsigned long page = NR - 1 - (i + round) % LAST;
			bool before = atomic_load(&protecting);

			atomic_store(word(page, 0), round);
			if (before || atomic_load(&protecting))
				atomic_fetch_add(&met, 1);
		}
		atomic_store(&done, round);
	}
	return unused;
}

static void drop(void)
{
	if (madvise(area, NR * PAGE, MADV_DONTNEED))
		ksft_exit_fail_msg("madvise: %s\n", strerror(errno));
}

static void swap_out(void)
{
	for (unsigned long i = NR - SWAPPED; i < NR; i++)
		atomic_store(word(i, 1), i + 1);
	if (page_out(area + (NR - SWAPPED) * PAGE, SWAPPED) != SWAPPED)
		ksft_exit_fail_msg("not all pages are in swap\n");
}

static void scan_all(void)
{
	scan(area, NR);
}

static void protect_all(void)
{
	struct uffdio_writeprotect arg = {
		.range = { .start = (uintptr_t)area, .len = NR * PAGE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &arg))
		ksft_exit_fail_msg("UFFDIO_WRITEPROTECT: %s\n", strerror(errno));
}

/* A lost page in swap must not be read: the fault would never end. */
static unsigned long lost(int round, bool swapped, const uint64_t *entry)
{
	unsigned long nr = 0;

	for (unsigned long i = NR - LAST; i < NR; i++)
		nr += !(entry[i] & PM_PRESENT) || atomic_load(word(i, 0)) != (uint64_t)round ||
		      atomic_load(word(i, 1)) != (swapped ? i + 1 : 0);
	return nr;
}

static void test(const char *name, void (*protect)(void), bool swapped)
{
	static int round;
	unsigned long rounds = 0, missing = 0, unmarked = 0;
	time_t from = time(NULL);

	atomic_store(&met, 0);
	while (time(NULL) < from + (atomic_load(&met) < MEETINGS ? AT_MOST : SECONDS)) {
		uint64_t entry[NR];

		rounds++;
		drop();
		if (swapped)
			swap_out();
		atomic_store(&begun, ++round);
		spin(1000);
		atomic_store(&protecting, true);
		protect();
		atomic_store(&protecting, false);
		while (atomic_load(&done) < round)
			;
		pagemap(area, NR, entry);
		for (unsigned long i = 0; i < NR - LAST; i++)
			unmarked += !(entry[i] & PM_UFFD_WP);
		missing += lost(round, swapped, entry);
	}
	ksft_print_msg("%s, %s: %lu times, met by %lu writes; %lu pages lost, %lu not protected\n",
		       name, swapped ? "in swap" : "no page", rounds, met, missing, unmarked);
	result_if_met(met >= MEETINGS, !missing && !unmarked, "%s loses no page that %s\n", name,
		      swapped ? "is swapped in" : "is new");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(4);
	swap_to_memory("64M");
	on_cpu(0);
	area = map_pages(NR + TABLE, -1);
	area += -(uintptr_t)area % (TABLE * PAGE);
	uffd = watch_writes(area, NR);
	start_thread(writer, NULL);
	test("the pagemap scan", scan_all, false);
	test("the pagemap scan", scan_all, true);
	test("UFFDIO_WRITEPROTECT", protect_all, false);
	test("UFFDIO_WRITEPROTECT", protect_all, true);
	ksft_finished();
}
