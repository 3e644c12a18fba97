// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads on four vCPUs read a new mapping of a file that is in the page cache. All of them
 * read the same page at the same time. Each fault maps the pages around it.
 *
 * Expected: every page holds what the file has there, and is mapped once. The vCPU that
 * takes the page table lock second must find the entries that the first has made. Else it
 * counts the pages again, and the kernel says "BUG: Bad rss-counter state" when the program
 * ends.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "vcpus.h"

#define VCPUS		4
#define NR_PAGES	496UL	/* 31 times what one fault maps */
#define ROUNDS		200

static pthread_barrier_t barrier;
static volatile uint64_t *area;
static _Atomic unsigned long wrong;

static uint64_t content(unsigned long page)
{
	return (page + 1) * 0x9e3779b97f4a7c15;
}

static unsigned long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static void *reader(void *arg)
{
	/* With fewer vCPUs, some readers share one. */
	on_cpu((uintptr_t)arg % sysconf(_SC_NPROCESSORS_ONLN));
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&barrier);
		for (unsigned long i = 0; i < NR_PAGES; i++)
			if (area[i * PAGE / sizeof(*area)] != content(i))
				atomic_fetch_add(&wrong, 1);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

int main(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	unsigned long faults, present = 0;

	ksft_print_header();
	ksft_set_plan(2);
	for (unsigned long i = 0; i < NR_PAGES; i++) {
		uint64_t word = content(i);

		if (pwrite(fd, &word, sizeof(word), i * PAGE) != sizeof(word))
			ksft_exit_fail_msg("/tmp: %s\n", strerror(errno));
	}
	if (ftruncate(fd, NR_PAGES * PAGE))
		ksft_exit_fail_msg("/tmp: %s\n", strerror(errno));
	pthread_barrier_init(&barrier, NULL, VCPUS + 1);
	for (uintptr_t vcpu = 0; vcpu < VCPUS; vcpu++)
		start_thread(reader, (void *)vcpu);
	faults = minor_faults();
	for (int round = 0; round < ROUNDS; round++) {
		char *at = mmap(NULL, NR_PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);

		if (at == MAP_FAILED)
			ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
		area = (uint64_t *)at;
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		present += pages_with(at, NR_PAGES, PM_PRESENT);
		munmap(at, NR_PAGES * PAGE);
	}
	faults = minor_faults() - faults;
	ksft_print_msg("%d rounds: %lu faults for %lu pages\n", ROUNDS, faults, present);
	ksft_test_result(!wrong && present == ROUNDS * NR_PAGES, "every page is the file's\n");
	ksft_test_result(faults < present / 2, "a fault maps the pages around it\n");
	ksft_finished();
}
