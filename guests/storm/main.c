// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest is saved and restored while its processes change their page tables.
 *
 * Expected: every page holds what was written to it last. A restored guest has other machine
 * frames. Xen's tools put these into the page tables, not into what Linux may have queued or
 * remembered. An update that still has an old frame goes to a page of somebody else, or Xen
 * refuses it.
 *
 * Method: eight processes fork, and mprotect, mremap, munmap and madvise their pages. They
 * know what each byte of these must be (crew.h: each is the crew's first vCPU, and has no
 * writers). steps.sh saves the guest in the middle of that, and again as soon as each process
 * has done all of that once more.
 *
 * saves=NUMBER on the kernel's command line says how often the guest is saved; the default is SAVES.
 * balloon, manage, reboot and eight-guests pass saves=1, and save it when they are done.
 */
#define _GNU_SOURCE
#include "crew.h"

#define PROCESSES	8
#define NR		1024UL	/* pages of each */
#define SAVES		10	/* as in steps.sh */
#define RESTORED	"Grant tables using version"	/* Linux prints it at boot, too */

static struct {
	_Atomic bool stop;
	_Atomic unsigned long rounds[PROCESSES];
} *shared;

static unsigned int me;

static uint64_t content(unsigned long page, unsigned int turn)
{
	return own_content(page, turn) + me * 0x100000001b3;
}

/* Every word of every page. */
static bool all_hold(void)
{
	bool ok = true;

	for (unsigned long i = 0; i < NR; i++)
		ok &= check_page(i);
	return ok;
}

/* Whether a page is in the place of another one. */
static bool first_words_hold(void)
{
	for (unsigned long i = 0; i < NR; i++) {
		uint64_t is = *(volatile uint64_t *)(crew.at + i * PAGE);

		if (is != content_of(i, crew.turn[i], 0)) {
			ksft_print_msg("process %u: page %lu begins with %lx\n", me, i, is);
			return false;
		}
	}
	return true;
}

static void write_pages(unsigned long first, unsigned long end)
{
	for (unsigned long i = first; i < end; i++) {
		write_page(i);
		crew.turn[i]++;
	}
}

static bool empty(const char *at, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++) {
		uint64_t is = *(const volatile uint64_t *)(at + i * PAGE);

		if (is) {
			ksft_print_msg("process %u: new page %lu begins with %lx\n", me, i, is);
			return false;
		}
	}
	return true;
}

/* Each round of a process works on other pages than the last one. */
static bool work_once(char *at, char *there, unsigned long round)
{
	unsigned long first = round * 331 % (NR / 2), len = NR / 2 * PAGE;
	char *part = at + first * PAGE;
	bool ok;

	ok = crew_fork(round) && first_words_hold();
	crew_protect();
	crew_move(there);
	ok &= first_words_hold();

	if (munmap(part, len) ||
	    mmap(part, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != part)
		ksft_exit_fail_msg("munmap or mmap: %s\n", strerror(errno));
	ok &= empty(part, NR / 2);
	write_pages(first, first + NR / 2);
	ok &= first_words_hold();

	part = at + first / 2 * PAGE;
	if (madvise(part, len, MADV_DONTNEED))
		ksft_exit_fail_msg("MADV_DONTNEED: %s\n", strerror(errno));
	ok &= empty(part, NR / 2);
	write_pages(first / 2, first / 2 + NR / 2);
	return ok && all_hold();
}

/* Returns the exit code of the process: whether something was wrong. */
static int process(void)
{
	char *at = map_pages(NR, -1), *there = reserve(NR);
	unsigned long round = 0;

	catch_faults();
	crew_begin(at, NR, content);
	while (!atomic_load(&shared->stop)) {
		if (!work_once(at, there, round)) {
			/* A guest that is rebooted or destroyed comes to no result in main(). */
			printf("not ok process %u: wrong in round %lu\n", me, round);
			fflush(stdout);
			return 1;
		}
		atomic_store(&shared->rounds[me], ++round);
	}
	return 0;
}

/* Waits until each process has come to the end of a round. One that ends early does not. */
static bool all_go_on(void)
{
	unsigned long until[PROCESSES];

	for (unsigned int i = 0; i < PROCESSES; i++)
		until[i] = atomic_load(&shared->rounds[i]) + 1;
	for (unsigned int i = 0; i < PROCESSES; i++) {
		while (atomic_load(&shared->rounds[i]) < until[i]) {
			siginfo_t info = {};

			if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
				return false;
			sleep_ms(10);
		}
	}
	return true;
}

/* Waits until the kernel says that it was restored. */
static void wait_for_restore(int kmsg)
{
	char line[1024];

	for (;;) {
		ssize_t size = read(kmsg, line, sizeof(line) - 1);

		if (size < 0 && errno != EPIPE)
			ksft_exit_fail_msg("/dev/kmsg: %s\n", strerror(errno));
		line[size < 0 ? 0 : size] = 0;
		if (strstr(line, RESTORED))
			return;
	}
}

/* What udev does: Linux leaves it to user space to use a vCPU that "xl vcpu-set" brought. */
static void online_vcpus(void)
{
	char path[64];

	for (unsigned int cpu = 1; cpu < 8; cpu++) {
		int fd;

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* It may be gone again. */
		if (write(fd, "1", 1) != 1)
			ksft_print_msg("vCPU %u does not come online: %s\n", cpu, strerror(errno));
		close(fd);
	}
}

int main(void)
{
	const char *number = getenv("saves");
	unsigned int wanted = number ? atoi(number) : SAVES;
	unsigned int saves = 0, wrong = 0;
	pid_t udev = 0;
	unsigned long rounds = 0;
	int kmsg = open_proc("/dev/kmsg");
	bool ok = true;

	ksft_print_header();
	lseek(kmsg, 0, SEEK_END);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	for (me = 0; me < PROCESSES; me++)
		if (!start_child())
			_exit(process());

	if (number) {
		udev = start_child();
		while (!udev) {
			online_vcpus();
			sleep_ms(100);
		}
	}
	while ((ok = all_go_on()) && saves < wanted) {
		ksft_print_msg("ready for save %u\n", ++saves);
		fflush(stdout);
		wait_for_restore(kmsg);
	}
	if (udev) {
		kill(udev, SIGKILL);
		waitpid(udev, NULL, 0);
	}
	atomic_store(&shared->stop, true);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		int status = -1;

		wrong += wait(&status) < 0 || status;
		rounds += atomic_load(&shared->rounds[i]);
	}
	ksft_print_msg("%lu rounds of %u processes, %u saves, %u processes were wrong\n",
		       rounds, PROCESSES, saves, wrong);
	/* Not before: reboot boots the guest often, and the judge adds the plans up. */
	ksft_set_plan(2);
	ksft_test_result(!wrong, "every page holds what its process wrote\n");
	ksft_test_result(ok && saves == wanted, "all processes went on after each restore\n");
	ksft_finished();
}
