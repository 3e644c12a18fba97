// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a process are pinned, by a device and by O_DIRECT, while fork, mprotect, munmap,
 * madvise, reclaim, compaction and KSM work on them.
 *
 * Expected: as long as a page is pinned, the process and the device have the same page. Fork
 * copies it for the child at once, and reclaim, compaction and KSM leave it alone. What a read
 * has put into a buffer is there, and a file has what was written. The queued updates must not
 * let get_user_pages_fast(), which takes no lock, see an entry that fork has yet to protect:
 * the page would be the child's, too, and the next write would give the process another one.
 *
 * Method: two threads pin pages by the device of test.c, again and again, and hold them for a
 * while. They write the second word of each page, and the device writes the first. One thread
 * reads and writes blocks of a file with O_DIRECT. Most pages are equal, so that KSM merges
 * them while nobody has them.
 */
#define _GNU_SOURCE
#include <linux/fs.h>

#include "device.h"
#include "vcpus.h"

#define DEVICES	2
#define WORKERS	(DEVICES + 1)
#define NR	192UL	/* pages of each worker */
#define PINNED	16U	/* of them at a time */
#define BLOCKS	512UL	/* of the file, of a page each */
#define WORDS	(PAGE / sizeof(uint64_t))
#define SECONDS	25
#define FOLDER	"/tmp/disk"
#define KSM	"/sys/kernel/mm/ksm/"

static char *area;	/* all workers' pages */
static _Atomic bool rest;
static _Atomic unsigned int working = WORKERS;
static _Atomic unsigned long done[WORKERS], again[WORKERS], wrong;
static _Atomic unsigned int holding;	/* how many devices have pinned pages */

static char *pages_of(unsigned int worker)
{
	return area + worker * NR * PAGE;
}

/* The page may be gone, or read-only, for a moment. */
static void set_word(char *page, unsigned int nr, uint64_t to)
{
	if (sigsetjmp(gone, 0))
		sched_yield();
	landing = true;
	((volatile uint64_t *)page)[nr] = to;
	landing = false;
}

static uint64_t get_word(char *page, unsigned int nr)
{
	uint64_t is;

	if (sigsetjmp(gone, 0))
		sched_yield();
	landing = true;
	is = ((volatile uint64_t *)page)[nr];
	landing = false;
	return is;
}

static void expect(char *page, unsigned int nr, uint64_t is, const char *when)
{
	uint64_t has = get_word(page, nr);

	if (has == is)
		return;
	if (!atomic_fetch_add(&wrong, 1))
		ksft_print_msg("word %u of page %lu is %lx, not %lx, %s\n", nr,
			       (unsigned long)(page - area) / PAGE, has, is, when);
}

static void may_rest(void)
{
	if (!atomic_load(&rest))
		return;
	atomic_fetch_sub(&working, 1);
	while (atomic_load(&rest))
		sleep_ms(1);
	atomic_fetch_add(&working, 1);
}

static void linger(unsigned int turn)
{
	for (volatile unsigned int i = 0; i < turn % 8 * 5000; i++)
		;
}

/* One use of the device. Returns false if it did not get the pages. */
static bool use(int device, char *at, unsigned long turn)
{
	const uint64_t value = turn << 16;

	if (!pin_pages(device, at, PINNED, turn % 2)) {
		unpin_pages(device);
		return false;
	}
	atomic_fetch_add(&holding, 1);
	for (unsigned int i = 0; i < PINNED; i++)
		set_word(at + i * PAGE, 1, ~value + i);
	linger(turn);
	device_writes(device, value);
	for (unsigned int i = 0; i < PINNED; i++) {
		expect(at + i * PAGE, 0, value + i, "as the device wrote it");
		expect(at + i * PAGE, 1, ~value + i, "as the process wrote it");
	}
	if (wrong_for_device(device, ~value) && !atomic_fetch_add(&wrong, 1))
		ksft_print_msg("the device does not have what the process wrote\n");
	/* Equal again, for KSM, and while the device has them yet. */
	for (unsigned int i = 0; i < PINNED; i++) {
		set_word(at + i * PAGE, 0, 0);
		set_word(at + i * PAGE, 1, 0);
	}
	linger(turn / 8);
	device_writes(device, 0);
	for (unsigned int i = 0; i < PINNED; i++) {
		expect(at + i * PAGE, 0, i, "as the device wrote it at last");
		set_word(at + i * PAGE, 0, 0);
	}
	atomic_fetch_sub(&holding, 1);
	unpin_pages(device);
	return true;
}

static void *device_worker(void *arg)
{
	unsigned int me = (uintptr_t)arg;
	int device = open_device("/proc/pinned");

	on_cpu(me + 1);
	for (unsigned long turn = 1;; turn++) {
		char *at = pages_of(me) + turn * 7 % (NR - PINNED + 1) * PAGE;

		may_rest();
		while (!use(device, at, turn)) {
			atomic_fetch_add(&again[me], 1);
			may_rest();
		}
		atomic_fetch_add(&done[me], 1);
		if (turn % 16)
			continue;
		if (madvise(at, PINNED * PAGE, MADV_DONTNEED))
			ksft_exit_fail_msg("MADV_DONTNEED: %s\n", strerror(errno));
		expect(at, 1, 0, "after MADV_DONTNEED");
	}
	return NULL;
}

static unsigned int version[BLOCKS];

static uint64_t content(unsigned long block, unsigned int nr)
{
	return (block << 32 | version[block]) * 0x9e3779b97f4a7c15 + nr;
}

static void expect_block(char *page, unsigned long block)
{
	for (unsigned int nr = 0; nr < WORDS; nr++)
		expect(page, nr, content(block, nr), "as it was written to the file");
}

/* Reads or writes all of the blocks. Pages that are read-only for a moment are no buffer. */
static void transfer(bool write, int file, char *at, unsigned long block, unsigned long nr)
{
	for (;;) {
		ssize_t size = write ? pwrite(file, at, nr * PAGE, block * PAGE) :
				       pread(file, at, nr * PAGE, block * PAGE);

		if (size == (ssize_t)(nr * PAGE))
			return;
		if (size < 0 && errno != EFAULT)
			ksft_exit_fail_msg("O_DIRECT: %s\n", strerror(errno));
		atomic_fetch_add(&again[DEVICES], 1);
		may_rest();
	}
}

static void write_blocks(int file, char *at, unsigned long block, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		version[block + i]++;
		for (unsigned int word = 0; word < WORDS; word++)
			set_word(at + i * PAGE, word, content(block + i, word));
	}
	transfer(true, file, at, block, nr);
}

static void *file_worker(void *arg)
{
	int file = (uintptr_t)arg;

	on_cpu(WORKERS);
	for (unsigned long turn = 1;; turn++) {
		unsigned long block = turn * 89 % (BLOCKS - PINNED + 1);
		char *at = pages_of(DEVICES) + turn * 13 % (NR - PINNED + 1) * PAGE;

		may_rest();
		transfer(false, file, at, block, PINNED);
		for (unsigned long i = 0; i < PINNED; i++)
			expect_block(at + i * PAGE, block + i);
		write_blocks(file, at, block, PINNED / 2);
		atomic_fetch_add(&done[DEVICES], 1);
	}
	return NULL;
}

/* A child writes to all pages, which must be its own. */
static void fork_and_write(void)
{
	int status = -1;
	pid_t child = start_child();

	if (!child) {
		for (unsigned long i = 0; i < WORKERS * NR; i++)
			for (unsigned int nr = 0; nr < 2; nr++)
				((volatile uint64_t *)(area + i * PAGE))[nr] = 0xbad;
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("the child ended with %d\n", status);
}

static void protect(int access)
{
	if (mprotect(area, WORKERS * NR * PAGE, access))
		ksft_exit_fail_msg("mprotect: %s\n", strerror(errno));
}

/* Unmaps memory that a device has pinned. It keeps the pages, and nobody else gets them. */
static void unmap_pinned(int device)
{
	char *at = map_pages(PINNED, -1), *others;

	for (unsigned int i = 0; i < PINNED; i++)
		set_word(at + i * PAGE, 1, 77 + i);
	if (!pin_pages(device, at, PINNED, true))
		ksft_exit_fail_msg("PINS_PIN: %s\n", strerror(errno));
	munmap(at, PINNED * PAGE);
	others = map_pages(4 * PINNED, -1);
	for (unsigned int i = 0; i < 4 * PINNED; i++)
		set_word(others + i * PAGE, 0, i);
	device_writes(device, 0xdead0000);
	for (unsigned int i = 0; i < 4 * PINNED; i++)
		expect(others + i * PAGE, 0, i, "though a device wrote to pages that were unmapped");
	if (wrong_for_device(device, 77))
		atomic_fetch_add(&wrong, 1);
	unpin_pages(device);
	munmap(others, 4 * PINNED * PAGE);
}

static unsigned int forks, held;

static void work_on(unsigned int round, int device)
{
	held += !!atomic_load(&holding);
	switch (round % 6) {
	case 0:
	case 3:
		fork_and_write();
		forks++;
		break;
	case 1:
		protect(PROT_READ);
		protect(PROT_READ | PROT_WRITE);
		break;
	case 2:
		madvise(area, WORKERS * NR * PAGE, MADV_PAGEOUT);
		break;
	case 4:
		put("/proc/sys/vm/compact_memory", "1");
		break;
	case 5:
		unmap_pinned(device);
		break;
	}
}

static int open_file(void)
{
	int file;

	put("/sys/block/zram0/disksize", "32M");
	run("mkswap /dev/zram0 >/dev/null && swapon /dev/zram0");
	run("mke2fs -b 4096 /dev/nullb0 16384 >/dev/null");
	mkdir(FOLDER, 0755);
	if (mount("/dev/nullb0", FOLDER, "ext2", 0, NULL))
		ksft_exit_fail_msg("ext2: %s\n", strerror(errno));
	file = open(FOLDER "/file", O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
	if (file < 0)
		ksft_exit_fail_msg(FOLDER "/file: %s\n", strerror(errno));
	return file;
}

int main(void)
{
	unsigned long out, moved, merged = 0, sum = 0;
	unsigned int round = 0;
	int file, device;
	time_t end;

	ksft_print_header();
	ksft_set_plan(3);
	catch_faults();
	on_cpu(0);
	file = open_file();
	device = open_device("/proc/pinned");
	area = map_pages(WORKERS * NR, -1);
	memset(area, 0, WORKERS * NR * PAGE);
	for (unsigned long block = 0; block < BLOCKS; block += PINNED)
		write_blocks(file, pages_of(DEVICES), block, PINNED);
	if (madvise(area, WORKERS * NR * PAGE, MADV_MERGEABLE))
		ksft_exit_fail_msg("MADV_MERGEABLE: %s\n", strerror(errno));
	put(KSM "sleep_millisecs", "0");
	put(KSM "pages_to_scan", "500");
	put(KSM "smart_scan", "0");
	put(KSM "run", "1");
	out = vmstat("pswpout");
	moved = vmstat("pgmigrate_success");
	for (uintptr_t me = 0; me < DEVICES; me++)
		start_thread(device_worker, (void *)me);
	start_thread(file_worker, (void *)(uintptr_t)file);
	for (end = time(NULL) + SECONDS; time(NULL) < end || round < 60; round++) {
		unsigned long now = number_in(KSM "pages_sharing", "");

		merged = now > merged ? now : merged;
		work_on(round, device);
	}
	atomic_store(&rest, true);
	while (atomic_load(&working))
		sleep_ms(1);
	out = vmstat("pswpout") - out;
	moved = vmstat("pgmigrate_success") - moved;
	for (unsigned int me = 0; me < WORKERS; me++) {
		ksft_print_msg("worker %u: %lu turns, and %lu began again\n", me, done[me], again[me]);
		sum += !!done[me];
	}
	ksft_print_msg("%u operations, %u forks, %u while pages were pinned\n", round, forks, held);
	ksft_print_msg("%lu pages swapped out, %lu moved, up to %lu merged\n", out, moved, merged);
	ksft_test_result(!atomic_load(&wrong), "the process and whoever pins its pages have the same pages\n");
	for (unsigned long block = 0; block < BLOCKS; block++) {
		transfer(false, file, pages_of(DEVICES), block, 1);
		expect_block(pages_of(DEVICES), block);
	}
	ksft_test_result(!atomic_load(&wrong), "the file has what was written\n");
	ksft_test_result(sum == WORKERS && held > round / 10 && out && moved && merged,
			 "pages were pinned, swapped out, moved and merged\n");
	ksft_finished();
}
