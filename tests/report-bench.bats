#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/report-bench: the figures of two guests, their spread, and missing figures.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

# bench_run XEN ARM TICKS...: makes a run of guests/bench. TICKS are the ticks of its guests one
# and two. In the traces, the workload made 3 and 2 entries with 33 updates, and 6 and 5 page
# faults. On ARM+irqsoff, interrupts were off for a tenth of TICKS. Without Xen, the workload
# took a fiftieth of the first TICKS.
bench_run()
{
	local run=$tmp/bench/$1/latest arm=$2 guest=one ticks

	mkdir -p "$run/results"
	for ticks in "${@:3}"; do
		printf 'noise\r\nbench: fork %s 100 200\r\n' "$ticks" >"$run/results/$arm.bench.$guest.log"
		printf 'bench: fork 9 100 200\r\nirqs-off: fork %s where_%s\r\n' $((ticks / 10)) "$guest" \
			>"$run/results/$arm+irqsoff.bench.$guest.log"
		guest=two
	done
	printf 'bench: fork %s 100 200\r\n' $(($3 / 50)) >"$run/results/$arm.bench-native.qemu.log"
	for guest in one two; do
		echo '{"workload":"fork","record":{"lost":0,"domains":[{"domid":3,"vcpus":[{"vcpu":0,
			"hypercall":{"mmu_update":1,"iret":4},"subcall":{"mmu_update":1},"ptwr":1,
			"batch":{"mmu_update":{"requests":32}},"update_va_mapping":0,"page_fault":5}]}]}}' \
			>"$run/results/$arm.bench.traced-$guest.windows.json"
	done
	# In one trace, an interrupt ended a batch early.
	sed -i -e 's/{"mmu_update":1,"iret":4}/{"mmu_update":2,"iret":3}/' -e 's/"page_fault":5/"page_fault":6/' \
		"$run/results/$arm.bench.traced-one.windows.json"
	[ -e "$run/report.json" ] || echo '{"host":{"accel":"icount"},"scenarios":[]}' >"$run/report.json"
	jq --arg arm "$arm" '.scenarios += [$arm, "\($arm)+irqsoff" | {arm: ., scenario: "bench"}]' "$run/report.json" >"$run/new"
	mv "$run/new" "$run/report.json"
}

bench_runs()
{
	rm -rf "$tmp/bench"
	bench_run patched-off stock 1000 1005
	bench_run patched-off patched 700 650
	bench_run patched patched 660 700
}

report_bench()
{
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report-bench" "$tmp/bench"
}

@test "report-bench: the least of two guests, marked where they differ; entries and their updates" {
	bench_runs
	report_bench
	[ "$status" -eq 0 ]
	[ "$(jq -c '.arms, .workloads[0].patched' "$tmp/bench/bench.json")" = '["stock","patched"]
{"instructions":650,"counted":660,"native":14,"entries":{"mmu_update":1,"multicall":0,"mmuext_op":0,"update_va_mapping":0,"other":4,"ptwr":1,"page_fault":5},"updates":33,"updates_per_entry":16.5,"irqs_off":{"instructions":65,"function":"where_two"},"spread":{"instructions":7.69,"counted":6.06,"entries":{"mmu_update":100,"multicall":0,"mmuext_op":0,"update_va_mapping":0,"other":33.33,"ptwr":0,"page_fault":20},"updates":0,"updates_per_entry":50,"irqs_off":7.69}}' ]
	[[ $output =~ fork\ +1000\ +~650\ +-35\ % ]]
	[[ $output =~ fork\ +patched\ +~1\ +0\ +0\ +0\ +~4\ +1\ +~5\ +~16.5 ]]
	[[ $output =~ fork\ +20\ +14\ +-30\ % ]]
	[[ $output =~ fork\ +100\ +where_one\ +~65\ +where_two ]]
	[[ $output =~ fork\ +~650\ +~660\ +1.54\ % ]]
	grep -q '>65</text>' "$tmp/bench/bench.svg"
}

@test "report-bench: text stands to the left in its column, a number to the right" {
	bench_runs
	sed -i 's/where_two/in_two/' "$tmp"/bench/patched-off/latest/results/*
	report_bench
	[ "$status" -eq 0 ]
	[[ $output == *$'instructions  stock  patched'*$'\nfork           1000     ~650  -35 %\n'* ]]
	[[ $output == *$'entries           mmu_update  multicall'*$'\nfork     stock            ~1          0'* ]]
	[[ $output == *$'off  stock  in         patched  in\nfork                           100  where_one      ~65  in_two\n'* ]]
}

@test "report-bench: entries are those of all vCPUs" {
	bench_runs
	for guest in one two; do
		jq -c '.record.domains[0].vcpus |= . + .' "$tmp/bench/patched-off/latest/results/stock.bench.traced-$guest.windows.json" >"$tmp/new"
		mv "$tmp/new" "$tmp/bench/patched-off/latest/results/stock.bench.traced-$guest.windows.json"
	done
	report_bench
	[ "$status" -eq 0 ]
	[ "$(jq -c '.workloads[0].stock | .entries, .updates' "$tmp/bench/bench.json" | paste -s -d ' ')" = \
		'{"mmu_update":2,"multicall":0,"mmuext_op":0,"update_va_mapping":0,"other":8,"ptwr":2,"page_fault":10} 66' ]
}

@test "report-bench: a trace with lost records, or a guest without its line, is an error" {
	bench_runs
	sed -i 's/"lost":0/"lost":7/' "$tmp/bench/patched-off/latest/results/stock.bench.traced-two.windows.json"
	report_bench
	[ "$status" -eq 2 ]
	[[ $output == *"the trace of fork of stock is not whole"* ]]
	bench_runs
	sed -i 's/^bench: /fork /' "$tmp/bench/patched-off/latest/results/patched.bench.two.log"
	report_bench
	[ "$status" -eq 2 ]
	[[ $output == *"fork of patched is not of two guests"* ]]
	[ ! -e "$tmp/bench/bench.json" ]
}

@test "report-bench: a trace without its domain, or with another, is an error" {
	local domains

	for domains in '[]' '[.[0], .[0]]'; do
		bench_runs
		jq ".record.domains |= $domains" "$tmp/bench/patched-off/latest/results/stock.bench.traced-two.windows.json" >"$tmp/new"
		mv "$tmp/new" "$tmp/bench/patched-off/latest/results/stock.bench.traced-two.windows.json"
		report_bench
		[ "$status" -eq 2 ]
		[[ $output == *"the trace of fork of stock is not whole"* ]]
	done
}
