// SPDX-License-Identifier: GPL-2.0-only
/* source.c and cmd_stat.c, with a hypfs and a xenstore of their own. */

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <xenhypfs.h>
#include <xenstore.h>

#include "capture.h"
#include "command.h"
#include "hypfs.h"

/* What is there: domain 5, and its count. */
static struct {
	bool counts;			/* Xen counts */
	bool is_pv;
	const char *name, *uuid;
	uint64_t ptwr;
	unsigned int reads, slow_read;	/* of domain 5, so far, and the one that takes 0.3 s */
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

/* Domain 0 and domain 5 have a vCPU each. */
void *xenhypfs_read_raw(xenhypfs_handle *handle, const char *path, struct xenhypfs_dirent **dirent)
{
	struct {
		struct batch_stats_header header;
		struct batch_stats_desc desc;
		uint64_t ptwr;
	} *blob;
	bool is_5 = !strcmp(path, "/domain/5/vcpu/0/batch-stats");
	(void)handle;

	if (!there.counts || (!is_5 && strcmp(path, HYPFS_DOM0))) {
		errno = ENOENT;
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
	blob->ptwr = is_5 ? there.ptwr : 1;
	(*dirent)->type = xenhypfs_type_blob;
	(*dirent)->encoding = xenhypfs_enc_plain;
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
	char **entry = calloc(2, sizeof(*entry));
	(void)handle, (void)transaction, (void)path;

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
	there = (typeof(there)){ true, true, "guest", "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6e", 0, 0, 0 };
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

/* A period that took too long is followed by none that is too short. */
static void no_short_period(void **state)
{
	const char *text;
	int nr = 0;
	(void)state;

	reset();
	there.slow_read = 2;
	text = STAT(stdout, "-j", "-i", "0.1", "-n", "3");
	assert_int_equal(exit_code, 0);
	for (; (text = strstr(text, "\"seconds\":")); text++, nr++)
		assert_true(atof(text + 10) > 0.09);
	assert_int_equal(nr, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_short_period),
	};

	/* Else what the command prints would mix with the results. */
	if (!freopen("/dev/null", "w", stdout))
		return 1;
	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
