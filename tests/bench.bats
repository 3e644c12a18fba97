#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/bench-xen and bench-dom0: what they make of the runs. scripts/run is a script here that
# leaves the figures of two guests.
#
# shellcheck disable=SC2016 # the variables of the script that it makes

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	house=$BATS_TEST_TMPDIR/house
	unset ARMS XEN DOM0 SCENARIOS TRACES ACCEL
	mkdir -p "$house"
	cp -r "$top/scripts" "$house"
	# Each run is dearer than the one before, and its second guest than its first.
	cat >"$house/scripts/run" <<'END'
#!/bin/bash
house=$(dirname "$0")/..
echo "XEN=$XEN DOM0=${DOM0:-} ARMS=$ARMS SCENARIOS=$SCENARIOS ACCEL=$ACCEL TRACES=${TRACES:-}" >>"$house/runs"
[[ ! -e $house/fails ]] || { echo "a table"; exit 1; }
n=$(wc -l <"$house/runs")
results=$OUT/latest/results
mkdir -p "$results"
echo '{"host":{"accel":"icount"}}' >"$OUT/latest/report.json"
for name in bench.one.log bench-dom0.one.costs; do
	echo "bench: fork ${n}00 1 2" >"$results/$ARMS.$name"
done
for name in bench.two.log bench-dom0.two.costs; do
	echo "bench: fork ${n}01 1 2" >"$results/$ARMS.$name"
done
for guest in one two; do
	echo '{"workload":"fork","record":{"lost":0,"domains":[{"domid":0,"vcpus":[{"hypercall":{"mmu_update":'"$n"'}}]}]}}' \
		>"$results/$ARMS.bench-dom0.traced-$guest.windows.json"
done
END
}

figures()
{
	jq -c '[.arms[] as $arm | .workloads[0] | {($arm): (.[$arm] | [.instructions, .entries.mmu_update])}] | add' "$house/build/$1/bench.json"
}

@test "bench-xen: each hypervisor's figures, on one kernel" {
	run "$house/scripts/bench-xen" first-0 patched
	[ "$status" -eq 0 ]
	[[ $output == *"fork              100      200  +100 %"* ]]
	[ "$(figures bench-xen)" = '{"first-0":[100,null],"patched":[200,null]}' ]
	[ "$(<"$house/runs")" = "XEN=first-0 DOM0= ARMS=patched SCENARIOS=bench programs ACCEL=icount TRACES=no
XEN=patched DOM0= ARMS=patched SCENARIOS=bench programs ACCEL=icount TRACES=no" ]
}

@test "bench-dom0: each kernel's figures as dom0, with the same guest" {
	ARMS="stock patched" run "$house/scripts/bench-dom0"
	[ "$status" -eq 0 ]
	[[ $output == *"fork            100      200  +100 %"* ]]
	[ "$(figures bench-dom0)" = '{"stock":[100,1],"patched":[200,2]}' ]
	[ "$(<"$house/runs")" = "XEN=patched-off DOM0=stock+disk ARMS=stock SCENARIOS=bench-dom0 ACCEL=icount TRACES=
XEN=patched-off DOM0=patched+disk ARMS=stock SCENARIOS=bench-dom0 ACCEL=icount TRACES=" ]
}

@test "bench-xen, bench-dom0: a run that fails ends it, and prints its table" {
	touch "$house/fails"
	run "$house/scripts/bench-xen" first-0
	[[ $status -eq 2 && $output == "a table"*"run with XEN=first-0 failed"* ]]
	run "$house/scripts/bench-dom0"
	[[ $status -eq 2 && $output == "a table"*"run with DOM0=stock+disk failed"* ]]
	[ ! -e "$house/build/bench-dom0/bench.json" ]
}
