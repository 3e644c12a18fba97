#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/export: its arguments, and what it writes. tests/export applies that.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
	export XDG_CACHE_HOME=$tmp
}

# refused TEXT ARGUMENT…
refused()
{
	local text=$1

	shift
	run "$top/scripts/export" "$@"
	[ "$status" -eq 2 ]
	[[ $output == *"$text"* ]]
}

@test "export: a wrong argument ends it, and says which there are" {
	refused "no such packager: TO is not set; usage: export qubes|debian|xcp-ng linux-6.12|linux-7.3"
	refused "no such packager: alpine;" alpine linux-7.3 "$tmp/out"
	refused "no such base: BASE is not set;" qubes
	refused "no such base: xen-4.17;" qubes xen-4.17 "$tmp/out"
	refused "the arm patched is one of linux-6.12, not of linux-7.3" debian linux-7.3 "$tmp/out" patched
	refused "the arm stock has no patches" debian linux-6.12 "$tmp/out" stock
	[ ! -e "$tmp/out" ]
}

@test "export: a folder that is there is left alone" {
	mkdir "$tmp/out"
	refused "out is there already: remove it, or name another folder" xcp-ng linux-6.12 "$tmp/out"
	[ -z "$(ls "$tmp/out")" ]
}

@test "export: the lines name the patches, in the order of the series" {
	local base to

	for base in linux-6.12 linux-7.3; do
		for to in qubes debian xcp-ng; do
			"$top/scripts/export" "$to" "$base" "$tmp/$to-$base"
			cd "$tmp/$to-$base"
			diff <(sed -e '/^#/d' -e 's,.*[ /],,' lines) <(find . -name '*.patch' -printf '%f\n' | sort)
			diff <("$top/scripts/series" list "$base" "$([[ $base == linux-6.12 ]] && echo patched || echo patched-7.3)" | sed 's,.*/,,') \
				<(sed -e '/^#/d' -e 's,.*[ /],,' -e 's,^[0-9]*-,,' lines)
		done
		# Numbers of a spec ascend.
		for to in qubes xcp-ng; do
			sed -n 's/^Patch\([0-9]*\):.*/\1/p' "$tmp/$to-$base/lines" | sort -c -n -u
		done
		[ -d "$tmp/xcp-ng-$base/SOURCES" ]
		grep -qx 'Forwarded: no' "$tmp/debian-$base"/debian/patches/features/all/lazy-mmu/0001-*.patch
	done
}

@test "export: an arm has its part of the series" {
	"$top/scripts/export" qubes linux-7.3 "$tmp/out" upstream-fixed
	[ "$(find "$tmp/out" -name '*.patch' | wc -l)" -eq "$("$top/scripts/series" list linux-7.3 upstream-fixed | wc -l)" ]
}
