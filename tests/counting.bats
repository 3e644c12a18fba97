#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# dom0/counting.sh and the jq filters of the scenarios that count: equal counts, different
# counts and missing counts must have different outcomes.
#
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2317 # the words of dom0/run that counting.sh uses

setup()
{
	guests=$BATS_TEST_DIRNAME/../guests
	local=$BATS_TEST_TMPDIR
	results=$BATS_TEST_TMPDIR
	arm=patched
	scenario=cross-check
	# shellcheck source=dom0/counting.sh
	. "$BATS_TEST_DIRNAME/../dom0/counting.sh"
}

# Replaces record() of dom0/run.
record()
{
	outcome=$2
	why=$4
}

batches='{"batch":{"mmu_update":{"size":{"1":3,"31":2},"requests":65}}}'

# compare EXPECTED COUNTED
compare()
{
	printf '%s' "$1" >"$results/patched.cross-check.one.guest.json"
	printf '%s' "$2" >"$results/patched.cross-check.one.trace.json"
	agree one trace one.guest one.trace
}

@test "agree: the same counts pass" {
	compare "$batches" "$batches"
	[ "$outcome" = pass ]
	[ "$why" = "5 batches are the same" ]
}

@test "agree: one batch less fails, and is named" {
	compare "$batches" "${batches/\"31\":2/\"31\":1}"
	[ "$outcome" = fail ]
	[[ $why == *'"31": 2'*'"31": 1'* ]]
}

@test "agree: nothing counted is an error" {
	compare "$batches" ""
	[ "$outcome" = error ]
	compare "" ""
	[ "$outcome" = error ]
}

record_of_domain_3='{"domains":[{"domid":0,"vcpus":[]},{"domid":3,"vcpus":[{"vcpu":0,
	"hypercall":{"mmu_update":6,"sched_op":1},"subcall":{},
	"batch":{"multicall":{"size":{},"requests":0,"continuations":0},
		"mmu_update":{"size":{"1":3,"31":2},"requests":65,"continuations":1},
		"mmuext_op":{"size":{},"requests":0,"continuations":0}},
	"update_va_mapping":0,"ptwr":7,"page_fault":0}]}]}'

@test "batches.jq: the batches of a domain, without kinds that have none" {
	run jq -c --argjson domid 3 -f "$guests/cross-check/batches.jq" <<<"$record_of_domain_3"
	[ "$output" = "$batches" ]
}

@test "difference.jq: the batches between two records" {
	run jq -c -s -f "$guests/cross-check/difference.jq" <<<"$batches $batches"
	[ "$output" = '{"batch":{}}' ]
	run jq -c -s -f "$guests/cross-check/difference.jq" \
		<<<'{"batch":{"multicall":{"size":{"2":1},"requests":2}}} {"batch":{"multicall":{"size":{"2":1,"3":2},"requests":8}}}'
	[ "$output" = '{"batch":{"multicall":{"size":{"3":2},"requests":6}}}' ]
}

@test "compared.jq: a set_trap_table that Xen had made twice is one; three are three" {
	run jq -c -f "$guests/oracle/compared.jq" <<<'{"batch":{},"hypercall":{"set_trap_table":2},"subcall":{}}'
	[[ $output == '{"hypercall":{"set_trap_table":1},'* ]]
	run jq -c -f "$guests/oracle/compared.jq" <<<'{"batch":{},"hypercall":{"set_trap_table":3},"subcall":{}}'
	[[ $output == '{"hypercall":{"set_trap_table":3},'* ]]
}

@test "compared.jq: refusals are compared, the last five of them one by one" {
	run jq -c -f "$guests/oracle/compared.jq" \
		<<<'{"batch":{},"hypercall":{},"subcall":{},"refused":{"subcall":{"EINVAL":6},"last":[6,5,4,3,2,1]}}'
	[[ $output == *'"refused":{"subcall":{"EINVAL":6},"last":[6,5,4,3,2]}'* ]]
}

@test "compared.jq: continuations do not count as batches, but set continued" {
	run jq -c --argjson domid 3 -f "$guests/oracle/compared.jq" <<<"$record_of_domain_3"
	[[ $output == *'"hypercall":{"sched_op":1}'*'"entries":{"multicall":0,"mmu_update":5,"mmuext_op":0}'* ]]
	[[ $output == *'"ptwr":7'*'"continued":{"mmu_update":true}'* ]]
}

@test "agree: the same counts are an error if the trace lost records, unless they are of hypfs" {
	lost=7
	compare "$batches" "$batches"
	[ "$outcome" = error ]
	[ "$why" = "the trace lost 7 records: the machine was too busy" ]
	agree one hypfs one.guest one.trace
	[ "$outcome" = pass ]
}

@test "agree: two files without batches are an error, though they are the same" {
	compare '{"batch":{}}' '{"batch":{}}'
	[ "$outcome" = error ]
}

# The words of dom0/run that bench_guests uses. Each guest prints the same workload.
words()
{
	trace_begin() { : >"$local/trace"; }
	trace_stop() { :; }
	forget() { :; }
	xl() { echo 3; }
	xenbatch() { echo "\"$*\""; }
	guest()
	{
		made+="$1 "
		printf 'noise\r\nbench: fork 9 100 200\r\n' >"$results/$arm.$scenario.$1.log"
	}
	made=
	traces=yes
}

@test "trace_end: the record says how many records the trace lost" {
	words
	xenbatch() { echo '{"lost":7}'; }
	trace_begin
	trace_end one
	[[ $lost -eq 7 && ! -e $local/trace ]]
	[ "$(<"$results/patched.cross-check.one.trace.json")" = '{"lost":7}' ]
}

@test "bench_guests: a traced guest has a record of each workload, from its begin to its end" {
	words
	bench_guests
	[ "$made" = "one two traced-one traced-two " ]
	for guest in traced-one traced-two; do
		[ "$(<"$results/patched.cross-check.$guest.windows.json")" = \
			"{\"workload\":\"fork\",\"record\":\"report --json --domain=3 --since=100 --until=200 $local/trace\"}" ]
	done
	[ ! -e "$results/patched.cross-check.one.windows.json" ]
}

@test "bench_guests: no guest is traced with traces=no, or on ARM+irqsoff" {
	words
	traces=no
	bench_guests
	traces=yes
	arm=patched+irqsoff
	bench_guests
	[ "$made" = "one two one two " ]
}
