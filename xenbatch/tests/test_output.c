// SPDX-License-Identifier: GPL-2.0-only
/* json.c, csv.c, table.c */

#include <setjmp.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "output.h"

static char *written(const struct stats *stats, enum output_format format, bool first)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	stats_write(f, stats, format, first);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void example(struct stats *stats)
{
	struct vcpu_stats *vcpu;

	stats_init(stats, "hypfs");
	stats->seconds = 1.5;
	vcpu = stats_vcpu(stats, 0, 1);
	vcpu->hypercall[HYPERCALL_MULTICALL] = 5;
	vcpu->hypercall[HYPERCALL_UPDATE_VA_MAPPING] = 2;
	vcpu->hypercall[11] = 1;		/* has no name */
	vcpu->hypercall[64] = UINT64_MAX;
	vcpu->subcall[HYPERCALL_MMU_UPDATE] = 4;
	vcpu->subcall[HYPERCALL_UPDATE_VA_MAPPING] = 3;
	vcpu->batch[BATCH_MULTICALL].size[2] = 3;
	vcpu->batch[BATCH_MULTICALL].size[65] = 1;
	vcpu->batch[BATCH_MULTICALL].requests = 106;
	vcpu->batch[BATCH_MULTICALL].continuations = 1;
	vcpu->batch[BATCH_MMU_UPDATE].size[31] = 4;
	vcpu->batch[BATCH_MMU_UPDATE].requests = 124;
	vcpu->batch[BATCH_MMUEXT_OP].size[89] = 1;
	vcpu->ptwr = 12;
	vcpu->page_fault = 34;
	vcpu->mmu_update_errors[22] = 2;
	vcpu->mmu_update_errors[15] = 1;	/* has no name */
	vcpu->subcall_errors[NR_ERRORS - 1] = 7;
	keep_refusal(vcpu, &(struct refusal){ 8, HYPERCALL_MMU_UPDATE, 22, 0x1008, UINT64_MAX });
	keep_refusal(vcpu, &(struct refusal){ 9, 11, 95, 0, 0 });
	stats_vcpu(stats, 7, 0);
	strcpy(stats_find(stats, 7)->name, "a \"b\", c");
}

static void json_as_documented(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	example(&stats);
	text = written(&stats, OUTPUT_JSON, false);
	assert_string_equal(text,
		"{\"version\":1,\"source\":\"hypfs\",\"seconds\":1.5,\"lost\":0,"
		"\"unattributed\":0,\"domains\":["
		"{\"domid\":0,\"name\":null,\"vcpus\":[{\"vcpu\":1,"
		"\"hypercall\":{\"11\":1,\"multicall\":5,\"update_va_mapping\":2,"
		"\"above_63\":18446744073709551615},"
		"\"subcall\":{\"mmu_update\":4,\"update_va_mapping\":3},"
		"\"batch\":{\"multicall\":{\"size\":{\"2\":3,\"65\":1},\"requests\":106,"
		"\"continuations\":1},"
		"\"mmu_update\":{\"size\":{\"31\":4},\"requests\":124,\"continuations\":0},"
		"\"mmuext_op\":{\"size\":{\"1073741824\":1},\"requests\":0,"
		"\"continuations\":0}},"
		"\"update_va_mapping\":5,\"ptwr\":12,\"page_fault\":34,"
		"\"refused\":{\"mmu_update\":{\"15\":1,\"EINVAL\":2},\"mmuext_op\":{},"
		"\"update_va_mapping\":{},\"subcall\":{\"above_39\":7},\"last\":["
		"{\"nr\":9,\"op\":\"11\",\"error\":\"EOPNOTSUPP\",\"address\":\"0x0\","
		"\"value\":\"0x0\"},"
		"{\"nr\":8,\"op\":\"mmu_update\",\"error\":\"EINVAL\",\"address\":\"0x1008\","
		"\"value\":\"0xffffffffffffffff\"}]}}]},"
		"{\"domid\":7,\"name\":\"a \\\"b\\\", c\",\"vcpus\":[]}]}\n");
	free(text);
	stats_free(&stats);
}

/* JSON is UTF-8, and a name may not be. Its control characters stay. */
static void json_is_utf8(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	stats_init(&stats, "hypfs");
	stats_vcpu(&stats, 7, 0);
	strcpy(stats.domain->name, "caf\xe9 \xc3\xa9\033\xe2\x82");
	text = written(&stats, OUTPUT_JSON, true);
	assert_non_null(strstr(text, "\"name\":\"caf? \xc3\xa9\\u001b??\""));
	free(text);
	stats_free(&stats);
}

static void json_round_trip(void **state)
{
	struct stats stats, read;
	char *text, *again;
	struct error error;
	(void)state;

	for (int i = 0; i < 2; i++) {
		example(&stats);
		if (i) {
			stats.seconds = 0;
			stats.lost = UINT64_MAX;
			stats.unattributed = 3;
		}
		text = written(&stats, OUTPUT_JSON, true);
		assert_int_equal(stats_read_json(text, strlen(text), &read, &error), 0);
		assert_int_equal(read.nr_domains, 2);
		assert_int_equal(read.domain[0].nr_vcpus, 2);
		assert_memory_equal(&read.domain[0].vcpu[1], &stats.domain[0].vcpu[1],
				    sizeof(struct vcpu_stats));
		assert_false(read.no_refusals);
		assert_true(read.seconds == stats.seconds);
		assert_int_equal(read.lost, stats.lost);
		assert_int_equal(read.unattributed, stats.unattributed);
		assert_string_equal(read.domain[1].name, stats.domain[1].name);
		again = written(&read, OUTPUT_JSON, true);
		assert_string_equal(again, text);
		free(text);
		free(again);
		stats_free(&stats);
		stats_free(&read);
	}
}

/* Gives each value of counters[] another number; JSON must give it back, and CSV have it. */
static void every_counter_is_in_every_format(void **state)
{
	struct stats stats, read;
	struct error error;
	uint64_t number = 0;
	char *json, *csv, line[100], key[COUNTER_KEY_SIZE];
	(void)state;

	stats_init(&stats, "hypfs");
	stats_vcpu(&stats, 3, 0);
	for (unsigned int c = 0; c < NR_COUNTERS; c++)
		for (unsigned int i = 0; i < counters[c].nr; i++)
			counter_values(&counters[c], stats.domain->vcpu)[i] = ++number;
	json = written(&stats, OUTPUT_JSON, true);
	csv = written(&stats, OUTPUT_CSV, true);
	if (stats_read_json(json, strlen(json), &read, &error))
		fail_msg("%s", error.text);
	assert_memory_equal(read.domain->vcpu, stats.domain->vcpu, sizeof(struct vcpu_stats));

	number = 0;
	for (unsigned int c = 0; c < NR_COUNTERS; c++) {
		for (unsigned int i = 0; i < counters[c].nr; i++) {
			snprintf(line, sizeof(line), "\nhypfs,,3,,0,%s,%s,%" PRIu64 "\n",
				 counters[c].name, counter_key(&counters[c], i, key), ++number);
			if (!strstr(csv, line))
				fail_msg("CSV lacks %s", line);
		}
	}
	free(json);
	free(csv);
	stats_free(&stats);
	stats_free(&read);
}

#define HEAD	"{\"version\":1,\"source\":\"trace\",\"lost\":0,\"unattributed\":0,\"domains\":"
#define BATCH	"{\"size\":{},\"requests\":0,\"continuations\":0}"
#define VCPU	"{\"vcpu\":0,\"hypercall\":{},\"subcall\":{},\"batch\":{\"multicall\":" BATCH \
		",\"mmu_update\":" BATCH ",\"mmuext_op\":" BATCH "},\"ptwr\":0,\"page_fault\":0}"

#define COUNTED	"{\"vcpu\":0,\"hypercall\":{},\"subcall\":{},\"batch\":{\"multicall\":" BATCH \
		",\"mmu_update\":" BATCH ",\"mmuext_op\":" BATCH "},\"ptwr\":7,\"page_fault\":0}"

static void json_that_is_no_record(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "not JSON at byte 0: cut off" },
		{ "{", "not JSON at byte 1: cut off" },
		{ "{}}", "not JSON at byte 2: unexpected character" },
		{ "[]", "not a record: not a JSON object" },
		{ "{}", "\"version\" is missing, or is not of type int" },
		{ "{\"version\":2}", "version 2 of the record; this program reads 1" },
		{ "{\"version\":1,\"source\":7}",
		  "\"source\" is missing, or is not of type string" },
		{ HEAD "{}}", "\"domains\" is missing, or is not of type array" },
		{ HEAD "[7]}", "\"domid\" is missing, or is not of type int" },
		{ HEAD "[{\"domid\":65536,\"vcpus\":[]}]}",
		  "\"domid\" is not a number from 0 to 65535" },
		{ HEAD "[{\"domid\":-1,\"vcpus\":[]}]}",
		  "\"domid\" is not a number from 0 to 65535" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[]},{\"domid\":1,\"vcpus\":[]}]}",
		  "domain 1 is there twice" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[" COUNTED "," COUNTED "]}]}",
		  "vCPU 0 of domain 1 is there twice" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":8192}]}]}",
		  "\"vcpu\" is not a number from 0 to 8191" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":0,\"hypercall\":{\"no\":1}}]}]}",
		  "\"hypercall\" has no hypercall \"no\"" },
		/* The smallest vCPU, but without one of its counters. */
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":0,\"hypercall\":{},\"subcall\":{},\"batch\":{"
		  "\"multicall\":" BATCH ",\"mmu_update\":" BATCH ",\"mmuext_op\":" BATCH
		  "},\"page_fault\":0}]}]}", "\"ptwr\" is missing, or is not of type int" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":0,\"hypercall\":{},\"subcall\":{},\"batch\":{"
		  "\"multicall\":" BATCH ",\"mmu_update\":" BATCH ",\"mmuext_op\":" BATCH
		  "},\"ptwr\":0}]}]}", "\"page_fault\" is missing, or is not of type int" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":0,\"hypercall\":{\"65\":1}}]}]}",
		  "\"hypercall\" has no hypercall \"65\"" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":0,\"hypercall\":{\"\\n\":1}}]}]}",
		  "\"hypercall\" has no hypercall \"?\"" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":0,\"hypercall\":{},\"subcall\":{},"
		  "\"ptwr\":0,\"page_fault\":0,\"batch\":{\"multicall\":{\"size\":{\"66\":1},"
		  "\"requests\":0,\"continuations\":0}}}]}]}",
		  "\"multicall\" has no bucket from \"66\"" },
		{ HEAD "[{\"domid\":1,\"vcpus\":[{\"vcpu\":0,\"hypercall\":{},\"subcall\":{},"
		  "\"batch\":{\"multicall\":" BATCH ",\"mmu_update\":" BATCH ",\"mmuext_op\":" BATCH
		  "},\"ptwr\":0,\"page_fault\":0,\"refused\":{\"mmu_update\":{\"EOPNOTSUPP\":1}}}]}]}",
		  "\"mmu_update_errors\" has no error \"EOPNOTSUPP\"" },
	};
	struct stats stats;
	struct error error;
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(stats_read_json(bad[i].text, strlen(bad[i].text), &stats,
						 &error), -1);
		assert_string_equal(error.text, bad[i].error);
		assert_int_equal(stats.nr_domains, 0);
	}
	/* The smallest record can be read, so the errors above are not about what it lacks. */
	assert_int_equal(stats_read_json(HEAD "[]}", strlen(HEAD "[]}"), &stats, &error), 0);
	stats_free(&stats);
	assert_int_equal(stats_read_json(HEAD "[{\"domid\":3,\"vcpus\":[" VCPU "]}]}",
					 strlen(HEAD "[{\"domid\":3,\"vcpus\":[" VCPU "]}]}"),
					 &stats, &error), 0);
	stats_free(&stats);
}

static void last_line_of_a_file(void **state)
{
	char path[] = "/tmp/test_output.XXXXXX";
	struct error error;
	struct stats stats;
	FILE *f = fdopen(mkstemp(path), "w");
	(void)state;

	assert_non_null(f);
	fputs("this is not read\n" HEAD "[]}\n" HEAD "[{\"domid\":3,\"vcpus\":[]}]}\n\n \n", f);
	fclose(f);
	assert_int_equal(stats_read_file(path, &stats, &error), 0);
	assert_int_equal(stats.nr_domains, 1);
	stats_free(&stats);

	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(stats_read_file(path, &stats, &error), -1);
	assert_string_equal(error.text, "no record in it");
	unlink(path);
	assert_int_equal(stats_read_file(path, &stats, &error), -1);
	assert_string_equal(error.text, "No such file or directory");
	assert_int_equal(stats_read_file("/", &stats, &error), -1);
	assert_string_equal(error.text, "Is a directory");
}

static void csv_control_characters(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	(void)state;

	assert_non_null(f);
	csv_field(f, "a\033[31m\302\233\377\303\274\tb");
	csv_field(f, "\"\n\a");
	csv_field(f, "\r");
	fclose(f);
	assert_string_equal(text, "a?[31m??\303\274\tb\"\"\"\n?\"\"\r\"");
	free(text);
}

static void csv(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	example(&stats);
	stats_vcpu(&stats, 7, 0)->ptwr = 1;
	stats.lost = 9;
	stats.unattributed = 4;
	text = written(&stats, OUTPUT_CSV, true);
	assert_string_equal(text, "source,seconds,domid,name,vcpu,counter,key,value\n"
				  "hypfs,1.5,0,,1,hypercall,11,1\n"
				  "hypfs,1.5,0,,1,hypercall,multicall,5\n"
				  "hypfs,1.5,0,,1,hypercall,update_va_mapping,2\n"
				  "hypfs,1.5,0,,1,hypercall,above_63,18446744073709551615\n"
				  "hypfs,1.5,0,,1,subcall,mmu_update,4\n"
				  "hypfs,1.5,0,,1,subcall,update_va_mapping,3\n"
				  "hypfs,1.5,0,,1,multicall,2,3\n"
				  "hypfs,1.5,0,,1,multicall,65,1\n"
				  "hypfs,1.5,0,,1,multicall_calls,,106\n"
				  "hypfs,1.5,0,,1,multicall_continuations,,1\n"
				  "hypfs,1.5,0,,1,mmu_update,31,4\n"
				  "hypfs,1.5,0,,1,mmu_update_requests,,124\n"
				  "hypfs,1.5,0,,1,mmuext_op,1073741824,1\n"
				  "hypfs,1.5,0,,1,ptwr,,12\n"
				  "hypfs,1.5,0,,1,page_fault,,34\n"
				  "hypfs,1.5,0,,1,mmu_update_errors,15,1\n"
				  "hypfs,1.5,0,,1,mmu_update_errors,EINVAL,2\n"
				  "hypfs,1.5,0,,1,subcall_errors,above_39,7\n"
				  "hypfs,1.5,7,\"a \"\"b\"\", c\",0,ptwr,,1\n"
				  "hypfs,1.5,,,,lost,,9\n"
				  "hypfs,1.5,,,,unattributed,,4\n");
	free(text);

	stats_free(&stats);
	stats_init(&stats, "trace");
	text = written(&stats, OUTPUT_CSV, false);
	assert_string_equal(text, "");
	free(text);
}

/* A trace has no results, and a Xen may not count them: nothing must look as if none was refused. */
static void refusals_that_are_not_known(void **state)
{
	struct stats stats, read;
	struct error error;
	char *text;
	(void)state;

	for (int i = 0; i < 2; i++) {
		stats_init(&stats, i ? "hypfs" : "trace");
		if (i)
			stats.no_refusals = true;
		stats_vcpu(&stats, 1, 0)->ptwr = 1;
		text = written(&stats, OUTPUT_JSON, false);
		assert_null(strstr(text, "refused"));
		assert_int_equal(stats_read_json(text, strlen(text), &read, &error), 0);
		assert_true(read.no_refusals);
		free(text);
		stats_free(&stats);
		stats_free(&read);
	}
}

static void the_table_has_refusals(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	example(&stats);
	text = written(&stats, OUTPUT_TABLE, true);
	assert_non_null(strstr(text, "\nXen refused of domain 0: mmu_update 1 15, 2 EINVAL; subcall 7 above_39\n"
			       "  vCPU 1: 11: EOPNOTSUPP, address 0x0, value 0x0\n"
			       "  vCPU 1: mmu_update: EINVAL, address 0x1008, value 0xffffffffffffffff\n"));
	assert_null(strstr(text, "domain 7:"));
	free(text);
	stats_free(&stats);
}

/* Nobody is to take counts that are too low for whole ones. */
static void the_table_has_what_was_lost(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	stats_init(&stats, "trace");
	text = written(&stats, OUTPUT_TABLE, true);
	assert_null(strstr(text, "trace records"));
	free(text);
	stats.lost = 7;
	stats.unattributed = 8;
	text = written(&stats, OUTPUT_TABLE, true);
	assert_non_null(strstr(text, "\nXen lost 7 trace records, so all counts are too low.\n"
				     "8 trace records of no known vCPU are not in the counts.\n"));
	free(text);
	stats_free(&stats);
}

/* What is cut keeps three digits. */
static void digits_of_the_table(void **state)
{
	static const struct {
		uint64_t mean;
		const char *shown;
	} expect[] = {
		{ 99999, " 99999 " }, { 149000, "  149k " }, { 1000000, " 1000k " },
		{ 149000000, "  149M " },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		struct stats stats;
		char *text;

		stats_init(&stats, "trace");
		stats_vcpu(&stats, 1, 0)->batch[BATCH_MMU_UPDATE] = (struct batch_stats){
			.size = { [NR_BUCKETS - 1] = 1 }, .requests = expect[i].mean };
		text = written(&stats, OUTPUT_TABLE, true);
		assert_non_null(strstr(text, expect[i].shown));
		free(text);
		stats_free(&stats);
	}
}

static void table_fits(void **state)
{
	struct stats stats;
	struct vcpu_stats *vcpu;
	char *text;
	(void)state;

	stats_init(&stats, "trace");
	vcpu = stats_vcpu(&stats, 1, 0);
	vcpu->batch[BATCH_MMU_UPDATE] =
		(struct batch_stats){ .size = { [31] = 3, [1] = 1 }, .requests = 94 };
	vcpu->hypercall[HYPERCALL_MMU_UPDATE] = 4;
	vcpu->hypercall[HYPERCALL_UPDATE_VA_MAPPING] = 50;
	vcpu->subcall[HYPERCALL_UPDATE_VA_MAPPING] = 600;
	vcpu->ptwr = 7;
	vcpu->page_fault = 8;
	vcpu = stats_vcpu(&stats, 32751, 0);
	memset(vcpu, 0x7f, NR_VALUES * sizeof(uint64_t));
	strcpy(stats_find(&stats, 32751)->name, "\033[2J a name that is too long");
	stats.lost = stats.unattributed = 12345;
	text = written(&stats, OUTPUT_TABLE, true);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		/* What was refused has a line that may be longer. */
		assert_true(strlen(line) <= 100 || strstr(line, "refused"));
		assert_null(strchr(line, '\033'));
		if (strstr(line, "    1 -"))
			assert_string_equal(line,
					    "    1 -                  54         0   0.0          4"
					    "  23.5         0   0.0       650      7      8");
	}
	free(text);
	stats_free(&stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_as_documented),
		cmocka_unit_test(json_is_utf8),
		cmocka_unit_test(json_round_trip),
		cmocka_unit_test(every_counter_is_in_every_format),
		cmocka_unit_test(json_that_is_no_record),
		cmocka_unit_test(last_line_of_a_file),
		cmocka_unit_test(csv),
		cmocka_unit_test(csv_control_characters),
		cmocka_unit_test(refusals_that_are_not_known),
		cmocka_unit_test(the_table_has_refusals),
		cmocka_unit_test(the_table_has_what_was_lost),
		cmocka_unit_test(digits_of_the_table),
		cmocka_unit_test(table_fits),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
