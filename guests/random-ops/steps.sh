# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this

# KUnit ends a test after 300 seconds. Half of a slice is the module's, half the program's.
slice=300
timeout=$((slice + 240))
n=0
operations=0
: "${seed:=$(date +%s)}"
while [ "$torture" -gt 0 ]; do
	n=$((n + 1))
	[ "$torture" -gt "$slice" ] || slice=$torture
	torture=$((torture - slice))
	guest "slice-$n" 4 preempt=full random_ops.seed="$seed" random_ops.seconds=$(((slice + 1) / 2))
	# What both print of how many they did.
	operations=$((operations + $(sed -n 's/.*[ #]\([0-9][0-9]*\) operations[ ,].*/\1/p' "$results/$name.log" |
		awk '{ sum += $1 } END { print sum + 0 }')))
	seed=$((seed + 1))
done
if [ "$operations" -gt 0 ]; then
	record operations pass 0 "$operations operations"
else
	record operations error 0 "no guest said how many operations it did"
fi
