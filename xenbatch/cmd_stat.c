// SPDX-License-Identifier: GPL-2.0-only

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "output.h"
#include "source.h"

static const char help[] =
	"Usage: xenbatch stat [OPTION]...\n"
	"Print what each domain's batches were, a record a period, until Ctrl-C.\n"
	"\n"
	"  -d, --domain DOMAIN    this domain, an id or a name; repeat it for more\n"
	"  -i, --interval SECONDS the length of a period; default 1\n"
	"  -n, --count COUNT      end after so many periods\n"
	"      --total            print what was counted since each domain's creation, once;\n"
	"                         a trace does not know\n"
	"      --source SOURCE    hypfs or trace; default hypfs if this Xen counts there\n"
	"      --xentrace PROGRAM run this one for a trace\n"
	"      --json             JSON, a record a line\n"
	"      --csv              CSV, with a header\n"
	"  -h, --help             print this\n";

enum { OPTION_TOTAL = 256, OPTION_SOURCE, OPTION_XENTRACE, OPTION_JSON, OPTION_CSV };

static const struct option options[] = {
	{ "domain", required_argument, NULL, 'd' },
	{ "interval", required_argument, NULL, 'i' },
	{ "count", required_argument, NULL, 'n' },
	{ "total", no_argument, NULL, OPTION_TOTAL },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "xentrace", required_argument, NULL, OPTION_XENTRACE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "csv", no_argument, NULL, OPTION_CSV },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

struct arguments {
	char **domain;		/* as given */
	size_t nr_domains;
	double interval;
	unsigned long count;	/* 0: no end */
	bool total;
	enum source_kind source;
	const char *xentrace;
	enum output_format format;
};

static int usage(const char *what, const char *value)
{
	complain("%s%s%s: see 'xenbatch stat --help'", what,
		 value ? " " : "", value ? value : "");

	return EXIT_ERROR;
}

/* EXIT_OK to go on, EXIT_ERROR, or -1: there is no more to do. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
	bool paced = false;
	char *end;
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, ":d:i:n:h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			if (!*optarg)
				return usage("--domain: an empty name", NULL);
			arguments->domain[arguments->nr_domains++] = optarg;
			break;
		case 'i':
			arguments->interval = strtod(optarg, &end);
			/* A record of a trace is up to 0.1 s late. */
			if (end == optarg || *end ||
			    !(arguments->interval >= 0.1 && arguments->interval <= 86400))
				return usage("--interval: not 0.1 to 86400 seconds:", optarg);
			paced = true;
			break;
		case 'n':
			errno = 0;
			arguments->count = strtoul(optarg, &end, 10);
			if (!isdigit((unsigned char)*optarg) || *end || errno || !arguments->count)
				return usage("--count: not a number above 0:", optarg);
			paced = true;
			break;
		case OPTION_TOTAL:
			arguments->total = true;
			break;
		case OPTION_SOURCE:
			if (source_kind_of(optarg, &arguments->source))
				return usage("--source: neither hypfs nor trace:", optarg);
			break;
		case OPTION_XENTRACE:
			arguments->xentrace = optarg;
			break;
		case OPTION_JSON:
			arguments->format = OUTPUT_JSON;
			break;
		case OPTION_CSV:
			arguments->format = OUTPUT_CSV;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage("a value is missing:", argv[optind - 1]);
		default:
			return usage("no such option:", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage("what is this:", argv[optind]);
	if (arguments->total && paced)
		return usage("--total has no periods, so neither --interval nor --count", NULL);
	if (arguments->total && arguments->source == SOURCE_TRACE)
		return usage("--total: a trace does not know", NULL);

	return EXIT_OK;
}

static bool is_domain(const char *given, const struct domain_stats *domain)
{
	char domid[8];

	/* A name of digits alone would be Xen's id, for xl too. */
	snprintf(domid, sizeof(domid), "%u", domain->domid);

	return given[strspn(given, "0123456789")] ? !strcmp(given, domain->name)
						  : !strcmp(given, domid);
}

/* Leaves the domains that were asked for. */
static void select_domains(const struct arguments *arguments, struct stats *stats)
{
	for (size_t i = stats->nr_domains; i-- && arguments->nr_domains;) {
		bool wanted = false;

		for (size_t d = 0; d < arguments->nr_domains && !wanted; d++)
			wanted = is_domain(arguments->domain[d], &stats->domain[i]);
		if (!wanted)
			stats_drop(stats, i);
	}
}

/* Not an error, so that stat can be there before the domain is. */
static void say_missing(const struct arguments *arguments, const struct stats *stats)
{
	for (size_t d = 0; d < arguments->nr_domains; d++) {
		bool there = false;

		for (size_t i = 0; i < stats->nr_domains && !there; i++)
			there = is_domain(arguments->domain[d], &stats->domain[i]);
		if (!there)
			complain("domain %s: does not run now%s",
				 arguments->domain[d],
				 arguments->total ? "" : ": shown once it does");
	}
}

/* 0; or what print could not go on for: a signal, SIGPIPE if the reader went; or -1. */
static int print(const struct arguments *arguments, const struct stats *stats, bool first)
{
	if (!first && arguments->format == OUTPUT_TABLE)
		putchar('\n');
	stats_write(stdout, stats, arguments->format, first);
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	if (errno == EPIPE)
		return SIGPIPE;
	if (source_interrupted())
		return source_interrupted();
	/* main() says so. */
	return -1;
}

/* *signal: to die of, as a process that had no xentrace to end first would have. */
static int run(const struct arguments *arguments, struct source *source, int *signal)
{
	double next = seconds_now();
	struct error error;

	for (unsigned long period = 0; !arguments->count || period < arguments->count; period++) {
		enum source_event event = SOURCE_TIME;
		struct stats stats;
		int ret;

		if (!arguments->total) {
			next += arguments->interval;
			/* After a stop, say: one long period, and not all that are missed. */
			if (next < seconds_now())
				next = seconds_now();
			event = source_wait(source, next, -1, &error);
		}
		if (event == SOURCE_INTERRUPTED)
			return EXIT_OK;
		if (event == SOURCE_FAILED)
			goto failed;
		ret = arguments->total ? source_total(source, &stats, &error) :
					 source_period(source, &stats, &error);
		if (ret)
			goto failed;
		if (!period)
			say_missing(arguments, &stats);
		select_domains(arguments, &stats);
		ret = print(arguments, &stats, !period);
		stats_free(&stats);
		if (ret > 0)
			*signal = ret;
		if (ret)
			return EXIT_ERROR;
	}
	return EXIT_OK;

failed:
	complain("%s", error.text);

	return EXIT_ERROR;
}

int cmd_stat(int argc, char **argv)
{
	struct arguments arguments = { .interval = 1 };
	struct source *source;
	struct error error;
	int ret, deadly = 0;

	arguments.domain = calloc(argc + 1, sizeof(*arguments.domain));
	if (!arguments.domain) {
		complain("no memory");
		return EXIT_ERROR;
	}
	ret = parse(argc, argv, &arguments);
	if (ret)
		goto out;
	if (arguments.total) {
		arguments.source = SOURCE_HYPFS;
		arguments.count = 1;
	}
	source_catch_signals();
	source = source_open(arguments.source, arguments.xentrace, &error);
	if (!source) {
		complain("%s", error.text);
		ret = EXIT_ERROR;
		goto out;
	}
	ret = run(&arguments, source, &deadly);
	source_close(source);
	if (deadly) {
		signal(deadly, SIG_DFL);
		raise(deadly);
	}

out:
	free(arguments.domain);

	return ret < 0 ? EXIT_OK : ret;
}
