// SPDX-License-Identifier: GPL-2.0-only

#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static void add(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static struct json_object *calls(const uint64_t *count)
{
	struct json_object *object = json_object_new_object();
	char number[16];

	for (unsigned int i = 0; i < NR_HYPERCALLS; i++) {
		if (!count[i])
			continue;
		snprintf(number, sizeof(number), "%u", i);
		add(object, hypercall_name(i) ?: number, count[i]);
	}
	return object;
}

static struct json_object *batch_object(const struct batch_stats *batch)
{
	struct json_object *object = json_object_new_object();
	struct json_object *size = json_object_new_object();
	char number[16];

	for (unsigned int i = 0; i < NR_BUCKETS; i++) {
		if (!batch->size[i])
			continue;
		snprintf(number, sizeof(number), "%" PRIu32, bucket_first(i));
		add(size, number, batch->size[i]);
	}
	json_object_object_add(object, "size", size);
	add(object, "requests", batch->requests);
	add(object, "continuations", batch->continuations);

	return object;
}

static struct json_object *vcpu_object(unsigned int id, const struct vcpu_stats *vcpu)
{
	struct json_object *object = json_object_new_object();
	struct json_object *batch = json_object_new_object();

	add(object, "vcpu", id);
	json_object_object_add(object, "hypercall", calls(vcpu->hypercall));
	json_object_object_add(object, "subcall", calls(vcpu->subcall));
	for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
		json_object_object_add(batch, batch_kind_name[kind],
				       batch_object(&vcpu->batch[kind]));
	json_object_object_add(object, "batch", batch);
	add(object, "update_va_mapping", vcpu->hypercall[HYPERCALL_UPDATE_VA_MAPPING] +
					 vcpu->subcall[HYPERCALL_UPDATE_VA_MAPPING]);
	add(object, "ptwr", vcpu->ptwr);
	add(object, "page_fault", vcpu->page_fault);

	return object;
}

static struct json_object *domain_object(const struct domain_stats *domain)
{
	static const struct vcpu_stats none;
	struct json_object *object = json_object_new_object();
	struct json_object *vcpus = json_object_new_array();

	add(object, "domid", domain->domid);
	json_object_object_add(object, "name",
			       domain->name[0] ? json_object_new_string(domain->name) : NULL);
	for (unsigned int i = 0; i < domain->nr_vcpus; i++)
		if (memcmp(&domain->vcpu[i], &none, sizeof(none)))
			json_object_array_add(vcpus, vcpu_object(i, &domain->vcpu[i]));
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
		json_object_array_add(domains, domain_object(&stats->domain[i]));
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

/* A count, not above max. */
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

/* All of text as a number not above max. */
static bool to_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return !errno && !*end && *number <= max;
}

static int read_calls(struct json_object *object, const char *key, uint64_t *count,
		      struct error *error)
{
	struct json_object *all;

	if (get(object, key, json_type_object, &all, error))
		return -1;
	json_object_object_foreach(all, name, value) {
		unsigned long nr;
		int known = hypercall_number(name);

		if (known >= 0)
			nr = known;
		else if (!to_number(name, NR_HYPERCALLS - 1, &nr))
			return failed(error, "\"%s\" has no hypercall \"%s\"", key, name);
		if (to_count(value, name, UINT64_MAX, &count[nr], error))
			return -1;
	}
	return 0;
}

static int read_batch(struct json_object *batches, const char *kind, struct batch_stats *batch,
		      struct error *error)
{
	struct json_object *object, *size;

	if (get(batches, kind, json_type_object, &object, error) ||
	    get(object, "size", json_type_object, &size, error) ||
	    get_count(object, "requests", UINT64_MAX, &batch->requests, error) ||
	    get_count(object, "continuations", UINT64_MAX, &batch->continuations, error))
		return -1;
	json_object_object_foreach(size, first, value) {
		unsigned long nr;

		if (!to_number(first, UINT32_MAX, &nr) || bucket_first(bucket_of(nr)) != nr)
			return failed(error, "\"%s\" has no bucket from \"%s\"", kind, first);
		if (to_count(value, first, UINT64_MAX, &batch->size[bucket_of(nr)], error))
			return -1;
	}
	return 0;
}

static int read_vcpu(struct json_object *object, struct stats *stats, uint16_t domid,
		     struct error *error)
{
	struct json_object *batches;
	struct vcpu_stats *vcpu;
	uint64_t id;

	if (get_count(object, "vcpu", STATS_MAX_VCPUS - 1, &id, error))
		return -1;
	vcpu = stats_vcpu(stats, domid, id);
	if (!vcpu)
		return failed(error, "no memory, or more than %u vCPUs", STATS_MAX_ALL_VCPUS);
	if (read_calls(object, "hypercall", vcpu->hypercall, error) ||
	    read_calls(object, "subcall", vcpu->subcall, error) ||
	    get(object, "batch", json_type_object, &batches, error) ||
	    get_count(object, "ptwr", UINT64_MAX, &vcpu->ptwr, error) ||
	    get_count(object, "page_fault", UINT64_MAX, &vcpu->page_fault, error))
		return -1;
	for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
		if (read_batch(batches, batch_kind_name[kind], &vcpu->batch[kind], error))
			return -1;
	return 0;
}

static int read_domain(struct json_object *object, struct stats *stats, struct error *error)
{
	struct json_object *name, *vcpus;
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
		return failed(error, "not a record: no JSON object");
	if (get_count(object, "version", UINT64_MAX, &version, error))
		return -1;
	if (version != RECORD_VERSION)
		return failed(error, "version %" PRIu64 " of the record, and this reads %d", version,
			      RECORD_VERSION);
	if (get(object, "source", json_type_string, &source, error) ||
	    get_count(object, "lost", UINT64_MAX, &stats->lost, error) ||
	    get_count(object, "unattributed", UINT64_MAX, &stats->unattributed, error) ||
	    get(object, "domains", json_type_array, &domains, error))
		return -1;
	snprintf(stats->source, sizeof(stats->source), "%s", json_object_get_string(source));
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
		       result == json_tokener_continue ? "cut off" : json_tokener_error_desc(result));
	else if (json_tokener_get_parse_end(tokener) != length)
		failed(error, "more than a record at byte %zu",
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
