#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/check: how it counts what its parts say, and how they end. Its parts are made up here.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	house=$BATS_TEST_TMPDIR/house
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	unset ARMS BASE
	mkdir -p "$house/scripts" "$house/tests"
	cp "$top/tests/check" "$house/tests"
	cp "$top"/scripts/{lib,arms}.bash "$house/scripts"
	script host-deps 0
}

# script NAME RC LINE...: makes a script that prints these lines and ends with RC.
script()
{
	local file=$house/scripts/$1

	printf '%s\n' '#!/bin/sh' "cat <<'END'" "${@:3}" END "exit $2" >"$file"
	chmod +x "$file"
}

check()
{
	run "$house/tests/check" "$@"
}

@test "check: lines 'ok' and 'not ok' are tests, and a line 'skipped' is none" {
	script scenarios 1 "ok: a" "ok: b" "not ok: c" "skipped: d" "and more"
	check scenario-files
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "2 passed, 1 failed" ]
	[[ $output == *$'\nskipped: d\nnot ok: scenarios\' declarations: c\n'* ]]
}

@test "check: a line 'not ok' fails, though the command ends with 0" {
	script scenarios 0 "ok: a" "not ok: b"
	check scenario-files
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
}

@test "check: a command that ends with an error fails, though it says nothing but 'ok'" {
	script scenarios 3 "ok: a"
	check scenario-files
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
	[[ $output == *$'\nnot ok: scenarios\' declarations: it ended with 3: ok: a\n'* ]]
	script scenarios 2
	check scenario-files
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "0 passed, 1 failed" ]
}

@test "check: a command that says nothing and ends with 0 is a test; one that only skips is none" {
	script scenarios 0
	check scenario-files
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1 passed, 0 failed" ]
	script scenarios 0 "skipped: a"
	check scenario-files
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "0 passed, 0 failed" ]
}

@test "check: a failure of the first part is not lost behind the second" {
	script scenarios 1 "not ok: a"
	script figures 0 "ok: a" "ok: b"
	check scenario-files figures
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "2 passed, 1 failed" ]
}

@test "check: guests of a run are tests, and what was not run is said" {
	script run 0 "skipped: patched boot one: why" "2 passed, 0 failed"
	check memory
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "2 passed, 0 failed" ]
	[ "${lines[-2]}" = "skipped: patched boot one: why" ]
	script run 1 "fail: patched boot one: why" "error: patched boot two: why" "1 passed, 2 failed"
	check memory
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 2 failed" ]
	[[ $output == *$'\nnot ok: patched boot one: why\nnot ok: patched boot two: why\n'* ]]
}

@test "check: a run that ends with an error fails, though no guest of its failed" {
	script run 2 "not run: patched boot -: why" "2 passed, 0 failed, 1 not run"
	check memory
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "2 passed, 1 failed" ]
	script run 143
	check memory
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "0 passed, 1 failed" ]
	script run 0 "no sum"
	check memory
	[ "$status" -eq 1 ]
}

@test "check: both commands of the part xenbatch count" {
	local make

	mkdir "$house/bin"
	for make in test check; do
		# shellcheck disable=SC2016 # the script's
		printf '%s\n' '#!/bin/sh' 'case $* in' "*' $make') exit 1 ;;" 'esac' >"$house/bin/make"
		chmod +x "$house/bin/make"
		PATH=$house/bin:$PATH check xenbatch
		[ "$status" -eq 1 ]
		[ "${lines[-1]}" = "1 passed, 1 failed" ]
	done
}
