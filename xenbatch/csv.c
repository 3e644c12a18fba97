// SPDX-License-Identifier: GPL-2.0-only

#include "output.h"

#include <inttypes.h>
#include <string.h>

void csv_field(FILE *f, const char *text)
{
	if (!strpbrk(text, "\",\r\n")) {
		fputs(text, f);
		return;
	}
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

static void begin(FILE *f, const struct stats *stats)
{
	csv_field(f, stats->source);
	fputc(',', f);
	if (stats->seconds)
		fprintf(f, "%.9g", stats->seconds);
	fputc(',', f);
}

/* Whose rows are written. */
struct owner {
	const struct stats *stats;
	const struct domain_stats *domain;
	unsigned int vcpu;
};

static void row(FILE *f, const struct owner *owner, const char *counter, const char *suffix,
		const char *key, uint64_t value)
{
	if (!value)
		return;
	begin(f, owner->stats);
	fprintf(f, "%u,", owner->domain->domid);
	csv_field(f, owner->domain->name);
	fprintf(f, ",%u,%s%s,%s,%" PRIu64 "\n", owner->vcpu, counter, suffix, key, value);
}

static void calls(FILE *f, const struct owner *owner, const char *counter, const uint64_t *count)
{
	char number[16];

	for (unsigned int i = 0; i < NR_HYPERCALLS; i++) {
		snprintf(number, sizeof(number), "%u", i);
		row(f, owner, counter, "", hypercall_name(i) ?: number, count[i]);
	}
}

static void batches(FILE *f, const struct owner *owner, enum batch_kind kind,
		    const struct batch_stats *batch)
{
	const char *name = batch_kind_name[kind];
	char number[16];

	for (unsigned int i = 0; i < NR_BUCKETS; i++) {
		snprintf(number, sizeof(number), "%" PRIu32, bucket_first(i));
		row(f, owner, name, "", number, batch->size[i]);
	}
	snprintf(number, sizeof(number), "_%s", batch_unit_name[kind]);
	row(f, owner, name, number, "", batch->requests);
	row(f, owner, name, "_continuations", "", batch->continuations);
}

static void total(FILE *f, const struct stats *stats, const char *counter, uint64_t value)
{
	if (!value)
		return;
	begin(f, stats);
	fprintf(f, ",,,%s,,%" PRIu64 "\n", counter, value);
}

void stats_write_csv(FILE *f, const struct stats *stats, bool header)
{
	if (header)
		fputs("source,seconds,domid,name,vcpu,counter,key,value\n", f);
	for (size_t d = 0; d < stats->nr_domains; d++) {
		struct owner owner = { .stats = stats, .domain = &stats->domain[d] };

		for (owner.vcpu = 0; owner.vcpu < owner.domain->nr_vcpus; owner.vcpu++) {
			const struct vcpu_stats *vcpu = &owner.domain->vcpu[owner.vcpu];

			calls(f, &owner, "hypercall", vcpu->hypercall);
			calls(f, &owner, "subcall", vcpu->subcall);
			for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
				batches(f, &owner, kind, &vcpu->batch[kind]);
			row(f, &owner, "ptwr", "", "", vcpu->ptwr);
			row(f, &owner, "page_fault", "", "", vcpu->page_fault);
		}
	}
	total(f, stats, "lost", stats->lost);
	total(f, stats, "unattributed", stats->unattributed);
}
