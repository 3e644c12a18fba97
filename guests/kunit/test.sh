#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Does nothing: the kernel runs the suites before the first process.
