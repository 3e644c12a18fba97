// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second vCPU begins to run the process while the pagemap scan's write protection is on
 * its way into the page table.
 *
 * Expected: the next scan tells what this vCPU writes after the scan. The scan's TLB flush
 * goes to the vCPUs that run the process when the flush is called. If the flush is called
 * before the updates are in the page table, a vCPU that begins to run the process in between
 * keeps writable entries in its TLB.
 *
 * Method: another process has the second vCPU. Then a thread of this process wakes up there,
 * in each round at another moment of the scan. The thread writes to the last pages, whose
 * updates arrive last, and writes to them again when the scan has returned.
 */
#define _GNU_SOURCE
#include <semaphore.h>

#include "scan.h"
#include "vcpus.h"

#define NR	 255UL /* one less than two batches, so that the last is as long as can be */
#define TABLE	 512UL /* all pages are in one page table, which has this many entries */
#define LAST	 8UL
#define MEETINGS 300UL /* of scan and thread */
#define SECONDS	 90    /* at most */
#define MOMENTS	 25
#define US	 1000UL	     /* in ns */
#define AHEAD	 (3000 * US) /* from here to the round's begin, so that all wait for it */

static char *area;
static uint64_t wake_at; /* of CLOCK_MONOTONIC, in ns */
static sem_t begin, end;
static _Atomic int scanning, scanned; /* the round whose scan has begun, and returned */
static bool met;		      /* the thread wrote during the scan */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 * US + time.tv_nsec;
}

static void write_last(void)
{
	for (unsigned long i = NR; i-- > NR - LAST;)
		*(volatile char *)(area + i * PAGE) = 1;
}

static void *join(void *unused)
{
	struct sched_param param = { .sched_priority = 1 };

	on_cpu(1);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		ksft_exit_fail_msg("SCHED_FIFO: %s\n", strerror(errno));
	for (int round = 1;; round++) {
		struct timespec time;

		sem_wait(&begin);
		time.tv_sec = wake_at / (1000000 * US);
		time.tv_nsec = wake_at % (1000000 * US);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
		/* From here on, no system call: the way into Xen and back flushes the TLB. */
		write_last();
		met = atomic_load(&scanning) == round && atomic_load(&scanned) < round;
		while (atomic_load(&scanned) < round)
			;
		write_last();
		sem_post(&end);
	}
	return unused;
}

/* Starts a process that runs on the second vCPU whenever the thread does not. */
static pid_t start_other(void)
{
	pid_t other = start_child();

	if (other)
		return other;
	on_cpu(1);
	for (;;)
		;
}

int main(void)
{
	unsigned long meetings = 0, missed = 0;
	uint64_t length = 0, sum = 0; /* the time of the last scan, and of all scans */
	time_t limit = time(NULL) + SECONDS;
	pid_t other;
	int round = 0;

	ksft_print_header();
	ksft_set_plan(1);
	on_cpu(0);
	area = map_pages(NR + TABLE, -1);
	area += -(uintptr_t)area % (TABLE * PAGE);
	watch_writes(area, NR);
	sem_init(&begin, 0, 0);
	sem_init(&end, 0, 0);
	other = start_other();
	start_thread(join, NULL);
	while (meetings < MEETINGS && time(NULL) < limit) {
		uint64_t start, stop;
		unsigned long first;

		round++;
		for (unsigned long i = 0; i < NR; i++)
			*(volatile char *)(area + i * PAGE) = 1;
		start = now() + AHEAD;
		wake_at = start + length / 2 + length / 2 * (round % MOMENTS) / MOMENTS;
		sem_post(&begin);
		while (now() < start)
			;
		start = now();
		atomic_store(&scanning, round);
		first = scan_pages(area, NR);
		stop = now();
		atomic_store(&scanned, round);
		sem_wait(&end);
		length = stop - start;
		sum += length;
		if (first != NR)
			ksft_exit_fail_msg("of %lu pages that were written, the scan found %lu\n", NR, first);
		meetings += met;
		missed += LAST - scan_pages(area + (NR - LAST) * PAGE, LAST);
	}
	kill(other, SIGKILL);
	ksft_print_msg("%d scans of %lu us; of %lu during which the thread wrote, %lu pages missed\n",
		       round, sum / round / US, meetings, missed);
	/* If too few meet, the machine was too slow, and nothing is known of the kernel. */
	if (meetings < MEETINGS && !missed)
		ksft_test_result_skip("the thread met too few of the scans\n");
	else
		ksft_test_result(!missed, "a vCPU that joins during a scan is found writing\n");
	ksft_finished();
}
