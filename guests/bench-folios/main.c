// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures, as cost.h documents, what map-file of guests/bench costs if the page cache has
 * the file in large folios. For a kernel with kernel/options/large-folios.config.
 */
#include "cost.h"
#include "pages.h"

#define NR	2048UL
#define ROUNDS	12

/* scripts/build-folios makes it: a file of NR pages. */
#define IMAGE	"/folios.erofs"

static void mount_at(const char *dir, const char *type, const char *source, unsigned long flags)
{
	mkdir(dir, 0700);
	if (mount(source, dir, type, flags, NULL))
		ksft_exit_fail_msg("%s on %s: %s\n", source, dir, strerror(errno));
}

/* Reads the file from its beginning to its end, so that read-ahead makes larger folios. */
static int read_file(void)
{
	static char buffer[32 * PAGE];
	unsigned long size = 0;
	ssize_t some;
	int fd;

	/* The root is a tmpfs, which EROFS does not take for a disk. */
	mount_at("/tmp/disk", "ramfs", "none", 0);
	run("cp " IMAGE " /tmp/disk/image");
	mount_at("/tmp/folios", "erofs", "/tmp/disk/image", MS_RDONLY);
	fd = open_proc("/tmp/folios/file");
	while ((some = read(fd, buffer, sizeof(buffer))) > 0)
		size += some;
	if (size != NR * PAGE)
		ksft_exit_fail_msg("%s: read %lu bytes\n", IMAGE, size);
	return fd;
}

/* How many of these pages are part of a large folio. */
static unsigned long in_large_folios(const char *at)
{
	uint64_t entry[NR];
	int fd = open_proc("/proc/kpageflags");
	unsigned long found = 0;

	pagemap(at, NR, entry);
	for (unsigned long i = 0; i < NR; i++)
		found += !!(page_flags(fd, entry[i]) & (KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL));
	close(fd);
	return found;
}

int main(void)
{
	struct cost cost = { .name = "map-large-folios" };
	unsigned long large = 0;
	char *area;
	int file;

	ksft_print_header();
	ksft_set_plan(1);
	file = read_file();
	for (int round = 0; round < ROUNDS; round++) {
		TIMED(&cost, area = map_and_read(file, NR));
		large = in_large_folios(area);
		munmap(area, NR * PAGE);
	}
	print_costs(&cost, 1);
	ksft_print_msg("%lu of %lu pages are in large folios\n", large, NR);
	ksft_test_result(large > NR * 9 / 10, "the page cache is in large folios\n");
	ksft_finished();
}
