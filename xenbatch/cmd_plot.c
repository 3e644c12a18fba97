// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "output.h"
#include "plot.h"

struct arguments {
	struct strings domain, label;
	const char *output, *title;
};

static const struct option_def option_label = { 'l', "label", "TEXT",
	"what the legend calls a file; the first is for the\n"
	"first file, and so on; default the file's name,\n"
	"without its folder and suffix", option_read_strings, NULL };
static const struct option_def option_title = { 'T', "title", "TEXT",
	"the title", NULL, NULL };

#define VALUE(member)	offsetof(struct arguments, member)

static const struct option_use options[] = {
	{ &option_output, VALUE(output) },
	{ &option_domain, VALUE(domain) },
	{ &option_label, VALUE(label) },
	{ &option_title, VALUE(title) },
	{ }
};

/* In 1.0, -t was the title. In diff, it is the threshold. */
static const struct option_old old[] = {
	{ 't', NULL, NULL, &option_title },
	{ }
};

/* "dir/stock.json" is called "stock". */
static void label_of(const char *path, char *label, size_t size)
{
	const char *slash = strrchr(path, '/');
	char *dot;

	snprintf(label, size, "%.*s", (int)size - 1, slash && slash[1] ? slash + 1 : path);
	dot = strrchr(label, '.');
	if (dot && dot != label)
		*dot = 0;
}

static int read_arm(const char *path, const struct strings *domain, struct plot_arm *arm)
{
	struct stats stats;
	struct error error;
	int ret = 0;

	if (stats_read_file(path, &stats, &error))
		return complain("%s: %s", path, error.text);
	for (unsigned int i = 0; i < domain->nr && !ret; i++)
		if (!domain_find(&stats, domain->at[i]))
			ret = complain("--domain: %s has no such domain: %s", path, domain->at[i]);
	domains_select(&stats, domain);
	for (size_t i = 0; i < stats.nr_domains; i++) {
		struct vcpu_stats total;

		domain_total(&stats.domain[i], &total);
		vcpu_stats_add(&arm->total, &total);
	}
	stats_free(&stats);

	return ret;
}

static int write_plot(const struct arguments *arguments, const struct plot_arm *arm,
		      unsigned int nr)
{
	bool standard = !strcmp(arguments->output, "-");
	FILE *f = standard ? stdout : fopen(arguments->output, "w");
	bool bad;

	if (!f)
		return complain("%s: %s", arguments->output, strerror(errno));
	plot_svg(f, arguments->title, arm, nr);
	/* main() flushes standard output, and complains if it cannot. */
	if (standard)
		return EXIT_OK;
	/* A write may have failed where the last one does not. */
	bad = ferror(f);
	if (fclose(f) || bad)
		return complain("%s: %s", arguments->output, strerror(errno ?: EIO));
	return EXIT_OK;
}

static int plot_main(int argc, char **argv)
{
	struct arguments arguments = { .title = "Sizes of hypercall batches" };
	int first = options_parse(&cmd_plot, argc, argv, &arguments), ret = EXIT_OK;
	struct plot_arm arm[PLOT_MAX_ARMS] = { };
	unsigned int nr = argc - first;

	if (first <= 0)
		return first ? EXIT_ERROR : EXIT_OK;
	if (!arguments.output)
		return complain("--output: it is missing: give a FILE, or - for standard output");
	for (unsigned int i = 0; i < nr && !ret; i++) {
		if (i < arguments.label.nr)
			snprintf(arm[i].label, sizeof(arm[i].label), "%s", arguments.label.at[i]);
		else
			label_of(argv[first + i], arm[i].label, sizeof(arm[i].label));
		ret = read_arm(argv[first + i], &arguments.domain, &arm[i]);
	}
	return ret ?: write_plot(&arguments, arm, nr);
}

const struct command cmd_plot = {
	.name = "plot",
	.what = "draw the batch sizes of records",
	.arguments = "FILE...",
	.min = 1,
	.max = PLOT_MAX_ARMS,
	.help = "Draws the batch sizes of records in JSON, the last line of each FILE, as SVG.\n"
		"Several files stand side by side. All domains of a file are drawn as one.\n",
	.options = options,
	.old = old,
	.run = plot_main,
};
