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
	"  -h, --help         this\n\n"
	"The trace needs: xentrace -D -e 0x00223000 FILE\n";

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "csv", no_argument, NULL, 'c' },
	{ "domain", required_argument, NULL, 'd' },
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
		fprintf(stderr, "xenbatch report: %s: %s, at byte %" PRIu64 "\n", path,
			strerror(error), done);
		return -1;
	}
	ret = trace_finish(trace);
	if (ret > 0)
		fprintf(stderr, "xenbatch report: %s: %s; counted what is before\n", path,
			trace_error(trace));
	else if (ret < 0)
		fprintf(stderr, "xenbatch report: %s: %s: take a new trace\n", path,
			trace_error(trace));

	return ret < 0 ? -1 : 0;
}

/* NULL: it said why. */
static struct trace *count(int fd, const char *path)
{
	struct trace *trace = trace_read_file(fd, nr_processors(), done_so_far);

	progress(0, true);
	if (trace)
		return trace;
	trace = trace_new();
	if (!trace) {
		fputs("xenbatch report: no memory\n", stderr);
		return NULL;
	}
	if (feed(trace, fd, path)) {
		trace_free(trace);
		return NULL;
	}
	return trace;
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
	struct trace *trace = NULL;
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
				fprintf(stderr, "xenbatch report: --domain=%s: a trace has no names, "
					"give the number of a domain\n", optarg);
				return EXIT_ERROR;
			}
			wanted[domid] = selected = true;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return EXIT_ERROR;
		}
	}
	if (argc - optind != 1) {
		fputs("xenbatch report: give one FILE, or - for standard input\n", stderr);
		return EXIT_ERROR;
	}
	path = argv[optind];

	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0) {
		fprintf(stderr, "xenbatch report: %s: %s\n", path, strerror(errno));
		return EXIT_ERROR;
	}
	trace = count(fd, path);
	if (!trace)
		goto out;

	if (trace_snapshot(trace, &stats)) {
		fputs("xenbatch report: no memory\n", stderr);
		goto out;
	}
	if (selected)
		select_domains(&stats, wanted);
	stats_write(stdout, &stats, format, true);
	stats_free(&stats);
	ret = EXIT_OK;
out:
	trace_free(trace);
	if (fd > STDIN_FILENO)
		close(fd);
	return ret;
}
