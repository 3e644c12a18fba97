#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/lib.bash: steps that fail, and what is left after a signal.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

@test "step: a command that fails half-way ends the script with 2" {
	cat >"$tmp/script" <<-EOF
		. "$top/scripts/lib.bash"
		work() { false; echo on; }
		step "work" "$tmp/log" work
		echo on
	EOF
	XDG_CACHE_HOME=$tmp run bash "$tmp/script"
	[ "$status" -eq 2 ]
	[[ $output == *"cannot work"* && $output != *on$'\n'* ]]
}

@test "step: Ctrl-C leaves no process and no scratch folder" {
	# A process that is left would keep bats waiting for the end of its output.
	cat >"$tmp/script" <<-EOF
		exec >"$tmp/said" 2>&1 3>&-
		. "$top/scripts/lib.bash"
		scratch_dir work
		work() { sleep 98765 & sleep 98766; }
		step "work" "$tmp/log" work
	EOF
	XDG_CACHE_HOME=$tmp run timeout -s INT -k 10 2 bash "$tmp/script"
	[ "$status" -eq 124 ]
	run pgrep -f 'sleep 9876[56]'
	[ "$status" -eq 1 ]
	[ -z "$(ls "$tmp/xen-lazymmu")" ]
}

@test "step: a second signal does not cut short what the first began" {
	local i rc=0

	cat >"$tmp/script" <<-EOF
		exec >"$tmp/said" 2>&1 3>&-
		. "$top/scripts/lib.bash"
		scratch_dir work
		work() { trap '' TERM; echo begun; sleep 2; }
		step "work" "$tmp/log" work
	EOF
	XDG_CACHE_HOME=$tmp bash "$tmp/script" &
	for ((i = 0; i < 100; i++)); do
		! grep -qs begun "$tmp/log" || break
		sleep 0.1
	done
	kill "$!"
	sleep 0.5
	kill "$!"
	wait "$!" || rc=$?
	[ "$rc" -eq 143 ]
	[ -z "$(ls "$tmp/xen-lazymmu")" ]
}

@test "step: one that is stopped ends with its script" {
	cat >"$tmp/script" <<-EOF
		exec >"$tmp/said" 2>&1 3>&-
		. "$top/scripts/lib.bash"
		# What a process of the background gets that reads from the terminal, and its group.
		work() { kill -TTIN 0; sleep 98767; }
		step "work" "$tmp/log" work
	EOF
	XDG_CACHE_HOME=$tmp run timeout -k 10 1 bash "$tmp/script"
	[ "$status" -eq 124 ]
	run pgrep -f 'sleep 98767'
	[ "$status" -eq 1 ]
}

@test "cache: a path that a build would split is refused" {
	for name in 'a b' 'a,b' 'a:b'; do
		XDG_CACHE_HOME=$tmp/$name run "$top/scripts/scenarios" list
		[ "$status" -eq 2 ]
		[[ $output == *"has a space, a comma or a colon: set XDG_CACHE_HOME"* ]]
	done
}

# lib COMMAND…: runs a function of scripts/lib.bash, in another shell, since lib.bash sets traps.
lib()
{
	# shellcheck disable=SC2016 # the other shell's
	XDG_CACHE_HOME=$tmp run bash -c '. "$1/scripts/lib.bash"; "${@:2}"' - "$top" "$@"
}

@test "publish: what another build has published stays; what cannot be moved is an error" {
	mkdir "$tmp/from" "$tmp/to" "$tmp/other"
	touch "$tmp/to/first" "$tmp/from/second"
	lib publish "$tmp/from" "$tmp/to"
	[ "$status" -eq 0 ]
	[ "$(ls "$tmp/to")" = first ]
	[ ! -e "$tmp/from" ]
	lib publish "$tmp/other" "$tmp/none/to"
	[ "$status" -eq 2 ]
	[[ $output == *"cannot move $tmp/other to $tmp/none/to"* ]]
	[ -d "$tmp/other" ]
}

@test "needed: a root that lacks a library of a program is an error, which names it" {
	mkdir -p "$tmp/root/usr/lib"
	lib needed "$tmp/root" /bin/bash
	[ "$status" -eq 2 ]
	[[ $output == *"the root lacks "*.so* ]]
	lib needed "$tmp/root" /etc/passwd
	[ "$status" -eq 2 ]
	[[ $output == *"is missing or is no program"* ]]
}
