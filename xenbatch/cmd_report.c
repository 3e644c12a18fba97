// SPDX-License-Identifier: GPL-2.0-only

#define _GNU_SOURCE	/* sched_getaffinity() */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain.h"
#include "output.h"
#include "trace_file.h"

/* Large, so that system calls cost little, but small enough for a cache. */
#define BUFFER_SIZE	(256 * 1024)

struct arguments {
	struct strings domain;
	uint64_t since, until;	/* time stamps; 0: not given */
	enum output_format format;
};

static const struct option_def option_domid = { 'd', "domain", "DOMID",
	"only this domain; can be given several times", option_read_strings, NULL };
static const struct option_def option_since = { 0, "since", "TSC",
	"only records with this time stamp or a later one", option_read_number, NULL };
static const struct option_def option_until = { 0, "until", "TSC",
	"only records with an earlier time stamp", option_read_count, NULL };

#define VALUE(member)	offsetof(struct arguments, member)

static const struct option_use options[] = {
	{ &option_domid, VALUE(domain) },
	{ &option_since, VALUE(since) },
	{ &option_until, VALUE(until) },
	{ &option_json, VALUE(format) },
	{ &option_csv, VALUE(format) },
	{ }
};

/* Shows how much is done: on a terminal, and if it takes more than two seconds. */
static void progress(uint64_t done, bool last)
{
	static time_t begin, said;
	time_t now = time(NULL);

	if (!isatty(STDERR_FILENO))
		return;
	if (!begin)
		begin = said = now;
	if (last) {
		if (said > begin)
			fputs("\r\033[K", stderr);
	} else if (now > begin + 2 && now > said) {
		fprintf(stderr, "\r%.2f GB", done / 1e9);
		said = now;
	}
}

static void done_so_far(uint64_t done)
{
	progress(done, false);
}

static unsigned int nr_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

/* quiet: that the file is cut off has been said. */
static int feed(struct trace *trace, int fd, const char *path, bool quiet)
{
	static char buffer[BUFFER_SIZE];
	uint64_t done = 0;
	ssize_t n;
	int ret, error;

	for (;;) {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (trace_feed(trace, buffer, n))
			break;
		done += n;
		progress(done, false);
	}
	error = errno;
	progress(done, true);
	if (n < 0) {
		complain("%s: %s, at byte %" PRIu64, path,
			 strerror(error), done);
		return -1;
	}
	ret = trace_finish(trace);
	if (ret > 0 && !quiet)
		complain("%s: %s; what comes before is counted", path, trace_error(trace));
	else if (ret < 0)
		complain("%s: %s: take a new trace", path,
			 trace_error(trace));

	return ret < 0 ? -1 : 0;
}

/* 0: free stats with stats_free(). -1: it has complained. */
static int count(int fd, const char *path, uint64_t until, bool quiet, struct stats *stats)
{
	struct trace *trace = trace_read_file(fd, nr_processors(), until, done_so_far);
	int ret = -1;

	progress(0, true);
	if (!trace) {
		trace = trace_new();
		if (!trace)
			goto no_memory;
		trace_until(trace, until);
		if (feed(trace, fd, path, quiet))
			goto out;
	}
	ret = trace_snapshot(trace, stats);
	if (!ret)
		goto out;
no_memory:
	complain("no memory");
out:
	trace_free(trace);
	return ret;
}

/*
 * What runs at the beginning of a window, and what can be continued there, is known only
 * from the records before it. So count all up to its end, and subtract all up to its
 * beginning.
 */
static int count_window(int fd, const char *path, uint64_t since, uint64_t until,
			struct stats *stats)
{
	off_t begin = lseek(fd, 0, SEEK_CUR);
	struct stats before;

	if (since && begin < 0) {
		complain("%s: --since reads the file twice, and this can be read "
			 "but once", path);
		return -1;
	}
	if (count(fd, path, until, false, stats))
		return -1;
	if (!since)
		return 0;
	lseek(fd, begin, SEEK_SET);
	if (count(fd, path, since, true, &before)) {
		stats_free(stats);
		return -1;
	}
	stats_subtract(stats, &before);
	stats_free(&before);

	return 0;
}

static int check(const struct arguments *arguments)
{
	for (unsigned int i = 0; i < arguments->domain.nr; i++)
		if (!is_domid(arguments->domain.at[i]))
			return complain("--domain: a trace has no names, give a domain's id: %s",
					arguments->domain.at[i]);
	if (arguments->until && arguments->since >= arguments->until)
		return complain("--since: it is not before --until: %" PRIu64, arguments->since);
	return EXIT_OK;
}

static int report_main(int argc, char **argv)
{
	struct arguments arguments = { };
	int first = options_parse(&cmd_report, argc, argv, &arguments), fd, ret;
	struct stats stats;
	const char *path;

	if (first <= 0)
		return first ? EXIT_ERROR : EXIT_OK;
	ret = check(&arguments);
	if (ret)
		return ret;
	path = argv[first];
	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0)
		return complain("%s: %s", path, strerror(errno));
	ret = EXIT_ERROR;
	if (!count_window(fd, path, arguments.since, arguments.until, &stats)) {
		for (unsigned int i = 0; i < arguments.domain.nr; i++)
			if (!domain_find(&stats, arguments.domain.at[i]))
				complain("--domain: %s has no such domain: %s", path,
					 arguments.domain.at[i]);
		domains_select(&stats, &arguments.domain);
		stats_write(stdout, &stats, arguments.format, true);
		stats_free(&stats);
		ret = EXIT_OK;
	}
	if (fd > STDIN_FILENO)
		close(fd);
	return ret;
}

const struct command cmd_report = {
	.name = "report",
	.what = "count the batches in a trace that xentrace wrote",
	.arguments = "FILE",
	.min = 1,
	.max = 1,
	.help = "Counts the batches in a trace that xentrace wrote; FILE - is standard input.\n"
		"A trace has no names of domains, so --domain takes an id. It needs these events:\n"
		"xentrace -D -e " TRACE_EVENT_MASK_TEXT " FILE\n",
	.options = options,
	.run = report_main,
};
