# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# Eight guests work at once. xl destroys four of them while they work. Xen must not give a page of
# theirs to another domain before its last reference is gone. The other four must lose nothing.

all="1 2 3 4 5 6 7 8"
for nr in $all; do
	create "nr-$nr" $((nr % 2 + 1)) preempt=full saves=1
done
late=
for nr in $all; do
	await "nr-$nr" "ready for save 1" 300 || late="$late nr-$nr"
done
if [ -z "$late" ]; then
	record all pass 0 "eight guests worked at once"
else
	record all fail 0 "not all came to work:$late"
fi
for nr in 1 3 5 7; do
	destroy "nr-$nr"
	# shellcheck disable=SC2034 # for record_guest
	case "$late " in
	*" nr-$nr "*) [ "$outcome" != pass ] || { outcome=fail why="it did not come to work"; } ;;
	esac
	record_guest "$name"
done
for nr in 2 4 6 8; do
	# With saves=1, the guest ends after one save and restore.
	{ save "nr-$nr" && restore "nr-$nr"; } || end_early "nr-$nr"
	finish "nr-$nr" once
done
