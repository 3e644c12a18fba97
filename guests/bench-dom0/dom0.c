// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures in dom0 what dom0 pays.
 *
 *   bench-dom0 maps DOMID          map and unmap pages of a guest, with privcmd and gntdev. It reads
 *                                  from standard input what test.c prints
 *   bench-dom0 balloon PAGES       give so many pages to Xen, and take them back
 *   bench-dom0 run NAME COMMAND…   run a command, whose output goes to standard error
 *
 * Each operation has a line "bench: NAME TICKS BEGIN END". BEGIN and END are values of the time
 * stamp counter: see ../include/cost.h. TICKS of maps are the ticks between them, the least of
 * several rounds. What the others do takes several processes, and waits; their TICKS are for how
 * many nanoseconds dom0's vCPUs ran meanwhile, by Xen's account. Under QEMU's icount that is a
 * nanosecond an instruction, of dom0 and of Xen for it.
 *
 * Exit code: that of the command, or 2 for an error, of which it prints one line.
 */
#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include <xencall.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xen/vcpu.h>

#define ROUNDS	  8
#define NR	  2048
#define NR_GRANTS 1024
#define PAGE	  4096UL
#define BALLOON	  "/sys/devices/system/xen_memory/xen_memory0/"

static void print_cost(const char *name, uint64_t ticks, uint64_t begin, uint64_t end)
{
	printf("bench: %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", name, ticks, begin, end);
}

/* The round of an operation that took the least. */
struct least {
	uint64_t ticks, begin, end;
};

static void keep_least(struct least *least, uint64_t begin)
{
	uint64_t end = __rdtsc();

	if (!least->ticks || end - begin < least->ticks)
		*least = (struct least){ end - begin, begin, end };
}

static void print_least(const char *name, const struct least *least)
{
	print_cost(name, least->ticks, least->begin, least->end);
}

/* Returns for how many nanoseconds the vCPUs of this domain have run. */
static uint64_t dom0_time(void)
{
	static xencall_handle *xen;
	static struct vcpu_runstate_info *info;
	uint64_t sum = 0;

	if (!xen) {
		xen = xencall_open(NULL, 0);
		if (!xen)
			err(2, "xencall_open: this must run in dom0");
		info = xencall_alloc_buffer(xen, sizeof(*info));
		if (!info)
			err(2, "xencall_alloc_buffer");
	}
	/* A vCPU that does not exist ends the list. */
	for (unsigned int vcpu = 0;
	     !xencall3(xen, __HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, vcpu, (uintptr_t)info);
	     vcpu++)
		sum += info->time[RUNSTATE_running];
	if (!sum)
		errx(2, "Xen says that dom0 has not run");
	return sum;
}

/* Reads lines that contain "dom0: WORD FIRST COUNT". */
static void read_numbers(xen_pfn_t *frames, uint32_t *grants)
{
	unsigned int nr_frames = 0, nr_grants = 0, count;
	char *line = NULL, *at;
	uint64_t first;
	size_t size = 0;

	while (getline(&line, &size, stdin) >= 0) {
		at = strstr(line, "dom0: ");
		if (!at)
			continue;
		if (sscanf(at, "dom0: frame %" SCNu64 " %u", &first, &count) == 2)
			while (count-- && nr_frames < NR)
				frames[nr_frames++] = first++;
		else if (sscanf(at, "dom0: grant %" SCNu64 " %u", &first, &count) == 2)
			while (count-- && nr_grants < NR_GRANTS)
				grants[nr_grants++] = first++;
	}
	free(line);
	if (nr_frames != NR || nr_grants != NR_GRANTS)
		errx(2, "the guest has %u frames and %u grants, not %d and %d", nr_frames,
		     nr_grants, NR, NR_GRANTS);
}

static void touch(volatile char *area, unsigned long nr, bool write)
{
	for (unsigned long i = 0; i < nr; i++) {
		if (write)
			area[i * PAGE] = 1;
		else
			(void)area[i * PAGE];
	}
}

struct foreign {
	const char *name;
	int prot;
	bool write;
	struct least map, unmap;
};

static void foreign_round(xenforeignmemory_handle *xen, uint32_t domid, const xen_pfn_t *frames,
			  struct foreign *f)
{
	uint64_t begin = __rdtsc();
	void *area = xenforeignmemory_map(xen, domid, f->prot, NR, frames, NULL);

	if (!area)
		err(2, "cannot map the frames of domain %u", domid);
	keep_least(&f->map, begin);
	touch(area, NR, f->write);
	begin = __rdtsc();
	if (xenforeignmemory_unmap(xen, area, NR))
		err(2, "cannot unmap the frames of domain %u", domid);
	keep_least(&f->unmap, begin);
}

static void grant_round(xengnttab_handle *xen, uint32_t domid, uint32_t *grants, struct least *map,
			struct least *unmap)
{
	uint64_t begin = __rdtsc();
	void *area = xengnttab_map_domain_grant_refs(xen, NR_GRANTS, domid, grants,
						     PROT_READ | PROT_WRITE);

	if (!area)
		err(2, "cannot map the grants of domain %u", domid);
	keep_least(map, begin);
	touch(area, NR_GRANTS, true);
	begin = __rdtsc();
	if (xengnttab_unmap(xen, area, NR_GRANTS))
		err(2, "cannot unmap the grants of domain %u", domid);
	keep_least(unmap, begin);
}

static void maps(uint32_t domid)
{
	static xen_pfn_t frames[NR];
	static uint32_t grants[NR_GRANTS];
	struct foreign foreign[] = {
		{ .name = "read-only", .prot = PROT_READ },
		{ .name = "unwritten", .prot = PROT_READ | PROT_WRITE },
		{ .name = "written", .prot = PROT_READ | PROT_WRITE, .write = true },
	};
	struct least map = {}, unmap = {};
	xenforeignmemory_handle *privcmd = xenforeignmemory_open(NULL, 0);
	xengnttab_handle *gntdev = xengnttab_open(NULL, 0);
	char name[64];

	if (!privcmd || !gntdev)
		err(2, "xenforeignmemory_open or xengnttab_open: this must run in dom0");
	read_numbers(frames, grants);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 3; i++)
			foreign_round(privcmd, domid, frames, &foreign[i]);
		grant_round(gntdev, domid, grants, &map, &unmap);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "map-%s", foreign[i].name);
		print_least(name, &foreign[i].map);
		snprintf(name, sizeof(name), "unmap-%s", foreign[i].name);
		print_least(name, &foreign[i].unmap);
	}
	print_least("map-grants", &map);
	print_least("unmap-grants", &unmap);
	xengnttab_close(gntdev);
	xenforeignmemory_close(privcmd);
}

/* Returns what dom0 has now, in KiB, as the balloon driver has it. */
static unsigned long balloon_now(void)
{
	unsigned long kib;
	FILE *file = fopen(BALLOON "info/current_kb", "r");

	if (!file || fscanf(file, "%lu", &kib) != 1)
		err(2, BALLOON "info/current_kb");
	fclose(file);
	return kib;
}

static void balloon_to(const char *name, unsigned long kib)
{
	uint64_t begin = __rdtsc(), before = dom0_time();
	FILE *file = fopen(BALLOON "target_kb", "w");

	if (!file || fprintf(file, "%lu", kib) < 0 || fclose(file))
		err(2, BALLOON "target_kb");
	for (int tries = 0; balloon_now() != kib; tries++) {
		if (tries == 2000)
			errx(2, "dom0 does not come to %lu KiB", kib);
		usleep(5000);
	}
	print_cost(name, dom0_time() - before, begin, __rdtsc());
}

static int run(const char *name, char **command)
{
	uint64_t begin = __rdtsc(), before = dom0_time();
	pid_t child = fork();
	int status;

	if (!child) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(command[0], command);
		err(2, "%s", command[0]);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		err(2, "fork");
	if (!WIFEXITED(status))
		errx(2, "%s: a signal ended it", command[0]);
	if (!WEXITSTATUS(status))
		print_cost(name, dom0_time() - before, begin, __rdtsc());
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	unsigned long now;

	if (argc == 3 && !strcmp(argv[1], "maps")) {
		maps(atoi(argv[2]));
	} else if (argc == 3 && !strcmp(argv[1], "balloon")) {
		now = balloon_now();
		balloon_to("balloon-down", now - atoi(argv[2]) * (PAGE / 1024));
		balloon_to("balloon-up", now);
	} else if (argc > 3 && !strcmp(argv[1], "run")) {
		return run(argv[2], argv + 3);
	} else {
		errx(2, "usage: bench-dom0 maps DOMID, balloon PAGES, or run NAME COMMAND...");
	}
	return 0;
}
