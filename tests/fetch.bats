#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/fetch without a network, and without the package that it should fetch.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

@test "fetch: without a network it fails, and leaves nothing in the cache" {
	http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 XDG_CACHE_HOME=$tmp \
		run "$top/scripts/fetch" busybox-static
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"cannot update the package lists"* ]]
	[ -z "$(ls "$tmp/xen-lazymmu/debs-trixie")" ]
}

@test "fetch: a package that the mirror does not have is an error" {
	run "$top/scripts/fetch" no-such-package-anywhere
	[ "$status" -eq 2 ]
	[[ ${lines[-1]} == *"no package no-such-package-anywhere"* ]]
}

@test "fetch: of several files of a package, the newest is printed, and an exact version is that one" {
	local debs=$tmp/xen-lazymmu/debs-trixie

	mkdir -p "$debs"
	touch "$debs"/xl_4.{9,10,2}-1_amd64.deb "$debs"/xlx_9-1_amd64.deb "$debs"/jq_1%3a2-1_amd64.deb
	XDG_CACHE_HOME=$tmp run "$top/scripts/fetch" xl xl=4.9-1 jq=1:2-1
	[ "$status" -eq 0 ]
	[ "$output" = "$debs/xl_4.10-1_amd64.deb
$debs/xl_4.9-1_amd64.deb
$debs/jq_1%3a2-1_amd64.deb" ]
}
