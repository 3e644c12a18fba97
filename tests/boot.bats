#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/boot: how it ends, with a QEMU that only ends.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
	export XDG_CACHE_HOME=$tmp/cache
	mkdir "$tmp/bin"
	PATH=$tmp/bin:$PATH
}

# qemu LINE: makes a QEMU that notes its arguments and runs this.
qemu()
{
	# shellcheck disable=SC2016 # the script's
	printf '%s\n' '#!/bin/sh' 'echo "$*" >"$0.said"' "$1" >"$tmp/bin/qemu-system-x86_64"
	chmod +x "$tmp/bin/qemu-system-x86_64"
}

# boots SECONDS: sets what each way of booting ended with.
boots()
{
	codes=
	for how in "native tcg kernel initrd cmdline" "dom0 tcg kernel dom0 work" "emulated x86 kernel cmdline"; do
		# shellcheck disable=SC2086 # words
		run "$top/scripts/boot" $how "$tmp/log" "$1"
		codes+="$status "
	done
}

@test "boot: it ends as QEMU does, and with 124 if QEMU does not end in time" {
	qemu "exit 0"
	boots 10
	[ "$codes" = "0 0 0 " ]
	qemu "exit 3"
	boots 10
	[ "$codes" = "3 3 3 " ]
	qemu "exec sleep 60"
	boots 1
	[ "$codes" = "124 124 124 " ]
}

@test "boot: a machine that resets ends" {
	qemu "exit 0"
	"$top/scripts/boot" native tcg kernel initrd cmdline "$tmp/log" 10
	[[ " $(<"$tmp/bin/qemu-system-x86_64.said") " == *" -no-reboot "* ]]
}

@test "how_ended: for the judge, only 0 is an end by itself" {
	# shellcheck disable=SC2016 # the other shell's
	run bash -c '. "$0/scripts/lib.bash" && for rc in 0 124 1; do how_ended "$rc"; done' "$top"
	[ "$output" = $'poweroff\ntimeout\nerror:QEMU ended with 1' ]
}
