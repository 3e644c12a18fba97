# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this

# KUnit ends a test after 300 seconds, which is two slices.
slice=150
timeout=$((slice + 240))
n=0
while [ "$torture" -gt 0 ]; do
	n=$((n + 1))
	[ "$torture" -gt "$slice" ] || slice=$torture
	torture=$((torture - slice))
	for guest in one two; do
		create "$guest-$n" 4 preempt=full kunit.filter_glob=lazy_mmu.torture \
			lazy_mmu_kunit.torture_seconds="$slice"
	done
	for guest in one two; do
		finish "$guest-$n"
	done
done
