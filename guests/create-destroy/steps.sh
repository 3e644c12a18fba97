# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# Destroys guests in the first second: one after xl has made its domain, so while xl builds it or
# later, the next one after the first line on its console, at five moments each. Afterwards Xen has as
# much free memory as before. dom0's own page tables map the guests' pages meanwhile: xl builds them by
# privcmd.

TIMES=50

# Memory that dom0's daemons have mapped is given back in a moment.
free()
{
	sleep 2
	xl info free_memory
}

# begins NAME: whether it has printed something, or cannot any more.
begins()
{
	[ -n "$(console "$1")" ] || ! xl_waits "$1"
}

# The first guest also makes what stays, like xenstored's nodes.
guest first 1 vcpus=1
before=$(free)
nr=0
booting=0
while [ "$nr" -lt "$TIMES" ]; do
	vcpus=$((nr / 2 % 8 + 1))
	create "again-$nr" "$vcpus" "vcpus=$vcpus"
	name=$arm.$scenario.again-$nr
	tries=0
	until xl domid "$name" >/dev/null 2>&1 || [ "$tries" -ge 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	[ $((nr % 2)) -eq 0 ] || within 60 begins "again-$nr" || :
	sleep "0.$((nr * 7 % 10))"
	destroy "again-$nr"
	[ "$outcome" = pass ] || break
	# A fast machine may be through before that.
	[ "$end" != destroyed ] || [ ! -s "$results/$name.log" ] || booting=$((booting + 1))
	nr=$((nr + 1))
done
after=$(free)
if [ "$nr" -lt "$TIMES" ]; then
	record again "$outcome" 0 "guest $((nr + 1)) ended by $end: $why"
# If xl printed no number, [ is not true, and this is a fail.
elif ! [ "$after" -ge "$before" ]; then
	record again fail 0 "Xen has $after MiB free, and had $before"
elif [ "$booting" -lt $((TIMES / 5)) ]; then
	record again error 0 "only $booting of $TIMES guests were destroyed while they booted"
else
	record again pass 0 "$TIMES guests, $booting of them while they booted, and Xen has $after MiB free, and had $before"
fi
guest last 4 vcpus=4
