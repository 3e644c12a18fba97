// SPDX-License-Identifier: GPL-2.0-only
/* Feeds the reader of hypfs any blob. */

#include <stdlib.h>

#include "hypfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats stats;
	struct error error;

	stats_init(&stats, "hypfs");
	if (hypfs_decode(data, size, &stats, 1, &error)) {
		/* An error counts nothing, and has a reason. */
		if (stats.nr_domains || !*error.text)
			abort();
	} else if (stats.nr_domains) {
		/* A vCPU has at least 8 bytes in the blob, so there cannot be more than fit. */
		if (stats.domain[0].nr_vcpus > size / 8)
			abort();
	}
	stats_free(&stats);

	return 0;
}
