#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The suites ran before the first process did.
