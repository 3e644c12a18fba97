#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# dom0/attempts.sh: what it does about the outcome "retry".
#
# shellcheck disable=SC2030,SC2031 # each test is a process of its own

setup()
{
	results=$BATS_TEST_TMPDIR
	judge=$results/judge
	emulated=yes
	# This judge's verdict is what the console has.
	# shellcheck disable=SC2016 # the judge's $1
	printf '%s\n' '#!/bin/sh' 'cat "$1"' >"$judge"
	chmod +x "$judge"
	begun=0
	recorded=
	# shellcheck source=dom0/attempts.sh
	. "$BATS_TEST_DIRNAME/../dom0/attempts.sh"
}

begin_guest()
{
	begun=$((begun + 1))
}

# The n-th guest's console is the n-th of consoles.
end_guest()
{
	end=poweroff
	printf '%s\tbecause\n' "${consoles[begun]}" >"$results/$1.log"
}

record_guest()
{
	recorded+="$1 $outcome;"
}

@test "attempts: an outcome that is not retry is final" {
	local outcome consoles

	for outcome in pass fail error reproduced; do
		consoles=("$outcome")
		settle guest
		[ "$outcome" = "${consoles[0]}" ]
	done
	[[ $begun -eq 0 && -z $recorded && ! -e $results/guest.first.log ]]
}

@test "attempts: a retry is recorded, and the guest made again" {
	consoles=(retry pass)
	settle guest
	[ "$outcome" = pass ]
	[ "$recorded" = "guest retry;" ]
	[ "$(cut -f1 "$results/guest.first.log")" = retry ]
	[ "$begun" -eq 1 ]
}

@test "attempts: a failure after a retry is a failure" {
	consoles=(retry fail)
	settle guest
	[ "$outcome" = fail ]
}

@test "attempts: a second retry is an error; with once, the first one is" {
	consoles=(retry retry)
	settle guest
	[[ $outcome == error && $why == "not made again: because" && $begun -eq 1 ]]
	begun=0 recorded=
	settle guest once
	[[ $outcome == error && $begun -eq 0 && -z $recorded ]]
}

@test "attempts: the judge learns how the guest ended, whether it was emulated, and what it must show" {
	local shows="kernel BUG at"

	# shellcheck disable=SC2016 # the judge's
	printf '%s\n' '#!/bin/sh' 'shift' 'printf "pass\t%s|" "$@"' >"$judge"
	consoles=(pass)
	emulated=no
	settle guest
	[ "$why" = "poweroff|pass	no|pass	kernel BUG at|" ]
}
