#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The names of what the cache keeps. What it was made from is in the name, or a run would test what
# was built before a change.
#
# shellcheck disable=SC2016 # the variables of the other shell

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	house=$BATS_TEST_TMPDIR/house
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir -p "$house/kernel-of-arm" "$house/built"
	cp -r "$top/scripts" "$top/guests" "$top/dom0" "$top/kernel" "$top/series" "$top/paravirt" "$top"/arch-* "$top/xen-patches" \
		"$top/tests" "$house"
	printf '%s\n' '#!/bin/sh' "echo '$house/deb'" >"$house/scripts/fetch"
	touch "$house/deb" "$house/kernel-of-arm/headers" "$house/built/xen"
}

# part_of SCRIPT FROM TO: prints these lines of a script, for eval.
part_of()
{
	sed -n "/^$2/,/^$3/p" "$house/scripts/$1"
}

# in_house SCRIPT COMMANDS: runs commands with the functions of the script.
in_house()
{
	bash -c '. "$1/scripts/lib.bash"; . "$1/scripts/kernel.bash"; eval "$2"' "$house/scripts/$1" "$house" "$2"
}

# changes and stays FILE [SED-COMMAND]: whether what name() of a test prints is another one after an edit
# of the file, which is then undone.
changes()
{
	local before

	before=$(name)
	cp "$house/$1" "$house/before"
	if [ $# -eq 2 ]; then sed -i "$2" "$house/$1"; else echo "# more" >>"$house/$1"; fi
	after=$(name)
	cp "$house/before" "$house/$1"
	[[ -n $before && -n $after && $after != "$before" ]]
}

stays()
{
	! changes "$@" && [ -n "$after" ]
}

# Edits of a patch: of the first line that it adds, and of its message.
code='/^+[^+]/{s/$/ /;:all;n;b all}'
message='/^Subject: /s/$/ too/'

@test "cache: a kernel's name has its patches' code, its options and its source" {
	local first last

	first=$("$top/scripts/series" list linux-6.12 patched | head -n 1)
	last=$("$top/scripts/series" list linux-6.12 patched | tail -n 1)
	name() { in_house build-kernel "$(part_of build-kernel 'entry_of()' '}'); entry_of $arm"; }
	arm=patched
	changes "$first" "$code"
	changes "$last" "$code"
	changes kernel/base.config
	changes scripts/build-kernel
	changes deb
	stays "$first" "$message"
	stays kernel/options/memory.config
	arm="first-1+memory"
	changes "$first" "$code"
	stays "$last" "$code"
	changes kernel/options/memory.config
	arm=mutant-clear-loses-dirty
	changes tests/mutants/clear-loses-dirty.patch "$code"
}

@test "cache: a hypervisor's name has its patches' code, its options and its mutant" {
	local patch

	patch=$("$top/scripts/series" list xen-4.17 patched | tail -n 1)
	name() { in_house build-xen "$(part_of build-xen 'select_xen()' '}'); usage=; select_xen $xen; echo \$entry"; }
	xen=patched
	changes "$patch" "$code"
	changes scripts/build-xen
	stays "$patch" "$message"
	xen=mutant-group-of-seven
	changes tests/mutants/xen/group-of-seven.patch "$code"
	xen="first-0"
	stays "$patch" "$code"
	[ "$(xen=patched name | sed 's/.*-//')" != "$(xen=patched-off name | sed 's/.*-//')" ]
}

@test "cache: the guests' name has all that they are built from" {
	name() { in_house build-guests "arm=patched kernel=$house/kernel-of-arm guests=$house/guests; $(part_of build-guests busybox= '} | key)'); echo \$entry"; }
	changes guests/init
	changes guests/include/pass.h
	changes guests/callers/main.c
	changes guests/vmap/test.c
	changes guests/boot/test.sh
	changes kernel-of-arm/headers
	changes scripts/build-guests
	changes deb
	stays guests/boot/scenario
}

@test "cache: dom0's name has the hypervisor, the packages and its init" {
	name() { in_house build-dom0 "name=patched kind= util_linux= archive= debs=($house/deb) built=$house/built; $(part_of build-dom0 entry= '} | key)'); echo \$entry"; }
	changes built/xen
	changes dom0/init
	changes deb
	changes scripts/build-dom0
	stays dom0/run
}
