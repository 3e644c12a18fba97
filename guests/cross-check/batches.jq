# SPDX-License-Identifier: GPL-2.0-only
# The batches of the domain domid in a record, or those that a guest printed. Kinds without
# a batch are left out.
(if .domains then .domains[] | select(.domid == $ARGS.named.domid) | .vcpus[0] else . end)
| {batch: (.batch | map_values({size, requests} | select(.size != {})))}
