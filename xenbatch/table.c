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
		/* Rather 149k than 0.1M. */
		if (used > width)
			used = snprintf(buf, size, "%.0f%c", scaled, unit[i]);
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

/* " mmu_update 2 EINVAL, 1 EPERM; …" */
static void refused_by_error(FILE *f, const struct vcpu_stats *total)
{
	const char *before = " ";
	char key[COUNTER_KEY_SIZE];

	for (unsigned int c = 0; c < NR_COUNTERS; c++) {
		const struct counter *counter = &counters[c];
		const uint64_t *value = counter_values(counter, total);

		if (counter->kind != COUNTER_BY_ERROR || !counter_sum(counter, total))
			continue;
		fprintf(f, "%s%s", before, counter->json[1]);
		before = " ";
		for (unsigned int i = 0; i < counter->nr; i++) {
			if (!value[i])
				continue;
			fprintf(f, "%s%" PRIu64 " %s", before, value[i],
				counter_key(counter, i, key));
			before = ", ";
		}
		before = "; ";
	}
}

static void refused_line(FILE *f, unsigned int vcpu, const struct refusal *refusal)
{
	char number[2][20];

	snprintf(number[0], sizeof(number[0]), "%u", refusal->op);
	snprintf(number[1], sizeof(number[1]), "error %u", refusal->error);
	fprintf(f, "  vCPU %u: %s: %s, address 0x%" PRIx64 ", value 0x%" PRIx64 "\n", vcpu,
		hypercall_name(refusal->op) ?: number[0], error_name(refusal->error) ?: number[1],
		refusal->address, refusal->value);
}

static void refused(FILE *f, const struct domain_stats *domain)
{
	struct vcpu_stats total;

	domain_total(domain, &total);
	if (!refused_count(&total))
		return;
	fprintf(f, "Xen refused of domain %u:", domain->domid);
	refused_by_error(f, &total);
	fputs("\n", f);
	for (unsigned int v = 0; v < domain->nr_vcpus; v++)
		for (unsigned int i = 0; i < NR_REFUSED && domain->vcpu[v].refused[i].nr; i++)
			refused_line(f, v, &domain->vcpu[v].refused[i]);
}

void stats_write_table(FILE *f, const struct stats *stats)
{
	fprintf(f, "%5s %-*s %10s %9s %5s %10s %5s %9s %5s %9s %6s %6s\n", "DOMID", NAME_WIDTH,
		"NAME", "HYPERCALLS", "MULTICALL", "MEAN", "MMU_UPDATE", "MEAN", "MMUEXT_OP",
		"MEAN", "UPDATE-VA", "PTWR", "FAULTS");
	for (size_t i = 0; i < stats->nr_domains; i++)
		row(f, &stats->domain[i]);
	for (size_t i = 0; i < stats->nr_domains; i++)
		refused(f, &stats->domain[i]);
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
