// SPDX-License-Identifier: GPL-2.0-only

#define _GNU_SOURCE	/* sched_getaffinity() */

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"
#include "trace_file.h"

/* Large enough that the system calls cost nothing, small enough for a cache. */
#define BUFFER_SIZE	(256 * 1024)

static const char help[] =
	"Usage: xenbatch report [OPTION…] FILE\n"
	"Counts what is in a trace that xentrace wrote; FILE - is standard input.\n\n"
	"  -j, --json         one JSON object, in one line\n"
	"  -c, --csv          comma separated values, one count a line\n"
	"  -d, --domain=ID    only this domain; may be given several times\n"
	"      --since=TSC    only what has this time stamp or a later one\n"
	"      --until=TSC    only what has an earlier one\n"
	"  -h, --help         this\n\n"
	"The trace needs: xentrace -D -e " TRACE_EVENT_MASK_TEXT " FILE\n";

enum { OPTION_SINCE = 256, OPTION_UNTIL };

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "csv", no_argument, NULL, 'c' },
	{ "domain", required_argument, NULL, 'd' },
	{ "since", required_argument, NULL, OPTION_SINCE },
	{ "until", required_argument, NULL, OPTION_UNTIL },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* Says how far it is, on a terminal, and only if it takes more than two seconds. */
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

static int feed(struct trace *trace, int fd, const char *path)
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
	if (ret > 0)
		complain("%s: %s; counted what is before", path, trace_error(trace));
	else if (ret < 0)
		complain("%s: %s: take a new trace", path,
			 trace_error(trace));

	return ret < 0 ? -1 : 0;
}

/* 0, and stats is to be freed; or -1, and it said why. */
static int count(int fd, const char *path, uint64_t until, struct stats *stats)
{
	struct trace *trace = trace_read_file(fd, nr_processors(), until, done_so_far);
	int ret = -1;

	progress(0, true);
	if (!trace) {
		trace = trace_new();
		if (!trace)
			goto no_memory;
		trace_until(trace, until);
		if (feed(trace, fd, path))
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
 * Who runs where at its beginning, and what was left to be continued, is known only from
 * what was before. So a window is all up to its end, less all up to its beginning.
 */
static int count_window(int fd, const char *path, uint64_t since, uint64_t until,
			struct stats *stats)
{
	off_t begin = lseek(fd, 0, SEEK_CUR);
	struct stats before;

	if (since && begin < 0) {
		complain("%s: --since reads a file twice, and this can be read "
			 "but once", path);
		return -1;
	}
	if (count(fd, path, until, stats))
		return -1;
	if (!since)
		return 0;
	lseek(fd, begin, SEEK_SET);
	if (count(fd, path, since, &before)) {
		stats_free(stats);
		return -1;
	}
	stats_subtract(stats, &before);
	stats_free(&before);

	return 0;
}

/* False: it said why. */
static bool read_tsc(const char *name, const char *text, unsigned int min, uint64_t *tsc)
{
	char *end;

	errno = 0;
	*tsc = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *tsc >= min)
		return true;
	complain("--%s=%s: give a time stamp, a number from %u on", name,
		 text, min);
	return false;
}

static void select_domains(struct stats *stats, const bool *wanted)
{
	size_t nr = 0;

	for (size_t i = 0; i < stats->nr_domains; i++) {
		if (wanted[stats->domain[i].domid])
			stats->domain[nr++] = stats->domain[i];
		else
			free(stats->domain[i].vcpu);
	}
	stats->nr_domains = nr;
}

int cmd_report(int argc, char **argv)
{
	static bool wanted[UINT16_MAX + 1];
	bool selected = false;
	enum output_format format = OUTPUT_TABLE;
	uint64_t since = 0, until = 0;
	struct stats stats;
	const char *path;
	int fd = -1, option, ret = EXIT_ERROR;

	optind = 0;
	while ((option = getopt_long(argc, argv, "jcd:h", options, NULL)) != -1) {
		unsigned long domid;
		char *end;

		switch (option) {
		case 'j':
			format = OUTPUT_JSON;
			break;
		case 'c':
			format = OUTPUT_CSV;
			break;
		case 'd':
			domid = strtoul(optarg, &end, 10);
			if (*optarg < '0' || *optarg > '9' || *end || domid >= DOMID_RESERVED) {
				complain("--domain=%s: a trace has no names, "
					 "give the number of a domain", optarg);
				return EXIT_ERROR;
			}
			wanted[domid] = selected = true;
			break;
		case OPTION_SINCE:
			if (!read_tsc("since", optarg, 0, &since))
				return EXIT_ERROR;
			break;
		case OPTION_UNTIL:
			if (!read_tsc("until", optarg, 1, &until))
				return EXIT_ERROR;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return EXIT_ERROR;
		}
	}
	if (argc - optind != 1) {
		complain("give one FILE, or - for standard input");
		return EXIT_ERROR;
	}
	path = argv[optind];
	if (until && since >= until) {
		complain("--since is not before --until");
		return EXIT_ERROR;
	}

	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0) {
		complain("%s: %s", path, strerror(errno));
		return EXIT_ERROR;
	}
	if (count_window(fd, path, since, until, &stats))
		goto out;
	if (selected)
		select_domains(&stats, wanted);
	stats_write(stdout, &stats, format, true);
	stats_free(&stats);
	ret = EXIT_OK;
out:
	if (fd > STDIN_FILENO)
		close(fd);
	return ret;
}
