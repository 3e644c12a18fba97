// SPDX-License-Identifier: GPL-2.0-only

#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static void add(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

/* The values of a counter by their keys, without those that are zero. */
static struct json_object *values_object(const struct counter *counter, const uint64_t *value)
{
	struct json_object *object = json_object_new_object();
	char key[COUNTER_KEY_SIZE];

	for (unsigned int i = 0; i < counter->nr; i++)
		if (value[i])
			add(object, counter_key(counter, i, key), value[i]);
	return object;
}

/* The last of the keys that lead to a counter: its own. */
static const char *last_key(const struct counter *counter)
{
	unsigned int i = 0;

	while (i + 1 < COUNTER_MAX_KEYS && counter->json[i + 1])
		i++;
	return counter->json[i];
}

/* Adds a counter to a vCPU's object, and the objects that lead to it. */
static void add_counter(struct json_object *object, const struct counter *counter,
			const struct vcpu_stats *vcpu)
{
	const char *last = last_key(counter);

	for (const char *const *key = counter->json; *key != last; key++) {
		struct json_object *next;

		if (!json_object_object_get_ex(object, *key, &next)) {
			next = json_object_new_object();
			json_object_object_add(object, *key, next);
		}
		object = next;
	}
	if (counter_is_array(counter))
		json_object_object_add(object, last,
				       values_object(counter, counter_values(counter, vcpu)));
	else
		add(object, last, counter_sum(counter, vcpu));
}

/* A name, or else the number. */
static void add_name(struct json_object *object, const char *key, const char *name,
		     unsigned int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	json_object_object_add(object, key, json_object_new_string(name ?: text));
}

static void add_hex(struct json_object *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	json_object_object_add(object, key, json_object_new_string(text));
}

static void add_refusals(struct json_object *object, const struct vcpu_stats *vcpu)
{
	struct json_object *last = json_object_new_array();

	for (unsigned int i = 0; i < NR_REFUSED && vcpu->refused[i].nr; i++) {
		const struct refusal *refusal = &vcpu->refused[i];
		struct json_object *one = json_object_new_object();

		add(one, "nr", refusal->nr);
		add_name(one, "op", hypercall_name(refusal->op), refusal->op);
		add_name(one, "error", error_name(refusal->error), refusal->error);
		add_hex(one, "address", refusal->address);
		add_hex(one, "value", refusal->value);
		json_object_array_add(last, one);
	}
	json_object_object_add(object, "last", last);
}

/* What does not tell refusals does not say that nothing was refused. */
static struct json_object *vcpu_object(unsigned int id, const struct vcpu_stats *vcpu,
				       bool no_refusals)
{
	struct json_object *object = json_object_new_object(), *refused;

	add(object, "vcpu", id);
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		if (!no_refusals || counters[i].kind != COUNTER_BY_ERROR)
			add_counter(object, &counters[i], vcpu);
	if (json_object_object_get_ex(object, "refused", &refused))
		add_refusals(refused, vcpu);
	return object;
}

struct json_object *name_object(const struct domain_stats *domain)
{
	char name[sizeof(domain->name)];

	strcpy(name, domain->name);

	return *name ? json_object_new_string(only_utf8(name)) : NULL;
}

static struct json_object *domain_object(const struct domain_stats *domain, bool no_refusals)
{
	struct json_object *object = json_object_new_object();
	struct json_object *vcpus = json_object_new_array();

	add(object, "domid", domain->domid);
	json_object_object_add(object, "name", name_object(domain));
	if (domain->uuid[0])
		json_object_object_add(object, "uuid", json_object_new_string(domain->uuid));
	for (unsigned int i = 0; i < domain->nr_vcpus; i++)
		if (vcpu_counted(&domain->vcpu[i]))
			json_object_array_add(vcpus, vcpu_object(i, &domain->vcpu[i], no_refusals));
	json_object_object_add(object, "vcpus", vcpus);

	return object;
}

void stats_write_json(FILE *f, const struct stats *stats)
{
	struct json_object *object = json_object_new_object();
	struct json_object *domains = json_object_new_array();

	add(object, "version", RECORD_VERSION);
	json_object_object_add(object, "source", json_object_new_string(stats->source));
	json_object_object_add(object, "seconds",
			       stats->seconds ? json_object_new_double(stats->seconds) : NULL);
	add(object, "lost", stats->lost);
	add(object, "unattributed", stats->unattributed);
	for (size_t i = 0; i < stats->nr_domains; i++)
		json_object_array_add(domains,
				      domain_object(&stats->domain[i], stats->no_refusals));
	json_object_object_add(object, "domains", domains);

	fprintf(f, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
}

static int get(struct json_object *object, const char *key, enum json_type type,
	       struct json_object **value, struct error *error)
{
	if (!json_object_object_get_ex(object, key, value) || !json_object_is_type(*value, type))
		return failed(error, "\"%s\" is missing, or is not of type %s", key,
			      json_type_to_name(type));
	return 0;
}

/* Reads a count that is at most max. */
static int to_count(struct json_object *value, const char *key, uint64_t max, uint64_t *count,
		    struct error *error)
{
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0 ||
	    json_object_get_uint64(value) > max)
		return failed(error, "\"%s\" is not a number from 0 to %" PRIu64, key, max);
	*count = json_object_get_uint64(value);
	return 0;
}

static int get_count(struct json_object *object, const char *key, uint64_t max, uint64_t *count,
		     struct error *error)
{
	struct json_object *value;

	if (get(object, key, json_type_int, &value, error))
		return -1;
	return to_count(value, key, max, count, error);
}

/* Reads all of text as a number that is at most max. */
static bool to_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return !errno && !*end && *number <= max;
}

/* The index of the value with this key, -1: there is no such value. */
static int index_of(const struct counter *counter, const char *key)
{
	unsigned long number;
	int known;

	if (counter->kind == COUNTER_BY_HYPERCALL) {
		known = hypercall_number(key);
		if (known < 0 && to_number(key, NR_HYPERCALLS - 1, &number))
			known = number;
		return known;
	}
	if (counter->kind == COUNTER_BY_ERROR) {
		known = strcmp(key, "above_39") ? error_number(key) : NR_ERRORS - 1;
		if (known < 0 && to_number(key, NR_ERRORS - 1, &number))
			known = number;
		return known < NR_ERRORS ? known : -1;
	}
	if (!to_number(key, UINT32_MAX, &number) || bucket_first(bucket_of(number)) != number)
		return -1;
	return bucket_of(number);
}

static int read_values(struct json_object *object, const struct counter *counter,
		       uint64_t *value, struct error *error)
{
	json_object_object_foreach(object, key, count) {
		int i = index_of(counter, key);

		if (i < 0)
			return failed(error, "\"%s\" has no %s \"%s\"", counter->name,
				      counter->kind == COUNTER_BY_SIZE ? "bucket from" :
				      counter->kind == COUNTER_BY_ERROR ? "error" : "hypercall",
				      key);
		if (to_count(count, key, UINT64_MAX, &value[i], error))
			return -1;
	}
	return 0;
}

static int read_counter(struct json_object *object, const struct counter *counter,
			struct vcpu_stats *vcpu, struct error *error)
{
	uint64_t *value = counter_values(counter, vcpu);
	const char *last = last_key(counter);

	if (counter->kind == COUNTER_CALL)
		return 0;
	for (const char *const *key = counter->json; *key != last; key++) {
		if (counter->added && !json_object_object_get_ex(object, *key, NULL))
			return 0;
		if (get(object, *key, json_type_object, &object, error))
			return -1;
	}
	if (counter->added && !json_object_object_get_ex(object, last, NULL))
		return 0;
	if (!counter_is_array(counter))
		return get_count(object, last, UINT64_MAX, value, error);
	if (get(object, last, json_type_object, &object, error))
		return -1;
	return read_values(object, counter, value, error);
}

/* The number of a name, or a number in decimal; hexadecimal begins with 0x. */
static uint64_t number_of(struct json_object *object, const char *key,
			  int (*number)(const char *name))
{
	struct json_object *value;
	const char *text;
	int known = -1;

	if (!json_object_object_get_ex(object, key, &value))
		return 0;
	text = json_object_get_string(value) ?: "";
	if (number)
		known = number(text);
	return known >= 0 ? (uint64_t)known : strtoull(text, NULL, 0);
}

/* What is only to be shown, so that a part which is missing or odd is 0. */
static void read_refusals(struct json_object *object, struct vcpu_stats *vcpu)
{
	struct json_object *refused, *last;

	if (!json_object_object_get_ex(object, "refused", &refused) ||
	    !json_object_object_get_ex(refused, "last", &last) ||
	    !json_object_is_type(last, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(last); i++) {
		struct json_object *one = json_object_array_get_idx(last, i);
		struct refusal refusal = {
			.nr = number_of(one, "nr", NULL),
			.op = number_of(one, "op", hypercall_number),
			.error = number_of(one, "error", error_number),
			.address = number_of(one, "address", NULL),
			.value = number_of(one, "value", NULL),
		};

		keep_refusal(vcpu, &refusal);
	}
}

static int read_vcpu(struct json_object *object, struct stats *stats, uint16_t domid,
		     struct error *error)
{
	struct vcpu_stats *vcpu;
	uint64_t id;

	if (get_count(object, "vcpu", STATS_MAX_VCPUS - 1, &id, error))
		return -1;
	vcpu = stats_vcpu(stats, domid, id);
	if (!vcpu)
		return failed(error, "no memory, or more than %u vCPUs", STATS_MAX_ALL_VCPUS);
	/* stat leaves out a vCPU that counted nothing, so this finds all that matter. */
	if (vcpu_counted(vcpu))
		return failed(error, "vCPU %" PRIu64 " of domain %u is there twice", id, domid);
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		if (read_counter(object, &counters[i], vcpu, error))
			return -1;
	stats->no_refusals |= !json_object_object_get_ex(object, "refused", NULL);
	read_refusals(object, vcpu);
	return 0;
}

static int read_domain(struct json_object *object, struct stats *stats, struct error *error)
{
	struct json_object *name, *uuid, *vcpus;
	struct domain_stats *domain;
	uint64_t domid;

	if (get_count(object, "domid", UINT16_MAX, &domid, error) ||
	    get(object, "vcpus", json_type_array, &vcpus, error))
		return -1;
	if (stats_find(stats, domid))
		return failed(error, "domain %" PRIu64 " is there twice", domid);
	if (!stats_vcpu(stats, domid, 0))
		return failed(error, "no memory, or more than %u vCPUs", STATS_MAX_ALL_VCPUS);
	domain = stats_find(stats, domid);
	if (json_object_object_get_ex(object, "name", &name) && name)
		snprintf(domain->name, sizeof(domain->name), "%s", json_object_get_string(name));
	if (json_object_object_get_ex(object, "uuid", &uuid) && uuid)
		snprintf(domain->uuid, sizeof(domain->uuid), "%s", json_object_get_string(uuid));

	for (size_t i = 0; i < json_object_array_length(vcpus); i++)
		if (read_vcpu(json_object_array_get_idx(vcpus, i), stats, domid, error))
			return -1;
	return 0;
}

static int read_record(struct json_object *object, struct stats *stats, struct error *error)
{
	struct json_object *source, *seconds, *domains;
	uint64_t version;

	if (!json_object_is_type(object, json_type_object))
		return failed(error, "not a record: not a JSON object");
	if (get_count(object, "version", UINT64_MAX, &version, error))
		return -1;
	if (version != RECORD_VERSION)
		return failed(error, "version %" PRIu64 " of the record; this program reads %d",
			      version, RECORD_VERSION);
	if (get(object, "source", json_type_string, &source, error) ||
	    get_count(object, "lost", UINT64_MAX, &stats->lost, error) ||
	    get_count(object, "unattributed", UINT64_MAX, &stats->unattributed, error) ||
	    get(object, "domains", json_type_array, &domains, error))
		return -1;
	snprintf(stats->source, sizeof(stats->source), "%s", json_object_get_string(source));
	stats->no_refusals = !strcmp(stats->source, "trace");
	if (json_object_object_get_ex(object, "seconds", &seconds) && seconds)
		stats->seconds = json_object_get_double(seconds);

	for (size_t i = 0; i < json_object_array_length(domains); i++)
		if (read_domain(json_object_array_get_idx(domains, i), stats, error))
			return -1;
	return 0;
}

int stats_read_json(const char *text, size_t length, struct stats *stats, struct error *error)
{
	struct json_tokener *tokener;
	struct json_object *object = NULL;
	enum json_tokener_error result;
	int ret = -1;

	stats_init(stats, "");
	while (length && strchr(" \t\r\n", text[length - 1]))
		length--;
	if (length >= INT32_MAX)
		return failed(error, "a record of 2 GB or more");
	tokener = json_tokener_new();
	if (!tokener)
		return failed(error, "no memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	object = json_tokener_parse_ex(tokener, text, length);
	result = json_tokener_get_error(tokener);
	if (result != json_tokener_success)
		failed(error, "not JSON at byte %zu: %s", json_tokener_get_parse_end(tokener),
		       result == json_tokener_continue ? "cut off" :
							 json_tokener_error_desc(result));
	else if (json_tokener_get_parse_end(tokener) != length)
		failed(error, "something follows the record at byte %zu",
		       json_tokener_get_parse_end(tokener));
	else
		ret = read_record(object, stats, error);

	json_object_put(object);
	json_tokener_free(tokener);
	if (ret)
		stats_free(stats);
	return ret;
}

int stats_read_file(const char *path, struct stats *stats, struct error *error)
{
	bool standard = !strcmp(path, "-");
	FILE *f = standard ? stdin : fopen(path, "r");
	char *line = NULL, *last = NULL;
	size_t line_size = 0, last_size = 0, last_length = 0;
	ssize_t length;
	int ret = -1;

	stats_init(stats, "");
	if (!f)
		return failed(error, "%s", strerror(errno));
	while ((length = getline(&line, &line_size, f)) > 0) {
		char *swap = last;
		size_t swap_size = last_size;

		if (strspn(line, " \t\r\n") == (size_t)length)
			continue;
		last = line;
		last_size = line_size;
		last_length = length;
		line = swap;
		line_size = swap_size;
	}
	if (ferror(f))
		failed(error, "%s", strerror(errno));
	else if (!last)
		failed(error, "no record in it");
	else
		ret = stats_read_json(last, last_length, stats, error);

	free(line);
	free(last);
	if (!standard)
		fclose(f);
	return ret;
}
