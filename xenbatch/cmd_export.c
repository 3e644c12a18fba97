// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain.h"
#include "output.h"
#include "source.h"

struct arguments {
	struct strings domain;
	const char *output;
	bool textfile;
	const char *from;
};

static const struct option_def option_textfile = { 0, "textfile", NULL,
	"print Prometheus's text format 0.0.4, which the\n"
	"textfile collector of node-exporter reads", NULL, NULL };
static const struct option_def option_from_total = { 0, "from", "FILE",
	"print the last record of a FILE that\n"
	"stat --total --json wrote", NULL, NULL };

#define VALUE(member)	offsetof(struct arguments, member)

static const struct option_use options[] = {
	{ &option_output, VALUE(output) },
	{ &option_domain, VALUE(domain) },
	{ &option_textfile, VALUE(textfile) },
	{ &option_from_total, VALUE(from) },
	{ }
};

static int read_total(const struct arguments *arguments, struct stats *stats)
{
	struct source *source;
	struct error error;
	int ret;

	if (arguments->from) {
		if (stats_read_file(arguments->from, stats, &error))
			return complain("%s: %s", arguments->from, error.text);
		/* Only a record of a period has its length. */
		if (!stats->seconds)
			return EXIT_OK;
		stats_free(stats);
		return complain("%s: its last record is of a period: give one of stat --total -j",
				arguments->from);
	}
	source = source_open(SOURCE_HYPFS, NULL, &error);
	ret = source ? source_total(source, stats, &error) : -1;
	source_close(source);

	return ret ? complain("%s", error.text) : EXIT_OK;
}

/* 0, or the number of an error. f is closed. */
static int write_and_close(FILE *f, const struct stats *stats, bool text)
{
	int error = 0;

	stats_write_metrics(f, stats, text);
	if (fflush(f) || ferror(f))
		error = errno ?: EIO;
	if (fclose(f) && !error)
		error = errno;
	return error;
}

/* Makes a file beside path, so that a rename puts it there. NULL: errno says why. */
static FILE *create_beside(const char *path, char *name, size_t size)
{
	mode_t mask = umask(0);
	FILE *f = NULL;
	int fd;

	umask(mask);
	snprintf(name, size, "%s.XXXXXX", path);
	fd = mkstemp(name);
	if (fd < 0)
		return NULL;
	/* mkstemp() lets nobody else read it, but the collector is somebody else. */
	if (!fchmod(fd, 0666 & ~mask))
		f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		unlink(name);
	}
	return f;
}

/*
 * Whoever reads path sees the old counts or the new ones, whole. What is no file, a pipe for
 * example, must not be replaced by one.
 */
static int write_file(const char *path, const struct stats *stats, bool text)
{
	char name[4096], *target;
	struct stat is;
	int error;
	FILE *f;

	/* A link to nothing stays a link, too. */
	if (stat(path, &is) ? !lstat(path, &is) : !S_ISREG(is.st_mode)) {
		f = fopen(path, "w");
		error = f ? write_and_close(f, stats, text) : errno;
		return error ? complain("%s: %s", path, strerror(error)) : EXIT_OK;
	}
	if (strlen(path) + 8 > sizeof(name))
		return complain("%s: %s", path, strerror(ENAMETOOLONG));
	/* A link stays a link. */
	target = realpath(path, NULL);
	f = create_beside(target ?: path, name, sizeof(name));
	error = f ? write_and_close(f, stats, text) : errno;
	if (!error && rename(name, target ?: path))
		error = errno;
	if (f && error)
		unlink(name);
	free(target);

	return error ? complain("%s: %s", path, strerror(error)) : EXIT_OK;
}

static int export_main(int argc, char **argv)
{
	struct arguments arguments = { .output = "-" };
	int first = options_parse(&cmd_export, argc, argv, &arguments), ret;
	struct stats stats;

	if (first <= 0)
		return first ? EXIT_ERROR : EXIT_OK;
	ret = read_total(&arguments, &stats);
	if (ret)
		return ret;
	/* Not an error: a domain that has ended, or is yet to come, has no counts. */
	for (unsigned int i = 0; i < arguments.domain.nr; i++)
		if (!domain_find(&stats, arguments.domain.at[i]))
			complain("--domain: no such PV domain is seen: %s", arguments.domain.at[i]);
	domains_select(&stats, &arguments.domain);
	if (strcmp(arguments.output, "-"))
		ret = write_file(arguments.output, &stats, arguments.textfile);
	else
		/* main() flushes standard output, and complains if it cannot. */
		stats_write_metrics(stdout, &stats, arguments.textfile);
	stats_free(&stats);

	return ret;
}

const struct command cmd_export = {
	.name = "export",
	.what = "print all counts as OpenMetrics, for Prometheus",
	.arguments = "",
	.help = "Prints the counts of each domain since it was created, once, as OpenMetrics. A\n"
		"FILE is replaced in one step, so that a reader never sees half of it.\n",
	.options = options,
	.run = export_main,
};
