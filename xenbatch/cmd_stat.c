// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "clock.h"
#include "domain.h"
#include "output.h"
#include "source.h"

struct arguments {
	struct strings domain;
	double interval;	/* 0: not given */
	uint64_t count;		/* 0: not given, so no end */
	bool total;
	unsigned int source;	/* enum source_kind */
	const char *xentrace;
	enum output_format format;
};

static const struct option_def option_total = { 0, "total", NULL,
	"print the counts since each domain was created,\n"
	"once; a trace does not have them", NULL, NULL };

#define VALUE(member)	offsetof(struct arguments, member)

static const struct option_use options[] = {
	{ &option_domain, VALUE(domain) },
	{ &option_interval, VALUE(interval) },
	{ &option_count, VALUE(count) },
	{ &option_total, VALUE(total) },
	{ &option_source, VALUE(source) },
	{ &option_xentrace, VALUE(xentrace) },
	{ &option_json, VALUE(format) },
	{ &option_csv, VALUE(format) },
	{ }
};

static int check(struct arguments *arguments)
{
	if (!arguments->total) {
		if (!arguments->interval)
			arguments->interval = 1;
		return EXIT_OK;
	}
	if (arguments->interval || arguments->count)
		return complain("--total: it has no periods, so give no --interval and no --count");
	if (arguments->source == SOURCE_TRACE)
		return complain("--total: a trace does not have these counts");
	arguments->source = SOURCE_HYPFS;
	arguments->count = 1;

	return EXIT_OK;
}

/* Not an error: stat can be started before the domain is. */
static void warn_missing(const struct arguments *arguments, const struct stats *stats)
{
	for (unsigned int i = 0; i < arguments->domain.nr; i++)
		if (!domain_find(stats, arguments->domain.at[i]))
			complain("--domain: no such PV domain is seen now%s: %s",
				 arguments->total ? "" : ", it is shown once it is",
				 arguments->domain.at[i]);
}

/* 0; the signal that ended it, SIGPIPE if the reader has gone; or -1: another error. */
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
	/* main() complains about standard output. */
	return -1;
}

/* Sets *signal to the one to die of once xentrace has been ended; 0: none. */
static int run(const struct arguments *arguments, struct source *source, int *signal)
{
	double next = seconds_now();
	struct error error;

	for (uint64_t period = 0; !arguments->count || period < arguments->count; period++) {
		enum source_event event = SOURCE_TIME;
		struct stats stats;
		int ret;

		if (!arguments->total) {
			next += arguments->interval;
			/* After a stop, for example: one long period, not many short ones. */
			if (next < seconds_now())
				next = seconds_now() + arguments->interval;
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
			warn_missing(arguments, &stats);
		domains_select(&stats, &arguments->domain);
		ret = print(arguments, &stats, !period);
		stats_free(&stats);
		if (ret > 0)
			*signal = ret;
		if (ret)
			return EXIT_ERROR;
	}
	return EXIT_OK;

failed:
	return complain("%s", error.text);
}

static int stat_main(int argc, char **argv)
{
	struct arguments arguments = { .source = SOURCE_AUTO };
	int first = options_parse(&cmd_stat, argc, argv, &arguments), deadly = 0, ret;
	struct source *source;
	struct error error;

	if (first <= 0)
		return first ? EXIT_ERROR : EXIT_OK;
	ret = check(&arguments);
	if (ret)
		return ret;
	source_catch_signals();
	source = source_open(arguments.source, arguments.xentrace, &error);
	if (!source)
		return complain("%s", error.text);
	ret = run(&arguments, source, &deadly);
	source_close(source);
	if (deadly) {
		signal(deadly, SIG_DFL);
		raise(deadly);
	}
	return ret;
}

const struct command cmd_stat = {
	.name = "stat",
	.what = "print each domain's batches, period by period",
	.arguments = "",
	.help = "Prints a record of each domain's batches every period, until Ctrl-C.\n",
	.options = options,
	.run = stat_main,
};
