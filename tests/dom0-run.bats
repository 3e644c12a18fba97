#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# dom0/run: what it leaves of a scenario's domains, with an xl that only keeps their names, and what
# it hears of dom0's kernel and of Xen, whose messages are files here.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	work=$BATS_TEST_TMPDIR
	domains=$work/domains
	mkdir -p "$work"/{bin,domains,scenarios,guests/boot,guests/vmap,arms/stock}
	ln -s "$top/dom0" "$work/dom0"
	touch "$work"/arms/stock/{bzImage,base.cpio,boot.cpio,cmdline}
	echo 1 >"$work/arms/stock/cost"
	printf '%s\n' views=trace emulated=yes >"$work/settings"
	echo "stock boot" >"$work/plan"
	for scenario in boot vmap; do
		"$top/scripts/scenarios" get "$scenario" | sed 's/^timeout=.*/timeout=5/' >"$work/scenarios/$scenario"
		echo : >"$work/guests/$scenario/steps.sh"
	done
	# Its "create" makes the guest again and again, each time after half a second.
	cat >"$work/bin/xl" <<END
#!/bin/sh
cd "$domains"
case \$1 in
create)
	name=\$(sed -n 's/^name = "\(.*\)"/\1/p' "\$3")
	while :; do
		sleep 0.5
		touch "\$name" || exit 1
		while [ -e "\$name" ]; do sleep 0.1; done
	done ;;
list)
	[ -z "\${2:-}" ] || exec test -e "\$2"
	echo "Name ID"
	echo "Domain-0 0"
	for name in *; do [ ! -e "\$name" ] || echo "\$name 7"; done ;;
domid) test -e "\$2" && echo 7 ;;
save) echo "cannot do that" >&2; exit 1 ;;
dmesg) cat "$work/xen-says" ;;
destroy) [ "\$2" != "(null)" ] && exec rm "\$2" ;;
esac
END
	printf '%s\n' '#!/bin/sh' "cat $work/dom0-says; : >$work/dom0-says" >"$work/bin/dmesg"
	: >"$work/dom0-says"
	: >"$work/xen-says"
	chmod +x "$work"/bin/{xl,dmesg}
}

# steps LINE...: runs the scenario boot, whose steps.sh has these lines.
steps()
{
	printf '%s\n' "$@" >"$work/guests/boot/steps.sh"
	run "$top/dom0/run" "$work" 3>&-
	[ "$status" -eq 0 ]
}

@test "dom0/run: a guest that restarts does not come back after a scenario that ended early" {
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'create one 1' 'within 5 xl domid "$name"' 'xl destroy "$name"' false
	[[ $output == *"guests/boot ended early, with 1" ]]
	sleep 1
	[ -z "$(ls "$domains")" ]
}

@test "dom0/run: a guest that restarts does not come back after it was destroyed" {
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps on_crash=restart 'create one 1' 'within 5 xl domid "$name"' 'destroy one' 'record one "$outcome" 0 "$end"'
	[[ $output == *"stock boot one: pass destroyed" ]]
	[ -z "$(ls "$domains")" ]
}

@test "dom0/run: a scenario that leaves a domain fails, and the next one does not" {
	echo "stock vmap" >>"$work/plan"
	touch "$domains/other"
	# Each look at the clock is 20 seconds later.
	printf '%s\n' '#!/bin/sh' "n=\$(cat $work/now); echo \$((n + 20)) | tee $work/now" >"$work/bin/date"
	chmod +x "$work/bin/date"
	echo 0 >"$work/now"
	steps "touch $domains/stock.boot.one '$domains/(null)'"
	[ "$output" = "stock boot -: fail a domain is left: (null) 7 stock.boot.one 7" ]
	grep -q stock.boot.one "$work/results/stock.boot.-.xenstore"
	[ -e "$work/results/stock.boot.-.xen" ] && [ "$(find "$work/results" -name '*.xen' | wc -l)" -eq 1 ]
	[ ! -e "$domains/stock.boot.one" ] && [ -e "$domains/other" ]
}

@test "dom0/run: a domain that was dying before the first scenario is none of that scenario's" {
	touch "$domains/(null)"
	steps :
	[ -z "$output" ]
}

@test "dom0/run: a guest that xl cannot save has failed, and a complaint on its console comes first" {
	# shellcheck disable=SC2016 # the variables of steps.sh
	local words=('create one 1' 'within 5 xl domid "$name"' 'save one || end_early one' 'finish one once')

	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'console() { echo works; }' "${words[@]}"
	[[ $output == *"stock boot one: fail xl save: cannot do that" ]]
	[ -z "$(ls "$domains")" ]
	steps 'console() { echo "BUG: Bad page map"; }' "${words[@]}"
	[[ $output == *"stock boot one: fail BUG: Bad page map" ]]
}

@test "dom0/run: a complaint of dom0's kernel fails the scenario in which it came" {
	echo "stock vmap" >>"$work/plan"
	echo "[   12.345678] WARNING: CPU: 0 PID: 1 at mm/memory.c:1" >"$work/dom0-says"
	steps :
	[ "$output" = "stock boot dom0: fail WARNING: CPU: 0 PID: 1 at mm/memory.c:1" ]
	grep -q memory.c "$work/results/stock.boot.dom0.log"
	[ ! -e "$work/results/stock.vmap.dom0.log" ]
}

@test "dom0/run: a complaint of Xen fails a scenario once" {
	echo "stock vmap" >>"$work/plan"
	echo "(XEN) UBSAN: Undefined behaviour in arch/x86/mm.c:1" >"$work/xen-says"
	steps :
	[ "$output" = "stock boot hypervisor: fail (XEN) UBSAN: Undefined behaviour in arch/x86/mm.c:1" ]
}
