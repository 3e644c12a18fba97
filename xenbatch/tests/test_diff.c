// SPDX-License-Identifier: GPL-2.0-only
/* cmd_diff.c: its exit codes, and what it prints. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "capture.h"
#include "command.h"
#include "error.h"
#include "output.h"

static char old_path[] = "/tmp/test_diff.XXXXXX", new_path[] = "/tmp/test_diff.XXXXXX";

static void write_record(const char *path, const struct stats *stats)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	stats_write_json(f, stats);
	assert_int_equal(fclose(f), 0);
}

/* Up to eight options before the two records. */
static int diff(const char *option, ...)
{
	char *argv[12] = { "diff" };
	char *copy[12];
	int argc = 1, ret;
	va_list args;

	va_start(args, option);
	for (; option; option = va_arg(args, const char *))
		argv[argc++] = strdup(option);
	va_end(args);
	memcpy(copy, argv, sizeof(copy));	/* getopt may reorder them */
	argv[argc] = old_path;
	argv[argc + 1] = new_path;
	ret = cmd_diff.run(argc + 2, argv);
	for (int i = 1; i < argc; i++)
		free(copy[i]);
	return ret;
}

static void fill(struct stats *stats, uint16_t domid, const char *name, uint64_t ptwr,
		 uint64_t batches, uint32_t size)
{
	struct vcpu_stats *vcpu = stats_vcpu(stats, domid, 0);

	assert_non_null(vcpu);
	vcpu->ptwr = ptwr;
	vcpu->batch[BATCH_MMU_UPDATE].size[bucket_of(size)] = batches;
	vcpu->batch[BATCH_MMU_UPDATE].requests = batches * size;
	snprintf(stats_find(stats, domid)->name, 64, "%s", name);
}

static void records(uint64_t old_ptwr, uint64_t new_ptwr, uint32_t old_size, uint32_t new_size)
{
	struct stats old, new;

	stats_init(&old, "trace");
	stats_init(&new, "trace");
	fill(&old, 1, "", old_ptwr, 100, old_size);
	fill(&new, 1, "", new_ptwr, 100, new_size);
	write_record(old_path, &old);
	write_record(new_path, &new);
	stats_free(&old);
	stats_free(&new);
}

/* What diff() prints with this and a threshold. */
static const char *printed(const char *option)
{
	capture(stdout);
	diff("--threshold=5", option, NULL);
	return captured();
}

static void formats(void **state)
{
	(void)state;
	records(100, 150, 31, 31);
	assert_string_equal(printed("--json"), "{\"old_domid\":1,\"new_domid\":1,\"name\":null,\"counter\":\"ptwr\","
			    "\"old\":100,\"new\":150,\"percent\":50.0,\"past_limit\":true}\n");
	assert_string_equal(printed("-c"), "old_domid,new_domid,name,counter,old,new,percent,past_limit\n"
			    "1,1,,ptwr,100,150,50.0,1\n");
	records(0, 150, 31, 31);
	assert_non_null(strstr(printed("-j"), "\"percent\":null,\"past_limit\":true}"));
	records(100, 100, 31, 25);
	assert_non_null(strstr(printed("-j"), "\"counter\":\"mmu_update_mean\",\"old\":31.00,"
			       "\"new\":25.00,\"percent\":-19.4,\"past_limit\":true}"));
}

/* The old record's id is the old domain's, and the new one's the new domain's. */
static void ids_of_a_pair(void **state)
{
	struct stats old, new;
	(void)state;

	stats_init(&old, "hypfs");
	stats_init(&new, "hypfs");
	fill(&old, 3, "guest", 100, 1, 1);
	fill(&old, 5, "gone", 1, 1, 1);
	fill(&new, 7, "guest", 150, 1, 1);
	fill(&new, 8, "come", 1, 1, 1);
	write_record(old_path, &old);
	write_record(new_path, &new);
	assert_string_equal(
		printed("--json"),
		"{\"old_domid\":3,\"new_domid\":7,\"name\":\"guest\",\"counter\":\"ptwr\","
		"\"old\":100,\"new\":150,\"percent\":50.0,\"past_limit\":true}\n"
		"{\"old_domid\":5,\"new_domid\":null,\"name\":\"gone\",\"past_limit\":true}\n"
		"{\"old_domid\":null,\"new_domid\":8,\"name\":\"come\",\"past_limit\":true}\n");
	assert_string_equal(printed("--csv"),
			    "old_domid,new_domid,name,counter,old,new,percent,past_limit\n"
			    "3,7,guest,ptwr,100,150,50.0,1\n5,,gone,,,,,1\n,8,come,,,,,1\n");
	/* All three count. */
	assert_non_null(strstr(printed("--min=0"), "\n3 past the limit\n"));
	stats_free(&old);
	stats_free(&new);
}

static void no_limit_no_failure(void **state)
{
	(void)state;
	records(100, 100000, 31, 1);
	assert_int_equal(diff(NULL), 0);
}

static void threshold(void **state)
{
	(void)state;
	records(100, 110, 31, 31);
	assert_int_equal(diff("--threshold=10", NULL), 0);
	assert_int_equal(diff("--threshold=9.9", NULL), 1);
	assert_int_equal(diff("--threshold=9.9%", NULL), 1);
	assert_int_equal(diff("--threshold=+9", NULL), 1);
	assert_int_equal(diff("--threshold=-9", NULL), 0);
	records(100, 90, 31, 31);
	assert_int_equal(diff("--threshold=10", NULL), 0);
	assert_int_equal(diff("--threshold=9", NULL), 1);
	assert_int_equal(diff("--threshold=+9", NULL), 0);
	assert_int_equal(diff("--threshold=-9", NULL), 1);
	/* No change is within every limit. */
	records(100, 100, 31, 31);
	assert_int_equal(diff("--threshold=0", NULL), 0);
}

static void limit_of_a_counter(void **state)
{
	(void)state;
	records(100, 200, 31, 25);
	assert_int_equal(diff("--counter=mmu_update_mean=30", NULL), 0);
	assert_int_equal(diff("--counter=mmu_update_mean=-10", NULL), 1);
	assert_int_equal(diff("--counter=ptwr=50", NULL), 1);
	/* It replaces the threshold, before or after it on the command line. */
	assert_int_equal(diff("--counter=ptwr=100", "--threshold=25", NULL), 0);
	assert_int_equal(diff("--threshold=25", "--counter=ptwr=100", NULL), 0);
	assert_int_equal(diff("--threshold=25", NULL), 1);
}

static void from_nothing(void **state)
{
	(void)state;
	records(0, 3, 31, 31);
	assert_int_equal(diff("--threshold=1000000", NULL), 1);
	assert_int_equal(diff("--threshold=-10", NULL), 0);
	assert_int_equal(diff("--threshold=10", "--min=4", NULL), 0);
	assert_int_equal(diff("--threshold=10", "--min=3", NULL), 1);
	records(3, 0, 31, 31);
	assert_int_equal(diff("--threshold=99", NULL), 1);
	assert_int_equal(diff("--threshold=100", NULL), 0);
}

/* Of a mean, --min is about the batches that it is the mean of, not about their requests. */
static void min_of_a_mean(void **state)
{
	(void)state;
	records(100, 100, 31, 25);
	assert_int_equal(diff("-C", "mmu_update_mean=5", "--min=100", NULL), 1);
	assert_int_equal(diff("-C", "mmu_update_mean=5", "--min=101", NULL), 0);
}

/* A trace does not know what was refused. */
static void trace_and_hypfs(void **state)
{
	struct stats old, new;
	(void)state;

	stats_init(&old, "trace");
	stats_init(&new, "hypfs");
	fill(&old, 1, "", 100, 100, 31);
	fill(&new, 1, "", 100, 100, 31);
	stats_vcpu(&new, 1, 0)->mmu_update_errors[22] = 3;
	write_record(old_path, &old);
	write_record(new_path, &new);
	assert_int_equal(diff("-t5", NULL), 0);
	strcpy(old.source, "hypfs");
	old.no_refusals = false;
	write_record(old_path, &old);
	assert_int_equal(diff("-t5", NULL), 1);
	/* The other way round, they have not declined. */
	write_record(old_path, &new);
	strcpy(new.source, "trace");
	new.no_refusals = true;
	write_record(new_path, &new);
	assert_int_equal(diff("-t5", NULL), 0);
	stats_free(&old);
	stats_free(&new);
}

/* Counts that are too low are no reason to let a limit pass. */
static void lost_records(void **state)
{
	struct stats old, new;
	(void)state;

	stats_init(&old, "trace");
	stats_init(&new, "trace");
	fill(&old, 1, "", 10, 1, 1);
	fill(&new, 1, "", 5, 1, 1);
	new.lost = 50;
	write_record(old_path, &old);
	write_record(new_path, &new);
	assert_int_equal(diff("-C", "ptwr=+10", NULL), 2);
	assert_int_equal(diff("-C", "ptwr=-10", NULL), 2);
	assert_int_equal(diff(NULL), 0);
	/* So would be a decline from counts that are too low. */
	write_record(old_path, &new);
	write_record(new_path, &old);
	assert_int_equal(diff("-C", "ptwr=+10", NULL), 2);
	stats_free(&old);
	stats_free(&new);
}

/* Domain 1 of the new record is the old one's domain 2, so the old domain 1 is gone. */
static void id_of_another(void **state)
{
	struct stats old, new;
	(void)state;

	stats_init(&old, "hypfs");
	stats_init(&new, "hypfs");
	fill(&old, 1, "", 7, 1, 1);
	fill(&old, 2, "a", 7, 1, 1);
	fill(&new, 1, "a", 7, 1, 1);
	write_record(old_path, &old);
	write_record(new_path, &new);
	capture(stdout);
	assert_int_equal(diff("--threshold=1", NULL), 1);
	assert_non_null(strstr(captured(), "only in the old record"));
	/* The other way round, too. */
	write_record(old_path, &new);
	write_record(new_path, &old);
	capture(stdout);
	assert_int_equal(diff("--threshold=1", NULL), 1);
	assert_non_null(strstr(captured(), "only in the new record"));
	stats_free(&old);
	stats_free(&new);
}

static void domains(void **state)
{
	struct stats old, new;
	(void)state;

	stats_init(&old, "hypfs");
	stats_init(&new, "hypfs");
	fill(&old, 0, "Domain-0", 5, 10, 1);
	fill(&old, 3, "guest", 100, 10, 1);
	fill(&new, 0, "Domain-0", 500, 10, 1);
	fill(&new, 7, "guest", 100, 10, 1);
	write_record(old_path, &old);
	write_record(new_path, &new);
	assert_int_equal(diff("--threshold=1", NULL), 1);
	assert_int_equal(diff("--threshold=1", "--domain=guest", NULL), 0);
	assert_int_equal(diff("--threshold=1", "--domain=3", NULL), 0);
	assert_int_equal(diff("--threshold=1", "--domain=3=7", NULL), 0);
	assert_int_equal(diff("--threshold=1", "--domain=guest=Domain-0", NULL), 1);
	assert_int_equal(diff("--threshold=1", "--domain=7", NULL), 2);
	/* It prints nothing if one of the domains is not there. */
	capture(stdout);
	assert_int_equal(diff("-dguest", "-d", "none", NULL), 2);
	assert_string_equal(captured(), "");
	assert_int_equal(diff("--threshold=1", "--domain=guest=3", NULL), 2);

	/* A domain that only one record has is past any limit. */
	stats_vcpu(&new, 0, 0)->ptwr = 5;
	write_record(new_path, &new);
	assert_int_equal(diff("--threshold=1", NULL), 0);
	fill(&new, 8, "other", 1, 1, 1);
	write_record(new_path, &new);
	assert_int_equal(diff("--threshold=1", NULL), 1);
	assert_int_equal(diff(NULL), 0);

	/* Another domain has that id now. */
	fill(&new, 7, "changed", 100, 10, 1);
	fill(&new, 3, "changed too", 100, 10, 1);
	write_record(new_path, &new);
	assert_int_equal(diff("--domain=guest", NULL), 2);
	/* If the name is not known, the id decides. */
	fill(&new, 3, "", 100, 10, 1);
	write_record(new_path, &new);
	assert_int_equal(diff("--threshold=1", "--domain=guest", NULL), 0);
	stats_free(&old);
	stats_free(&new);
}

/* Names that look like ids, and those with a '='. */
static void difficult_names(void **state)
{
	struct stats old, new;
	(void)state;

	stats_init(&old, "hypfs");
	stats_init(&new, "hypfs");
	fill(&old, 3, "7", 100, 10, 1);
	fill(&old, 7, "a=b", 200, 10, 1);
	fill(&old, 8, "a", 300, 10, 1);
	fill(&new, 4, "7", 100, 10, 1);
	fill(&new, 5, "a=b", 200, 10, 1);
	fill(&new, 7, "b", 330, 10, 1);
	write_record(old_path, &old);
	write_record(new_path, &new);
	/* 7 is the id: "a=b" in the old record, which has the id 5 in the new one. */
	assert_int_equal(diff("-t1", "--domain=7", NULL), 0);
	assert_int_equal(diff("-t1", "--domain=7=7", NULL), 1);
	assert_int_equal(diff("-t1", "--domain=3=4", NULL), 0);
	/* The name as a whole comes first, then the pair. */
	assert_int_equal(diff("-t1", "--domain=a=b", NULL), 0);
	assert_int_equal(diff("-t1", "--domain=8=b", NULL), 1);
	assert_int_equal(diff("-t10", "--domain=8=b", NULL), 0);
	assert_int_equal(diff("-t10", "--domain=a=7", NULL), 0);
	assert_int_equal(diff("-t10", "--domain=a=5", NULL), 1);
	assert_int_equal(diff("-t1", "--domain=a=", NULL), 2);
	assert_int_equal(diff("-t1", "--domain==b", NULL), 2);
	stats_free(&old);
	stats_free(&new);
}

static void old_letter_of_counter(void **state)
{
	(void)state;
	records(100, 200, 31, 31);
	assert_int_equal(diff("-c", "ptwr=50", NULL), 1);
	assert_int_equal(diff("-c", "ptwr=100", "-t", "1", NULL), 0);
	assert_int_equal(diff("-C", "ptwr=50", NULL), 1);
	assert_int_equal(diff("-c", "ptwr=x", NULL), 2);
	/* CSV, and no limit; the next word is the old record. */
	assert_int_equal(diff("-c", NULL), 0);
}

static void usage_and_input(void **state)
{
	char *one[] = { "diff", old_path, NULL };
	char *missing[] = { "diff", old_path, "/nonexistent", NULL };
	(void)state;

	records(1, 1, 1, 1);
	assert_int_equal(diff("--help", NULL), 0);
	assert_int_equal(diff("--no-such-option", NULL), 2);
	assert_int_equal(diff("--threshold=", NULL), 2);
	assert_int_equal(diff("--threshold=x", NULL), 2);
	assert_int_equal(diff("--threshold=nan", NULL), 2);
	assert_int_equal(diff("--threshold=5x", NULL), 2);
	assert_int_equal(diff("--threshold=--5", NULL), 2);
	assert_int_equal(diff("--counter=ptwr", NULL), 2);
	assert_int_equal(diff("--counter=ptw=5", NULL), 2);
	assert_int_equal(diff("--counter=ptwr=x", NULL), 2);
	assert_int_equal(diff("--min=x", NULL), 2);
	assert_int_equal(cmd_diff.run(2, one), 2);
	assert_int_equal(cmd_diff.run(3, missing), 2);
	assert_int_equal(truncate(new_path, 20), 0);
	assert_int_equal(diff(NULL), 2);
}

static int make_files(void **state)
{
	(void)state;
	close(mkstemp(old_path));
	close(mkstemp(new_path));
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	unlink(old_path);
	unlink(new_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_limit_no_failure),
		cmocka_unit_test(formats),
		cmocka_unit_test(ids_of_a_pair),
		cmocka_unit_test(threshold),
		cmocka_unit_test(limit_of_a_counter),
		cmocka_unit_test(from_nothing),
		cmocka_unit_test(min_of_a_mean),
		cmocka_unit_test(trace_and_hypfs),
		cmocka_unit_test(domains),
		cmocka_unit_test(lost_records),
		cmocka_unit_test(id_of_another),
		cmocka_unit_test(difficult_names),
		cmocka_unit_test(old_letter_of_counter),
		cmocka_unit_test(usage_and_input),
	};

	/* Else what the command prints would mix with the results. */
	if (!freopen("/dev/null", "w", stdout))
		return 1;
	return cmocka_run_group_tests_name("diff", tests, make_files, remove_files);
}
