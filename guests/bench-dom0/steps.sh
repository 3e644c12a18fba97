# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this
#
# Each guest's figures are lines "bench: …" in ARM.SCENARIO.GUEST.costs. As in bench_guests, two
# guests show which figures are the same each time, and the entries of two more are traced.

tool=$work/arms/xen/bench-dom0

# another_life GUEST: measures what xl does to another guest, from its creation to its end.
another_life()
{
	again=$arm.$scenario.$1-again
	sed "s/^name = .*/name = \"$again\"/" "$local/$arm.$scenario.$1.cfg" >"$local/again.cfg"
	rm -f "$(console_log "$again")"
	"$tool" run create xl create -e -p "$local/again.cfg" &&
		xl unpause "$again" &&
		within $((100 * cost)) grep -q "dom0: ready" "$(console_log "$again")" &&
		"$tool" run save xl save "$again" "$local/again.save" &&
		"$tool" run restore xl restore -e "$local/again.save" &&
		"$tool" run destroy xl destroy "$again"
}

costs()
{
	console "$1" | "$tool" maps "$(xl domid "$name")" || return
	[ ! -e /sys/devices/system/xen_memory/xen_memory0 ] || "$tool" balloon 2048 || return
	another_life "$1"
}

# measure GUEST
measure()
{
	create "$1" 1
	rc=0
	{ await "$1" "dom0: ready" && costs "$1"; } >"$results/$name.costs" 2>>"$results/$name.xl" || rc=$?
	destroy "$1"
	rm -f "$local/again.save"
	[ "$rc" -eq 0 ] || [ "$outcome" != pass ] || {
		outcome=fail
		why="something could not be measured: $(tail -n 1 "$results/$name.xl")"
	}
	record_guest "$name"
}

for guest in one two; do
	measure $guest
done
if [ "$traces" = yes ]; then
	for guest in traced-one traced-two; do
		trace_begin
		measure $guest
		trace_stop
		windows $guest 0 "$results/$arm.$scenario.$guest.costs"
	done
fi
