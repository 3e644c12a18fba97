// SPDX-License-Identifier: GPL-2.0-only

#include "command.h"

#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "output.h"
#include "text.h"

static const char help[] =
	"Usage: xenbatch diff [OPTION…] OLD NEW\n"
	"Compares two records in JSON, the last line of either file: says what changed,\n"
	"and exits with 1 if a change is past a limit.\n\n"
	"  -t, --threshold=LIMIT      for every counter; LIMIT in percent: 5 for either\n"
	"                             direction, +5 for growth only, -5 for decline only\n"
	"  -c, --counter=NAME=LIMIT   for this counter, before --threshold; may be repeated\n"
	"  -m, --min=COUNT            a counter under COUNT in both never is past a limit\n"
	"  -d, --domain=OLD[=NEW]     this domain only, by name or number, against that one;\n"
	"                             may be repeated\n"
	"  -j, --json                 JSON, a change a line\n"
	"      --csv                  CSV, likewise\n"
	"  -h, --help                 this\n\n"
	"Domains are matched by name where both records have one, else by number.\n"
	"Counters: hypercall subcall multicall multicall_mean multicall_continuations\n"
	"mmu_update… mmuext_op… (likewise) update_va_mapping ptwr page_fault\n";

enum { OPTION_CSV = 256 };

static const struct option options[] = {
	{ "threshold", required_argument, NULL, 't' },
	{ "counter", required_argument, NULL, 'c' },
	{ "min", required_argument, NULL, 'm' },
	{ "domain", required_argument, NULL, 'd' },
	{ "json", no_argument, NULL, 'j' },
	{ "csv", no_argument, NULL, OPTION_CSV },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

#define MAX_DOMAINS	64

/* How much a counter may change, in percent; infinity: as it likes. */
struct limit {
	double up, down;
};

struct value {
	double value;
	uint64_t weight;	/* how much was counted to come to it, for --min */
	bool mean;
};

struct diff {
	struct limit limit[NR_COUNTERS];	/* of counters[] */
	uint64_t min;
	enum output_format format;
	unsigned int past;	/* how many changes are past their limit */
	unsigned int nr_domains;
	char *domain[MAX_DOMAINS];
};

static struct value value_of(const struct counter *counter, const struct vcpu_stats *total)
{
	uint64_t sum = counter_sum(counter, total);

	if (counter->kind == COUNTER_SIZES)
		return (struct value){ counter_mean(counter, total),
				       counter_sum(counter - 1, total), true };
	return (struct value){ sum, sum, false };
}

/* A change of a counter, or a domain that one of the two records lacks. */
struct change {
	const struct domain_stats *old, *new;	/* one may be NULL */
	const char *counter;			/* NULL: of the domain itself */
	struct value a, b;
	double percent;				/* infinity: it was zero */
	bool past;
};

static void print_json(const struct change *change)
{
	const struct domain_stats *any = change->old ? change->old : change->new;
	struct json_object *name = json_object_new_string(any->name);

	printf("{\"old_domid\":");
	if (change->old)
		printf("%u", change->old->domid);
	else
		printf("null");
	printf(",\"new_domid\":");
	if (change->new)
		printf("%u", change->new->domid);
	else
		printf("null");
	printf(",\"name\":%s", any->name[0] ? json_object_to_json_string(name) : "null");
	json_object_put(name);
	if (change->counter) {
		printf(",\"counter\":\"%s\",\"old\":%.*f,\"new\":%.*f,\"percent\":",
		       change->counter, change->a.mean * 2, change->a.value,
		       change->a.mean * 2, change->b.value);
		if (isinf(change->percent))
			printf("null");
		else
			printf("%.1f", change->percent);
	}
	printf(",\"past_limit\":%s}\n", change->past ? "true" : "false");
}

static void print_csv(const struct change *change)
{
	if (change->old)
		printf("%u", change->old->domid);
	putchar(',');
	if (change->new)
		printf("%u", change->new->domid);
	putchar(',');
	csv_field(stdout, change->old ? change->old->name : change->new->name);
	if (change->counter)
		printf(",%s,%.*f,%.*f,", change->counter, change->a.mean * 2, change->a.value,
		       change->a.mean * 2, change->b.value);
	else
		printf(",,,,");
	if (change->counter && !isinf(change->percent))
		printf("%.1f", change->percent);
	printf(",%d\n", change->past);
}

/* False: neither was asked for. */
static bool print_row(enum output_format format, const struct change *change)
{
	if (format == OUTPUT_JSON)
		print_json(change);
	else if (format == OUTPUT_CSV)
		print_csv(change);
	else
		return false;
	return true;
}

static void print_text(const struct change *change)
{
	printf("  %-26s %15.*f %15.*f ", change->counter, change->a.mean * 2, change->a.value,
	       change->a.mean * 2, change->b.value);
	if (isinf(change->percent))
		printf("%10s", "new");
	else
		printf("%+9.1f%%", change->percent);
	puts(change->past ? "  past the limit" : "");
}

static void compare(struct diff *diff, const struct domain_stats *old,
		    const struct domain_stats *new)
{
	struct vcpu_stats old_total, new_total;
	bool same = true;

	domain_total(old, &old_total);
	domain_total(new, &new_total);
	for (unsigned int i = 0; i < NR_COUNTERS; i++) {
		struct value a = value_of(&counters[i], &old_total);
		struct value b = value_of(&counters[i], &new_total);
		struct change change = { .old = old, .new = new, .counter = counters[i].diff,
					 .a = a, .b = b };

		if (a.value == b.value)
			continue;
		/* From nothing to something is past every limit of growth. */
		change.percent = a.value ? (b.value - a.value) / a.value * 100 : INFINITY;
		change.past = (change.percent > diff->limit[i].up ||
			       -change.percent > diff->limit[i].down) &&
			      (a.weight >= diff->min || b.weight >= diff->min);
		diff->past += change.past;

		if (!print_row(diff->format, &change)) {
			if (same)
				printf("  %-26s %15s %15s %10s\n", "", "old", "new", "change");
			print_text(&change);
		}
		same = false;
	}
	if (same && diff->format == OUTPUT_TABLE)
		puts("  no change");
}

/* "12", "Domain-0 (0)". */
static void print_domain(const struct domain_stats *domain)
{
	char name[sizeof(domain->name)];

	strcpy(name, domain->name);
	if (*name)
		printf("%s (%u)", printable(name), domain->domid);
	else
		printf("%u", domain->domid);
}

/* The domain of a name, or number. */
static struct domain_stats *look_up(const struct stats *stats, const char *what)
{
	char *end;
	unsigned long domid = strtoul(what, &end, 10);

	for (size_t i = 0; i < stats->nr_domains; i++)
		if (*what && !strcmp(stats->domain[i].name, what))
			return &stats->domain[i];
	if (*what < '0' || *what > '9' || *end || domid > UINT16_MAX)
		return NULL;
	return stats_find(stats, domid);
}

/* The same domain in another record. */
static struct domain_stats *counterpart(const struct domain_stats *domain,
					const struct stats *other)
{
	struct domain_stats *found;

	for (size_t i = 0; domain->name[0] && i < other->nr_domains; i++)
		if (!strcmp(other->domain[i].name, domain->name))
			return &other->domain[i];
	found = stats_find(other, domain->domid);
	/* The number was another domain's. */
	if (found && found->name[0] && domain->name[0])
		return NULL;
	return found;
}

static bool has_limit(const struct diff *diff)
{
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		if (isfinite(diff->limit[i].up) || isfinite(diff->limit[i].down))
			return true;
	return false;
}

static void only_in(struct diff *diff, const struct domain_stats *domain, bool old)
{
	struct change change = { .old = old ? domain : NULL, .new = old ? NULL : domain,
				 .past = has_limit(diff) };

	diff->past += change.past;
	if (print_row(diff->format, &change))
		return;
	printf("domain ");
	print_domain(domain);
	printf(": only in the %s record%s\n", old ? "old" : "new",
	       change.past ? "  past the limit" : "");
}

static void compare_pair(struct diff *diff, const struct domain_stats *old,
			 const struct domain_stats *new)
{
	if (diff->format == OUTPUT_TABLE) {
		printf("domain ");
		print_domain(old);
		if (old->domid != new->domid || strcmp(old->name, new->name)) {
			printf(" and ");
			print_domain(new);
		}
		puts(":");
	}
	compare(diff, old, new);
}

static int compare_selected(struct diff *diff, const struct stats *old, const struct stats *new)
{
	for (unsigned int i = 0; i < diff->nr_domains; i++) {
		char *what = diff->domain[i], *equals = strchr(what, '=');
		const struct domain_stats *a, *b;

		if (equals)
			*equals = 0;
		a = look_up(old, what);
		if (!a) {
			complain("--domain: the old record has no domain "
				 "\"%s\"", what);
			return -1;
		}
		b = equals ? look_up(new, equals + 1) : counterpart(a, new);
		if (!b) {
			complain("--domain: the new record has no domain "
				 "\"%s\": give it as %s=NEW", equals ? equals + 1 : what, what);
			return -1;
		}
		compare_pair(diff, a, b);
	}
	return 0;
}

static void compare_all(struct diff *diff, const struct stats *old, const struct stats *new)
{
	for (size_t i = 0; i < old->nr_domains; i++) {
		const struct domain_stats *other = counterpart(&old->domain[i], new);

		if (other)
			compare_pair(diff, &old->domain[i], other);
		else
			only_in(diff, &old->domain[i], true);
	}
	for (size_t i = 0; i < new->nr_domains; i++)
		if (!counterpart(&new->domain[i], old))
			only_in(diff, &new->domain[i], false);
}

static void warn_lost(const char *path, const struct stats *stats)
{
	if (stats->lost)
		complain("%s: Xen lost %" PRIu64 " trace records, so all its "
			 "counts are too low", path, stats->lost);
}

static int parse_limit(const char *text, struct limit *limit)
{
	char sign = *text == '+' || *text == '-' ? *text++ : 0;
	char *end;
	double percent = strtod(text, &end);

	if (*text == '%' || !((*text >= '0' && *text <= '9') || *text == '.') ||
	    !isfinite(percent) || end == text || (*end && strcmp(end, "%")))
		return -1;
	limit->up = sign == '-' ? INFINITY : percent;
	limit->down = sign == '+' ? INFINITY : percent;
	return 0;
}

/* NAME=LIMIT */
static int parse_counter(struct diff *diff, const char *text)
{
	const char *equals = strchr(text, '=');

	for (unsigned int i = 0; equals && i < NR_COUNTERS; i++) {
		const char *name = counters[i].diff;

		if (strlen(name) == (size_t)(equals - text) && !strncmp(name, text, equals - text))
			return parse_limit(equals + 1, &diff->limit[i]);
	}
	return -1;
}

int cmd_diff(int argc, char **argv)
{
	struct diff diff = { };
	struct limit all = { INFINITY, INFINITY };
	struct stats old, new;
	struct error error;
	char *end;
	const char *named[NR_COUNTERS * 4];
	unsigned int nr_named = 0;
	int option, ret = EXIT_ERROR;

	optind = 0;
	while ((option = getopt_long(argc, argv, "t:c:m:d:jh", options, NULL)) != -1) {
		switch (option) {
		case 't':
			if (!parse_limit(optarg, &all))
				continue;
			complain("--threshold=%s: give percent, as 5, +5 or "
				 "-5", optarg);
			return EXIT_ERROR;
		case 'c':
			if (nr_named < sizeof(named) / sizeof(named[0])) {
				named[nr_named++] = optarg;
				continue;
			}
			complain("--counter is there too often");
			return EXIT_ERROR;
		case 'm':
			diff.min = strtoull(optarg, &end, 10);
			if (*optarg >= '0' && *optarg <= '9' && !*end)
				continue;
			complain("--min=%s: give a count", optarg);
			return EXIT_ERROR;
		case 'd':
			if (diff.nr_domains < MAX_DOMAINS) {
				diff.domain[diff.nr_domains++] = optarg;
				continue;
			}
			complain("--domain is there too often");
			return EXIT_ERROR;
		case 'j':
			diff.format = OUTPUT_JSON;
			break;
		case OPTION_CSV:
			diff.format = OUTPUT_CSV;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			return EXIT_ERROR;
		}
	}
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		diff.limit[i] = all;
	for (unsigned int i = 0; i < nr_named; i++) {
		if (!parse_counter(&diff, named[i]))
			continue;
		complain("--counter=%s: give NAME=PERCENT, and a name that "
			 "--help lists", named[i]);
		return EXIT_ERROR;
	}
	if (argc - optind != 2) {
		complain("give two records, OLD and NEW");
		return EXIT_ERROR;
	}

	if (stats_read_file(argv[optind], &old, &error)) {
		complain("%s: %s", argv[optind], error.text);
		return EXIT_ERROR;
	}
	if (stats_read_file(argv[optind + 1], &new, &error)) {
		complain("%s: %s", argv[optind + 1], error.text);
		goto out_old;
	}
	warn_lost(argv[optind], &old);
	warn_lost(argv[optind + 1], &new);

	if (diff.format == OUTPUT_CSV)
		puts("old_domid,new_domid,name,counter,old,new,percent,past_limit");
	if (!diff.nr_domains)
		compare_all(&diff, &old, &new);
	else if (compare_selected(&diff, &old, &new))
		goto out;
	ret = diff.past ? EXIT_PAST_LIMIT : EXIT_OK;
	if (diff.past && diff.format == OUTPUT_TABLE)
		printf("%u past the limit\n", diff.past);
out:
	stats_free(&new);
out_old:
	stats_free(&old);
	return ret;
}
