// SPDX-License-Identifier: GPL-2.0-only

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "domain.h"
#include "output.h"
#include "text.h"

/* Options */

struct own_limits {
	bool given[NR_COUNTERS];
	struct limit limit[NR_COUNTERS];
};

struct arguments {
	struct strings domain;		/* OLD or OLD=NEW */
	struct limit threshold;		/* of the counters that have no limit of their own */
	struct own_limits own;
	uint64_t min;
	enum output_format format;
};

static const char *counter_choice(unsigned int i)
{
	return i < NR_COUNTERS ? counters[i].diff : NULL;
}

/* The counter that NAME=LIMIT is about, or -1. */
static int counter_of(const char *value)
{
	const char *equals = strchr(value, '=');

	for (int i = 0; equals && i < NR_COUNTERS; i++) {
		const char *name = counters[i].diff;

		if (strlen(name) == (size_t)(equals - value) &&
		    !strncmp(name, value, equals - value))
			return i;
	}
	return -1;
}

static bool has_counter(const char *value)
{
	return counter_of(value) >= 0;
}

static int read_own_limit(const char *value, void *to, struct error *error)
{
	struct own_limits *own = to;
	int i = counter_of(value);

	if (i < 0)
		return failed(error, "not NAME=LIMIT, with a NAME that --help lists");
	own->given[i] = true;

	return option_read_limit(strchr(value, '=') + 1, &own->limit[i], error);
}

static const struct option_def option_pair = { 'd', "domain", "OLD[=NEW]",
	"only this domain of the old record, compared\n"
	"with NEW of the new one; default the domain of\n"
	"the same name or id; can be given several times", option_read_strings, NULL };
static const struct option_def option_threshold = { 't', "threshold", "LIMIT",
	"how many percent any counter may change: 5 both\n"
	"ways, +5 grow, -5 decline", option_read_limit, NULL };
static const struct option_def option_counter = { 'C', "counter", "NAME=LIMIT",
	"the same for one counter, instead of --threshold;\n"
	"can be given several times", read_own_limit, counter_choice };
static const struct option_def option_min = { 'm', "min", "COUNT",
	"no limit for a counter below COUNT in both records", option_read_number, NULL };

#define VALUE(member)	offsetof(struct arguments, member)

static const struct option_use options[] = {
	{ &option_pair, VALUE(domain) },
	{ &option_threshold, VALUE(threshold) },
	{ &option_counter, VALUE(own) },
	{ &option_min, VALUE(min) },
	{ &option_json, VALUE(format) },
	{ &option_csv, VALUE(format) },
	{ }
};

/* In 1.0, -c was --counter. It is --csv now; for this release, not yet before NAME=LIMIT. */
static const struct option_old old_options[] = {
	{ 'c', NULL, has_counter, &option_counter },
	{ }
};

/* Select */

/* One of the two is NULL for a domain that one record only has. */
struct pair {
	const struct domain_stats *old, *new;
};

/* The same domain in another record. */
static struct domain_stats *counterpart(const struct domain_stats *domain,
					const struct stats *other)
{
	struct domain_stats *found;

	for (size_t i = 0; domain->name[0] && i < other->nr_domains; i++)
		if (!strcmp(other->domain[i].name, domain->name))
			return &other->domain[i];
	found = stats_find(other, domain->domid);
	/* The names differ, so another domain has the id now. */
	if (found && found->name[0] && domain->name[0])
		return NULL;
	return found;
}

/* Its counterpart, unless that one's is another domain, of its name. */
static const struct domain_stats *partner(const struct domain_stats *domain,
					  const struct stats *of, const struct stats *other)
{
	const struct domain_stats *found = counterpart(domain, other);

	return found && counterpart(found, of) == domain ? found : NULL;
}

static size_t select_all(const struct stats *old, const struct stats *new, struct pair *pair)
{
	size_t nr = 0;

	for (size_t i = 0; i < old->nr_domains; i++)
		pair[nr++] = (struct pair){ &old->domain[i], partner(&old->domain[i], old, new) };
	for (size_t i = 0; i < new->nr_domains; i++)
		if (!partner(&new->domain[i], new, old))
			pair[nr++] = (struct pair){ NULL, &new->domain[i] };
	return nr;
}

/* A name may have a '=', so the whole is tried as a domain first. */
static int select_one(const char *what, const struct stats *old, const struct stats *new,
		      struct pair *pair)
{
	const char *equals = strchr(what, '=');
	char *first;

	pair->old = domain_find(old, what);
	if (pair->old || !equals) {
		pair->new = pair->old ? counterpart(pair->old, new) : NULL;
	} else {
		first = strndup(what, equals - what);
		if (!first)
			return complain("no memory");
		pair->old = domain_find(old, first);
		pair->new = domain_find(new, equals + 1);
		free(first);
	}
	if (!pair->old)
		return complain("--domain: the old record has no such domain: %s", what);
	if (!pair->new)
		return complain("--domain: the new record has no such domain%s: %s",
				equals ? "" : ", give OLD=NEW", what);
	return 0;
}

/* The pairs to compare, to be freed; NULL: it has complained. */
static struct pair *select_pairs(const struct strings *wanted, const struct stats *old,
				 const struct stats *new, size_t *nr)
{
	struct pair *pair = calloc(old->nr_domains + new->nr_domains + wanted->nr + 1,
				   sizeof(*pair));

	if (!pair) {
		complain("no memory");
		return NULL;
	}
	*nr = wanted->nr ? wanted->nr : select_all(old, new, pair);
	for (unsigned int i = 0; i < wanted->nr; i++) {
		if (select_one(wanted->at[i], old, new, &pair[i])) {
			free(pair);
			return NULL;
		}
	}
	return pair;
}

/* Print */

struct value {
	double value;
	uint64_t weight;	/* what --min compares: of a mean, the number of batches */
	bool mean;
};

/* A change of a counter; or a domain that one record only has. */
struct change {
	struct pair pair;
	const char *counter;			/* NULL: of the domain itself */
	struct value old, new;
	double percent;				/* infinity: it was zero */
	bool past;
};

#define VALUE_SIZE	32

static const char *value_text(const struct value *value, char *text)
{
	snprintf(text, VALUE_SIZE, "%.*f", value->mean * 2, value->value);
	return text;
}

/* As text, since a double would get more digits than it was counted with. */
static struct json_object *number_object(double number, const char *text)
{
	return json_object_new_double_s(number, text);
}

static struct json_object *domid_object(const struct domain_stats *domain)
{
	return domain ? json_object_new_int(domain->domid) : NULL;
}

static void print_json(const struct change *change, const struct domain_stats *any)
{
	struct json_object *object = json_object_new_object();
	char text[VALUE_SIZE];

	json_object_object_add(object, "old_domid", domid_object(change->pair.old));
	json_object_object_add(object, "new_domid", domid_object(change->pair.new));
	json_object_object_add(object, "name", name_object(any));
	if (change->counter) {
		json_object_object_add(object, "counter", json_object_new_string(change->counter));
		json_object_object_add(object, "old", number_object(change->old.value,
				       value_text(&change->old, text)));
		json_object_object_add(object, "new", number_object(change->new.value,
				       value_text(&change->new, text)));
		snprintf(text, sizeof(text), "%.1f", change->percent);
		json_object_object_add(object, "percent", isinf(change->percent) ? NULL :
				       number_object(change->percent, text));
	}
	json_object_object_add(object, "past_limit", json_object_new_boolean(change->past));
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
}

static void print_csv(const struct change *change, const struct domain_stats *any)
{
	char old[VALUE_SIZE], new[VALUE_SIZE];

	if (change->pair.old)
		printf("%u", change->pair.old->domid);
	putchar(',');
	if (change->pair.new)
		printf("%u", change->pair.new->domid);
	putchar(',');
	csv_field(stdout, any->name);
	if (change->counter)
		printf(",%s,%s,%s,", change->counter, value_text(&change->old, old),
		       value_text(&change->new, new));
	else
		printf(",,,,");
	if (change->counter && !isinf(change->percent))
		printf("%.1f", change->percent);
	printf(",%d\n", change->past);
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

static void print_title(const struct pair *pair)
{
	const struct domain_stats *old = pair->old, *new = pair->new;

	printf("domain ");
	print_domain(old);
	if (old->domid != new->domid || strcmp(old->name, new->name)) {
		printf(" and ");
		print_domain(new);
	}
	puts(":");
}

static void print_line(const struct change *change, const struct domain_stats *any)
{
	const char *past = change->past ? "  past the limit" : "";
	char old[VALUE_SIZE], new[VALUE_SIZE];

	if (!change->counter) {
		printf("domain ");
		print_domain(any);
		printf(": only in the %s record%s\n", change->pair.old ? "old" : "new", past);
		return;
	}
	printf("  %-26s %15s %15s ", change->counter, value_text(&change->old, old),
	       value_text(&change->new, new));
	if (isinf(change->percent))
		printf("%10s%s\n", "new", past);
	else
		printf("%+9.1f%%%s\n", change->percent, past);
}

static void print_change(enum output_format format, const struct change *change)
{
	const struct domain_stats *any = change->pair.old ?: change->pair.new;

	if (format == OUTPUT_JSON)
		print_json(change, any);
	else if (format == OUTPUT_CSV)
		print_csv(change, any);
	else
		print_line(change, any);
}

/* Compare */

static struct value value_of(const struct counter *counter, const struct vcpu_stats *total)
{
	uint64_t sum = counter_sum(counter, total);

	if (counter->kind == COUNTER_SIZES)
		return (struct value){ counter_mean(counter, total),
				       counter_sum(counter - 1, total), true };
	return (struct value){ sum, sum, false };
}

/* Whether the counter changed. */
static bool compare_counter(const struct arguments *arguments, unsigned int i,
			    const struct vcpu_stats *old, const struct vcpu_stats *new,
			    struct change *change)
{
	const struct limit *limit = &arguments->own.limit[i];
	struct value a = value_of(&counters[i], old), b = value_of(&counters[i], new);

	if (a.value == b.value)
		return false;
	change->counter = counters[i].diff;
	change->old = a;
	change->new = b;
	/* From nothing to something is past every limit of growth. */
	change->percent = a.value ? (b.value - a.value) / a.value * 100 : INFINITY;
	change->past = (change->percent > limit->up || -change->percent > limit->down) &&
		       (a.weight >= arguments->min || b.weight >= arguments->min);
	return true;
}

/* Prints what changed in a domain. Returns how many changes are past their limit. */
static unsigned int compare_domain(const struct arguments *arguments, const struct pair *pair,
				   bool refusals)
{
	bool text = arguments->format == OUTPUT_TABLE, same = true;
	struct vcpu_stats old, new;
	unsigned int past = 0;

	if (text)
		print_title(pair);
	domain_total(pair->old, &old);
	domain_total(pair->new, &new);
	for (unsigned int i = 0; i < NR_COUNTERS; i++) {
		struct change change = { .pair = *pair };

		if (!refusals && counters[i].kind == COUNTER_BY_ERROR)
			continue;
		if (!compare_counter(arguments, i, &old, &new, &change))
			continue;
		if (text && same)
			printf("  %-26s %15s %15s %10s\n", "", "old", "new", "change");
		print_change(arguments->format, &change);
		past += change.past;
		same = false;
	}
	if (text && same)
		puts("  no change");
	return past;
}

static bool has_limit(const struct arguments *arguments)
{
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		if (isfinite(arguments->own.limit[i].up) || isfinite(arguments->own.limit[i].down))
			return true;
	return false;
}

static int compare(const struct arguments *arguments, const struct stats *old,
		   const struct stats *new)
{
	/* What one record does not know has not changed. */
	bool refusals = !old->no_refusals && !new->no_refusals;
	unsigned int past = 0;
	size_t nr;
	struct pair *pair;

	if (has_limit(arguments) && (old->lost || new->lost))
		return complain("no limit can be checked, since Xen lost trace records: take a new record");
	pair = select_pairs(&arguments->domain, old, new, &nr);
	if (!pair)
		return EXIT_ERROR;
	if (arguments->format == OUTPUT_CSV)
		puts("old_domid,new_domid,name,counter,old,new,percent,past_limit");
	for (size_t i = 0; i < nr; i++) {
		struct change alone = { .pair = pair[i], .past = has_limit(arguments) };

		if (pair[i].old && pair[i].new) {
			past += compare_domain(arguments, &pair[i], refusals);
			continue;
		}
		print_change(arguments->format, &alone);
		past += alone.past;
	}
	if (past && arguments->format == OUTPUT_TABLE)
		printf("%u past the limit\n", past);
	free(pair);

	return past ? EXIT_PAST_LIMIT : EXIT_OK;
}

static int read_record(const char *path, struct stats *stats)
{
	struct error error;

	if (stats_read_file(path, stats, &error))
		return complain("%s: %s", path, error.text);
	if (stats->lost)
		complain("%s: Xen lost %" PRIu64 " trace records, so all its counts are too low",
			 path, stats->lost);
	return 0;
}

static int diff_main(int argc, char **argv)
{
	struct arguments arguments = { .threshold = { INFINITY, INFINITY } };
	int first = options_parse(&cmd_diff, argc, argv, &arguments), ret = EXIT_ERROR;
	struct stats old, new;

	if (first <= 0)
		return first ? EXIT_ERROR : EXIT_OK;
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		if (!arguments.own.given[i])
			arguments.own.limit[i] = arguments.threshold;
	if (read_record(argv[first], &old))
		return EXIT_ERROR;
	if (!read_record(argv[first + 1], &new)) {
		ret = compare(&arguments, &old, &new);
		stats_free(&new);
	}
	stats_free(&old);

	return ret;
}

const struct command cmd_diff = {
	.name = "diff",
	.what = "compare two records",
	.arguments = "OLD NEW",
	.min = 2,
	.max = 2,
	.help = "Compares two records in JSON, the last line of each file. Prints each counter\n"
		"that changed. Exits with 1 if a change is past a limit.\n",
	.options = options,
	.old = old_options,
	.run = diff_main,
};
