# SPDX-License-Identifier: GPL-2.0-only
# Brings the oracle's declaration, or the domain domid of a record, into one form. The
# oracle does not know how often Xen continued a batch, as a hypercall or as a sub-call. It
# only knows whether Xen did. Xen may also preempt set_trap_table behind its only entry, and has it
# made twice then. The oracle declares the last five refusals; Xen keeps eight.
(if .domains then .domains[] | select(.domid == $ARGS.named.domid) | .vcpus[0] else . end)
| . as $all
| (.batch | map_values(.continuations // 0)) as $continuations
| {hypercall: (.hypercall | del(.multicall, .mmu_update, .mmuext_op) |
	if .set_trap_table == 2 then .set_trap_table = 1 else . end),
   subcall: (.subcall | del(.multicall, .mmu_update, .mmuext_op)),
   entries: (.batch | with_entries(.value = ($all.hypercall[.key] // 0)
	+ ($all.subcall[.key] // 0) - $continuations[.key])),
   batch: (.batch | map_values({size, requests})),
   update_va_mapping, ptwr, page_fault, refused: (.refused | .last |= .[:5]),
   continued: {mmu_update: (.continued.mmu_update // ($continuations.mmu_update > 0))}}
