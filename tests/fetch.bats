#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/fetch in bad surroundings.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

@test "fetch: no network" {
	http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 XDG_CACHE_HOME=$tmp \
		run "$top/scripts/fetch" busybox-static
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot update the package lists"* ]]
	[ -z "$(ls "$tmp/xen-lazymmu/debs-trixie")" ]
}

@test "fetch: a package that the mirror does not have" {
	run "$top/scripts/fetch" no-such-package-anywhere
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"no package no-such-package-anywhere"* ]]
}
