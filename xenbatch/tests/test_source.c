// SPDX-License-Identifier: GPL-2.0-only
/* source.c and cmd_stat.c, with a hypfs and a xenstore of their own. */

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <xenhypfs.h>
#include <xenstore.h>

#include "build_trace.h"
#include "capture.h"
#include "clock.h"
#include "command.h"
#include "hypfs.h"
#include "source.h"

/* What is there: domain 5, and its count. */
static struct {
	bool counts;			/* Xen counts */
	bool is_pv;
	bool lists_none;		/* xenstore does not list the domains */
	const char *name, *uuid;
	uint64_t ptwr;
	unsigned int more_vcpus;	/* of domain 5, each with one write more than the last */
	unsigned int reads, slow_read;	/* of domain 5, so far, and the one that takes 0.3 s */
	int error, error_of_5;		/* what reading hypfs fails with, of all and of domain 5 */
	bool is_text, is_packed;	/* what it has of domain 5 */
} there;

xenhypfs_handle *xenhypfs_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	return (xenhypfs_handle *)&there;
}

int xenhypfs_close(xenhypfs_handle *handle)
{
	(void)handle;
	return 0;
}

/* Domain 0 and domain 5 have a vCPU each, and domain 5 has more_vcpus. */
void *xenhypfs_read_raw(xenhypfs_handle *handle, const char *path, struct xenhypfs_dirent **dirent)
{
	struct {
		struct batch_stats_header header;
		struct batch_stats_desc desc;
		uint64_t ptwr;
	} *blob;
	unsigned int id;
	bool is_5 =
		sscanf(path, "/domain/5/vcpu/%u/batch-stats", &id) == 1 && id <= there.more_vcpus;
	(void)handle;

	if (!there.counts || (!is_5 && strcmp(path, HYPFS_DOM0))) {
		errno = ENOENT;
		return NULL;
	}
	if (there.error || (is_5 && there.error_of_5)) {
		errno = there.error ?: there.error_of_5;
		return NULL;
	}
	if (is_5 && ++there.reads == there.slow_read)
		usleep(300000);
	blob = calloc(1, sizeof(*blob));
	*dirent = calloc(1, sizeof(**dirent));
	assert_non_null(blob);
	assert_non_null(*dirent);
	blob->header = (struct batch_stats_header){
		.version = BATCH_STATS_VERSION,
		.desc_offset = sizeof(blob->header),
		.desc_size = sizeof(blob->desc),
		.nr_desc = !is_5 || there.is_pv,
		.data_offset = offsetof(typeof(*blob), ptwr),
		.data_size = sizeof(blob->ptwr),
	};
	blob->desc = (struct batch_stats_desc){ "ptwr", BATCH_STATS_COUNTER, 1, 0, 0 };
	blob->ptwr = is_5 ? there.ptwr + id : 1;
	(*dirent)->type = is_5 && there.is_text ? xenhypfs_type_string : xenhypfs_type_blob;
	(*dirent)->encoding = is_5 && there.is_packed ? xenhypfs_enc_gzip : xenhypfs_enc_plain;
	(*dirent)->size = sizeof(*blob);

	return blob;
}

const char *xs_daemon_socket(void)
{
	return "/dev/null";
}

struct xs_handle *xs_open(unsigned long flags)
{
	(void)flags;
	return (struct xs_handle *)&there;
}

void xs_close(struct xs_handle *handle)
{
	(void)handle;
}

char **xs_directory(struct xs_handle *handle, xs_transaction_t transaction, const char *path,
		    unsigned int *nr)
{
	char **entry;
	(void)handle, (void)transaction, (void)path;

	if (there.lists_none) {
		errno = EACCES;
		return NULL;
	}
	entry = calloc(2, sizeof(*entry));
	assert_non_null(entry);
	entry[0] = "0";
	entry[1] = "5";
	*nr = there.name ? 2 : 1;

	return entry;
}

void *xs_read(struct xs_handle *handle, xs_transaction_t transaction, const char *path,
	      unsigned int *length)
{
	char vm[60];
	(void)handle, (void)transaction, (void)length;

	if (there.name && !strcmp(path, "/local/domain/5/name"))
		return strdup(there.name);
	snprintf(vm, sizeof(vm), "/vm/%s", there.uuid);
	if (there.name && !strcmp(path, "/local/domain/5/vm"))
		return strdup(vm);
	return NULL;
}

static void reset(void)
{
	there = (typeof(there)){ .counts = true, .is_pv = true, .name = "guest",
				 .uuid = "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6e" };
}

/* Up to six options of stat. What it prints, until the next call; its exit code in exit_code. */
static int exit_code;

static const char *stat_prints(FILE *stream, const char *const options[6])
{
	char copy[6][40];
	char *argv[8] = { "stat" };
	int argc = 1;

	for (; argc <= 6 && options[argc - 1]; argc++) {
		snprintf(copy[argc - 1], sizeof(copy[0]), "%s", options[argc - 1]);
		argv[argc] = copy[argc - 1];
	}
	capture(stream);
	exit_code = cmd_stat.run(argc, argv);

	return captured();
}

#define STAT(stream, ...)	stat_prints(stream, (const char *const[6]){ __VA_ARGS__ })

/* The UUIDs tell that another domain has the id. */
static void an_id_is_used_again(void **state)
{
	struct error error;
	struct source *source;
	struct stats stats;
	(void)state;

	reset();
	there.ptwr = 1500;
	source = source_open(SOURCE_AUTO, NULL, &error);
	assert_non_null(source);
	there.ptwr = 400;
	there.uuid = "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6f";
	assert_int_equal(source_period(source, &stats, &error), 0);
	assert_int_equal(stats_vcpu(&stats, 5, 0)->ptwr, 400);
	stats_free(&stats);
	source_close(source);
}

/* This program as xentrace: writes two emulated writes of domain 5, and two more. */
static int trace_domain_5(void)
{
	struct build b = { };

	for (unsigned int i = 0; i < 2; i++) {
		window(&b, 0);
		run(&b, 5, 0);
		ptwr(&b);
		ptwr(&b);
		leave(&b, 5, 0);
		end(&b);
		if (write(STDOUT_FILENO, b.data, b.size) != (ssize_t)b.size)
			return 1;
		b.size = 0;
		usleep(500000);
		if (getenv("XENTRACE_ENDS"))
			return 0;
	}
	pause();
	return 0;
}

static void a_domain_that_has_ended_keeps_its_name(void **state)
{
	struct error error;
	struct source *source;
	struct stats stats;
	(void)state;

	reset();
	/* Its first records have come when it is open. */
	source = source_open(SOURCE_TRACE, "/proc/self/exe", &error);
	assert_non_null(source);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(source_period(source, &stats, &error), 0);
		assert_int_equal(stats_vcpu(&stats, 5, 0)->ptwr, 2);
		assert_string_equal(stats_find(&stats, 5)->name, "guest");
		assert_string_equal(stats_find(&stats, 5)->uuid, there.uuid);
		stats_free(&stats);
		there.name = NULL;
		assert_int_equal(source_wait(source, seconds_now() + 1, -1, &error), SOURCE_TIME);
	}
	source_close(source);
}

/* Another domain has the id, or the same one another name: a record has the name of now. */
static void a_name_changes(void **state)
{
	struct error error;
	struct source *source;
	struct stats stats;
	(void)state;

	reset();
	source = source_open(SOURCE_TRACE, "/proc/self/exe", &error);
	assert_non_null(source);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(source_period(source, &stats, &error), 0);
		assert_string_equal(stats_find(&stats, 5)->name, there.name);
		/* Xenstore lists domain 0, and it has not run. */
		assert_non_null(stats_find(&stats, 0));
		stats_free(&stats);
		there.name = "other";
	}
	source_close(source);
}

/* It names no option that the command does not take. */
static void xen_does_not_count(void **state)
{
	(void)state;

	reset();
	there.counts = false;
	assert_string_equal(STAT(stderr, "--total"), "xenbatch: no hypfs /domain/0/vcpu/0/batch-stats: "
			    "this Xen lacks CONFIG_BATCH_STATS\n");
	assert_int_equal(exit_code, EXIT_ERROR);
}

/* A domain that is not PV runs, but is not seen. */
static void no_pv_domain(void **state)
{
	(void)state;

	reset();
	there.is_pv = false;
	assert_string_equal(STAT(stderr, "-n1", "-i.1", "-j", "-dguest", "-d0"),
			    "xenbatch: --domain: no such PV domain is seen now, it is shown once it is: guest\n");
}

static void xenstore_refuses(void **state)
{
	(void)state;

	reset();
	there.lists_none = true;
	assert_string_equal(STAT(stderr, "--total"), "xenbatch: xenstored, which lists the domains, "
			    "does not answer: Permission denied\n");
}

/* top needs a terminal before it needs a source. */
static void no_terminal(void **state)
{
	char *argv[] = { "top", "--source=trace", "--xentrace=/nonexistent", NULL };
	(void)state;

	reset();
	capture(stderr);
	assert_int_equal(cmd_top.run(3, argv), EXIT_ERROR);
	assert_string_equal(captured(), "xenbatch: standard input or output is not a terminal: "
			    "use xenbatch stat\n");
}

/* A period that took too long is followed by none that is too short. */
static void no_short_period(void **state)
{
	double began = seconds_now(), sum = 0;
	const char *text;
	int nr = 0;
	(void)state;

	reset();
	there.slow_read = 2;
	text = STAT(stdout, "-j", "-i", "0.1", "-n", "3");
	assert_int_equal(exit_code, 0);
	for (; (text = strstr(text, "\"seconds\":")); text++, nr++) {
		assert_true(atof(text + 10) > 0.09);
		sum += atof(text + 10);
	}
	assert_int_equal(nr, 3);
	/* No time is in two periods. */
	assert_true(sum <= seconds_now() - began);
}

static void each_vcpu(void **state)
{
	const char *text;
	(void)state;

	reset();
	there.ptwr = 1500;
	there.more_vcpus = 2;
	text = STAT(stdout, "--total", "-c");
	assert_int_equal(exit_code, 0);
	assert_non_null(strstr(text, "\nhypfs,,0,,0,ptwr,,1\nhypfs,,5,guest,0,ptwr,,1500\n"
				     "hypfs,,5,guest,1,ptwr,,1501\nhypfs,,5,guest,2,ptwr,,1502\n"));
}

static void selected_domains(void **state)
{
	(void)state;

	reset();
	there.ptwr = 1500;
	assert_string_equal(STAT(stdout, "--total", "-c", "-dguest"),
			    "source,seconds,domid,name,vcpu,counter,key,value\n"
			    "hypfs,,5,guest,0,ptwr,,1500\n");
	assert_int_equal(exit_code, 0);
}

/* What goes on since a domain was created has no periods, and no trace has it. */
static void totals_have_no_periods(void **state)
{
	static const char *const wrong[] = { "-n1", "-i1", "--source=trace" };
	(void)state;

	reset();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_non_null(strstr(STAT(stderr, "--total", wrong[i]), "xenbatch: --total: "));
		assert_int_equal(exit_code, EXIT_ERROR);
	}
}

/* This hypfs does not have refusals, so a record does not say that nothing was refused. */
static void refusals_are_not_known(void **state)
{
	const char *text;
	(void)state;

	reset();
	there.ptwr = 1500;
	text = STAT(stdout, "--total", "-j");
	assert_int_equal(exit_code, 0);
	assert_non_null(strstr(text, "\"ptwr\":1500"));
	assert_null(strstr(text, "refused"));
}

/*
 * A domain that cannot be read is no domain without counts, but for one that Flask hides, and for one
 * that has ended since xenstore listed it.
 */
static void hypfs_fails(void **state)
{
	(void)state;

	reset();
	there.error = EIO;
	assert_string_equal(STAT(stderr, "-n1", "-i.1"),
			    "xenbatch: hypfs /domain/0/vcpu/0/batch-stats: "
			    "Input/output error\n");
	assert_int_equal(exit_code, EXIT_ERROR);
	reset();
	there.error_of_5 = EIO;
	assert_string_equal(STAT(stderr, "--total"),
			    "xenbatch: hypfs /domain/5/vcpu/0/batch-stats: "
			    "Input/output error\n");
	assert_int_equal(exit_code, EXIT_ERROR);
	there.error_of_5 = EACCES;
	assert_string_equal(STAT(stderr, "--total"), "");
	assert_int_equal(exit_code, EXIT_OK);
	there.error_of_5 = ESRCH;
	assert_string_equal(STAT(stderr, "--total"), "");
	assert_int_equal(exit_code, EXIT_OK);
	for (int packed = 0; packed < 2; packed++) {
		reset();
		there.is_text = !packed;
		there.is_packed = packed;
		assert_string_equal(STAT(stderr, "--total"),
				    "xenbatch: hypfs /domain/5/vcpu/0/batch-stats: "
				    "not a plain blob\n");
		assert_int_equal(exit_code, EXIT_ERROR);
	}
}

/* An xentrace that ends by itself is no period without records. */
static void xentrace_ends(void **state)
{
	(void)state;

	reset();
	setenv("XENTRACE_ENDS", "1", 1);
	assert_non_null(
		strstr(STAT(stderr, "--source=trace", "--xentrace=/proc/self/exe", "-i.1", "-n30"),
		       "xentrace ended"));
	assert_int_equal(exit_code, EXIT_ERROR);
	unsetenv("XENTRACE_ENDS");
}

static void no_room_for_what_it_prints(void **state)
{
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY);
	char *argv[] = { "stat", "--total", NULL };
	(void)state;

	reset();
	assert_true(saved >= 0 && full >= 0);
	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	exit_code = cmd_stat.run(2, argv);
	__fpurge(stdout);
	clearerr(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(full);
	assert_int_equal(exit_code, EXIT_ERROR);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_short_period),
		cmocka_unit_test(each_vcpu),
		cmocka_unit_test(selected_domains),
		cmocka_unit_test(totals_have_no_periods),
		cmocka_unit_test(refusals_are_not_known),
		cmocka_unit_test(hypfs_fails),
		cmocka_unit_test(xentrace_ends),
		cmocka_unit_test(no_room_for_what_it_prints),
		cmocka_unit_test(xenstore_refuses),
		cmocka_unit_test(no_terminal),
		cmocka_unit_test(no_pv_domain),
		cmocka_unit_test(xen_does_not_count),
		cmocka_unit_test(an_id_is_used_again),
		cmocka_unit_test(a_name_changes),
		cmocka_unit_test(a_domain_that_has_ended_keeps_its_name),
	};

	(void)argv;
	if (argc > 1)
		return trace_domain_5();
	/* Else what the command prints would mix with the results. */
	if (!freopen("/dev/null", "w", stdout))
		return 1;
	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
