#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/report: the table, report.json, junit.xml and the exit code.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

# report LINE...: reports one scenario, with a record for each LINE "GUEST OUTCOME".
report()
{
	local line

	mkdir -p "$tmp/run/results"
	echo "accel=tcg" >"$tmp/run/about"
	echo "stock boot" >"$tmp/run/plan"
	[ -e "$tmp/run/left-out" ] || : >"$tmp/run/left-out"
	: >"$tmp/run/results/records"
	for line; do
		printf 'stock\tboot\t%s\t%s\t1\twhy <&>\n' "${line% *}" "${line#* }" >>"$tmp/run/results/records"
	done
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
}

@test "report: pass and reproduced end with 0" {
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

@test "report: a run that was cut off is an error of the scenario under way, even if guests passed" {
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

@test "report: a scenario in which dom0 or Xen crashed has failed, and is no error" {
	mkdir -p "$tmp/run/results"
	echo "QEMU ended" >"$tmp/run/results/ended"
	echo "stock boot" >"$tmp/run/results/under-way"
	for crashed in dom0-kernel hypervisor; do
		report "a pass" "$crashed fail"
		[ "$status" -eq 1 ]
		[ "${lines[-1]}" = "1 passed, 1 failed" ]
	done
}

@test "report: what failed is said with the command that repeats it" {
	report "a pass"
	[[ $output != *again:* ]]
	echo "given=XEN=patched VCPUS=4 " >>"$tmp/run/about"
	echo "    # random: seed 17, 4 tasks" >"$tmp/run/results/stock.boot.b.log"
	printf 'stock\tboot\tb\tfail\t1\twhy\n' >>"$tmp/run/results/records"
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
	[ "$status" -eq 1 ]
	[ "$(jq -r '.scenarios[0].guests[1].seed' "$tmp/run/report.json")" = 17 ]
	[[ $output == *$'\n'"again: make run XEN=patched VCPUS=4 ARMS=stock SEED=17 SCENARIOS=boot # see $tmp/run/results/stock.boot.*"$'\n'* ]]
}

@test "report: what failed on the user's own kernel alone is repeated on that alone" {
	report
	echo "tree dom0" >"$tmp/run/plan"
	echo "given=KERNEL=/tree ARMS= " >>"$tmp/run/about"
	printf 'tree\tdom0\tdom0\tfail\t1\twhy\n' >"$tmp/run/results/records"
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
	[ "$status" -eq 1 ]
	[[ $output == *$'\n'"again: make run KERNEL=/tree ARMS= SCENARIOS=dom0 #"* ]]
}

@test "report: what was not run is not counted as passed" {
	report "a pass" "b not run"
	[ "$status" -eq 2 ]
	[ "${lines[-1]}" = "1 passed, 0 failed, 1 not run" ]
}

@test "report: a dom0 that was booted again is said" {
	report "a pass"
	[[ $output != *retry* ]]
	echo "dom0_retry=Oops: int3: why <&>" >>"$tmp/run/about"
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
	[ "$status" -eq 0 ]
	[[ $output == *$'\nretry: dom0: Oops: int3: why <&>\n1 passed, 0 failed' ]]
}

@test "report: a guest that was made again is there twice, and counts as the second" {
	report "a retry" "a pass"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1 passed, 0 failed" ]
	[[ $output == *"retry: stock boot a: why <&>"* ]]
	[ "$(jq -c '.scenarios[0] | .outcome, [.guests[].outcome]' "$tmp/run/report.json")" = '"pass"
["retry","pass"]' ]
	grep -q '<testsuite .* tests="2" failures="0" errors="0" skipped="1">' "$tmp/run/junit.xml"
	grep -q '<skipped message="why &lt;&amp;&gt;">' "$tmp/run/junit.xml"
	report "a retry" "a fail"
	[ "$status" -eq 1 ]
	[ "$(jq -r '.scenarios[0].outcome' "$tmp/run/report.json")" = fail ]
}

@test "report: a scenario with nothing but a retry is an error" {
	report "a retry"
	[ "$status" -eq 2 ]
}

@test "report: a scenario that does not fit an arm is listed, with the reason" {
	mkdir -p "$tmp/run"
	echo "tree swap: the kernel does not have CONFIG_SWAP=y" >"$tmp/run/left-out"
	report "a pass"
	[ "$status" -eq 0 ]
	[[ $output == *"left out: tree swap: the kernel does not have CONFIG_SWAP=y"* ]]
	[ "$(jq -c '.left_out' "$tmp/run/report.json")" = \
		'[{"arm":"tree","scenario":"swap","why":"the kernel does not have CONFIG_SWAP=y"}]' ]
}

@test "report: report.json has the oops" {
	mkdir -p "$tmp/run/results"
	printf 'before\nkernel BUG at here\nRIP: there\nKernel panic\nafter\n' >"$tmp/run/results/stock.boot.a.log"
	report "a fail"
	[ "$(jq -r '.scenarios[0].guests[0].oops' "$tmp/run/report.json")" = $'kernel BUG at here\nRIP: there\nKernel panic' ]
}

@test "report: report.json has the beginning of an oops without an end" {
	mkdir -p "$tmp/run/results"
	{
		echo "BUG: this"
		yes "and on it goes, for longer than a pipe" | head -n 20000 || :
	} >"$tmp/run/results/stock.boot.a.log"
	report "a fail"
	[ "$status" -eq 1 ]
	[ "$(jq -r '.scenarios[0].guests[0].oops' "$tmp/run/report.json" | wc -l)" -eq 60 ]
}

@test "report: a scenario comes out as the worst of its guests" {
	local rest

	report "a pass" "b reproduced"
	[ "$(jq -r '.scenarios[0].outcome' "$tmp/run/report.json")" = pass ]
	for rest in fail error "not run"; do
		report "a pass" "b $rest" "c reproduced"
		[ "$(jq -r '.scenarios[0].outcome' "$tmp/run/report.json")" = "$rest" ]
	done
	report "a error" "b fail" "c not run"
	[ "$(jq -r '.scenarios[0].outcome' "$tmp/run/report.json")" = fail ]
	[[ $output == *$'\nboot      fail\n'* ]]
}

@test "report: a guest that passed and skipped tests is listed, with what it skipped" {
	report
	printf 'stock\tboot\ta\tpass\t1\tskipped: swap # SKIP no device\n' >"$tmp/run/results/records"
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
	[ "$status" -eq 0 ]
	[[ $output == *$'\nskipped: stock boot a: swap # SKIP no device\n'* ]]
}

@test "report: the batches that an arm's guests made are added up, with their mean size" {
	mkdir -p "$tmp/run/results"
	echo '{"batch":{"multicall":{"size":{"1":2,"3":1},"requests":5}}}' >"$tmp/run/results/stock.boot.a.trace.json"
	echo '{"batch":{"multicall":{"size":{"31":1},"requests":31}}}' >"$tmp/run/results/stock.boot.b.trace.json"
	report "a pass" "b pass"
	[[ $output == *$'\nmulticall            4 x 9\nmmu_update           0 x 0\n'* ]]
}

@test "report: failures and errors are counted in junit.xml, and listed" {
	report "a fail" "b error" "c error" "d pass"
	grep -q '<testsuite .* tests="4" failures="1" errors="2" skipped="0">' "$tmp/run/junit.xml"
	[[ $output == *$'\nerror: stock boot b: why <&>\nerror: stock boot c: why <&>\nfail: stock boot a: why <&>\n'* ]]
}

@test "report: a record is of its arm and its scenario alone" {
	report "a pass"
	printf '%s\n' "patched boot" "stock callers" >>"$tmp/run/plan"
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
	[ "$status" -eq 2 ]
	[ "$(jq -c '[.scenarios[].outcome]' "$tmp/run/report.json")" = '["pass","error","error"]' ]
}

@test "report: what failed on the hypervisor is repeated without an arm" {
	report
	echo "xen oracle" >"$tmp/run/plan"
	printf 'xen\toracle\tone=trace\tfail\t1\twhy\n' >"$tmp/run/results/records"
	XDG_CACHE_HOME=$tmp/cache run "$top/scripts/report" "$tmp/run"
	[ "$status" -eq 1 ]
	[[ $output == *$'\n'"again: make run SCENARIOS=oracle #"* ]]
}

@test "report: the seed that repeats a failure is that of the guest that failed" {
	mkdir -p "$tmp/run/results"
	echo "# random: seed 17, 4 tasks" >"$tmp/run/results/stock.boot.a.log"
	echo "# random: seed 18, 4 tasks" >"$tmp/run/results/stock.boot.b.log"
	report "a pass" "b fail"
	[[ $output == *$'\n'"again: make run ARMS=stock SEED=18 SCENARIOS=boot #"* ]]
}

@test "report: a scenario took as long as all its guests, and a retry has the console of its own" {
	mkdir -p "$tmp/run/results"
	echo "Oops: int3" >"$tmp/run/results/stock.boot.a.first.log"
	echo "ok 1 suite" >"$tmp/run/results/stock.boot.a.log"
	report "a retry" "a pass" "b pass"
	[ "$(jq -c '.scenarios[0] | .seconds, [.guests[] | .log, .oops]' "$tmp/run/report.json")" = '3
["results/stock.boot.a.first.log","Oops: int3","results/stock.boot.a.log",null,null,null]' ]
}
