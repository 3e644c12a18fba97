# SPDX-License-Identifier: GPL-2.0-only
# Input: what batches.jq makes of a record before and a record after. Output: the batches
# between the two.
def less($before): with_entries(.value -= ($before[.key] // 0) | select(.value > 0));
.[0].batch as $before
| {batch: (.[1].batch | with_entries(.key as $kind
	| .value = {size: (.value.size | less($before[$kind].size // {})),
		    requests: (.value.requests - ($before[$kind].requests // 0))}
	| select(.value.size != {})))}
