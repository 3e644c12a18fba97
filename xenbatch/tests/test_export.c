// SPDX-License-Identifier: GPL-2.0-only
/* metrics.c, cmd_export.c */

#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "capture.h"
#include "command.h"
#include "output.h"

static char *metrics(const struct stats *stats, bool text)
{
	char *written = NULL;
	size_t size;
	FILE *f = open_memstream(&written, &size);

	assert_non_null(f);
	stats_write_metrics(f, stats, text);
	assert_int_equal(fclose(f), 0);
	return written;
}

static void has(const char *text, const char *line)
{
	char whole[200];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("no line %s in\n%s", line, text);
}

static void has_no(const char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("%s in\n%s", what, text);
}

/* Two vCPUs of domain 3, which are added up, and domain 5, of which nothing is known. */
static void example(struct stats *stats)
{
	struct vcpu_stats *vcpu;

	stats_init(stats, "hypfs");
	for (unsigned int v = 0; v < 2; v++) {
		vcpu = stats_vcpu(stats, 3, v);
		vcpu->hypercall[HYPERCALL_MULTICALL] = 5 + v;
		vcpu->hypercall[11] = 1;		/* has no name */
		vcpu->subcall[HYPERCALL_MMU_UPDATE] = 4;
		vcpu->batch[BATCH_MMU_UPDATE].size[31] = 4;
		vcpu->batch[BATCH_MMU_UPDATE].size[33] = 1;
		vcpu->batch[BATCH_MMU_UPDATE].size[66] = 1;	/* 128 to 255 */
		vcpu->batch[BATCH_MMU_UPDATE].size[89] = 1;	/* above all bounds */
		vcpu->batch[BATCH_MMU_UPDATE].requests = 1000;
		vcpu->batch[BATCH_MMU_UPDATE].continuations = 2;
		vcpu->ptwr = 12;
		vcpu->page_fault = UINT64_MAX / 2;
	}
	stats_vcpu(stats, 3, 0)->subcall_errors[22] = 3;
	stats_vcpu(stats, 3, 1)->subcall_errors[22] = 4;
	strcpy(stats_find(stats, 3)->name, "a \"b\"\\\n\xff");
	strcpy(stats_find(stats, 3)->uuid, "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6e");
	stats_vcpu(stats, 5, 0);
}

static void openmetrics(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	example(&stats);
	text = metrics(&stats, false);
	assert_int_equal(strncmp(text, "# TYPE xen_domain info\n", 23), 0);
	has(text, "xen_domain_info{domain=\"3\",name=\"a \\\"b\\\"\\\\??\","
	    "uuid=\"8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6e\"} 1");
	has(text, "xen_domain_info{domain=\"5\",name=\"\",uuid=\"\"} 1");
	has(text, "# TYPE xen_hypercalls counter");
	has(text, "xen_hypercalls_total{domain=\"3\",op=\"multicall\"} 11");
	has(text, "xen_hypercalls_total{domain=\"3\",op=\"11\"} 2");
	has_no(text, "xen_hypercalls_total{domain=\"5\"");
	has(text, "xen_subcalls_total{domain=\"3\",op=\"mmu_update\"} 8");
	has(text, "# TYPE xen_ptwr counter");
	has(text, "xen_ptwr_total{domain=\"3\"} 24");
	has(text, "xen_page_fault_total{domain=\"3\"} 18446744073709551614");
	has(text, "xen_page_fault_total{domain=\"5\"} 0");
	has(text, "xen_batch_continuations_total{domain=\"3\",op=\"mmu_update\"} 4");
	has(text, "xen_batch_continuations_total{domain=\"3\",op=\"multicall\"} 0");
	has(text, "# TYPE xen_batch_errors counter");
	has(text, "xen_batch_errors_total{domain=\"3\",op=\"subcall\",errno=\"EINVAL\"} 7");
	has_no(text, "xen_batch_errors_total{domain=\"5\"");
	/* The end is the end, and there is nothing of a trace. */
	assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
	has_no(text, "trace");
	free(text);
	stats_free(&stats);
}

/* A bound counts all batches up to it, and none that may be longer. */
static void histograms(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	example(&stats);
	text = metrics(&stats, false);
	has(text, "# TYPE xen_batch_size histogram");
#define BUCKET(le)	"xen_batch_size_bucket{domain=\"3\",op=\"mmu_update\",le=\"" le "\"} "
	has(text, BUCKET("0.0") "0");
	has(text, BUCKET("16.0") "0");
	has(text, BUCKET("31.0") "8");
	has(text, BUCKET("32.0") "8");
	has(text, BUCKET("64.0") "10");
	has(text, BUCKET("127.0") "10");
	has(text, BUCKET("255.0") "12");
	has(text, BUCKET("65535.0") "12");
	has(text, BUCKET("+Inf") "14");
	has(text, "xen_batch_size_sum{domain=\"3\",op=\"mmu_update\"} 2000");
	has(text, "xen_batch_size_count{domain=\"3\",op=\"mmu_update\"} 14");
	has(text, "xen_batch_size_count{domain=\"5\",op=\"multicall\"} 0");
	free(text);
	stats_free(&stats);
}

/* Each bound is the last size of a bucket, so that no bucket has sizes on both sides of it. */
static void bounds_are_the_buckets(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	for (unsigned int bucket = 0; bucket < NR_BUCKETS; bucket++) {
		uint64_t least = bucket_first(bucket);
		uint64_t last = bucket + 1 < NR_BUCKETS ? bucket_first(bucket + 1) - 1 : UINT64_MAX;
		char *line, *save;

		stats_init(&stats, "hypfs");
		stats_vcpu(&stats, 1, 0)->batch[BATCH_MMUEXT_OP].size[bucket] = 1;
		text = metrics(&stats, false);
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			unsigned long bound, count;

			if (sscanf(line, "xen_batch_size_bucket{domain=\"1\",op=\"mmuext_op\",le=\"%lu.0\"} %lu",
				   &bound, &count) != 2)
				continue;
			assert_true(last <= bound || least > bound);
			assert_int_equal(count, last <= bound);
		}
		free(text);
		stats_free(&stats);
	}
}

static void text_format(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	example(&stats);
	text = metrics(&stats, true);
	assert_int_equal(strncmp(text, "# TYPE xen_domain_info gauge\n", 29), 0);
	has(text, "# TYPE xen_hypercalls_total counter");
	has(text, "# TYPE xen_batch_size histogram");
	has(text, "xen_hypercalls_total{domain=\"3\",op=\"multicall\"} 11");
	has_no(text, "# EOF");
	free(text);
	stats_free(&stats);
}

static void trace(void **state)
{
	struct stats stats;
	char *text;
	(void)state;

	stats_init(&stats, "trace");
	stats.lost = 7;
	stats.unattributed = 8;
	text = metrics(&stats, false);
	has(text, "# TYPE xen_trace_lost counter");
	has(text, "xen_trace_lost_total 7");
	has(text, "xen_trace_unattributed_total 8");
	has_no(text, "errors");
	free(text);
	/* A Xen that counts, but no refusals. */
	stats_init(&stats, "hypfs");
	stats.no_refusals = true;
	text = metrics(&stats, false);
	has_no(text, "trace");
	has_no(text, "errors");
	free(text);
}

/* A counter that somebody adds must come out, with its own value. */
static void every_counter(void **state)
{
	struct stats stats;
	uint64_t number = 1000;
	char *text, value[32];
	(void)state;

	stats_init(&stats, "hypfs");
	stats_vcpu(&stats, 3, 0);
	for (unsigned int c = 0; c < NR_COUNTERS; c++)
		for (unsigned int i = 0; i < counters[c].nr; i++)
			counter_values(&counters[c], stats.domain->vcpu)[i] =
				counters[c].kind == COUNTER_BY_SIZE ? 0 : ++number;
	text = metrics(&stats, false);
	for (; number > 1000; number--) {
		snprintf(value, sizeof(value), "} %" PRIu64 "\n", number);
		assert_non_null(strstr(text, value));
	}
	free(text);
	stats_free(&stats);
}

static char folder[] = "/tmp/test_export.XXXXXX";
static char record[64], out[64], link_to_out[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(record, sizeof(record), "%s/record", folder);
	snprintf(out, sizeof(out), "%s/out.prom", folder);
	snprintf(link_to_out, sizeof(link_to_out), "%s/link", folder);

	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(record);
	unlink(out);
	unlink(link_to_out);
	/* It fails if a temporary file was left. */
	return rmdir(folder);
}

static const char *content(const char *path)
{
	static char text[1 << 17];
	FILE *f = fopen(path, "r");
	size_t length;

	assert_non_null(f);
	length = fread(text, 1, sizeof(text) - 1, f);
	text[length] = '\0';
	fclose(f);

	return text;
}

/* Exports the record of domain 3 with a number of ptwr. What it complains is in complaint. */
static const char *complaint;
static double record_seconds;	/* what the record says of its length */

static int export(unsigned int ptwr, const char *output, const char *more)
{
	char from[] = "--from", path[64], o[] = "-o", to[64], extra[64];
	char *argv[] = { "export", from, path, o, to, more ? extra : NULL, NULL };
	struct stats stats;
	FILE *f = fopen(record, "w");
	int ret;

	assert_non_null(f);
	stats_init(&stats, "hypfs");
	stats.seconds = record_seconds;
	stats_vcpu(&stats, 3, 0)->ptwr = ptwr;
	strcpy(stats.domain->uuid, "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6e");
	stats_write_json(f, &stats);
	stats_free(&stats);
	assert_int_equal(fclose(f), 0);
	snprintf(path, sizeof(path), "%s", record);
	snprintf(to, sizeof(to), "%s", output);
	snprintf(extra, sizeof(extra), "%s", more ?: "");
	capture(stderr);
	ret = cmd_export.run(more ? 6 : 5, argv);
	complaint = captured();

	return ret;
}

static void to_a_file(void **state)
{
	struct stat before, after;
	mode_t mask = umask(027);
	FILE *reader;
	char line[100];
	(void)state;

	assert_int_equal(export(77, out, NULL), EXIT_OK);
	has(content(out), "xen_ptwr_total{domain=\"3\"} 77");
	has(content(out), "xen_domain_info{domain=\"3\",name=\"\","
	    "uuid=\"8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6e\"} 1");
	assert_int_equal(stat(out, &before), 0);
	assert_int_equal(before.st_mode & 0777, 0640);

	/* Whoever has the old file open goes on reading the old one. */
	reader = fopen(out, "r");
	assert_non_null(reader);
	assert_int_equal(export(78, out, "--textfile"), EXIT_OK);
	has(content(out), "xen_ptwr_total{domain=\"3\"} 78");
	assert_int_equal(stat(out, &after), 0);
	assert_true(after.st_ino != before.st_ino);
	assert_non_null(fgets(line, sizeof(line), reader));
	assert_string_equal(line, "# TYPE xen_domain info\n");
	fclose(reader);

	/* A link stays one. */
	assert_int_equal(symlink(out, link_to_out), 0);
	assert_int_equal(export(79, link_to_out, NULL), EXIT_OK);
	has(content(out), "xen_ptwr_total{domain=\"3\"} 79");
	assert_int_equal(lstat(link_to_out, &after), 0);
	assert_true(S_ISLNK(after.st_mode));
	/* Also if it leads to nothing yet. */
	unlink(out);
	assert_int_equal(export(80, link_to_out, NULL), EXIT_OK);
	has(content(out), "xen_ptwr_total{domain=\"3\"} 80");
	assert_int_equal(lstat(link_to_out, &after), 0);
	assert_true(S_ISLNK(after.st_mode));
	umask(mask);
}

/* A file that cannot be written to its end leaves the old one, and nothing beside it. */
static void no_half_file(void **state)
{
	char from[] = "--from", path[64], o[] = "-o", to[64];
	char *argv[] = { "export", from, path, o, to, NULL };
	struct rlimit limit, before;
	char beside[80];
	glob_t left;
	(void)state;

	assert_int_equal(export(81, out, NULL), EXIT_OK);
	assert_int_equal(export(82, "/dev/null", NULL), EXIT_OK);
	snprintf(path, sizeof(path), "%s", record);
	snprintf(to, sizeof(to), "%s", out);
	snprintf(beside, sizeof(beside), "%s.*", out);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 1000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	capture(stderr);
	assert_int_equal(cmd_export.run(5, argv), EXIT_ERROR);
	complaint = captured();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(complaint, "File too large"));
	has(content(out), "xen_ptwr_total{domain=\"3\"} 81");
	has(content(out), "# EOF");
	assert_int_equal(glob(beside, 0, NULL, &left), GLOB_NOMATCH);
}

static void what_is_no_file(void **state)
{
	struct stat is;
	(void)state;

	/* A device is written to, and not replaced. */
	assert_int_equal(export(80, "/dev/null", NULL), EXIT_OK);
	assert_int_equal(stat("/dev/null", &is), 0);
	assert_true(S_ISCHR(is.st_mode));
	assert_int_equal(export(80, "/dev/full", NULL), EXIT_ERROR);
	assert_non_null(strstr(complaint, "/dev/full: No space left on device"));
	assert_int_equal(export(80, folder, NULL), EXIT_ERROR);
	assert_non_null(strstr(complaint, "Is a directory"));
	assert_int_equal(export(80, "/nowhere/out", NULL), EXIT_ERROR);
	assert_non_null(strstr(complaint, "/nowhere/out: No such file or directory"));
}

static void domains(void **state)
{
	(void)state;
	assert_int_equal(export(81, out, "-d3"), EXIT_OK);
	assert_string_equal(complaint, "");
	has(content(out), "xen_ptwr_total{domain=\"3\"} 81");
	/* Nothing of another domain, and a warning. */
	assert_int_equal(export(82, out, "-d4"), EXIT_OK);
	assert_non_null(strstr(complaint, "no such PV domain is seen: 4"));
	has_no(content(out), "domain=");
}

/* What was counted in a period is no total. */
static void no_period(void **state)
{
	(void)state;
	record_seconds = 0.5;
	assert_int_equal(export(83, "/dev/null", NULL), EXIT_ERROR);
	record_seconds = 0;
	assert_non_null(strstr(complaint, "its last record is of a period"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openmetrics),
		cmocka_unit_test(histograms),
		cmocka_unit_test(bounds_are_the_buckets),
		cmocka_unit_test(text_format),
		cmocka_unit_test(trace),
		cmocka_unit_test(every_counter),
		cmocka_unit_test(to_a_file),
		cmocka_unit_test(no_half_file),
		cmocka_unit_test(what_is_no_file),
		cmocka_unit_test(domains),
		cmocka_unit_test(no_period),
	};

	return cmocka_run_group_tests_name("export", tests, make_folder, remove_folder);
}
