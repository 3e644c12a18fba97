#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/mutants/run: which outcomes count as caught, with runs that are only reports.
#
# shellcheck disable=SC2016 # the variables of the scripts that it makes

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	# A checkout may have a space in its path.
	house="$BATS_TEST_TMPDIR/a house"
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	unset BASE
	mkdir -p "$house"
	cp -r "$top/scripts" "$top/guests" "$top/kernel" "$top/tests" "$house"
	rm -r "$house"/tests/mutants/{*.patch,linux-7.3,xen}
	mkdir "$house"/tests/mutants/{linux-7.3,xen}
	mutant broken "Caught-by: boot"
	script scripts/run 'echo "$ARMS;$SCENARIOS;$PAIRS" >"$house/asked"; [ ! -e "$house/report" ] || { mkdir -p "$OUT/one/results";' \
		'cp "$house/report" "$OUT/one/report.json"; cp "$house/dom0.log" "$OUT/one"; [ ! -e "$house/ended" ] || cp "$house/ended" "$OUT/one/results"; ln -sfn one "$OUT/latest"; }' \
		'exit "$(cat "$house/rc")"'
	: >"$house/dom0.log"
	echo 1 >"$house/rc"
	script scripts/build-xen :
}

# script FILE LINE...: replaces a script.
script()
{
	printf '%s\n' '#!/bin/sh' "house='$house'" "${@:2}" >"$house/$1"
	chmod +x "$house/$1"
}

# mutant NAME LINE...
mutant()
{
	printf '%s\n' "${@:2}" '' 'diff --git a/file b/file' >"$house/tests/mutants/$1.patch"
}

# came_out ARM SCENARIO OUTCOME [GUEST OUTCOME WHY]...: what the run reports.
came_out()
{
	local guests='' head

	head=$(jq -n --arg arm "$1" --arg scenario "$2" --arg outcome "$3" '{arm: $arm, scenario: $scenario, outcome: $outcome}')
	shift 3
	while [ $# -gt 0 ]; do
		guests+=$(jq -n --arg guest "$1" --arg outcome "$2" --arg why "$3" '{guest: $guest, outcome: $outcome, why: $why}')
		shift 3
	done
	jq -s --argjson head "$head" '{scenarios: [$head + {guests: .}]}' <<<"$guests" >"$house/report"
}

mutants()
{
	run "$house/tests/mutants/run" "$@"
}

# caught and missed: the mutant counts as caught, or does not.
caught()
{
	[[ $status -eq 0 && $output == *"ok: broken "* && $output != *"not ok: "* && ${lines[-1]} == "1 passed, 0 failed" ]]
}

missed()
{
	[[ $status -eq 1 && $output == *"not ok: broken"* && ${lines[-1]} == "0 passed, 1 failed" ]]
}

@test "mutants: only a scenario that fails catches one" {
	came_out mutant-broken boot fail up-1 pass '' up-2 fail 'BUG: here'
	mutants
	caught
	[[ $output == *"ok: broken fails boot, up-2: BUG: here"* ]]
	for outcome in pass error reproduced "not run"; do
		came_out mutant-broken boot "$outcome" up-1 "$outcome" why
		mutants
		missed
	done
	came_out patched boot fail up-1 fail why
	mutants
	missed
}

@test "mutants: a guest that was only late catches none; one that failed beside it does" {
	came_out mutant-broken boot fail up-1 fail "the guest did not end in time"
	mutants
	missed
	came_out mutant-broken boot fail up-1 fail "the guest did not end in time" up-2 fail "BUG: here"
	mutants
	caught
	came_out mutant-broken boot fail up-1 error why up-2 fail "the guest did not end in time"
	mutants
	missed
}

@test "mutants: a complaint of dom0's kernel catches none but those of the hypervisor" {
	came_out mutant-broken boot fail up-1 pass '' dom0-kernel fail "BUG: here"
	mutants
	missed
	came_out mutant-broken boot fail dom0-kernel fail "BUG: here" up-1 fail "BUG: there"
	mutants
	caught
	[[ $output == *"ok: broken fails boot, up-1: BUG: there"* ]]
	mutant xen/broken "Caught-by: boot"
	came_out patched boot fail dom0-kernel fail "BUG: here"
	mutants xen
	caught
}

@test "mutants: a run without a report is an error, also if an older one is there" {
	came_out mutant-broken boot fail up-1 fail why
	mutants
	caught
	rm "$house/report"
	mutants
	[ "$status" -eq 2 ]
}

@test "mutants: one runs each scenario that must fail, in a kernel with its options" {
	mutant broken "Caught-by: boot" "Caught-by: swap +debug"
	came_out mutant-broken boot fail up-1 fail why
	mutants broken
	[ "$(<"$house/asked")" = "mutant-broken mutant-broken+debug+memory ;boot swap ;mutant-broken/boot mutant-broken+debug+memory/swap " ]
	[[ $status -eq 1 && ${lines[-1]} == "1 passed, 1 failed" ]]
}

@test "mutants: cheap leaves out groups, options, Rebuilds and Like" {
	mutant slow "Caught-by: boot" "Rebuilds: nearly all objects"
	mutant alike "Caught-by: boot" "Like: broken"
	mutant other "Caught-by: joins"
	mutant long "Caught-by: reboot"
	mutant memory "Caught-by: swap"
	mutant machine "Caught-by: ppc64"
	came_out mutant-broken boot fail up-1 fail why
	mutants cheap
	[[ $(<"$house/asked") == *";mutant-broken/boot mutant-other/joins " ]]
	mutants
	[[ $(<"$house/asked") == *";mutant-alike/boot mutant-broken/boot mutant-long/reboot mutant-other/joins mutant-slow/boot " ]]
}

@test "mutants: on an emulated machine, a case must fail, and not by an error or its time" {
	mutant broken "Caught-by: ppc64"
	script tests/emulated 'echo "not ok: $1, case"; exit 1'
	mutants emulated
	caught
	script tests/emulated 'echo "not ok: $1, case"; exit 2'
	mutants emulated
	missed
	script tests/emulated 'echo "ok: $1, case"; exit 0'
	mutants emulated
	missed
	script tests/emulated 'echo "not ok: $1, the guest did not end in time"; exit 1'
	mutants emulated
	missed
}

@test "mutants: one of the hypervisor must fail its scenario, or take the machine down by a crash" {
	mutant xen/broken "Caught-by: boot"
	came_out patched boot fail up-1 fail why
	mutants xen
	caught
	came_out patched boot pass up-1 pass ''
	echo 0 >"$house/rc"
	mutants xen
	missed
	echo 2 >"$house/rc"
	echo "(XEN) Xen BUG at mm.c:1" >"$house/dom0.log"
	mutants xen
	missed
	echo "QEMU ended" >"$house/ended"
	mutants xen
	caught
	: >"$house/dom0.log"
	mutants xen
	missed
}

@test "mutants: a guard must fail, and a guard that is skipped counts as neither" {
	mutant xen/broken "Caught-by: xen-guards"
	script tests/xen-guards 'echo "not ok: case"; exit 1'
	mutants xen-guards
	caught
	script tests/xen-guards 'echo "ok: case"'
	mutants xen-guards
	missed
	script tests/xen-guards 'echo "cannot build" >&2; exit 2'
	mutants xen-guards
	missed
	script tests/xen-guards 'echo "skipped: why"'
	mutants xen-guards
	[[ $status -eq 0 && ${lines[-1]} == "0 passed, 0 failed" ]]
}
