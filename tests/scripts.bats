#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/: the report, and one clear line in bad surroundings.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

# report LINE...: a report of one scenario with a result for each line, GUEST OUTCOME.
report()
{
	local line

	mkdir -p "$tmp/run/results"
	echo "accel=tcg" >"$tmp/run/about"
	echo "stock boot" >"$tmp/run/plan"
	: >"$tmp/run/results/records"
	for line; do
		printf 'stock\tboot\t%s\t%s\t1\twhy <&>\n' "${line% *}" "${line#* }" >>"$tmp/run/results/records"
	done
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
}

@test "report: passed and reproduced are good" {
	report "a pass" "b reproduced"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "2 passed, 0 failed" ]
}

@test "report: a failure ends with 1, also beside an error" {
	report "a fail" "b error" "c pass"
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 2 failed" ]
	[ "$(jq -r '.scenarios[0].guests[0].outcome' "$tmp/run/report.json")" = fail ]
	grep -q '<failure message="why &lt;&amp;&gt;">' "$tmp/run/junit.xml"
}

@test "report: an error alone ends with 2" {
	report "a error" "b pass"
	[ "$status" -eq 2 ]
}

@test "report: a scenario without a result is an error, and says why" {
	mkdir -p "$tmp/run/results"
	echo "QEMU was killed" >"$tmp/run/results/ended"
	report
	[ "$status" -eq 2 ]
	[[ $output == *"QEMU was killed"* ]]
}

@test "report: a run that was cut off is an error of the scenario under way, whatever passed" {
	mkdir -p "$tmp/run/results"
	echo "QEMU was killed" >"$tmp/run/results/ended"
	echo "stock boot" >"$tmp/run/results/under-way"
	report "a pass" "b pass"
	[ "$status" -eq 2 ]
	[ "${lines[-1]}" = "2 passed, 1 failed" ]
	[[ $output == *"error: stock boot -: QEMU was killed"* ]]
	echo "stock callers" >"$tmp/run/results/under-way"
	report
	[[ $output == *"not run: stock boot -: the run ended in stock callers"* ]]
}

@test "report: what was not run is not counted as passed" {
	report "a pass" "b not run"
	[ "${lines[-1]}" = "1 passed, 0 failed, 1 not run" ]
}

@test "report: a guest that was made a second time is told" {
	mkdir -p "$tmp/run/results"
	echo "stock boot a: not ours: Oops: int3" >"$tmp/run/results/again"
	report "a pass"
	[ "$status" -eq 0 ]
	[[ $output == *"again: stock boot a: not ours: Oops: int3"* ]]
}

@test "report: the oops is in it" {
	mkdir -p "$tmp/run/results"
	printf 'before\nkernel BUG at here\nRIP: there\nKernel panic\nafter\n' >"$tmp/run/results/stock.boot.a.log"
	report "a fail"
	[ "$(jq -r '.scenarios[0].guests[0].oops' "$tmp/run/report.json")" = $'kernel BUG at here\nRIP: there\nKernel panic' ]
}

@test "report: of an oops without an end, the beginning is in it" {
	mkdir -p "$tmp/run/results"
	{
		echo "BUG: this"
		yes "and on it goes, for longer than a pipe" | head -n 20000 || :
	} >"$tmp/run/results/stock.boot.a.log"
	report "a fail"
	[ "$status" -eq 1 ]
	[ "$(jq -r '.scenarios[0].guests[0].oops' "$tmp/run/report.json" | wc -l)" -eq 60 ]
}

# bench_run XEN ARM TICKS...: a run of guests/bench with these ticks of its guests one and
# two, and traces in which each workload made 3 and 2 entries with 33 updates, and 6 and 5
# page faults. In those of ARM+irqsoff, interrupts were off for a tenth of that, and without
# Xen it took a fiftieth.
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
	# An interrupt ended a batch early.
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

@test "step: a command that fails half-way ends the script with 2" {
	cat >"$tmp/script" <<-EOF
		. "$top/scripts/lib.bash"
		work() { false; echo on; }
		step "work" "$tmp/log" work
		echo on
	EOF
	XDG_CACHE_HOME=$tmp run bash "$tmp/script"
	[ "$status" -eq 2 ]
	[[ $output == *"cannot work"* && $output != *on$'\n'* ]]
}

@test "step: Ctrl-C leaves no process and no scratch folder" {
	# What is left would keep bats waiting for its output.
	cat >"$tmp/script" <<-EOF
		exec >"$tmp/said" 2>&1 3>&-
		. "$top/scripts/lib.bash"
		scratch_dir work
		work() { sleep 98765 & sleep 98766; }
		step "work" "$tmp/log" work
	EOF
	XDG_CACHE_HOME=$tmp run timeout -s INT -k 10 2 bash "$tmp/script"
	[ "$status" -eq 124 ]
	run pgrep -f 'sleep 9876[56]'
	[ "$status" -eq 1 ]
	[ -z "$(ls "$tmp/xen-lazymmu")" ]
}

@test "step: a second signal does not cut short what the first began" {
	local i rc=0

	cat >"$tmp/script" <<-EOF
		exec >"$tmp/said" 2>&1 3>&-
		. "$top/scripts/lib.bash"
		scratch_dir work
		work() { trap '' TERM; echo begun; sleep 2; }
		step "work" "$tmp/log" work
	EOF
	XDG_CACHE_HOME=$tmp bash "$tmp/script" &
	for ((i = 0; i < 100; i++)); do
		! grep -qs begun "$tmp/log" || break
		sleep 0.1
	done
	kill "$!"
	sleep 0.5
	kill "$!"
	wait "$!" || rc=$?
	[ "$rc" -eq 143 ]
	[ -z "$(ls "$tmp/xen-lazymmu")" ]
}

@test "fetch: no network" {
	http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 XDG_CACHE_HOME=$tmp \
		run "$top/scripts/fetch" busybox-static
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot update the package lists"* ]]
	[ -z "$(ls "$tmp/xen-lazymmu/debs-trixie")" ]
}

@test "fetch: a package that the mirror does not have" {
	run "$top/scripts/fetch" no-such-package-anywhere
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"no package no-such-package-anywhere"* ]]
}

@test "lost-symbols: a symbol that olddefconfig dropped is named" {
	printf '%s\n' CONFIG_KEPT=y CONFIG_LOST=y CONFIG_CHANGED=y '# CONFIG_OFF is not set' \
		'# CONFIG_ON is not set' >"$tmp/fragment"
	printf '%s\n' CONFIG_KEPT=y CONFIG_CHANGED=m CONFIG_ON=y >"$tmp/config"
	run "$top/scripts/lost-symbols" "$tmp/fragment" "$tmp/config"
	[ "$status" -eq 2 ]
	[[ $output == *"loses CONFIG_LOST=y CONFIG_CHANGED=y CONFIG_ON=n of"* ]]
	run "$top/scripts/lost-symbols" "$tmp/config" "$tmp/config"
	[ "$status" -eq 0 ]
}

@test "series: a patch that does not apply is named, with where" {
	mkdir "$tmp/linux"
	XDG_CACHE_HOME=$tmp run "$top/scripts/series" patch linux-6.12 "$tmp/linux" patched
	[ "$status" -eq 2 ]
	[[ $output == *".patch does not apply: error: "* ]]
}

@test "series: an arm is one of its own kernel alone" {
	run "$top/scripts/series" list linux-7.3 upstream-fixed
	[ "$status" -eq 0 ]
	[[ $output == *"/7.3/"* && $output != *"/6.12/"* ]]
	run "$top/scripts/series" list linux-7.3 patched
	[ "$status" -eq 2 ]
	[[ $output == *"the arm patched is one of linux-6.12, not of linux-7.3"* ]]
}

@test "series: an arm has the same patches with a configuration of its own" {
	diff <("$top/scripts/series" list linux-6.12 first-2+debug) <("$top/scripts/series" list linux-6.12 first-2)
	run "$top/scripts/build-kernel" stock+none
	[ "$status" -eq 2 ]
	[[ $output == *"there is no guests/configs/none.config for the arm stock+none"* ]]
}

@test "run: two at once" {
	mkdir -p "$tmp/xen-lazymmu"
	XDG_CACHE_HOME=$tmp OUT=$tmp/out run flock "$tmp/xen-lazymmu/lock" "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"another run is under way"* ]]
}

@test "run: an arm or a scenario that is not there" {
	ARMS=none run "$top/scripts/run"
	[ "$status" -eq 2 ]
	SCENARIOS=none run "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"no such scenario: none; there are "*nested-preempt* ]]
}

@test "docs: every mutant is in the table, with the scenario that catches it" {
	for mutant in "$top"/tests/mutants/*.patch; do
		grep -q "^| $(basename "$mutant" .patch) | .* | $(sed -n '/^Caught-by: /!q;s///p' "$mutant" | paste -s -d, | sed 's/,/, /g') |\$" "$top/docs/mutants.md"
	done
	[ "$(grep -c '^| [a-z][a-z0-9]*-.* |$' "$top/docs/mutants.md")" -eq "$(find "$top/tests/mutants" -name '*.patch' | wc -l)" ]
}

@test "check: the jobs of .gitlab-ci.yml have all of its parts" {
	run "$top/tests/check" none
	[ "$status" -eq 2 ]
	[[ $output == *"no such test: none; there are fast, all, everything, and the parts shellcheck "* ]]
	jobs=$(sed -n '/PARTS:/,/script:/s/^ *- \([a-z -]*\)$/\1/p' "$top/.gitlab-ci.yml" | tr '\n' ' ')
	[[ "$output " == *" scenarios ${jobs#all }" ]]
}
