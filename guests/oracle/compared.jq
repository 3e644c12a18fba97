# SPDX-License-Identifier: GPL-2.0-only
# What the oracle declares, and what a record has of domain domid, in one form. The
# oracle does not know how often a batch was continued, be it as a hypercall or as a
# sub-call: only whether it was.
(if .domains then .domains[] | select(.domid == $ARGS.named.domid) | .vcpus[0] else . end)
| . as $all
| (.batch | map_values(.continuations // 0)) as $continuations
| {hypercall: (.hypercall | del(.multicall, .mmu_update, .mmuext_op)),
   subcall: (.subcall | del(.multicall, .mmu_update, .mmuext_op)),
   entries: (.batch | with_entries(.value = ($all.hypercall[.key] // 0)
	+ ($all.subcall[.key] // 0) - $continuations[.key])),
   batch: (.batch | map_values({size, requests})),
   update_va_mapping, ptwr, page_fault,
   continued: {mmu_update: (.continued.mmu_update // ($continuations.mmu_update > 0))}}
