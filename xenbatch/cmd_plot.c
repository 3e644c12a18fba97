// SPDX-License-Identifier: GPL-2.0-only

#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "plot.h"

static const char help[] =
	"Usage: xenbatch plot [OPTION…] FILE… -o OUT.svg\n"
	"Draws the batch sizes in records in JSON, the last line of each FILE, as SVG. Several\n"
	"files stand side by side.\n\n"
	"  -o, --output=FILE    where to write it; - is standard output\n"
	"  -d, --domain=DOMAIN  this domain only, by name or number; else all together\n"
	"  -l, --label=TEXT     what to call a file in the legend: the first is the first\n"
	"                       file's, and so on; else it is the file's name\n"
	"  -t, --title=TEXT     the title\n"
	"  -h, --help           this\n";

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "domain", required_argument, NULL, 'd' },
	{ "label", required_argument, NULL, 'l' },
	{ "title", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
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

static int read_arm(const char *path, const char *domain, struct plot_arm *arm)
{
	struct stats stats;
	struct error error;
	bool found = false;

	if (stats_read_file(path, &stats, &error)) {
		complain("%s: %s", path, error.text);
		return -1;
	}
	for (size_t i = 0; i < stats.nr_domains; i++) {
		struct vcpu_stats total;
		char number[16];

		snprintf(number, sizeof(number), "%u", stats.domain[i].domid);
		if (domain && strcmp(domain, number) && strcmp(domain, stats.domain[i].name))
			continue;
		domain_total(&stats.domain[i], &total);
		vcpu_stats_add(&arm->total, &total);
		found = true;
	}
	stats_free(&stats);
	if (domain && !found) {
		complain("%s: it has no domain \"%s\"", path, domain);
		return -1;
	}
	return 0;
}

int cmd_plot(int argc, char **argv)
{
	const char *output = NULL, *domain = NULL, *title = "Sizes of hypercall batches";
	struct plot_arm *arm = NULL;
	const char *label[PLOT_MAX_ARMS];
	unsigned int nr_labels = 0, nr;
	int option, ret = EXIT_ERROR;
	FILE *f = NULL;

	optind = 0;
	while ((option = getopt_long(argc, argv, "o:d:l:t:h", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			output = optarg;
			break;
		case 'd':
			domain = optarg;
			break;
		case 'l':
			if (nr_labels < PLOT_MAX_ARMS)
				label[nr_labels++] = optarg;
			break;
		case 't':
			title = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return EXIT_ERROR;
		}
	}
	nr = argc - optind;
	if (!output || nr < 1 || nr > PLOT_MAX_ARMS) {
		complain("give 1 to %d files, and --output", PLOT_MAX_ARMS);
		return EXIT_ERROR;
	}
	arm = calloc(nr, sizeof(*arm));
	if (!arm) {
		complain("no memory");
		return EXIT_ERROR;
	}
	for (unsigned int i = 0; i < nr; i++) {
		const char *path = argv[optind + i];

		if (i < nr_labels)
			snprintf(arm[i].label, sizeof(arm[i].label), "%s", label[i]);
		else
			label_of(path, arm[i].label, sizeof(arm[i].label));
		if (read_arm(path, domain, &arm[i]))
			goto out;
	}

	f = strcmp(output, "-") ? fopen(output, "w") : stdout;
	if (!f) {
		complain("%s: %s", output, strerror(errno));
		goto out;
	}
	plot_svg(f, title, arm, nr);
	/* main() looks at standard output. */
	if (f == stdout)
		ret = EXIT_OK;
	else if (fclose(f))
		complain("%s: %s", output, strerror(errno));
	else
		ret = EXIT_OK;
out:
	free(arm);
	return ret;
}
