#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/run: what it refuses before it builds anything.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

@test "run: a second run at the same time is refused" {
	mkdir -p "$tmp/xen-lazymmu"
	XDG_CACHE_HOME=$tmp OUT=$tmp/out run flock "$tmp/xen-lazymmu/lock" timeout 60 "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"another run is under way"* ]]
}

@test "run: an arm or a scenario that does not exist is refused" {
	ARMS=none run "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"no such arm: none"* ]]
	SCENARIOS=none run "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"no such scenario: none; there are "*nested-preempt* ]]
}

@test "run: BASE= selects the arms, and one without arms is refused" {
	run env -u ARMS BASE=8.0 SCENARIOS=boot "$top/scripts/run"
	[[ $status -eq 2 && $output == *"no BASE=8.0"* ]]
	run bash -c '. "$0/scripts/lib.bash" && default_arms linux-7.3 && default_arms 6.12' "$top"
	[[ $output == $'upstream patched-7.3\nstock patched' ]]
}

@test "run: a word that is neither a scenario nor a group is refused" {
	SCENARIOS="boot memroy" run "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"no such scenario: memroy; there are "* ]]
}

@test "run: a run without arms, or without scenarios for its arms, is refused" {
	ARMS='' run "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"ARMS= is empty, and there is no KERNEL="* ]]
	ARMS=stock SCENARIOS=vmap run "$top/scripts/run"
	[ "$status" -eq 2 ]
	[[ $output == *"none of the scenarios is for one of the arms stock"* ]]
}

@test "run: a number that is none, and a dom0 that is none, are refused before anything is built" {
	local set command

	for set in TORTURE=1h TORTURE=0 TRINITY=abc SEED=abc SEED=08 VCPUS=9 PVSHIM=1; do
		run env SCENARIOS=boot "$set" "$top/scripts/run"
		[[ $status -eq 2 && $output == *"$set is "* ]]
	done
	PVSHIM=yes ACCEL=icount run "$top/scripts/run"
	[[ $status -eq 2 && $output == *"PVSHIM=yes needs a processor with SVM or VMX"* ]]
	SCENARIOS=random-ops SEED=4294967296 run "$top/scripts/run"
	[[ $status -eq 2 && $output == *"too great for random-ops"* ]]
	DOM0=Debian run "$top/scripts/run"
	[[ $status -eq 2 && $output == *"DOM0=Debian is neither debian nor an arm"* ]]
	for command in scripts/build-deb tests/emulated; do
		BASE=xen-4.17 run "$top/$command"
		[[ $status -eq 2 && $output == *"there is no BASE=xen-4.17"* ]]
	done
}

@test "run: a path that is no kernel, or no hypervisor, is refused" {
	KERNEL=$tmp/none run "$top/scripts/build-kernel" tree
	[[ $status -eq 2 && $output == *"there is no $tmp/none: KERNEL= is a kernel's source tree or a bzImage"* ]]
	mkdir "$tmp/folder"
	KERNEL=$tmp/folder XDG_CACHE_HOME=$tmp run "$top/scripts/build-kernel" tree
	[[ $status -eq 2 && $output == *"is no source tree of Linux"* ]]
	mkdir -p "$tmp/built/scripts/kconfig"
	touch "$tmp/built/Kbuild" "$tmp/built/scripts/kconfig/merge_config.sh" "$tmp/built/.config"
	KERNEL=$tmp/built XDG_CACHE_HOME=$tmp run "$top/scripts/build-kernel" tree
	[[ $status -eq 2 && $output == *"run make mrproper there"* ]]
	run "$top/scripts/build-dom0" "$tmp/none"
	[[ $status -eq 2 && $output == *"no such hypervisor: XEN=$tmp/none"* ]]
	XDG_CACHE_HOME=$tmp run "$top/scripts/build-dom0" "$tmp/folder"
	[[ $status -eq 2 && $output == *"is no source tree of Xen"* ]]
}
