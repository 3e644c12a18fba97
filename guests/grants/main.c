// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads map granted pages by gntdev and unmap them, while their process forks, its other pages are
 * swapped out, and memory is compacted.
 *
 * Expected: both sides of a grant have the same page, at each moment between the mapping and the
 * unmapping; a file has what O_DIRECT wrote from the mapping; and all grants can be taken back.
 * On Xen PV, Xen itself writes an entry that maps a grant, at the address that Linux gives. So
 * what Linux has queued for an entry must have gone out when it asks Xen to map or unmap there.
 *
 * Method: the guest grants pages to itself (gntalloc, which vchan's servers use), and maps them
 * (gntdev, which vchan's clients and QEMU's disks use). Each thread maps a run of its part of the
 * pages, writes by one side, reads by the other, transfers the mapping to a file and from it, and
 * unmaps it. Children write to a part of the granting side, which they share with the parent.
 */
#define _GNU_SOURCE
#include <xengnttab.h>
#include <xenstore.h>

#include "vcpus.h"

#define WORKERS	3U
#define NR	64U	/* pages of each worker */
#define GRANTED	((WORKERS + 1) * NR)	/* the last part is the children's */
#define ANON	1024UL	/* other pages of the process */
#define SECONDS	20
#define DISK	"/dev/nullb0"

static unsigned int domain;
static uint32_t grant[GRANTED];
static char *granted;	/* the granting side */
static _Atomic bool stop;
static _Atomic unsigned int working = WORKERS, mapped;
static _Atomic unsigned long maps[WORKERS], wrong, wrong_in_file;

static unsigned int own_domain(void)
{
	struct xs_handle *store = xs_open(0);
	char *text = store ? xs_read(store, XBT_NULL, "domid", NULL) : NULL;
	unsigned int id;

	if (!text)
		ksft_exit_fail_msg("xenstore's domid: %s\n", strerror(errno));
	id = strtoul(text, NULL, 10);
	free(text);
	xs_close(store);
	return id;
}

static volatile uint64_t *word(char *at, unsigned int page, unsigned int nr)
{
	return (volatile uint64_t *)(at + page * PAGE) + nr;
}

static void expect(char *at, unsigned int nr_pages, unsigned int nr, uint64_t base, const char *when,
		   _Atomic unsigned long *failures)
{
	for (unsigned int page = 0; page < nr_pages; page++) {
		uint64_t has = *word(at, page, nr);

		if (has != base + page && !atomic_fetch_add(failures, 1))
			ksft_print_msg("word %u of page %u is %lx, not %lx, %s\n", nr, page, has,
				       base + page, when);
	}
}

static void set(char *at, unsigned int nr_pages, unsigned int nr, uint64_t base)
{
	for (unsigned int page = 0; page < nr_pages; page++)
		*word(at, page, nr) = base + page;
}

static void transfer(bool write, int disk, char *at, unsigned int nr_pages, off_t offset)
{
	size_t size = nr_pages * PAGE;
	ssize_t done = write ? pwrite(disk, at, size, offset) : pread(disk, at, size, offset);

	if (done != (ssize_t)size)
		ksft_exit_fail_msg("O_DIRECT: %s\n", done < 0 ? strerror(errno) : "too short");
}

/* One mapping of nr pages of the worker, from the page first on. */
static void use(xengnttab_handle *device, int disk, unsigned int worker, unsigned int first,
		unsigned int nr, uint64_t value)
{
	unsigned int page = worker * NR + first;
	char *own = granted + page * PAGE;
	char *at = xengnttab_map_domain_grant_refs(device, nr, domain, grant + page,
						   PROT_READ | PROT_WRITE);

	if (!at)
		ksft_exit_fail_msg("gntdev maps nothing: %s\n", strerror(errno));
	atomic_fetch_add(&mapped, 1);
	set(own, nr, 0, value);
	set(at, nr, 1, ~value);
	expect(at, nr, 0, value, "by the mapping", &wrong);
	expect(own, nr, 1, ~value, "by the granting side", &wrong);
	transfer(true, disk, at, nr, page * PAGE);
	set(own, nr, 0, 0);
	transfer(false, disk, at, nr, page * PAGE);
	expect(own, nr, 0, value, "as it was written to the file", &wrong_in_file);
	if (xengnttab_unmap(device, at, nr))
		ksft_exit_fail_msg("gntdev unmaps nothing: %s\n", strerror(errno));
	atomic_fetch_sub(&mapped, 1);
	expect(own, nr, 1, ~value, "after the unmapping", &wrong);
	atomic_fetch_add(&maps[worker], 1);
}

static void *work(void *arg)
{
	unsigned int worker = (uintptr_t)arg;
	int disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	xengnttab_handle *device = xengnttab_open(NULL, 0);

	if (disk < 0 || !device)
		ksft_exit_fail_msg(DISK " or gntdev: %s\n", strerror(errno));
	on_cpu((worker + 1) % sysconf(_SC_NPROCESSORS_ONLN));
	for (unsigned long turn = 1; !atomic_load(&stop); turn++) {
		unsigned int nr = 1 + turn * 7 % NR;

		use(device, disk, worker, turn * 13 % (NR - nr + 1), nr, turn << 16);
	}
	xengnttab_close(device);
	atomic_fetch_sub(&working, 1);
	return NULL;
}

/* The child has the granting side as its parent has it, and its own copy of the other pages. */
static void fork_and_write(char *anon, unsigned int turn)
{
	char *part = granted + WORKERS * NR * PAGE;
	int status = -1;
	pid_t child = start_child();

	if (!child) {
		set(part, NR, 0, turn);
		set(anon, ANON, 0, 0xbad);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status)
		ksft_exit_fail_msg("the child ended with %d\n", status);
	expect(part, NR, 0, turn, "as the child wrote it", &wrong);
	expect(anon, ANON, 0, 1, "though only the child wrote to it", &wrong);
}

/* Each time, what was granted before must have been taken back: gntalloc grants 1024 pages. */
static bool grants_again(xengntshr_handle *device)
{
	for (int i = 0; i < 64; i++) {
		uint32_t ref[NR];
		char *at = xengntshr_share_pages(device, domain, NR, ref, 1);

		if (!at) {
			ksft_print_msg("gntalloc grants nothing, after %d times: %s\n", i, strerror(errno));
			return false;
		}
		xengntshr_unshare(device, at, NR);
	}
	return true;
}

int main(void)
{
	unsigned int forks = 0, while_mapped = 0;
	unsigned long sum = 0, out;
	xengntshr_handle *device;
	time_t end;
	char *anon;

	ksft_print_header();
	ksft_set_plan(4);
	on_cpu(0);
	swap_to_memory("32M");
	domain = own_domain();
	device = xengntshr_open(NULL, 0);
	if (!device)
		ksft_exit_fail_msg("gntalloc: %s\n", strerror(errno));
	granted = xengntshr_share_pages(device, domain, GRANTED, grant, 1);
	if (!granted)
		ksft_exit_fail_msg("gntalloc grants nothing: %s\n", strerror(errno));
	anon = map_pages(ANON, -1);
	set(anon, ANON, 0, 1);
	out = vmstat("pswpout");
	for (uintptr_t worker = 0; worker < WORKERS; worker++)
		start_thread(work, (void *)worker);
	for (end = time(NULL) + SECONDS; time(NULL) < end || forks < 20; forks++) {
		while_mapped += !!atomic_load(&mapped);
		fork_and_write(anon, forks);
		madvise(anon, ANON * PAGE, MADV_PAGEOUT);
		put("/proc/sys/vm/compact_memory", "1");
	}
	atomic_store(&stop, true);
	while (atomic_load(&working))
		sleep_ms(1);
	out = vmstat("pswpout") - out;
	for (unsigned int worker = 0; worker < WORKERS; worker++)
		sum += maps[worker];
	ksft_print_msg("%lu mappings, %u forks, %u while pages were mapped, %lu pages swapped out\n",
		       sum, forks, while_mapped, out);
	ksft_test_result(!atomic_load(&wrong), "both sides of a grant have the same page\n");
	ksft_test_result(!atomic_load(&wrong_in_file), "the file has what was written from the mappings\n");
	ksft_test_result(!xengntshr_unshare(device, granted, GRANTED) && grants_again(device),
			 "all grants were taken back\n");
	result_if_met(while_mapped > forks / 4 && out, sum > 100,
		      "grants were mapped during forks and reclaim\n");
	ksft_finished();
}
