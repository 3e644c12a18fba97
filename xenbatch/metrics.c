// SPDX-License-Identifier: GPL-2.0-only
/*
 * OpenMetrics 1.0, or Prometheus's text format 0.0.4. These differ in three things: the text
 * format has "_total" in the name of a family of counters, it has no info, and it has no end.
 */

#include "output.h"

#include <inttypes.h>
#include <string.h>

#include "text.h"

/*
 * The buckets' upper bounds, each the last size of a bucket of struct batch_stats. A bound is a
 * time series for each kind of each domain, so there are fewer than buckets: powers of two, 31
 * and 32, which are Linux's limits, and no more where hardly any batch is. The sum is exact.
 */
static const uint32_t bounds[] = {
	0, 1, 2, 4, 8, 16, 31, 32, 64, 127, 255, 1023, 4095, 65535
};

static void label(FILE *f, const char *separator, const char *name, const char *value)
{
	char copy[sizeof(((struct domain_stats *)NULL)->name)];

	/* Both formats are UTF-8, and a domain's name may not be. */
	snprintf(copy, sizeof(copy), "%s", value);
	printable(copy);
	fprintf(f, "%s%s=\"", separator, name);
	for (const char *p = copy; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', f);
		fputc(*p, f);
	}
	fputc('"', f);
}

static void family(FILE *f, const char *name, const char *suffix, const char *type,
		   const char *help)
{
	fprintf(f, "# TYPE xen_%s%s %s\n# HELP xen_%s%s %s.\n", name, suffix, type, name, suffix,
		help);
}

static void counter_family(FILE *f, const char *name, const char *help, bool text)
{
	family(f, name, text ? "_total" : "", "counter", help);
}

/* op: NULL if the family has no such label. */
static void sample(FILE *f, const char *name, const char *suffix, uint16_t domid, const char *op,
		   uint64_t value)
{
	fprintf(f, "xen_%s%s{domain=\"%u\"", name, suffix, domid);
	if (op)
		label(f, ",", "op", op);
	fprintf(f, "} %" PRIu64 "\n", value);
}

/* What all functions below are about: the vCPUs of a domain, added up. */
struct total {
	uint16_t domid;
	struct vcpu_stats vcpu;
};

static void total_of(const struct domain_stats *domain, struct total *total)
{
	total->domid = domain->domid;
	domain_total(domain, &total->vcpu);
}

static void samples(FILE *f, const struct counter *counter, const struct total *total)
{
	const uint64_t *value = counter_values(counter, &total->vcpu);
	char key[COUNTER_KEY_SIZE];

	if (!counter_is_array(counter)) {
		sample(f, counter->name, "_total", total->domid, NULL, *value);
		return;
	}
	for (unsigned int i = 0; i < counter->nr; i++)
		if (value[i])
			sample(f, counter->unit, "_total", total->domid,
			       counter_key(counter, i, key), value[i]);
}

static void histogram(FILE *f, const struct total *total, enum batch_kind kind)
{
	const struct batch_stats *batch = &total->vcpu.batch[kind];
	const char *op = batch_kind_name[kind];
	unsigned int bucket = 0;
	uint64_t so_far = 0;

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		for (; bucket < NR_BUCKETS && bucket_first(bucket) <= bounds[i]; bucket++)
			so_far += batch->size[bucket];
		fprintf(f, "xen_batch_size_bucket{domain=\"%u\",op=\"%s\",le=\"%" PRIu32 ".0\"} %"
			PRIu64 "\n", total->domid, op, bounds[i], so_far);
	}
	fprintf(f, "xen_batch_size_bucket{domain=\"%u\",op=\"%s\",le=\"+Inf\"} %" PRIu64 "\n",
		total->domid, op, batch_count(batch));
	sample(f, "batch_size", "_sum", total->domid, op, batch->requests);
	sample(f, "batch_size", "_count", total->domid, op, batch_count(batch));
}

static void errors(FILE *f, const struct stats *stats, bool text)
{
	struct total total;
	char key[COUNTER_KEY_SIZE];

	counter_family(f, "batch_errors", "Hypercalls and calls in multicalls that Xen refused", text);
	for (size_t d = 0; d < stats->nr_domains; d++) {
		total_of(&stats->domain[d], &total);
		for (unsigned int c = 0; c < NR_COUNTERS; c++) {
			const uint64_t *value = counter_values(&counters[c], &total.vcpu);

			for (unsigned int i = 0; i < counters[c].nr; i++)
				if (counters[c].kind == COUNTER_BY_ERROR && value[i])
					fprintf(f, "xen_batch_errors_total{domain=\"%u\",op=\"%s\","
						"errno=\"%s\"} %" PRIu64 "\n", total.domid,
						counters[c].json[1],
						counter_key(&counters[c], i, key), value[i]);
		}
	}
}

static void info(FILE *f, const struct domain_stats *domain)
{
	fprintf(f, "xen_domain_info{domain=\"%u\"", domain->domid);
	label(f, ",", "name", domain->name);
	label(f, ",", "uuid", domain->uuid);
	fputs("} 1\n", f);
}

static void trace_sample(FILE *f, const char *name, const char *help, uint64_t value, bool text)
{
	counter_family(f, name, help, text);
	fprintf(f, "xen_%s_total %" PRIu64 "\n", name, value);
}

void stats_write_metrics(FILE *f, const struct stats *stats, bool text)
{
	struct total total;

	family(f, "domain", text ? "_info" : "", text ? "gauge" : "info",
	       "The name and the UUID of a domain, since ids are used again");
	for (size_t d = 0; d < stats->nr_domains; d++)
		info(f, &stats->domain[d]);

	for (unsigned int i = 0; i < NR_COUNTERS; i++) {
		const struct counter *counter = &counters[i];

		if (!counter->what)
			continue;
		counter_family(f, counter->kind == COUNTER_BY_HYPERCALL ? counter->unit :
									  counter->name,
			       counter->what, text);
		for (size_t d = 0; d < stats->nr_domains; d++) {
			total_of(&stats->domain[d], &total);
			samples(f, counter, &total);
		}
	}

	family(f, "batch_size", "", "histogram", "How long the lists of batches are");
	for (size_t d = 0; d < stats->nr_domains; d++) {
		total_of(&stats->domain[d], &total);
		for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
			histogram(f, &total, kind);
	}
	counter_family(f, "batch_continuations", "Continuations of batches that Xen preempted",
		       text);
	for (size_t d = 0; d < stats->nr_domains; d++) {
		total_of(&stats->domain[d], &total);
		for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
			sample(f, "batch_continuations", "_total", total.domid,
			       batch_kind_name[kind], total.vcpu.batch[kind].continuations);
	}

	if (!stats->no_refusals)
		errors(f, stats, text);
	if (!strcmp(stats->source, "trace")) {
		trace_sample(f, "trace_lost", "Trace records that Xen lost", stats->lost, text);
		trace_sample(f, "trace_unattributed", "Trace records of no known vCPU",
			     stats->unattributed, text);
	}
	if (!text)
		fputs("# EOF\n", f);
}
