// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests/xen-tools: stands in for libxenhypfs, below Xen's tools/misc/xen-batch-stats.c. Domain 7
 * has vCPU 0, whose entry the hypervisor's own code makes, by the unit test's harness.h. With
 * WRONG=size in the environment, the entry ends too early; with WRONG=nr, the counter that is last in
 * it has more values than there is room for.
 */
#include "harness.h"

#include <xenhypfs.h>

static void add_a_value(void *entry)
{
	const struct xen_batch_stats_header *header = entry;
	struct xen_batch_stats_desc *last = NULL;

	for (unsigned int i = 0; i < header->nr_desc; i++) {
		struct xen_batch_stats_desc *desc =
			entry + header->desc_offset + i * header->desc_size;

		if (!last || desc->offset > last->offset)
			last = desc;
	}
	last->nr++;
}

static struct domain domain = { .context = true };
static struct vcpu vcpu = { .pv = true, .domain = &domain };

xenhypfs_handle *xenhypfs_open(struct xentoollog_logger *logger, unsigned int open_flags)
{
	return (xenhypfs_handle *)&vcpu;
}

int xenhypfs_close(xenhypfs_handle *handle)
{
	return 0;
}

void *xenhypfs_read_raw(xenhypfs_handle *handle, const char *path, struct xenhypfs_dirent **dirent)
{
	const char *wrong = getenv("WRONG") ?: "";
	void *entry;

	if (strcmp(path, "/domain/7/vcpu/0/batch-stats")) {
		errno = ENOENT;
		return NULL;
	}
	hypfs_vcpu = &vcpu;
	*dirent = calloc(1, sizeof(**dirent));
	if (!*dirent || batch_stats_init_vcpu(&vcpu))
		abort();
	batch_stats_hypercall(&vcpu, __HYPERVISOR_mmu_update, 0, 64);
	batch_stats_hypercall(&vcpu, __HYPERVISOR_mmu_update, 0, 127);
	batch_stats_hypercall(&vcpu, __HYPERVISOR_mmu_update, 0, 300);
	batch_stats_refusing(&vcpu, -EINVAL, 0x1008, 0x67);
	batch_stats_result(&vcpu, __HYPERVISOR_mmu_update, -EINVAL, 0, 0);
	(*dirent)->size = batch_stats_getsize(NULL);
	entry = malloc((*dirent)->size);
	if (!entry || batch_stats_read(NULL, entry))
		abort();
	if (!strcmp(wrong, "size"))
		(*dirent)->size -= 8;
	if (!strcmp(wrong, "nr"))
		add_a_value(entry);
	return entry;
}
