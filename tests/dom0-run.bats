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
	[ -e "$work/results/stock.boot.-.xen" ]
	[ "$(find "$work/results" -name '*.xen' | wc -l)" -eq 1 ]
	[ ! -e "$domains/stock.boot.one" ]
	[ -e "$domains/other" ]
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
	[ "$output" = "stock boot dom0-kernel: fail WARNING: CPU: 0 PID: 1 at mm/memory.c:1" ]
	grep -q memory.c "$work/results/stock.boot.dom0-kernel.log"
	[ ! -e "$work/results/stock.vmap.dom0-kernel.log" ]
	# The guest dom0 of a scenario has a log of its own.
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'echo said >"$results/$arm.$scenario.dom0.log"'
	[ "$(<"$work/results/stock.boot.dom0.log")" = said ]
}

@test "dom0/run: a complaint of Xen fails a scenario once" {
	echo "stock vmap" >>"$work/plan"
	echo "(XEN) UBSAN: Undefined behaviour in arch/x86/mm.c:1" >"$work/xen-says"
	steps :
	[ "$output" = "stock boot hypervisor: fail (XEN) UBSAN: Undefined behaviour in arch/x86/mm.c:1" ]
}

@test "dom0/run: a complaint of Xen after another one fails the scenario in which it came" {
	local bad="(XEN) UBSAN: Undefined behaviour in arch/x86/mm.c"

	echo "stock vmap" >>"$work/plan"
	# The first one stays in Xen's ring.
	printf '%s:%d\r\n' "$bad" 1 "$bad" 2 >"$work/xen-says"
	echo "echo '(XEN) Xen WARN at mm.c:3' >>$work/xen-says" >"$work/guests/vmap/steps.sh"
	steps :
	[ "$output" = "stock boot hypervisor: fail $bad:1
stock boot hypervisor: fail $bad:2
stock vmap hypervisor: fail (XEN) Xen WARN at mm.c:3" ]
}

# ends LINE...: each guest's xl prints these lines, and ends with the number in $work/rc.
ends()
{
	printf '%s\n' "$@" >"$work/xl-says"
	echo 0 >"$work/rc"
	cat >"$work/bin/xl" <<END2
#!/bin/sh
case \$1 in
create) cp "\$3" "$work/cfg"; cat "$work/xl-says"; exit \$(cat "$work/rc") ;;
dmesg) cat "$work/xen-says" ;;
list) [ -z "\${2:-}" ] ;;
esac
END2
}

good='console() { printf "%s\n" "1..1" "ok 1 suite"; }'

@test "dom0/run: a guest ends as xl says, whatever its console has" {
	local code

	for code in "0:pass " "1:pass " "2:error xl ended with 0: " "3:fail the guest crashed"; do
		ends "Domain 7 has shut down, reason code ${code%%:*} 0x${code%%:*}"
		steps "$good" 'guest one 1'
		[[ $output == "stock boot one: ${code#*:}"* ]]
	done
	ends "cannot create it"
	echo 1 >"$work/rc"
	steps "$good" 'guest one 1'
	[ "$output" = "stock boot one: error xl ended with 1: cannot create it" ]
}

@test "dom0/run: a guest that was saved, and went on, ends as xl says last" {
	ends "Domain 7 has shut down, reason code 2 0x2" "Domain 8 has shut down, reason code 3 0x3"
	steps "$good" 'guest one 1'
	[ "$output" = "stock boot one: fail the guest crashed" ]
}

@test "dom0/run: a command of steps.sh that fails ends the scenario" {
	steps false 'echo on'
	[ "$output" = "stock boot -: error guests/boot ended early, with 1" ]
	# Of an error, too, there is what Xen said.
	[ -e "$work/results/stock.boot.-.xen" ]
}

@test "dom0/run: a guest that does not end in time fails, and is destroyed" {
	sed -i 's/^timeout=.*/timeout=1/' "$work/scenarios/boot"
	steps "$good" 'guest one 1'
	[ "$output" = "stock boot one: fail the guest did not end in time" ]
	[ -z "$(ls "$domains")" ]
}

@test "dom0/run: a guest that could not restart ends as xl says; one that could goes on" {
	ends "Domain 7 has shut down, reason code 1 0x1" "cannot restart"
	echo 1 >"$work/rc"
	steps "$good" on_reboot=restart 'guest one 1'
	[ "$output" = "stock boot one: error xl ended with 1: cannot restart" ]
}

@test "dom0/run: a step that failed is no record of a guest that the emulator broke" {
	steps outcome=error 'record_steps one fail this' outcome=pass 'record_steps one fail that'
	[ "$output" = "stock boot one-xl: fail that" ]
}

@test "dom0/run: an emulator that disturbs dom0 is an error of the scenario" {
	echo "Oops: int3: 0000 [#1] PREEMPT SMP" >"$work/dom0-says"
	steps :
	[[ $output == "stock boot dom0-kernel: error Oops: int3: "* ]]
	sed -i 's/emulated=yes/emulated=no/' "$work/settings"
	echo "Oops: int3: 0000 [#1] PREEMPT SMP" >"$work/dom0-says"
	steps :
	[[ $output == "stock boot dom0-kernel: fail Oops: int3: "* ]]
}

@test "dom0/run: a scenario after which xl cannot list the domains is an error" {
	# shellcheck disable=SC2016 # the script's
	printf '%s\n' '#!/bin/sh' '[ "$1" != list ]' >"$work/bin/xl"
	printf '%s\n' '#!/bin/sh' "n=\$(cat $work/now); echo \$((n + 20)) | tee $work/now" >"$work/bin/date"
	chmod +x "$work/bin/date"
	echo 0 >"$work/now"
	steps :
	[ "$output" = "stock boot -: error whether a domain is left is not known, since xl list fails" ]
}

@test "dom0/run: a guest must show the defect of its arm, also with options" {
	ends "Domain 7 has shut down, reason code 0 0x0"
	cp -r "$work/arms/stock" "$work/arms/stock+memory"
	cp -r "$work/arms/stock" "$work/arms/patched"
	printf '%s\n' "stock boot" "stock+memory boot" "patched boot" >"$work/plan"
	echo "shows=stock the defect" >>"$work/scenarios/boot"
	steps "$good" 'guest one 1'
	[ "$output" = "stock boot one: fail the defect did not show: the defect
stock+memory boot one: fail the defect did not show: the defect
patched boot one: pass " ]
	steps 'console() { echo "this is the defect"; }' 'guest one 1'
	[[ $output == *"stock+memory boot one: reproduced the defect"* ]]
}

@test "dom0/run: a guest has the settings' vCPUs and command line, and its arm's cost" {
	ends "Domain 7 has shut down, reason code 0 0x0"
	printf '%s\n' vcpus=4 cmdline=preempt=lazy >>"$work/settings"
	echo 3 >"$work/arms/stock/cost"
	echo slub_debug=F >"$work/arms/stock/cmdline"
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps "$good" 'create one 1 own=1' 'echo "time $(cat "$local/$name.timeout")"' 'finish one'
	[[ $output == "time 15"* ]]
	grep -qx 'vcpus = 4' "$work/cfg"
	grep -qx 'memory = 480' "$work/cfg"
	grep -q '^cmdline = ".* own=1 slub_debug=F preempt=lazy vcpus=4"$' "$work/cfg"
}

@test "dom0/run: a guest is PV, and with pvshim=yes in a PVH container" {
	ends "Domain 7 has shut down, reason code 0 0x0"
	steps "$good" 'guest one 1'
	grep -qx 'type = "pv"' "$work/cfg"
	[ "$(grep -c pvshim "$work/cfg")" -eq 0 ]
	echo pvshim=yes >>"$work/settings"
	steps "$good" 'guest one 1'
	grep -qx 'type = "pvh"' "$work/cfg"
	grep -qx 'pvshim = 1' "$work/cfg"
}

@test "dom0/run: await counts lines, and ends with its time" {
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'console() { echo went; }' on_crash=restart 'create one 1' 'within 5 xl domid "$name"' \
		'await one went 5 || exit 3' 'if await one went 0 2; then exit 4; fi' 'destroy one'
	[[ $output != *"ended early"* ]]
}

@test "dom0/run: under-way has the scenario that runs, and done comes last" {
	echo "stock vmap" >>"$work/plan"
	# shellcheck disable=SC2016 # the variables of steps.sh
	echo 'cat "$results/under-way"; [ ! -e "$results/done" ]' >"$work/guests/vmap/steps.sh"
	steps :
	[ "$output" = "stock vmap" ]
	[ -e "$work/results/done" ]
}

@test "dom0/run: each kind of complaint of Xen fails" {
	for found in 'UBSAN: Undefined behaviour' 'Xen WARN at mm.c:1'; do
		echo "(XEN) $found" >"$work/xen-says"
		steps :
		[ "$output" = "stock boot hypervisor: fail (XEN) $found" ]
	done
}

@test "dom0/run: a guest's console has nothing of the guest that had its name before" {
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'console_log() { echo "$local/$1.log"; }' 'echo "BUG: of before" >"$(console_log stock.boot.one)"' \
		on_crash=restart 'create one 1' 'within 5 xl domid "$name"' 'destroy one' 'record one "$outcome" 0 "$end"'
	[[ $output == *"stock boot one: "* && $output != *"BUG: of before"* ]]
	run grep "of before" "$work/results/stock.boot.one.log"
	[ "$status" -eq 1 ]
}

@test "dom0/run: with views=auto, hypfs is a view if this Xen has it" {
	sed -i 's/views=.*/views=auto/' "$work/settings"
	printf '%s\n' '#!/bin/sh' "exit \$(cat $work/has)" >"$work/bin/xenbatch"
	chmod +x "$work/bin/xenbatch"
	# shellcheck disable=SC2016 # the variables of steps.sh
	for has in 0 1; do
		echo "$has" >"$work/has"
		steps 'echo "$views"'
		echo "$output" >>"$work/views"
	done
	[ "$(<"$work/views")" = $'trace hypfs\ntrace' ]
}

@test "dom0/run: a guest that is made again has not broken because the first one did" {
	sed -i 's/^timeout=.*/timeout=2/' "$work/scenarios/boot"
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'console() { [ -e "$results/$name.first.log" ] || { echo "Oops: int3: 0000 [#1]"; return; }; printf "%s\n" "1..1" "ok 1 suite"; }' \
		'create one 1' 'within 5 test -e "$results/$name.xl"' 'save one || end_early one' 'finish one'
	[[ $output == *"stock boot one: retry Oops: int3: "* ]]
	[ "${lines[-1]}" = "stock boot one: fail the guest did not end in time" ]
}

@test "dom0/run: a guest that xl cannot restore or migrate has failed" {
	local word

	# shellcheck disable=SC2016 # the script's
	printf '%s\n' '#!/bin/sh' 'case $1 in' 'restore | migrate) echo "no memory"; exit 3 ;;' 'domid) exit 1 ;;' \
		'list) [ -z "${2:-}" ] ;;' 'esac' >"$work/bin/xl"
	for word in restore migrate; do
		rm -f "$work/results/stock.boot.one.xl"
		# shellcheck disable=SC2016 # the variables of steps.sh
		steps 'console() { echo works; }' 'create one 1' 'within 5 test -e "$results/$name.xl"' "! $word one" 'finish one once'
		[ "$output" = "stock boot one: fail xl $word: no memory" ]
	done
}

@test "dom0/run: an xl dmesg that fails is an error of the scenario, and the next one runs" {
	echo "stock vmap" >>"$work/plan"
	# shellcheck disable=SC2016 # the script's
	printf '%s\n' '#!/bin/sh' '[ "$1" != dmesg ]' >"$work/bin/xl"
	steps :
	[ "$output" = "stock boot hypervisor: error xl dmesg fails
stock vmap hypervisor: error xl dmesg fails" ]
}

@test "dom0/run: a complaint of Xen that log_dirty has cleared fails the scenario, and no other" {
	echo "stock vmap" >>"$work/plan"
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'echo "(XEN) Xen WARN at mm.c:1" >"$results/$arm.$scenario.one.xen-before"'
	[ "$output" = "stock boot hypervisor: fail (XEN) Xen WARN at mm.c:1" ]
	[ ! -e "$work/results/stock.boot.one.xen-before" ]
}

@test "dom0/run: a guest that goes on has what is left of its time, and a second at least" {
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'echo 1000 >"$local/one.start"' 'echo 50 >"$local/one.timeout"' 'date() { echo "$seconds"; }' \
		'for seconds in 1000 1020 1049 1050 1060; do time_left one; done'
	[ "$output" = $'50\n30\n1\n1\n1' ]
}

@test "dom0/run: await has its time as often as the arm costs" {
	# Each look at the clock is a second later.
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps 'echo 0 >"$local/now"' 'date() { echo $(($(cat "$local/now") + 1)) | tee "$local/now.new"; mv "$local/now.new" "$local/now"; }' \
		'sleep() { :; }' 'xl_waits() { :; }' 'printed() { echo looked; return 1; }' cost=3 '! await one never 2'
	[ "$(grep -c looked <<<"$output")" -eq 6 ]
}

@test "dom0/run: a guest unpacks what it runs, what it has besides, and its root" {
	local part

	ends "Domain 7 has shut down, reason code 0 0x0"
	mkdir "$work/roots"
	for part in base boot vmap; do
		echo "$part" >"$work/arms/stock/$part.cpio"
	done
	echo root >"$work/roots/selftests.cpio"
	sed -i 's/^with=.*/with=vmap/; s/^root=.*/root=selftests/' "$work/scenarios/boot"
	# shellcheck disable=SC2016 # the variables of steps.sh
	steps "$good" 'create one 1' 'cat "$local/$name.cpio"' 'finish one'
	[[ $output == $'base\nboot\nvmap\nroot\n'* ]]
}
