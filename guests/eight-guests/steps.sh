# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# Eight guests work at once. Four of them are destroyed in the middle of it, since Xen gives their
# pages to nobody before all references are gone. Then the others must go on, and lose nothing.

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
	record all fail 0 "these did not come to work:$late"
fi
for nr in 1 3 5 7; do
	name=$arm.$scenario.nr-$nr
	xl destroy "$name" >>"$results/$name.xl" 2>&1
	# xl create ends with an error, since its guest was destroyed.
	wait "$(cat "$local/$name.pid")" || :
	rm -f "$local/$name.cpio"
done
for nr in 2 4 6 8; do
	# This is what it ends after. The outcome of one that died says what is wrong.
	save "nr-$nr" && restore "nr-$nr"
	finish "nr-$nr" once
done
