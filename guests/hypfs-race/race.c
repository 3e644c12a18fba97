// SPDX-License-Identifier: GPL-2.0-only
/*
 * hypfs-race: tests whether concurrent readers of hypfs get the entry that they name.
 *
 * The bug: Xen's do_hypfs_op() kept the caller's path in a static buffer, and filled
 * the buffer while it held its lock for reading only. A reader on one CPU copied its
 * path there. Before it looked the path up, a reader on another CPU could overwrite
 * it. The first reader then got the content of the wrong entry, without an error, or
 * it got an error for a mixture of both paths.
 *
 * Expected: every read gives the content of the entry that it named.
 *
 * Method: the test uses two entries whose paths are equally long, and whose contents
 * differ and never change: the major and the minor version of Xen. It first reads both
 * while nobody else reads. Then two processes, each on a CPU of its own, read one of
 * the entries over and over, and compare. An error counts as a wrong read, too.
 *
 * Needs a dom0 with at least two vCPUs, on pCPUs of their own. Nothing else may
 * use hypfs meanwhile. Link with -lxenhypfs.
 *
 *     hypfs-race [READS]     READS of each process, 200000 if not given
 *
 * Prints how many reads were wrong. Exit code: 0 none, 1 some, 2 could not run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenhypfs.h>

#define NR_READERS	2

struct reader {
	const char *path;
	char *expected;
	int cpu;
	unsigned long done;
	unsigned long other;	/* content of the other reader's entry */
	unsigned long error;	/* an error */
	unsigned long odd;	/* content of neither */
};

/* Shared by the processes. */
struct race {
	atomic_int ready;
	struct reader reader[NR_READERS];
};

static void complain(const char *what)
{
	fprintf(stderr, "hypfs-race: %s: %s\n", what, strerror(errno));
}

/* The readers get the first CPUs that this process may run on. */
static bool choose_cpus(struct race *race)
{
	cpu_set_t set;
	int cpu, n = 0;

	if (sched_getaffinity(0, sizeof(set), &set)) {
		complain("sched_getaffinity");
		return false;
	}
	for (cpu = 0; cpu < CPU_SETSIZE && n < NR_READERS; cpu++) {
		if (CPU_ISSET(cpu, &set))
			race->reader[n++].cpu = cpu;
	}
	if (n < NR_READERS)
		fprintf(stderr, "hypfs-race: needs %d CPUs, has %d\n", NR_READERS, n);
	return n == NR_READERS;
}

static bool learn_contents(struct race *race)
{
	xenhypfs_handle *hypfs = xenhypfs_open(NULL, 0);
	int i;

	if (!hypfs) {
		complain("cannot open hypfs");
		return false;
	}
	for (i = 0; i < NR_READERS; i++) {
		struct reader *reader = &race->reader[i];

		reader->expected = xenhypfs_read(hypfs, reader->path);
		if (!reader->expected) {
			complain(reader->path);
			break;
		}
	}
	xenhypfs_close(hypfs);
	if (i < NR_READERS)
		return false;
	if (!strcmp(race->reader[0].expected, race->reader[1].expected)) {
		fprintf(stderr, "hypfs-race: %s and %s both hold %s\n", race->reader[0].path,
			race->reader[1].path, race->reader[0].expected);
		return false;
	}
	return true;
}

/* Runs in a process of its own, and returns its exit code. */
static int read_over_and_over(struct race *race, int self, unsigned long reads)
{
	struct reader *reader = &race->reader[self];
	const char *other = race->reader[!self].expected;
	xenhypfs_handle *hypfs;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(reader->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		complain("sched_setaffinity");
		return 2;
	}
	hypfs = xenhypfs_open(NULL, 0);
	if (!hypfs) {
		complain("cannot open hypfs");
		return 2;
	}

	/* Wait for the other reader, but not for ever: it may have failed. */
	atomic_fetch_add(&race->ready, 1);
	for (int waited = 0; atomic_load(&race->ready) < NR_READERS; waited++) {
		if (waited == 10000) {
			fprintf(stderr, "hypfs-race: the other reader did not start\n");
			return 2;
		}
		usleep(1000);
	}

	for (; reader->done < reads; reader->done++) {
		char *content = xenhypfs_read(hypfs, reader->path);

		if (!content)
			reader->error++;
		else if (!strcmp(content, other))
			reader->other++;
		else if (strcmp(content, reader->expected))
			reader->odd++;
		free(content);
	}
	xenhypfs_close(hypfs);
	return 0;
}

static bool run(struct race *race, unsigned long reads)
{
	bool ok = true;
	int i;

	for (i = 0; i < NR_READERS; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			complain("fork");
			ok = false;
			break;
		}
		if (!pid)
			_exit(read_over_and_over(race, i, reads));
	}
	while (i--) {
		int status;

		if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
			ok = false;
	}
	return ok;
}

int main(int argc, char **argv)
{
	unsigned long reads = 200000, done = 0, wrong = 0;
	struct race *race;
	char *end;

	if (argc > 1) {
		reads = strtoul(argv[1], &end, 10);
		if (argc > 2 || !reads || *end) {
			fprintf(stderr, "usage: hypfs-race [READS]\n");
			return 2;
		}
	}
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race == MAP_FAILED) {
		complain("mmap");
		return 2;
	}
	race->reader[0].path = "/buildinfo/version/major";
	race->reader[1].path = "/buildinfo/version/minor";
	if (!choose_cpus(race) || !learn_contents(race) || !run(race, reads))
		return 2;

	for (int i = 0; i < NR_READERS; i++) {
		const struct reader *reader = &race->reader[i];

		printf("%s on CPU %d: %lu reads, %lu had the other's content, %lu an error, %lu neither\n",
		       reader->path, reader->cpu, reader->done, reader->other, reader->error,
		       reader->odd);
		done += reader->done;
		wrong += reader->other + reader->error + reader->odd;
	}
	printf("%lu of %lu reads were wrong\n", wrong, done);
	return wrong ? 1 : 0;
}
