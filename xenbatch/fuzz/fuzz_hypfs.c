// SPDX-License-Identifier: GPL-2.0-only
/* Feeds the reader of hypfs any blob. */

#include <stdlib.h>

#include "hypfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vcpu_stats vcpu = {};
	struct error error = {};
	bool refusals;

	/* An error counts nothing, and has a reason. Without descriptors there are no counts. */
	switch (hypfs_decode(data, size, &vcpu, &refusals, &error)) {
	case 0:
		break;
	case 1:
		if (vcpu_counted(&vcpu))
			abort();
		break;
	default:
		if (vcpu_counted(&vcpu) || !*error.text)
			abort();
	}

	return 0;
}
