#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/boots: which patches pass, with runs that are only reports.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	house=$BATS_TEST_TMPDIR/house
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir -p "$house"
	cp -r "$top/scripts" "$top/series" "$top/paravirt" "$top"/arch-* "$house"
	install -D "$top/tests/boots" "$house/tests/boots"
	# Each scenario has the outcome that the file of its arm has, default pass.
	cat >"$house/scripts/run" <<-END2
		#!/bin/bash
		mkdir -p "\$OUT/one"
		ln -sfn one "\$OUT/latest"
		for arm in \$ARMS; do
			for scenario in \$SCENARIOS; do
				outcome=pass
				[[ ! -e $house/\$arm.\$scenario ]] || outcome=\$(<"$house/\$arm.\$scenario")
				[[ -z \$outcome ]] || echo "\$arm \$scenario \$outcome"
			done
		done | jq -R 'split(" ") | {arm: .[0], scenario: .[1], outcome: .[2]}' | jq -s '{scenarios: .}' >"\$OUT/one/report.json"
		exit "\$(cat "$house/rc")"
	END2
	echo 0 >"$house/rc"
	last=first-$(grep -c '\.patch$' "$house/series/6.12")
}

boots()
{
	run "$house/tests/boots" "$@"
}

@test "boots: each patch is a test; those of nested sections run only from their patch on" {
	boots
	[ "$status" -eq 0 ]
	[[ $output != *"not ok"* ]]
	[ "$(grep -c '^ok: \|^skipped: ' <<<"$output")" -eq "${last#first-}" ]
	[[ ${lines[-1]} == "ok: the first ${last#first-} patches boot, and pass "*" nested-preempt "* ]]
	[[ $(grep -m 1 '^ok: ' <<<"$output") != *nested-preempt* ]]
}

@test "boots: a scenario that does not pass, or is not in the report, fails its patch" {
	for outcome in fail error "not run" reproduced ""; do
		echo "$outcome" >"$house/$last.boot"
		[ -n "$outcome" ] || : >"$house/$last.boot"
		boots
		[ "$status" -eq 1 ]
		[ "$(grep -c '^not ok: ' <<<"$output")" -eq 1 ]
		[[ $output == *"not ok: the first ${last#first-} patches: "* ]]
	done
}

@test "boots: a run that ends with an error ends it" {
	echo 2 >"$house/rc"
	boots
	[ "$status" -eq 2 ]
	[[ $output == *"the run ended with an error"* ]]
}

@test "boots: BASE=7.3 boots the patches of its series" {
	last=first-7.3-$(grep -c '\.patch$' "$house/series/7.3")
	BASE=7.3 boots
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok: \|^skipped: ' <<<"$output")" -eq "${last#first-7.3-}" ]
	[[ $(grep -m 1 '^ok: ' <<<"$output") == "ok: the first 1 patches boot, and pass boot callers native" ]]
	echo fail >"$house/first-7.3-20.boot"
	BASE=linux-7.3 boots
	[ "$status" -eq 1 ]
	[[ $output == *"not ok: the first 20 patches: boot: fail"* ]]
}

@test "boots: with numbers, only as many patches as each says" {
	boots 2 20
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "ok: the first 2 patches boot, and pass "* && ${lines[1]} == "ok: the first 20 patches boot, and pass "* ]]
	[ "${#lines[@]}" -eq 2 ]
	for n in 0 x 99; do
		boots "$n"
		[ "$status" -eq 2 ]
		[[ $output == *"there is no number of patches $n: the series has "* ]]
	done
}
