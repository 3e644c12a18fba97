# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this
#
# The first guest is for comparison. The second waits before it begins, so that Xen logs from its
# first figure on. Both print the lines "bench:" of guests/include/cost.h. Under icount, the figures
# can be compared.

guest plain 1 norandmaps
forget plain

create logged 1 norandmaps begins_after=30
if await logged "bench: begins after" && log_dirty logged; then
	! console logged | grep -q "bench: begins now" ||
		record logged error 0 "it began before Xen logged its dirty pages"
else
	record logged error 0 "Xen does not log its dirty pages"
	end_early logged
fi
finish logged once
forget logged
