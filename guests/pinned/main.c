// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a process are pinned, by a device, by O_DIRECT and as buffers that are registered with
 * io_uring, while fork, mprotect, munmap, madvise, reclaim, compaction and KSM work on them.
 *
 * Expected: as long as a page is pinned, the process and the device have the same page. Fork
 * copies it for the child at once, and reclaim, compaction and KSM leave it alone. What a read
 * has put into a buffer is there, and a file has what was written. The queued updates must not
 * let get_user_pages_fast(), which takes no lock, see an entry that fork has yet to protect:
 * the page would be the child's, too, and the next write would give the process another one.
 *
 * Method: two threads pin pages by the device of test.c, again and again, and hold them for a
 * while. They write the second word of each page, and the device writes the first. Two threads
 * read and write blocks of files with O_DIRECT: one by pread() and pwrite(), which pin a buffer as
 * long as they run; one by io_uring, from and to a buffer that stays registered, and so pinned, for
 * some turns. Most pages are equal, so that KSM merges them while nobody has them.
 */
#define _GNU_SOURCE
#include <liburing.h>
#include <linux/fs.h>

#include "device.h"
#include "vcpus.h"

#define DEVICES	2
#define FILES	2
#define WORKERS	(DEVICES + FILES)
#define NR	192UL	/* pages of each worker */
#define PINNED	16U	/* of them at a time */
#define BLOCKS	512UL	/* of a file, of a page each */
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

	on_cpu((me + 1) % sysconf(_SC_NPROCESSORS_ONLN));
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
		for (unsigned int i = 0; i < PINNED; i++)
			set_word(at + i * PAGE, 1, turn);
		if (madvise(at, PINNED * PAGE, MADV_DONTNEED))
			ksft_exit_fail_msg("MADV_DONTNEED: %s\n", strerror(errno));
		for (unsigned int i = 0; i < PINNED; i++)
			expect(at + i * PAGE, 1, 0, "after MADV_DONTNEED");
	}
	return NULL;
}

/* A worker's file. */
struct blocks {
	unsigned int worker;
	int file;
	unsigned int version[BLOCKS];
	struct io_uring *ring;	/* NULL for pread() and pwrite() */
};

static struct blocks files[FILES];

static uint64_t content(struct blocks *of, unsigned long block, unsigned int nr)
{
	uint64_t seed = (uint64_t)of->worker << 56 | block << 32 | of->version[block];

	return seed * 0x9e3779b97f4a7c15 + nr;
}

static void expect_block(struct blocks *of, char *page, unsigned long block)
{
	for (unsigned int nr = 0; nr < WORDS; nr++)
		expect(page, nr, content(of, block, nr), "as it was written to the file");
}

/* With a ring, at is in the buffer that is registered with it. */
static ssize_t by_ring(struct blocks *of, bool write, char *at, size_t size, off_t offset)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(of->ring);
	struct io_uring_cqe *done;
	ssize_t result;

	if (write)
		io_uring_prep_write_fixed(entry, of->file, at, size, offset, 0);
	else
		io_uring_prep_read_fixed(entry, of->file, at, size, offset, 0);
	if (io_uring_submit_and_wait(of->ring, 1) != 1 || io_uring_wait_cqe(of->ring, &done))
		ksft_exit_fail_msg("io_uring takes no request\n");
	result = done->res;
	io_uring_cqe_seen(of->ring, done);
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* Reads or writes all of the blocks. Pages that are read-only for a moment are no buffer. */
static void transfer(struct blocks *of, bool write, char *at, unsigned long block, unsigned long nr)
{
	for (;;) {
		ssize_t size = of->ring ? by_ring(of, write, at, nr * PAGE, block * PAGE) :
			       write ? pwrite(of->file, at, nr * PAGE, block * PAGE) :
				       pread(of->file, at, nr * PAGE, block * PAGE);

		if (size == (ssize_t)(nr * PAGE))
			return;
		if (size < 0 && errno != EFAULT)
			ksft_exit_fail_msg("O_DIRECT: %s\n", strerror(errno));
		atomic_fetch_add(&again[of->worker], 1);
		may_rest();
	}
}

static void write_blocks(struct blocks *of, char *at, unsigned long block, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		of->version[block + i]++;
		for (unsigned int word = 0; word < WORDS; word++)
			set_word(at + i * PAGE, word, content(of, block + i, word));
	}
	transfer(of, true, at, block, nr);
}

static void read_and_write(struct blocks *of, char *at, unsigned long turn)
{
	unsigned long block = turn * 89 % (BLOCKS - PINNED + 1);

	transfer(of, false, at, block, PINNED);
	for (unsigned long i = 0; i < PINNED; i++)
		expect_block(of, at + i * PAGE, block + i);
	write_blocks(of, at, block, PINNED / 2);
	atomic_fetch_add(&done[of->worker], 1);
}

static char *buffer_of(struct blocks *of, unsigned long turn)
{
	return pages_of(of->worker) + turn * 13 % (NR - PINNED + 1) * PAGE;
}

static void *file_worker(void *arg)
{
	struct blocks *of = arg;

	on_cpu((of->worker + 1) % sysconf(_SC_NPROCESSORS_ONLN));
	for (unsigned long turn = 1;; turn++) {
		may_rest();
		read_and_write(of, buffer_of(of, turn), turn);
	}
	return NULL;
}

/* Like pread(), the registration fails while the pages are read-only. */
static bool register_buffer(struct io_uring *ring, char *at)
{
	struct iovec buffer = { .iov_base = at, .iov_len = PINNED * PAGE };
	int rc = io_uring_register_buffers(ring, &buffer, 1);

	if (rc && rc != -EFAULT)
		ksft_exit_fail_msg("IORING_REGISTER_BUFFERS: %s\n", strerror(-rc));
	return !rc;
}

static void *ring_worker(void *arg)
{
	struct blocks *of = arg;
	struct io_uring ring;
	int rc = io_uring_queue_init(4, &ring, 0);

	if (rc)
		ksft_exit_fail_msg("io_uring_queue_init: %s\n", strerror(-rc));
	of->ring = &ring;
	on_cpu((of->worker + 1) % sysconf(_SC_NPROCESSORS_ONLN));
	for (unsigned long turn = 1;; turn++) {
		char *at = buffer_of(of, turn);

		may_rest();
		while (!register_buffer(&ring, at)) {
			atomic_fetch_add(&again[of->worker], 1);
			may_rest();
		}
		atomic_fetch_add(&holding, 1);
		for (unsigned long i = 0; i < 8; i++)
			read_and_write(of, at, turn * 8 + i);
		atomic_fetch_sub(&holding, 1);
		io_uring_unregister_buffers(&ring);
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

/* A fork that takes long. Pages that are there already need no fault, only the lock. */
static void pin_while_forking(int device)
{
	char *at = map_pages(PINNED, -1);
	struct pin_request request = { .addr = (uintptr_t)at, .nr = PINNED };
	int early;

	memset(at, 1, PINNED * PAGE);
	early = ioctl(device, PINS_FORK, &request);
	if (early < 0)
		ksft_exit_fail_msg("PINS_FORK: %s\n", strerror(errno));
	ksft_test_result(!early, "nobody pins pages without the lock while fork goes on\n");
	unpin_pages(device);
	munmap(at, PINNED * PAGE);
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

static void make_disks(void)
{
	swap_to_memory("32M");
	run("mke2fs -b 4096 /dev/nullb0 16384 >/dev/null");
	mkdir(FOLDER, 0755);
	if (mount("/dev/nullb0", FOLDER, "ext2", 0, NULL))
		ksft_exit_fail_msg("ext2: %s\n", strerror(errno));
}

static void fill_file(struct blocks *of, unsigned int worker, const char *path)
{
	of->worker = worker;
	of->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
	if (of->file < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	for (unsigned long block = 0; block < BLOCKS; block += PINNED)
		write_blocks(of, pages_of(worker), block, PINNED);
}

static void check_file(struct blocks *of)
{
	of->ring = NULL;
	for (unsigned long block = 0; block < BLOCKS; block++) {
		transfer(of, false, pages_of(of->worker), block, 1);
		expect_block(of, pages_of(of->worker), block);
	}
}

int main(void)
{
	unsigned long out, moved, merged = 0, sum = 0;
	unsigned int round = 0;
	int device;
	time_t end;

	ksft_print_header();
	ksft_set_plan(4);
	catch_faults();
	on_cpu(0);
	make_disks();
	device = open_device("/proc/pinned");
	pin_while_forking(device);
	area = map_pages(WORKERS * NR, -1);
	memset(area, 0, WORKERS * NR * PAGE);
	fill_file(&files[0], DEVICES, FOLDER "/file");
	fill_file(&files[1], DEVICES + 1, FOLDER "/ring");
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
	start_thread(file_worker, &files[0]);
	start_thread(ring_worker, &files[1]);
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
	for (unsigned int nr = 0; nr < FILES; nr++)
		check_file(&files[nr]);
	ksft_test_result(!atomic_load(&wrong), "the files have what was written\n");
	result_if_met(held > round / 10 && out && moved && merged, sum == WORKERS,
		      "pages were pinned, swapped out, moved and merged\n");
	ksft_finished();
}
