# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# Destroys guests while they boot, at ten moments of the first second. Afterwards Xen has as much
# free memory as before, and no domain that is dying. dom0's own page tables map the guests' pages
# meanwhile: xl builds them by privcmd.

TIMES=50

free()
{
	xl info free_memory
}

# The first guest also makes what stays, like xenstored's nodes.
guest first 1 vcpus=1
before=$(free)
nr=0
while [ "$nr" -lt "$TIMES" ]; do
	vcpus=$((nr % 4 + 1))
	create "again-$nr" "$vcpus" "vcpus=$vcpus"
	name=$arm.$scenario.again-$nr
	tries=0
	until xl domid "$name" >/dev/null 2>&1 || [ "$tries" -ge 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	sleep "0.$((nr * 7 % 10))"
	destroy "again-$nr"
	[ "$end $outcome" = "destroyed pass" ] || break
	nr=$((nr + 1))
done
sleep 2
left=$(xl list | sed 1,2d)
if [ "$nr" -lt "$TIMES" ]; then
	[ "$outcome" != pass ] || outcome=fail
	record again "$outcome" 0 "guest $((nr + 1)) ended by $end: $why"
elif [ -n "$left" ]; then
	record again fail 0 "a domain is left: $left"
elif [ "$(free)" -ne "$before" ]; then
	record again fail 0 "Xen has $(free) MiB free, and had $before"
else
	record again pass 0 "$TIMES guests, and Xen has $before MiB free, as before"
fi
guest last 4 vcpus=4
