# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# Linux tears all page tables down and begins anew, in a new domain. Xen must have all memory back
# from the old one, to a MiB. All boots, and all ways down, are on one console, so the judge sees them.

TIMES=20

# shellcheck disable=SC2034 # for create
on_reboot=restart
for vcpus in 1 4; do
	guest=vcpus-$vcpus
	name=$arm.$scenario.$guest
	create "$guest" "$vcpus" preempt=full saves=1
	boots=0
	# All processes work on when it says this.
	while await "$guest" "ready for save 1" 100 $((boots + 1)); do
		boots=$((boots + 1))
		free=$(xl info free_memory)
		[ "$boots" -gt 1 ] || before=$free
		[ "$boots" -le "$TIMES" ] || break
		xl reboot "$name" >>"$results/$name.xl" 2>&1 || break
	done
	steps=fail
	if [ "$boots" -le "$TIMES" ]; then
		said="it came up $boots times, and not $((TIMES + 1)) times: $(tail -n 1 "$results/$name.xl")"
	# If xl printed no number, [ is not true, and this is a fail.
	elif ! [ "$free" -ge "$before" ]; then
		said="Xen has $free MiB free beside its last domain, and had $before beside its first"
	else
		steps=pass
		said="$TIMES reboots, and Xen has $free MiB free, and had $before"
	fi
	# With saves=1, the guest ends after one save and restore.
	{ [ "$boots" -gt "$TIMES" ] && save "$guest" && restore "$guest"; } || end_early "$guest"
	finish "$guest" once
	record_steps "$guest" "$steps" "$said"
done
