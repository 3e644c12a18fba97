#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel runs the suites before the first process. A suite that is not in the kernel fails no test.

for suite in lazy_mmu xen_lazy_mmu; do
	dmesg | grep -q "# Subtest: $suite\$" || echo "not ok: the kernel has no suite $suite"
done
