#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/series: arms, their patches, and headings.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

@test "series: an error names the patch that does not apply, and the place" {
	mkdir "$tmp/linux"
	XDG_CACHE_HOME=$tmp run "$top/scripts/series" patch linux-6.12 "$tmp/linux" patched
	[ "$status" -eq 2 ]
	[[ $output == *".patch does not apply: error: "* ]]
}

@test "series: an arm belongs to one base" {
	run "$top/scripts/series" list linux-7.3 upstream-fixed
	[ "$status" -eq 0 ]
	[[ $output == *"/7.3/"* && $output != *"/6.12/"* ]]
	run "$top/scripts/series" list linux-7.3 patched
	[ "$status" -eq 2 ]
	[[ $output == *"the arm patched is one of linux-6.12, not of linux-7.3"* ]]
}

@test "series: arms of 7.3 have its sets up to one" {
	local last=0 arm set name to

	while read -r arm set; do
		while read -r name _ to; do
			[[ $name != "$set" ]] || break
		done < <("$top/scripts/series" sets linux-7.3)
		[ "$("$top/scripts/series" list linux-7.3 "$arm" | wc -l)" -eq "$to" ]
		cmp <("$top/scripts/series" list linux-7.3 "$arm") <("$top/scripts/series" list linux-7.3 "set-7.3-$set")
		[ "$to" -gt "$last" ]
		last=$to
	done <<-END
	upstream-fixed fixes
	upstream-fast sections
	patched-7.3 local-state
	END
	run "$top/scripts/series" list linux-7.3 set-7.3-none
	[ "$status" -eq 2 ]
	[[ $output == *"there is no arm set-7.3-none: the sets of series/7.3 are fixes "* ]]
}

@test "series: options do not change the patches of an arm" {
	diff <("$top/scripts/series" list linux-6.12 first-2+debug) <("$top/scripts/series" list linux-6.12 first-2)
	run "$top/scripts/build-kernel" stock+none
	[ "$status" -eq 2 ]
	[[ $output == *"there is no kernel/options/none.config for the arm stock+none"* ]]
}

# export_of SUBJECT...: exports a tree with these commits, and prints the order.
export_of()
{
	local tree=$tmp/house/build/linux-6.12 subject

	rm -rf "$tree"
	git init -q -b lazy-mmu "$tree"
	git -C "$tree" config user.name test
	git -C "$tree" config user.email test@localhost
	git -C "$tree" commit -q --allow-empty -m base
	git -C "$tree" tag base
	for subject; do
		echo "$subject" >"$tree/file"
		git -C "$tree" add file
		git -C "$tree" commit -q -m "$subject"
	done
	XDG_CACHE_HOME=$tmp "$tmp/house/scripts/series" export linux-6.12
	cat "$tmp/house/series/6.12"
}

# order LINE...: a house whose series is these lines.
order()
{
	mkdir -p "$tmp/house/series" "$tmp/house/build"
	cp -r "$top/scripts" "$tmp/house"
	printf '%s\n' "$@" >"$tmp/house/series/6.12"
}

@test "series: headings survive an export, also if a patch was removed or added" {
	order '# Fixes' paravirt/6.12/mm-one.patch '' '# The rest' paravirt/6.12/mm-two.patch \
		paravirt/6.12/mm-three.patch '# end'
	cp "$tmp/house/series/6.12" "$tmp/before"
	export_of 'mm: one' 'mm: two' 'mm: three' | diff "$tmp/before" -
	run export_of 'mm: one' 'mm: three' 'mm: four'
	[ "$output" = '# Fixes
paravirt/6.12/mm-one.patch

# The rest
paravirt/6.12/mm-three.patch
paravirt/6.12/mm-four.patch
# end' ]
}

@test "series: an export in the middle of a rebase, or without a base, touches nothing" {
	order paravirt/6.12/mm-one.patch paravirt/6.12/mm-two.patch
	export_of 'mm: one' 'mm: two'
	cp -r "$tmp/house" "$tmp/before"
	git -C "$tmp/house/build/linux-6.12" checkout -q --detach HEAD~1
	XDG_CACHE_HOME=$tmp run "$tmp/house/scripts/series" export linux-6.12
	[ "$status" -eq 2 ]
	[[ $output == *"is not on its branch lazy-mmu: end the rebase first"* ]]
	git -C "$tmp/house/build/linux-6.12" checkout -q lazy-mmu
	git -C "$tmp/house/build/linux-6.12" tag -d base
	XDG_CACHE_HOME=$tmp run "$tmp/house/scripts/series" export linux-6.12
	[ "$status" -eq 2 ]
	[[ $output == *"has no commits after its tag base"* ]]
	diff -r --exclude=build "$tmp/before" "$tmp/house"
}

@test "series: sets are what the headings say, and an arm has those up to its own" {
	order '# set fixes: what is wrong' a/6.12/one.patch b/6.12/two.patch '' '# set fast: what is slow' \
		'# and more of it' a/6.12/three.patch
	[ "$("$tmp/house/scripts/series" sets linux-6.12 | xargs)" = "fixes 1 2 fast 3 3" ]
	[ "$("$tmp/house/scripts/series" list linux-6.12 set-fixes | xargs)" = "a/6.12/one.patch b/6.12/two.patch" ]
	[ "$("$tmp/house/scripts/series" list linux-6.12 set-fast | wc -l)" -eq 3 ]
	run "$tmp/house/scripts/series" list linux-6.12 set-slow
	[ "$status" -eq 2 ]
	[[ $output == *"there is no arm set-slow: the sets of series/6.12 are fixes fast"* ]]
}

@test "series: a patch in no set is an error" {
	order a/6.12/one.patch '# set fast: what is slow' a/6.12/two.patch
	run "$tmp/house/scripts/series" sets linux-6.12
	[ "$status" -eq 2 ]
	[[ $output == *"has a patch in no set"* ]]
}
