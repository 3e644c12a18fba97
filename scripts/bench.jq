# SPDX-License-Identifier: GPL-2.0-only
#
# Makes bench.json of the figures of all arms: jq -s -f bench.jq --slurpfile report REPORT.JSON
# --arg traced yes|no LINES.
# LINES are objects with arm, workload, and one of
#   instructions, native, counted   a number, see below
#   record                          xenbatch's, of the workload in a traced guest; none with traced=no
#   irqs_off                        see below
# Two guests give a line each, but for native.
#
# bench.json, version 5:
#   version    5
#   host       of the first run, as in report.json
#   arms       their names, in order; the others are compared with the first
#   workloads  one object each: workload, and for each ARM
#     instructions   of guest and hypervisor together, the least of all rounds
#     counted        the same with the hypervisor's counters, or null
#     native         the same without Xen, or null
#     entries        into the hypervisor, or null, by kind: mmu_update, multicall, mmuext_op,
#                    update_va_mapping and other hypercalls, ptwr, page_fault; from the
#                    guest that made fewer entries for updates
#     updates        how many updates of page tables these entries made, or null
#     updates_per_entry  updates, divided by the entries for updates; or null
#     irqs_off       the longest time with interrupts off, or null. Each round has a
#                    longest time; instructions is the shortest of these. function
#                    turned interrupts on again. Measured on the arm ARM+irqsoff
#     spread         by how many per cent two guests differ, relative to the lesser: of
#                    instructions, counted, each kind of entries, updates,
#                    updates_per_entry and irqs_off; null if the figure is null
def total: add // 0;
# Each value once, in the order that they came in.
def names: reduce .[] as $x ([]; if index($x) then . else . + [$x] end);
def sum(f): [.domains[0].vcpus[]? | f // 0] | total;
def entries: (reduce (.domains[0].vcpus[]?.hypercall // {} | to_entries[]) as $call ({}; .[$call.key] += $call.value)) as $call
	| {mmu_update: 0, multicall: 0, mmuext_op: 0, update_va_mapping: 0}
	| with_entries(.value = ($call[.key] // 0))
	| .other = ($call | total) - total;
def traps: {ptwr: sum(.ptwr), page_fault: sum(.page_fault)};
def updates: sum(.batch.mmu_update.requests) + sum(.update_va_mapping) + sum(.ptwr);
def for_updates: entries + traps | .mmu_update + .multicall + .update_va_mapping + .ptwr;
def per_entry: updates as $updates | for_updates | if . == 0 then null else $updates / . end;
# The lesser figure of two guests counts, since a disturbance only ever adds.
def spread: if length == 0 then null else (max - min) / ([min, 1] | max) * 10000 | round / 100 end;
def both($what): if length | IN(0, 2) then . else
	error("\($what) is not of two guests") end;
def figures: "\(.[0].workload) of \(.[0].arm)" as $name
	| (map(.instructions // empty) | both($name)) as $runs | (map(.record // empty) | both($name)
		| sort_by([for_updates, (entries | add)])) as $records
	| (map(.counted // empty) | both($name)) as $counted | (map(.irqs_off // empty) | both($name)) as $off
	| if ($runs | length) == 0 or (($records | length) == 0) != ($traced == "no") then error("\($name) is not there") else . end
	| if any($records[]; .lost > 0 or (.domains | length) != 1) then
		error("the trace of \($name) is not whole: there is a record lost, or no domain") else . end
	| ($records | map(entries + traps)) as $entries
	| {
		instructions: ($runs | min),
		counted: ($counted | min),
		native: (map(.native // empty) | first // null),
		entries: $entries[0],
		updates: ($records[0] // null | if . then updates else null end),
		updates_per_entry: ($records[0] // null | if . then per_entry else null end),
		irqs_off: ($off | min_by(.instructions)),
		spread: {
			instructions: ($runs | spread),
			counted: ($counted | spread),
			entries: ($entries[0] // {} | with_entries(.key as $kind | .value = ($entries | map(.[$kind]) | spread))),
			updates: ($records | map(updates) | spread),
			updates_per_entry: ($records | map(per_entry // empty) | spread),
			irqs_off: ($off | map(.instructions) | spread)
		}
	};
. as $lines | (map(.arm) | names) as $arms
| {version: 5, host: $report[0].host, arms: $arms,
	workloads: [map(.workload) | names[] as $workload
		| {workload: $workload} + ([$arms[] as $arm
			| {($arm): [$lines[] | select(.arm == $arm and .workload == $workload)] | figures}]
			| add)]}
