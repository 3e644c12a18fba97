#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/run: what it makes of how its machines end. Nothing is built or booted: the machines are
# scripts that leave consoles and records.
#
# shellcheck disable=SC2016 # the variables of the scripts that it makes

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	# A checkout may have a space in its path.
	house="$BATS_TEST_TMPDIR/a house"
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache OUT=$house/out BASE=6.12 ARMS=stock ACCEL=tcg SCENARIOS=boot
	unset KERNEL XEN DOM0 PVSHIM VCPUS CMDLINE SEED TORTURE TRINITY TRACES PAIRS
	mkdir -p "$house"/{bin,built/ext}
	cp -r "$top/scripts" "$top/guests" "$top/dom0" "$top/kernel" "$top/series" "$top/paravirt" "$top"/arch-* "$top/tests" "$house"
	# Of no importance here.
	sed -i '/MiB of memory are left/d' "$house/scripts/run"
	touch "$house"/built/{bzImage,lacks,base.cpio,boot.cpio,callers.cpio,native-fork-huge.cpio}
	echo 1 >"$house/built/version"
	script scripts/host-deps :
	script scripts/build-kernel 'for arm; do echo "$house/built"; done'
	script scripts/build-guests 'echo "$house/built"'
	script scripts/build-dom0 'echo "$house/built"'
	script bin/qemu-system-x86_64 'echo "version 7.2"'
	script bin/make 'mkdir -p "$house/build/xenbatch-static" && touch "$house/build/xenbatch-static/xenbatch"'
	# boot dom0 ACCEL KERNEL DOM0 WORK LOG SECONDS, and boot native ACCEL KERNEL INITRAMFS CMDLINE LOG SECONDS
	script scripts/boot 'work=$5 log=$6 results=$5/results seconds=$7' 'echo "$1 $7" >>"$house/boots"' \
		'[ "$1" != native ] || { cp "$house/console" "$log"; echo "$5" >"$house/cmdline"; exit "$(cat "$house/rc")"; }' \
		'cp "$work/settings" "$house"' '. "$house/dom0-does"'
	echo 0 >"$house/rc"
	dom0_does
}

# script FILE LINE...: makes a script.
script()
{
	printf '%s\n' '#!/bin/sh' "house='$house'" "${@:2}" >"$house/$1"
	chmod +x "$house/$1"
}

# dom0_does [LINE...]: dom0 does this, besides a guest that passes; without a LINE it comes to its end.
dom0_does()
{
	printf '%s\n' 'echo "dom0: up" >"$log"' 'read -r arm scenario <"$work/plan"' 'echo "$arm $scenario" >"$results/under-way"' \
		'printf "%s\t%s\tup-1\tpass\t1\t\n" "$arm" "$scenario" >>"$results/records"' "${@:-: >\"\$results/done\"}" >"$house/dom0-does"
}

# a_run RC [NAME=VALUE...]: a run that ends with RC.
a_run()
{
	rm -rf "$OUT"
	PATH=$house/bin:$PATH run env "${@:2}" "$house/scripts/run"
	[ "$status" -eq "$1" ]
}

@test "run: a dom0 that comes to its end has the records of its guests" {
	a_run 0
	[ "${lines[-1]}" = "1 passed, 0 failed" ]
	[ "$(wc -l <"$house/boots")" -eq 1 ]
	dom0_does 'printf "stock\tboot\tup-2\tfail\t1\twhy\n" >>"$results/records"' ': >"$results/done"'
	a_run 1
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
}

@test "run: a dom0 that ends early is an error, whatever its guests did until then" {
	dom0_does 'echo "dom0: xl does not work" >>"$log"' 'exit 124'
	a_run 2
	[[ $output == *"error: stock boot -: the machine under dom0 ended before dom0 did, QEMU with 124: dom0: xl does not work"* ]]
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
}

@test "run: a Xen or a dom0 that crashes fails the scenario that was under way" {
	local said

	for said in "hypervisor: (XEN) Xen BUG at mm.c:1" "hypervisor: (XEN) Panic on CPU 0:" "dom0-kernel: BUG: unable to handle page fault"; do
		dom0_does "echo '${said#*: }' >>\"\$log\""
		a_run 1
		[[ $output == *$'\n'"fail: stock boot $said"$'\n'* ]]
	done
	# Also if much is behind it.
	dom0_does 'echo "(XEN) Xen BUG at mm.c:1" >>"$log"' 'seq 100000 >>"$log"'
	a_run 1
	[[ $output == *$'\n'"fail: stock boot hypervisor: (XEN) Xen BUG at mm.c:1"$'\n'* ]]
	echo 'echo "(XEN) Xen BUG at mm.c:1" >"$log"' >"$house/dom0-does"
	a_run 2
}

@test "run: a dom0 that the emulator disturbs before a scenario is booted once more, but once" {
	printf '%s\n' 'echo "Oops: int3: 0000 [#1]" >"$log"' >"$house/disturbed"
	{
		echo 'if [ "$(wc -l <"$house/boots")" -eq 1 ]; then . "$house/disturbed"; exit 0; fi'
		cat "$house/dom0-does"
	} >"$house/second"
	cp "$house/second" "$house/dom0-does"
	a_run 0
	[[ $output == *"retry: dom0: Oops: int3: "* ]]
	[ "$(wc -l <"$house/boots")" -eq 2 ]
	rm "$house/boots"
	cp "$house/disturbed" "$house/dom0-does"
	a_run 2
	[ "$(wc -l <"$house/boots")" -eq 2 ]
}

@test "run: a dom0 that was up, or whose kernel has another complaint, is not booted again" {
	dom0_does 'echo "Oops: int3: 0000 [#1]" >>"$log"'
	a_run 2
	[ "$(wc -l <"$house/boots")" -eq 1 ]
	echo 'echo "BUG: unable to handle page fault" >"$log"' >"$house/dom0-does"
	a_run 2
	[ "$(wc -l <"$house/boots")" -eq 2 ]
}

@test "run: dom0 learns what the hypervisor has, and whether it is emulated" {
	a_run 0 XEN=patched VCPUS=2 CMDLINE=preempt=lazy SEED=7 TORTURE=5 TRINITY=6 TRACES=no
	[ "$(paste -s -d ' ' "$house/settings")" = \
		"views=trace hypfs hypfs=mended emulated=yes torture=5 trinity=6 traces=no seed=7 vcpus=2 cmdline=preempt=lazy pvshim=no" ]
	a_run 0 XEN=patched-off ACCEL=kvm
	[ "$(head -n 3 "$house/settings" | paste -s -d ' ')" = "views=trace hypfs=mended emulated=no" ]
	a_run 0
	[ "$(head -n 3 "$house/settings" | paste -s -d ' ')" = "views=trace hypfs=stock emulated=yes" ]
}

@test "run: with PVSHIM=yes, no scenario runs that looks at dom0's hypervisor" {
	a_run 0 PVSHIM=yes SCENARIOS="boot oracle cross-check bench"
	[ "$(tail -n 1 "$house/settings")" = "pvshim=yes" ]
	[[ $(<"$OUT/latest/plan") == "stock boot" && $(<"$OUT/latest/about") == *accel=svm* ]]
	[ "$(grep -c '^left out: \(xen oracle\|stock cross-check\|stock bench\): the hypervisor of its guests is xen-shim' <<<"$output")" -eq 3 ]
}

@test "run: dom0 has the time of its scenarios" {
	a_run 0
	[ "$(<"$house/boots")" = "dom0 1320" ]
	rm "$house/boots"
	a_run 0 ACCEL=icount ARMS=stock+debug PAIRS=stock+debug/boot
	[ "$(<"$house/boots")" = "dom0 $((1320 * 4 * $(sed -n 's/^# cost: //p' "$top/kernel/options/debug.config")))" ]
}

good=$'1..1\nok 1 suite'

@test "run: a machine without Xen that resets or hangs fails, though its tests passed" {
	printf '%s\n' "$good" 'reboot: Power down' >"$house/console"
	a_run 0 SCENARIOS=native
	[[ $(<"$house/cmdline") == "scenario=callers kunit.filter_glob=callers.* "* ]]
	echo "$good" >"$house/console"
	a_run 1 SCENARIOS=native
	[[ $output == *"fail: stock native qemu: the guest crashed"* ]]
	echo 124 >"$house/rc"
	a_run 1 SCENARIOS=native
	[[ $output == *"fail: stock native qemu: the guest did not end in time"* ]]
	echo 1 >"$house/rc"
	a_run 2 SCENARIOS=native
	[[ $output == *"error: stock native qemu: QEMU ended with 1"* ]]
}

@test "run: a machine without Xen must show the defect of its arm" {
	printf '%s\n' "$good" 'reboot: Power down' >"$house/console"
	a_run 1 SCENARIOS=native-fork-huge
	[[ $output == *"fail: stock+large-folios native-fork-huge qemu: the defect did not show: not ok 1 "* ]]
	sed -n 's/^shows=stock //p' "$top/guests/native-fork-huge/scenario" >"$house/console"
	a_run 0 SCENARIOS=native-fork-huge
	[[ $output == *"reproduced"* ]]
}

@test "run: a retry of a machine without Xen is judged again" {
	printf '%s\n' "Oops: int3: 0000 [#1]" >"$house/console"
	a_run 2 SCENARIOS=native
	[ "$(grep -c '^native' "$house/boots")" -eq 2 ]
	[[ $output == *"error: stock native qemu: not made again: Oops: int3"* ]]
	rm "$house/boots"
	a_run 1 SCENARIOS=native ACCEL=kvm
	[ "$(grep -c '^native' "$house/boots")" -eq 1 ]
}

@test "run: a plan has each scenario on the arms that it is for, with its options" {
	local out

	a_run 2 ARMS="stock patched" SCENARIOS="vmap swap boot l1-permissions"
	out=$(readlink "$house/out/latest")
	[ "$(<"$house/out/$out/plan")" = "patched vmap
stock+memory swap
patched+memory swap
stock boot
patched boot
xen l1-permissions" ]
	a_run 2 ARMS="stock patched mutant-clear-loses-dirty" PAIRS="stock/boot mutant-clear-loses-dirty/vmap" SCENARIOS="boot vmap"
	out=$(readlink "$house/out/latest")
	[ "$(<"$house/out/$out/plan")" = $'stock boot\nmutant-clear-loses-dirty vmap' ]
}

@test "run: relative paths are those of the folder in which it was started" {
	script scripts/build-kernel 'echo "$KERNEL" >"$house/asked"; for arm; do echo "$house/built"; done'
	script scripts/build-dom0 'echo "$1" >>"$house/asked"; echo "$house/built"'
	cd "$house/built"
	touch xen.gz
	a_run 0 ARMS='' KERNEL=./bzImage XEN=xen.gz
	[ "$(<"$house/asked")" = "$house/built/bzImage"$'\n'"$house/built/xen.gz" ]
	grep -qF "KERNEL=$(printf %q "$PWD/bzImage") XEN=$(printf %q "$PWD/xen.gz") " "$house/out/latest/about"
	a_run 0 XEN=patched
	[ "$(tail -n 1 "$house/asked")" = patched ]
}

@test "run: what does not fit the user's own kernel is left out, with the reason" {
	local tree=$house/built

	echo CONFIG_SWAP=y >"$tree/lacks"
	a_run 0 ARMS='' KERNEL="$tree/bzImage" SCENARIOS="boot swap vmap"
	[[ $output == *"left out: tree+memory swap: the kernel does not have CONFIG_SWAP=y"* ]]
	[[ $output == *"left out: tree vmap: the kernel's sections have no lazy_mmu_state_t"* ]]
}

@test "run: a user's own kernel that does not come up as dom0 fails the scenario dom0, and no other" {
	local rc

	mkdir "$house/tree"
	for rc in 0 124; do
		printf '%s\n' 'echo "Kernel panic - not syncing" >"$log"' "exit $rc" >"$house/dom0-does"
		a_run 1 ARMS='' KERNEL="$house/tree"
		[[ $output == *$'\n'"fail: tree dom0 dom0: dom0 does not come up: Kernel panic - not syncing"$'\n'* ]]
		[[ $output == *$'\n'"not run: tree boot -: dom0 does not come up"$'\n'* ]]
	done
	# Then it is QEMU that failed.
	printf '%s\n' 'echo "qemu: no such processor" >"$log"' "exit 1" >"$house/dom0-does"
	a_run 2 ARMS='' KERNEL="$house/tree"
	[[ $output == *"error: tree boot -: the machine under dom0 ended before dom0 did, QEMU with 1: qemu: no such processor"* ]]
	# Another arm's dom0 is not the user's.
	printf '%s\n' 'echo "Kernel panic - not syncing" >"$log"' "exit 124" >"$house/dom0-does"
	a_run 2 KERNEL="$house/tree"
}

# The dom0 of these runs has a record of the first scenario only, so that they end with 2.
@test "run: the report says which Linux each base is, and how the run was asked for" {
	a_run 2 ARMS="stock upstream"
	[[ $(<"$OUT/latest/about") == *$'\nlinux=1\nupstream=1\nxen=1\n'* ]]
	a_run 2 ARMS="upstream stock"
	[[ $(<"$OUT/latest/about") == *$'\nlinux=1\nstock=1\nxen=1\n'* ]]
	a_run 0 ARMS='' KERNEL="$house/built/bzImage"
	[[ $(<"$OUT/latest/about") == *$'\n'"given=BASE=6.12 KERNEL="*" ACCEL=tcg ARMS= " ]]
}

@test "run: dom0's time grows with the costliest arm, long scenarios, and what works for a set time" {
	a_run 2 ARMS="stock+debug stock"
	[ "$(tail -n 1 "$house/boots")" = "dom0 $(((1200 + 2 * 120) * 4))" ]
	sed -i 's/^timeout=.*//' "$house/guests/boot/scenario"
	echo timeout=900 >>"$house/guests/boot/scenario"
	a_run 0
	[ "$(tail -n 1 "$house/boots")" = "dom0 2100" ]
	a_run 2 ARMS=patched SCENARIOS="torture random-ops" TORTURE=300 TRINITY=50
	[ "$(tail -n 1 "$house/boots")" = "dom0 $((1200 + 2 * 120 + 2 * (300 + 3 * 60)))" ]
}

@test "run: guests have the command line and the cost of their arm's options" {
	echo "# cost: 3" >>"$house/kernel/options/call-depth.config"
	dom0_does 'cat "$work/arms/stock+call-depth+debug/cmdline" "$work/arms/stock+call-depth+debug/cost" >"$house/arm"' ': >"$results/done"'
	a_run 0 ARMS=stock+call-depth+debug
	[ "$(<"$house/arm")" = $'retbleed=force,stuff\n12' ]
	printf '%s\n' "$good" 'reboot: Power down' >"$house/console"
	a_run 0 ARMS=stock+call-depth+debug SCENARIOS=native CMDLINE=quiet
	[ "$(tail -n 1 "$house/boots")" = "native $((300 * 4 * 3))" ]
	[ "$(xargs <"$house/cmdline")" = "scenario=callers kunit.filter_glob=callers.* norandmaps retbleed=force,stuff quiet" ]
}
