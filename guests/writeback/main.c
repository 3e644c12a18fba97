// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads on other vCPUs write to a shared mapping of a file, while it is written back,
 * unmapped, mapped again, moved, and given up by madvise.
 *
 * Expected: the disk has every byte that was written last. The file system counts dirty
 * pages. It writes a page back, makes it clean and read-only in each page table, and learns
 * of the next write by its fault. If a write goes through an old entry of a TLB, or a dirty
 * bit is lost, the page is never written back.
 *
 * Method: after each part the file is synced, its pages are dropped from memory, and all
 * of it is read from the disk. In one part each writer writes to one page only, until
 * sync_file_range() has returned. So the writers' TLBs have the entries that the call makes
 * read-only, and no later write makes up for a lost one.
 */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/stat.h>

#include "crew.h"
#include "pass.h"

#define NR_FILE	1500UL	/* pages */
#define PARTS	4
#define SECONDS	3	/* of each */
#define SYNCS	100
#define FOLDER	"/tmp/disk"

static int file;

static int new_file(unsigned long nr)
{
	int fd = open(FOLDER "/file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, nr * PAGE))
		ksft_exit_fail_msg(FOLDER "/file: %s\n", strerror(errno));
	return fd;
}

/* Drops the file's pages, so that it is read from the disk. Nothing may map the file. */
static void forget_pages(int fd)
{
	if (fsync(fd))
		ksft_exit_fail_msg("fsync: %s\n", strerror(errno));
	put("/proc/sys/vm/drop_caches", "1");
}

static void read_page(int fd, unsigned long i, char *page)
{
	if (pread(fd, page, PAGE, i * PAGE) != (ssize_t)PAGE)
		ksft_exit_fail_msg("page %lu: %s\n", i, strerror(errno));
}

static char *sync_pages(void)
{
	if (msync(area, NR * PAGE, MS_SYNC))
		ksft_exit_fail_msg("msync: %s\n", strerror(errno));
	return area;
}

/* One pass over pages that were clean and read-only before. */
static void test_pass(const char *name, char *(*operation)(void))
{
	unsigned long written = 0, lost = 0, read = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t base = (round + 1UL) << 32;
		char page[PAGE] __attribute__((aligned(8)));
		unsigned long before;

		file = new_file(NR);
		area = map(file);
		target = map(-1);
		fill(area);
		sync_pages();
		start_pass(base);
		wait_for_it(round);
		operation();
		end_pass();
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
		forget_pages(file);
		before = vmstat("pgpgin");
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t now;

			read_page(file, i, page);
			now = *(uint64_t *)page;
			written += done[i];
			/* A page that the operation took away may have been written to, too. */
			lost += !(now == base + i || (!done[i] && now == 1)) || !untouched(page, i);
		}
		read += (vmstat("pgpgin") - before) * 1024 / PAGE;
		close(file);
	}
	ksft_print_msg("%s: %lu pages written, %lu read from the disk, %lu lost\n",
		       name, written, read, lost);
	result_if_met(written && read >= NR * ROUNDS, !lost,
		      "the disk has what is written during %s\n", name);
}

/* Returns how many pages the disk lacks as they were written. The crew rests, nothing maps them. */
static unsigned long not_on_disk(unsigned long nr, unsigned long *read)
{
	char page[PAGE] __attribute__((aligned(8)));
	unsigned long before, lost = 0;

	forget_pages(file);
	before = vmstat("pgpgin");
	for (unsigned long i = 0; i < nr; i++) {
		read_page(file, i, page);
		lost += !page_holds(page, i, crew.turn[i], false);
	}
	*read += (vmstat("pgpgin") - before) * 1024 / PAGE;
	return lost;
}

/* Not msync(): it also writes the inode, and takes longer than an entry stays in a TLB. */
static void sync_data(void)
{
	if (sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					SYNC_FILE_RANGE_WAIT_AFTER))
		ksft_exit_fail_msg("sync_file_range: %s\n", strerror(errno));
}

static bool all_have_written(unsigned long nr)
{
	for (unsigned int me = 0; me < WRITERS; me++)
		if (atomic_load(&crew.written[me]) < nr)
			return false;
	return true;
}

static void test_last_sync(void)
{
	unsigned long written = 0, read = 0, wrong = 0, lost = 0;

	for (int round = 0; round < SYNCS; round++) {
		char *at;

		file = new_file(WRITERS);
		at = map_pages(WRITERS, file);
		crew_begin(at, WRITERS, own_content);
		crew_work();
		while (!all_have_written(10))
			sleep_ms(1);
		sync_data();
		crew_rest();
		written += crew_written();
		wrong += crew_wrong();
		munmap(at, WRITERS * PAGE);
		lost += not_on_disk(WRITERS, &read);
		close(file);
	}
	ksft_print_msg("last sync: %lu pages written, %lu read from the disk, %lu lost, %lu wrong\n",
		       written, read, lost, wrong);
	result_if_met(read >= SYNCS * WRITERS, !lost && !wrong,
		      "the disk has what three vCPUs write as sync_file_range returns\n");
}

/* Maps the file, at the same place again. */
static void map_file(char *at)
{
	if (mmap(at, NR_FILE * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != at)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
}

static void work_on(char *at, char *there, unsigned int round)
{
	unsigned long len = NR_FILE * PAGE;

	switch (round % 8) {
	case 0:
		if (msync(at, len, MS_SYNC))
			ksft_exit_fail_msg("msync: %s\n", strerror(errno));
		break;
	case 1:
		if (munmap(at, len / 2))
			ksft_exit_fail_msg("munmap: %s\n", strerror(errno));
		map_file(at);
		break;
	case 2:
		if (madvise(at, len, MADV_DONTNEED))
			ksft_exit_fail_msg("MADV_DONTNEED: %s\n", strerror(errno));
		break;
	case 3:
		crew_move(there);
		break;
	case 4:
		if (madvise(at, len, MADV_PAGEOUT))
			ksft_exit_fail_msg("MADV_PAGEOUT: %s\n", strerror(errno));
		break;
	case 5:
		crew_protect();
		break;
	case 6: {
		int status = -1;
		pid_t child = start_child();

		/* Unmaps the same pages, in its own page tables. */
		if (!child)
			_exit(munmap(at, len));
		if (waitpid(child, &status, 0) != child || status)
			ksft_exit_fail_msg("the child ended with %d\n", status);
		break;
	}
	case 7:
		if (fdatasync(file))
			ksft_exit_fail_msg("fdatasync: %s\n", strerror(errno));
		put("/proc/sys/vm/drop_caches", "1");
		break;
	}
}

static void test_crew(void)
{
	unsigned long written, read = 0, wrong = 0, lost = 0, out = vmstat("pgpgout");
	char *at = reserve(NR_FILE), *there = reserve(NR_FILE);
	unsigned int round = 0;

	file = new_file(NR_FILE);
	map_file(at);
	crew_begin(at, NR_FILE, own_content);
	for (int part = 0; part < PARTS; part++) {
		time_t end = time(NULL) + SECONDS;

		crew_work();
		do
			work_on(at, there, round++);
		while (time(NULL) < end || crew_written() < (part + 1) * NR_FILE || round < 8);
		crew_rest();
		wrong += crew_wrong();
		munmap(at, NR_FILE * PAGE);
		lost += not_on_disk(NR_FILE, &read);
		map_file(at);
	}
	written = crew_written();
	out = (vmstat("pgpgout") - out) * 1024 / PAGE;
	munmap(at, NR_FILE * PAGE);
	munmap(there, NR_FILE * PAGE);
	close(file);
	ksft_print_msg("crew: %u operations, %lu pages written, %lu to the disk and %lu from it, %lu lost, %lu wrong\n",
		       round, written, out, read, lost, wrong);
	result_if_met(out > NR_FILE && read >= PARTS * NR_FILE, !lost && !wrong,
		      "the disk has what three vCPUs wrote\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(6);
	put("/proc/sys/vm/drop_caches", "4");	/* no message for each */
	put("/sys/block/zram0/disksize", "48M");
	run("mke2fs -b 4096 /dev/zram0 >/dev/null");
	mkdir(FOLDER, 0755);
	if (mount("/dev/zram0", FOLDER, "ext2", 0, NULL))
		ksft_exit_fail_msg("ext2: %s\n", strerror(errno));
	crew_setup();
	pass_setup();
	test_pass("msync", sync_pages);
	test_pass("munmap", unmap);
	test_pass("madvise", dontneed);
	test_pass("mremap", move);
	test_last_sync();
	test_crew();
	ksft_finished();
}
