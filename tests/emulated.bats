#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/emulated: how it ends, with machines that are only consoles.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	house=$BATS_TEST_TMPDIR/house
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	unset ARM BASE
	mkdir -p "$house/consoles"
	cp -r "$top/scripts" "$top/dom0" "$house"
	install -D "$top/tests/emulated" "$house/tests/emulated"
	printf '%s\n' '#!/bin/sh' >"$house/scripts/host-deps"
	cp "$house/scripts/host-deps" "$house/scripts/build-emulated"
	# boot emulated MACHINE KERNEL CMDLINE LOG SECONDS
	# shellcheck disable=SC2016 # the script's
	printf '%s\n' '#!/bin/sh' "cp \"$house/consoles/\$2\" \"\$5\"" "exit \$(cat \"$house/rc\")" >"$house/scripts/boot"
	echo 0 >"$house/rc"
}

# console MACHINE RESULT: its suite's second case has this result.
console()
{
	local booted

	case $1 in
	x86*) booted="Booting paravirtualized kernel on bare hardware" ;;
	ppc64) booted="hash-mmu: Initializing hash mmu" ;;
	esac
	printf '%s\n' "$booted" 1..1 "    1..2" "    ok 1 first" "    $2 2 second" "$2 1 suite" >"$house/consoles/$1"
}

emulated()
{
	run "$house/tests/emulated" "$@"
}

@test "emulated: each case is a test, and a skipped one is said" {
	console x86 ok
	sed -i 's/ok 2 second/& # SKIP why/' "$house/consoles/x86"
	emulated x86
	[ "$status" -eq 0 ]
	[ "$output" = $'ok: x86, first\nskipped: x86, second # SKIP why' ]
}

@test "emulated: a case that fails, a complaint, or a machine that hangs ends it with 1" {
	console x86 "not ok"
	emulated x86
	[ "$status" -eq 1 ]
	[[ $output == *"not ok: x86, second"* ]]
	console x86 ok
	echo "BUG: Bad page map in process test" >>"$house/consoles/x86"
	emulated x86
	[ "$status" -eq 1 ]
	[[ $output == *"not ok: x86, BUG: Bad page map in process test"* ]]
	console x86 ok
	echo 124 >"$house/rc"
	emulated x86
	[ "$status" -eq 1 ]
	[[ $output == *"not ok: x86, the guest did not end in time"* ]]
}

@test "emulated: a machine that QEMU ends, or that is another one, is an error" {
	console x86 ok
	echo 1 >"$house/rc"
	emulated x86
	[ "$status" -eq 2 ]
	echo 0 >"$house/rc"
	console ppc64 ok
	sed -i 's/hash-mmu: .*/radix-mmu: Initializing Radix MMU/' "$house/consoles/ppc64"
	emulated ppc64
	[ "$status" -eq 2 ]
	[[ $output == *"error: ppc64 did not run: the console does not say 'hash-mmu: Initializing hash mmu'"* ]]
}

@test "emulated: a failure is not lost behind a machine that passes, or behind an error" {
	console x86 "not ok"
	console x86-pvh ok
	emulated x86 x86-pvh
	[ "$status" -eq 1 ]
	: >"$house/consoles/x86-pvh"
	emulated x86 x86-pvh
	[ "$status" -eq 1 ]
	console x86 ok
	emulated x86 x86-pvh
	[ "$status" -eq 2 ]
}
