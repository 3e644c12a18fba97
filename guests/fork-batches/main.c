// SPDX-License-Identifier: GPL-2.0-only
/*
 * An mprotect of a forked task goes out in batches.
 *
 * The bug: Linux from 7.2 on pauses lazy MMU mode in a task that is switched out,
 * and resumes it in the one that is switched to. A new task was never paused, so its
 * count of pauses goes from 0 to 255. So it never batches, and makes a hypercall for
 * each page. Its children inherit the count, and go to 254.
 *
 * Expected: one hypercall for 16 pages or more, in a child, in a child's child, and in
 * a child that was switched out in between. The buffer of a batch has room for 31
 * updates, with the 6.12 series for 128.
 *
 * Method: the kernel's xen_mc_flush events of that task, around one mprotect.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <sys/wait.h>

#include "events.h"

#define NR		1024UL
#define LEN		(NR * PAGE)

/* What a task measured, in memory that it shares with the one that reports. */
static struct {
	bool done;
	struct sent sent;
} *seen;

static void *map(unsigned long len, int flags)
{
	void *area = mmap(NULL, len, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	return area;
}

static void protect(void *area)
{
	if (mprotect(area, LEN, PROT_READ))
		ksft_exit_fail_msg("mprotect: %s\n", strerror(errno));
}

static void measure(void)
{
	char *area = map(LEN, MAP_PRIVATE);

	madvise(area, LEN, MADV_NOHUGEPAGE);
	memset(area, 1, LEN);
	seen->sent = sent_by(protect, area);
	seen->done = true;
}

/* Does work in a child of this task. */
static void forked(void (*work)(void))
{
	pid_t child = fork();

	if (!child) {
		work();
		_exit(0);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
}

static void measure_in_child(void)
{
	forked(measure);
}

static void sleep_and_measure(void)
{
	usleep(20000);
	measure();
}

static void test(const char *who, void (*work)(void))
{
	memset(seen, 0, sizeof(*seen));
	forked(work);
	if (!seen->done)
		ksft_exit_fail_msg("%s died\n", who);
	/* If updates are missing in the events, nothing is known of the batches. */
	if (seen->sent.updates < NR)
		end_unknown("the events have %lu updates of %lu pages\n", seen->sent.updates, NR);
	ksft_print_msg("%s: %lu pages, %lu hypercalls\n", who, NR, seen->sent.hypercalls);
	ksft_test_result(seen->sent.hypercalls <= NR / 16, "mprotect in %s goes out in batches\n", who);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(3);
	events_setup();
	seen = map(sizeof(*seen), MAP_SHARED);
	test("a child", measure);
	test("a child's child", measure_in_child);
	test("a child that slept", sleep_and_measure);
	ksft_finished();
}
