// SPDX-License-Identifier: GPL-2.0-only
/* A blob that no hypervisor would give. */

#include <stdlib.h>

#include "hypfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats stats;
	struct error error;

	stats_init(&stats, "hypfs");
	if (hypfs_decode(data, size, &stats, 1, &error)) {
		/* What came before the error is not counted, and there is a reason. */
		if (stats.nr_domains || !*error.text)
			abort();
	} else if (stats.nr_domains) {
		/* Room is made for those alone that the blob has, 8 bytes each at the least. */
		if (stats.domain[0].nr_vcpus > size / 8)
			abort();
	}
	stats_free(&stats);

	return 0;
}
