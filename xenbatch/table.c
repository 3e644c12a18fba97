// SPDX-License-Identifier: GPL-2.0-only

#include "output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "text.h"

#define NAME_WIDTH	10

/* The value in at most width (4 to 15) characters: in thousands, millions, … if it is longer. */
static const char *count(char *buf, size_t size, uint64_t value, int width)
{
	static const char unit[] = "kMGTPE";
	double scaled = value;
	int used = snprintf(buf, size, "%" PRIu64, value);

	for (unsigned int i = 0; used > width && unit[i]; i++) {
		scaled /= 1000;
		used = snprintf(buf, size, "%.*f%c", width > 4 && scaled < 999.95, scaled, unit[i]);
	}
	return buf;
}

static const char *mean(char *buf, size_t size, double value)
{
	if (value < 999.95)
		snprintf(buf, size, "%.1f", value);
	else
		count(buf, size, llround(value), 5);
	return buf;
}

static void row(FILE *f, const struct domain_stats *domain)
{
	struct vcpu_stats total;
	uint64_t hypercalls = 0;
	char name[NAME_WIDTH + 1], buf[32];

	domain_total(domain, &total);
	for (unsigned int i = 0; i < NR_HYPERCALLS; i++)
		hypercalls += total.hypercall[i];

	snprintf(name, sizeof(name), "%.*s", NAME_WIDTH, domain->name[0] ? domain->name : "-");
	fprintf(f, "%5u %-*s %10s", domain->domid, NAME_WIDTH, printable(name),
		count(buf, sizeof(buf), hypercalls, 10));
	for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++) {
		const struct batch_stats *batch = &total.batch[kind];
		int width = strlen(batch_kind_name[kind]);

		fprintf(f, " %*s", width, count(buf, sizeof(buf), batch_count(batch), width));
		fprintf(f, " %5s", mean(buf, sizeof(buf), batch_mean(batch)));
	}
	fprintf(f, " %9s", count(buf, sizeof(buf), total.hypercall[HYPERCALL_UPDATE_VA_MAPPING] +
				 total.subcall[HYPERCALL_UPDATE_VA_MAPPING], 9));
	fprintf(f, " %6s", count(buf, sizeof(buf), total.ptwr, 6));
	fprintf(f, " %6s\n", count(buf, sizeof(buf), total.page_fault, 6));
}

void stats_write_table(FILE *f, const struct stats *stats)
{
	fprintf(f, "%5s %-*s %10s %9s %5s %10s %5s %9s %5s %9s %6s %6s\n", "DOMID", NAME_WIDTH,
		"NAME", "HYPERCALLS", "MULTICALL", "MEAN", "MMU_UPDATE", "MEAN", "MMUEXT_OP",
		"MEAN", "UPDATE-VA", "PTWR", "FAULTS");
	for (size_t i = 0; i < stats->nr_domains; i++)
		row(f, &stats->domain[i]);
	if (stats->lost)
		fprintf(f, "Xen lost %" PRIu64 " trace records, so all counts are too low.\n",
			stats->lost);
	if (stats->unattributed)
		fprintf(f, "%" PRIu64 " trace records of no known vCPU are not in the counts.\n",
			stats->unattributed);
}

void stats_write(FILE *f, const struct stats *stats, enum output_format format, bool first)
{
	switch (format) {
	case OUTPUT_TABLE:
		stats_write_table(f, stats);
		break;
	case OUTPUT_JSON:
		stats_write_json(f, stats);
		break;
	case OUTPUT_CSV:
		stats_write_csv(f, stats, first);
		break;
	}
}
