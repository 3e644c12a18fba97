# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this

timeout=$((trinity + 300))
guest four 4 trinity="$trinity"
