// SPDX-License-Identifier: GPL-2.0-only
/*
 * hypfs-names: tests which names below /domain hypfs has, and which names it refuses.
 *
 * What may be wrong: an entry is found by a name that is not its own ("00", "+0", a number
 * that wraps to 0); one is found that is not there; a directory lists what it must not list, or
 * does not list what it has; an entry can be written to.
 *
 * Expected: the lists below. dom0 is domain 0, is PV, and has a vCPU 0.
 *
 * Needs a Xen with CONFIG_BATCH_STATS. Link with -lxenhypfs. Prints a line for each name that is
 * wrong, and "N names" at the end. Exit code: 0 all is right, 1 something is wrong, 2 could not
 * run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenhypfs.h>

#define LEAF	"/domain/0/vcpu/0/batch-stats"

/* Names of entries that there must not be, in the place of "%s". */
static const char *const place[] = {
	"/domain/%s",
	"/domain/%s/vcpu/0/batch-stats",
	"/domain/0/vcpu/%s",
	"/domain/0/vcpu/%s/batch-stats",
};
static const char *const none[] = {
	" 0", "0 ", "00", "000000000000", "+0", "-0", "0x0", "0a", "a", "-1", "9999",
	"32752",			/* DOMID_SELF */
	"65536", "4294967296", "18446744073709551616", "99999999999", "999999999999",
};

/* Directories, and what they list: NULL is nothing. */
static const struct {
	const char *path, *only;
} directory[] = {
	{ "/domain", NULL },
	{ "/domain/0", "vcpu" },
	{ "/domain/0/vcpu", NULL },
	{ "/domain/0/vcpu/0", "batch-stats" },
};

static unsigned int tried, wrong;

static void complain(const char *path, const char *what)
{
	printf("\"%s\": %s\n", path, what);
	wrong++;
}

static void not_there(xenhypfs_handle *hypfs, const char *path)
{
	struct xenhypfs_dirent *dirent = NULL;
	void *content = xenhypfs_read_raw(hypfs, path, &dirent);

	tried++;
	if (content)
		complain(path, "it is there");
	else if (errno != ENOENT)
		complain(path, strerror(errno));
	free(content);
	free(dirent);
}

static void lists(xenhypfs_handle *hypfs, const char *path, const char *only)
{
	unsigned int nr = 0;
	struct xenhypfs_dirent *entry = xenhypfs_readdir(hypfs, path, &nr);

	tried++;
	if (!entry)
		complain(path, strerror(errno));
	else if (nr != !!only)
		complain(path, "it lists too much, or too little");
	else if (only && strcmp(entry[0].name, only))
		complain(path, entry[0].name);
	free(entry);
}

static void leaf(xenhypfs_handle *hypfs)
{
	struct xenhypfs_dirent *dirent = NULL;
	void *content = xenhypfs_read_raw(hypfs, LEAF, &dirent);

	tried++;
	if (!content)
		complain(LEAF, strerror(errno));
	else if (dirent->type != xenhypfs_type_blob || !dirent->size ||
		 dirent->flags & XENHYPFS_FLAG_WRITABLE)
		complain(LEAF, "it is no blob, is empty, or can be written to");
	free(content);
	free(dirent);
}

int main(void)
{
	xenhypfs_handle *hypfs = xenhypfs_open(NULL, 0);
	char path[100];

	if (!hypfs) {
		perror("hypfs-names: cannot open hypfs");
		return 2;
	}
	leaf(hypfs);
	for (size_t p = 0; p < sizeof(place) / sizeof(place[0]); p++) {
		for (size_t n = 0; n < sizeof(none) / sizeof(none[0]); n++) {
			snprintf(path, sizeof(path), place[p], none[n]);
			not_there(hypfs, path);
		}
	}
	not_there(hypfs, "/domain//vcpu/0/batch-stats");
	not_there(hypfs, "/domain/0/vcpu//batch-stats");
	not_there(hypfs, "/domain/0/batch-stats");
	not_there(hypfs, LEAF "/0");
	for (size_t d = 0; d < sizeof(directory) / sizeof(directory[0]); d++)
		lists(hypfs, directory[d].path, directory[d].only);
	xenhypfs_close(hypfs);
	printf("%u names\n", tried);

	return !!wrong;
}
