#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/sections: what it takes from a table, and what it says of a difference.
#
# shellcheck disable=SC2016 # the variables of the other shell

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

# of_sections FUNCTION ARGUMENT...: runs a function of tests/sections.
of_sections()
{
	run bash -c 'doc=$3; eval "$(sed -n "/^$1()/,/^}/p" "$2/tests/sections")"; shift 3; "$@"' - "$1" "$top" "$tmp/doc" "$@"
}

@test "sections: a section that is not listed, or is listed and not there, fails" {
	printf '%s\n' "a (mm/a.c)" "b (mm/b.c)" >"$tmp/two"
	head -n 1 "$tmp/two" >"$tmp/one"
	of_sections compare Linux "$tmp/two" "$tmp/two"
	[ "$status" -eq 0 ]
	[ "$output" = "ok: Linux: docs/sections.md lists all 2 sections and callbacks" ]
	of_sections compare Linux "$tmp/two" "$tmp/one"
	[ "$status" -eq 1 ]
	[ "$output" = "not ok: Linux: docs/sections.md lacks b (mm/b.c)" ]
	of_sections compare Linux "$tmp/one" "$tmp/two"
	[ "$status" -eq 1 ]
	[ "$output" = "not ok: Linux: docs/sections.md lists b (mm/b.c), which is not there" ]
}

@test "sections: a row is of its version, with the series or without it" {
	cat >"$tmp/doc" <<-'END2'
		## Linux 6.12
		| `a` (mm/a.c) | text | stays |
		| `b` (mm/b.c) | text | gone, why |
		| `c` (mm/c.c) | text | the series has added it |
		## Linux 7.3
		| `d` (mm/d.c) | text | stays |
	END2
	of_sections listed 6.12 without
	[ "$output" = $'a (mm/a.c)\nb (mm/b.c)' ]
	of_sections listed 6.12
	[ "$output" = $'a (mm/a.c)\nc (mm/c.c)' ]
	of_sections listed 7.3
	[ "$output" = "d (mm/d.c)" ]
}
