# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this

# If this runs, dom0 is up. scripts/run records a dom0 that does not come up.
if xl list Domain-0 >"$results/$arm.$scenario.dom0.log" 2>&1; then
	record dom0 pass 0 "Linux $(uname -r), $(nproc) vCPUs"
else
	record dom0 fail 0 "xl does not work: $(tail -n 1 "$results/$arm.$scenario.dom0.log")"
fi
