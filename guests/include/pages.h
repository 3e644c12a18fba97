/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: reads what the kernel says of pages in /proc and /sys, and writes settings.
 */
#ifndef PAGES_H
#define PAGES_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "kselftest.h"

#define PAGE		4096UL

/* An entry of /proc/PID/pagemap */
#define PM_PFN		((1UL << 55) - 1)
#define PM_SOFT_DIRTY	(1UL << 55)
#define PM_UFFD_WP	(1UL << 57)
#define PM_SWAP		(1UL << 62)
#define PM_PRESENT	(1UL << 63)

/* Of /proc/kpageflags */
#define KPF_DIRTY	(1UL << 4)
#define KPF_SWAPCACHE	(1UL << 13)
#define KPF_COMPOUND_HEAD	(1UL << 15)
#define KPF_COMPOUND_TAIL	(1UL << 16)

/* Nothing is known of the kernel: the judge takes the line for an error of the harness. */
#define end_unknown(...)                      \
	do {                                  \
		printf("init: " __VA_ARGS__); \
		fflush(stdout);               \
		exit(KSFT_SKIP);              \
	} while (0)

/*
 * A result that counts only if the workload reached the race that it
 * tests. If it did not, nothing is known of the kernel, and the result
 * is a skip. A wrong result fails in either case.
 */
#define result_if_met(met, right, ...)						\
	do {									\
		if (!(met) && (right))						\
			ksft_test_result_skip("it did not meet: " __VA_ARGS__);	\
		else								\
			ksft_test_result(right, __VA_ARGS__);			\
	} while (0)

static inline void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	close(fd);
}

/* Returns NUMBER of the line "KEY NUMBER"; with an empty key, that of the first line. */
static inline unsigned long number_in(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char line[256];

	if (!file)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		size_t len = strlen(key);

		if (!strncmp(line, key, len) && (!len || line[len] == ' ')) {
			fclose(file);
			return strtoul(line + len, NULL, 10);
		}
	}
	ksft_exit_fail_msg("%s has no %s\n", path, key);
}

static inline unsigned long vmstat(const char *key)
{
	return number_in("/proc/vmstat", key);
}

static inline void run(const char *command)
{
	int status = system(command);

	if (status)
		ksft_exit_fail_msg("%s: %d\n", command, status);
}

/* Begins to swap, to memory. The kernel must have the option memory. */
static inline void swap_to_memory(const char *size)
{
	put("/sys/block/zram0/disksize", size);
	run("mkswap /dev/zram0");
	if (swapon("/dev/zram0", 0))
		ksft_exit_fail_msg("swapon: %s\n", strerror(errno));
}

#define CGROUPS		"/tmp/cgroup"
#define OURS		"/ours"

/* From here on what this program allocates is in a cgroup of its own. */
static inline void enter_cgroup(void)
{
	mkdir(CGROUPS, 0755);
	if (mount("none", CGROUPS, "cgroup2", 0, NULL))
		ksft_exit_fail_msg("cgroup2: %s\n", strerror(errno));
	put(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(CGROUPS OURS, 0755);
	put(CGROUPS OURS "/cgroup.procs", "0");
}

static inline int open_proc(const char *file)
{
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		ksft_exit_fail_msg("%s: %s\n", file, strerror(errno));
	return fd;
}

static inline void read_entries(int fd, unsigned long index, unsigned long nr, uint64_t *entry)
{
	ssize_t size = nr * sizeof(*entry);

	if (pread(fd, entry, size, index * sizeof(*entry)) != size)
		ksft_exit_fail_msg("pagemap or kpageflags: %s\n", strerror(errno));
}

/* Reads the entries of nr pages of this program. */
static inline void pagemap(const void *at, unsigned long nr, uint64_t *entry)
{
	int fd = open_proc("/proc/self/pagemap");

	read_entries(fd, (uintptr_t)at / PAGE, nr, entry);
	close(fd);
}

/* Returns what /proc/kpageflags says of an entry's page. An entry in swap has no page: 0. */
static inline uint64_t page_flags(int kpageflags, uint64_t entry)
{
	uint64_t flags = 0;

	if (entry & PM_PRESENT)
		read_entries(kpageflags, entry & PM_PFN, 1, &flags);
	return flags;
}

/* Returns how many of nr pages of this program are present and clean, with a copy in swap. */
static inline unsigned long clean_copies(const void *at, unsigned long nr)
{
	int kpageflags = open_proc("/proc/kpageflags");
	unsigned long found = 0;
	uint64_t entry[nr];

	pagemap(at, nr, entry);
	for (unsigned long i = 0; i < nr; i++)
		found += (page_flags(kpageflags, entry[i]) & (KPF_DIRTY | KPF_SWAPCACHE)) == KPF_SWAPCACHE;
	close(kpageflags);
	return found;
}

/* Returns how many of nr pages of this program have all of these bits in their entry. */
static inline unsigned long pages_with(const void *at, unsigned long nr, uint64_t bits)
{
	uint64_t entry[256];
	unsigned long found = 0;

	for (unsigned long first = 0; first < nr; first += 256) {
		unsigned long some = nr - first < 256 ? nr - first : 256;

		pagemap((const char *)at + first * PAGE, some, entry);
		for (unsigned long i = 0; i < some; i++)
			found += (entry[i] & bits) == bits;
	}
	return found;
}

/* Swaps nr pages out; a page in use takes another try. Returns how many are in swap. */
static inline unsigned long page_out(char *at, unsigned long nr)
{
	for (int tries = 0; tries < 20; tries++) {
		madvise(at, nr * PAGE, MADV_PAGEOUT);
		if (pages_with(at, nr, PM_SWAP) == nr)
			break;
		usleep(10000);
	}
	return pages_with(at, nr, PM_SWAP);
}

static inline char *map_pages(unsigned long nr, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	char *at = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return at;
}

/* Maps the first nr pages of a file, privately, and reads a byte of each. */
static inline char *map_and_read(int fd, unsigned long nr)
{
	char *at = mmap(NULL, nr * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	if (at == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	for (unsigned long i = 0; i < nr; i++)
		(void)*(volatile char *)(at + i * PAGE);
	return at;
}

#endif /* PAGES_H */
