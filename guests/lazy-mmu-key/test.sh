#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Does nothing: the kernel runs the suite lazy_mmu_key before the first process.
