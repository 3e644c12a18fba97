// SPDX-License-Identifier: GPL-2.0-only

#define _GNU_SOURCE	/* sched_setaffinity() */

#include "trace_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much is read at once: of records, a piece that fits a cache; of a header, less. */
#ifndef TRACE_FILE_BUFFER
#define TRACE_FILE_BUFFER	(128 * 1024)
#endif
#define HEADER_READ		(TRACE_FILE_BUFFER / 32)

/* The parts are joined each time that so many bytes are done, so they never keep much. */
#ifndef TRACE_FILE_ROUND
#define TRACE_FILE_ROUND	(32 * 1024 * 1024)
#endif

#define NOBODY			0xff

struct worker {
	pthread_t thread;
	bool failed;
	int fd;
	uint64_t at;		/* where the next window begins */
	uint64_t until, end;	/* the end of the round, and of the file */
	struct trace *part;
	unsigned int number, of;	/* this worker, and how many there are */
	uint8_t owner[TRACE_MAX_PCPUS];
	unsigned int nr_pcpus;	/* how many were seen */
	uint64_t from;		/* where in the file the buffer begins */
	size_t length;
	uint8_t buffer[TRACE_FILE_BUFFER];
};

/*
 * At least min bytes of the file, from a place on. If they have to be read, reads up to max.
 * NULL: there are fewer than min.
 */
static const uint8_t *look(struct worker *worker, uint64_t at, size_t min, size_t max,
			   size_t *length)
{
	if (at < worker->from || at + min > worker->from + worker->length) {
		ssize_t n = pread(worker->fd, worker->buffer, max, at);

		worker->from = at;
		worker->length = n > 0 ? n : 0;
		if (worker->length < min)
			return NULL;
	}
	*length = worker->from + worker->length - at;
	return worker->buffer + (at - worker->from);
}

/*
 * pCPUs go to the threads in turn, in the order in which they are seen: their numbers may all
 * be even. All threads see all windows in the same order, so they agree.
 */
static bool is_own(struct worker *worker, uint32_t pcpu)
{
	uint8_t *owner = &worker->owner[pcpu];

	if (*owner == NOBODY)
		*owner = worker->nr_pcpus++ % worker->of;
	return *owner == worker->number;
}

static int count_window(struct worker *worker, uint64_t end)
{
	uint64_t at = worker->at;

	while (at < end) {
		size_t max = end - at < TRACE_FILE_BUFFER ? end - at : TRACE_FILE_BUFFER, length;
		const uint8_t *p = look(worker, at, 1, max, &length);

		if (!p)
			return -1;
		if (length > max)
			length = max;
		if (trace_feed_part(worker->part, worker->at, p, length))
			return -1;
		at += length;
	}
	return 0;
}

/* Counts the windows that begin in this round. */
static int count_windows(struct worker *worker)
{
	while (worker->at < worker->until) {
		struct trace_window window;
		size_t length;
		const uint8_t *p = look(worker, worker->at, TRACE_WINDOW_HEADER,
					HEADER_READ, &length);
		uint64_t end;

		if (!p || !trace_window(p, &window) || window.pcpu >= TRACE_MAX_PCPUS)
			return -1;
		end = worker->at + TRACE_WINDOW_HEADER + window.size;
		if (end > worker->end)
			return -1;
		if (is_own(worker, window.pcpu) && count_window(worker, end))
			return -1;
		worker->at = end;
	}
	return 0;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	worker->failed = count_windows(worker) != 0;
	return NULL;
}

/*
 * Gives a thread a processor of its own. It runs for a few milliseconds, and the system would
 * leave it on the processor that it was created on for that long.
 */
static void place(pthread_attr_t *attr, unsigned int number)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	CPU_CLR(sched_getcpu(), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || --number)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_attr_setaffinity_np(attr, sizeof(one), &one);
		return;
	}
}

static int count_round(struct worker *worker, unsigned int nr)
{
	bool started[TRACE_MAX_PARTS], failed = false;

	for (unsigned int i = 1; i < nr; i++) {
		pthread_attr_t attr;

		pthread_attr_init(&attr);
		place(&attr, i);
		started[i] = !pthread_create(&worker[i].thread, &attr, work, &worker[i]);
		pthread_attr_destroy(&attr);
	}
	work(&worker[0]);
	for (unsigned int i = 1; i < nr; i++) {
		if (started[i])
			pthread_join(worker[i].thread, NULL);
		else
			work(&worker[i]);
	}
	for (unsigned int i = 0; i < nr; i++)
		failed |= worker[i].failed;

	return failed ? -1 : 0;
}

static int count_rounds(struct worker *worker, unsigned int nr, struct trace *whole,
			struct trace *const *part, void (*progress)(uint64_t done))
{
	const uint64_t begin = worker->at, end = worker->end;

	for (uint64_t at = begin; at < end;) {
		/* With several threads, the system does not see that the file is read in order. */
		posix_fadvise(worker[0].fd, at, 2 * TRACE_FILE_ROUND, POSIX_FADV_WILLNEED);
		at = end - at > TRACE_FILE_ROUND ? at + TRACE_FILE_ROUND : end;
		for (unsigned int i = 0; i < nr; i++)
			worker[i].until = at;
		if (count_round(worker, nr) || trace_join(whole, part, nr))
			return -1;
		if (progress)
			progress(at - begin);
	}
	return trace_finish_parts(whole, part, nr);
}

struct trace *trace_read_file(int fd, unsigned int nr_threads, uint64_t until,
			      void (*progress)(uint64_t done))
{
	unsigned int nr = nr_threads < TRACE_MAX_PARTS ? nr_threads : TRACE_MAX_PARTS;
	struct trace *whole = NULL, *part[TRACE_MAX_PARTS] = { NULL };
	struct worker *worker = NULL;
	off_t begin = lseek(fd, 0, SEEK_CUR);
	struct stat st;
	bool ready, done = false;

	if (nr < 2 || begin < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || begin >= st.st_size)
		return NULL;

	worker = calloc(nr, sizeof(*worker));
	whole = trace_new();
	ready = worker && whole;
	for (unsigned int i = 0; ready && i < nr; i++) {
		part[i] = trace_new_part();
		ready = part[i];
		if (ready)
			trace_until(part[i], until);
		worker[i].fd = fd;
		worker[i].at = begin;
		worker[i].end = st.st_size;
		worker[i].part = part[i];
		worker[i].number = i;
		worker[i].of = nr;
		memset(worker[i].owner, NOBODY, sizeof(worker[i].owner));
	}
	if (ready)
		done = !count_rounds(worker, nr, whole, part, progress);

	for (unsigned int i = 0; i < nr; i++)
		trace_free(part[i]);
	free(worker);
	if (!done) {
		trace_free(whole);
		whole = NULL;
	}
	return whole;
}
