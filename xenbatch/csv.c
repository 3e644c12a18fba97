// SPDX-License-Identifier: GPL-2.0-only

#include "output.h"

#include "text.h"

#include <inttypes.h>
#include <string.h>

void csv_field(FILE *f, const char *text)
{
	bool quoted = strpbrk(text, "\",\r\n");

	if (quoted)
		fputc('"', f);
	for (int length; *text; text += length ?: 1) {
		length = utf8_length(text);
		/* Line ends and tabs a field may have. No other control character can be written. */
		if (!length || (is_control(text) && !strchr("\t\r\n", *text))) {
			fputc('?', f);
			continue;
		}
		if (*text == '"')
			fputc('"', f);
		fwrite(text, 1, length, f);
	}
	if (quoted)
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

/* The vCPU whose rows are written. */
struct owner {
	const struct stats *stats;
	const struct domain_stats *domain;
	unsigned int vcpu;
};

static void row(FILE *f, const struct owner *owner, const char *counter, const char *key,
		uint64_t value)
{
	if (!value)
		return;
	begin(f, owner->stats);
	fprintf(f, "%u,", owner->domain->domid);
	csv_field(f, owner->domain->name);
	fprintf(f, ",%u,%s,%s,%" PRIu64 "\n", owner->vcpu, counter, key, value);
}

static void rows(FILE *f, const struct owner *owner, const struct counter *counter)
{
	const uint64_t *value = counter_values(counter, &owner->domain->vcpu[owner->vcpu]);
	char key[COUNTER_KEY_SIZE];

	for (unsigned int i = 0; i < counter->nr; i++)
		row(f, owner, counter->name, counter_key(counter, i, key), value[i]);
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

		for (owner.vcpu = 0; owner.vcpu < owner.domain->nr_vcpus; owner.vcpu++)
			for (unsigned int i = 0; i < NR_COUNTERS; i++)
				rows(f, &owner, &counters[i]);
	}
	total(f, stats, "lost", stats->lost);
	total(f, stats, "unattributed", stats->unattributed);
}
