#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/scenarios: what it reads, and that it refuses what it does not know.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	# A copy of the project, to break.
	house=$BATS_TEST_TMPDIR/house
	mkdir "$house"
	cp -r "$top/scripts" "$top/guests" "$top/kernel" "$top/tests" "$house"
	printf '%s\n' 'summary=shows something' 'guest one 1 preempt=full' >"$house/guests/ksm/scenario"
}

scenarios()
{
	run "$house/scripts/scenarios" "$@"
}

# refused LINE WHY: a scenario with this LINE is an error, which says the line's number and WHY.
refused()
{
	printf '%s\n' 'summary=shows something' "$1" 'guest one 1' >"$house/guests/ksm/scenario"
	scenarios get ksm
	[ "$status" -eq 2 ]
	[[ $output == "scenarios: guests/ksm/scenario, line "*": "*"$2"* ]]
}

@test "scenarios: keys that are not there have their defaults" {
	scenarios get ksm
	[ "$status" -eq 0 ]
	[[ $output == *$'\narms=every\n'* && $output == *$'\ntimeout=300\n'* && $output == *$'\nmodule=ksm\n'* ]]
	[ "${lines[-1]}" = "guest one 1 preempt=full" ]
	scenarios get ksm memory
	[ "$output" = 160 ]
}

@test "scenarios: a value may have a '='" {
	printf '%s\n' 'summary=a=b, c=d' 'guest one 1 preempt=full' >"$house/guests/ksm/scenario"
	scenarios get ksm summary
	[ "$output" = "a=b, c=d" ]
}

@test "scenarios: an unknown key is refused" {
	refused 'timout=600' 'no such key: timout; there are summary '
	refused 'tier=memory' 'no such key: tier'
}

@test "scenarios: an unknown value is refused" {
	refused 'arms=pached' 'arms is one of: every patched dom0 xen'
	refused 'groups=memroy' 'groups is one of: thorough memory '
	refused 'config=memroy' 'there is no kernel/options/memroy.config'
	refused 'platform=kvm' 'platform is one of: xen native'
	refused 'runs=nothing' 'there is no guests/nothing'
	refused 'root=nothing' 'there is no scripts/build-nothing'
	refused 'disk=nothing' 'disk=nothing: there is no scripts/build-nothing'
	refused 'kernel=oracle' 'there is no guests/ksm/Makefile that makes it'
	refused 'timeout=2m' 'timeout is a number from 1 to 3600'
	refused 'memory=8' 'memory is a number from 16 to 1024'
	refused 'on_poweroff=keep' 'on_poweroff is one of: destroy preserve'
	refused 'shows=sotck kernel BUG' 'no such arm: sotck'
	refused 'shows=stock' 'give an arm, and the text'
}

@test "scenarios: an unknown line, or a key that is there twice, is refused" {
	refused 'gest one 1' "'gest one 1' is neither KEY=VALUE nor a guest"
	refused 'guest one' "'guest one' is not: guest NAME VCPUS"
	refused 'guest one 9' "'guest one 9' is not: guest NAME VCPUS"
	refused 'summary=again' 'summary is there a second time'
}

@test "scenarios: a scenario without a summary, or without anything to run, is refused" {
	echo 'guest one 1' >"$house/guests/ksm/scenario"
	scenarios get ksm
	[[ $status -eq 2 && $output == *"the summary is missing" ]]
	echo 'summary=shows something' >"$house/guests/ksm/scenario"
	scenarios check
	[[ $status -eq 2 && $output == *"there is no guest line, and no steps.sh" ]]
	touch "$house/guests/ksm/steps.sh"
	scenarios get ksm
	[ "$status" -eq 0 ]
}

@test "scenarios: a selection keeps the scenarios that have the word" {
	printf '%s\n' 'summary=x' 'groups=memory device' 'guest one 1' >"$house/guests/ksm/scenario"
	scenarios names groups=device
	[ "$output" = $'fork-exclusive\nksm\nmigrate' ]
	scenarios names groups=device groups=memory
	[ "$output" = ksm ]
	# A part of a word is another word.
	scenarios names groups=devic
	[ -z "$output" ]
	scenarios names groups= arms=patched
	[[ $'\n'$output$'\n' == *$'\nvmap\n'* && $'\n'$output$'\n' != *$'\nboot\n'* ]]
	scenarios names group=device
	[[ $status -eq 2 && $output == *"no such key: group=device"* ]]
}

@test "scenarios: new makes a valid scenario, with its row in the index" {
	scenarios new my-own
	[ "$status" -eq 0 ]
	scenarios get my-own module
	[ "$output" = my_own ]
	# shellcheck disable=SC2016 # Markdown's
	grep -q '^| \[`my-own`\](my-own) |' "$house/guests/README.md"
	grep -q '"my_own"' "$house/guests/my-own/test.c"
	scenarios new my-own
	[[ $status -eq 2 && $output == *"guests/my-own is there already"* ]]
	scenarios new 'My Own'
	[ "$status" -eq 2 ]
	[ ! -e "$house/guests/My Own" ]
}

@test "scenarios: an index that does not match the scenarios fails the check" {
	scenarios check
	[ "$status" -eq 1 ]
	[[ $output == *"not ok: guests/README.md"* ]]
	scenarios index
	scenarios check
	[ "$status" -eq 0 ]
}

@test "scenarios: guest lines that nothing would run are refused" {
	touch "$house/guests/ksm/steps.sh"
	scenarios get ksm
	[[ $status -eq 2 && $output == *"guest lines are for a scenario on Xen without steps.sh" ]]
	rm "$house/guests/ksm/steps.sh"
	printf '%s\n' 'summary=shows something' 'platform=native' 'guest one 1' >"$house/guests/ksm/scenario"
	scenarios get ksm
	[[ $status -eq 2 && $output == *"guest lines are for a scenario on Xen without steps.sh" ]]
}

@test "scenarios: a number above its limit is refused" {
	refused 'timeout=3601' 'timeout is a number from 1 to 3600'
	refused 'timeout=0' 'timeout is a number from 1 to 3600'
	refused 'memory=1025' 'memory is a number from 16 to 1024'
}

@test "scenarios: the last line needs no end" {
	printf 'summary=shows something\nguest one 1\nguest two 2' >"$house/guests/ksm/scenario"
	scenarios get ksm
	[ "${lines[-1]}" = "guest two 2" ]
}

@test "scenarios: a selection of those in no group has none of a group" {
	printf '%s\n' 'summary=x' 'groups=memory' 'guest one 1' >"$house/guests/ksm/scenario"
	scenarios names groups=
	[[ $'\n'$output$'\n' == *$'\nboot\n'* && $'\n'$output$'\n' != *$'\nksm\n'* ]]
}
