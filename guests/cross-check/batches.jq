# SPDX-License-Identifier: GPL-2.0-only
# The batches of a record's domain domid, or those that a guest printed, without
# kinds that it had none of.
(if .domains then .domains[] | select(.domid == $ARGS.named.domid) | .vcpus[0] else . end)
| {batch: (.batch | map_values({size, requests} | select(.size != {})))}
