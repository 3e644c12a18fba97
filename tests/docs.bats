#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Docs and CI must name the tests that there are.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
}

@test "docs: every mutant is in the table, with the scenario that catches it" {
	for mutant in "$top"/tests/mutants/{,linux-7.3/,xen/}*.patch; do
		grep -q "^| $(basename "$mutant" .patch) | .* | $(sed -n '/^Caught-by: /!q;s///p' "$mutant" | paste -s -d, | sed 's/,/, /g') |\$" "$top/docs/mutants.md"
	done
	[ "$(grep -c '^| [a-z][a-z0-9]*-.* |$' "$top/docs/mutants.md")" -eq "$(find "$top/tests/mutants" -name '*.patch' -printf '%f\n' | sort -u | wc -l)" ]
}

@test "mutants: those of Linux 7.3 begin as those of 6.12 do" {
	for mutant in "$top"/tests/mutants/linux-7.3/*.patch; do
		[ -e "$top/tests/mutants/${mutant##*/}" ] || continue
		[ "$(sed '/^diff/,$d' "$mutant")" = "$(sed '/^diff/,$d' "$top/tests/mutants/${mutant##*/}")" ]
	done
}

@test "check: the jobs of .gitlab-ci.yml have all of its parts" {
	run "$top/tests/check" none
	[ "$status" -eq 2 ]
	[[ $output == *"no such test: none; there are fast, all, everything, and the parts shellcheck "* ]]
	jobs=$(sed -n '/PARTS:/,/script:/s/^ *- \([a-z0-9. -]*\)$/\1/p' "$top/.gitlab-ci.yml" | tr '\n' ' ')
	[[ "$output " == *" scenarios scenarios-7.3 ${jobs#all }" ]]
}

@test "check: the table of docs/architecture.md has all parts beyond those of make check" {
	run "$top/tests/check" none
	diff <(echo "${output##* scenarios scenarios-7.3 }" | tr ' ' '\n' | sort) \
		<(sed -n '/^| part | what |/,/^$/s/^| \([a-z0-9., -]*\) |.*/\1/p' "$top/docs/architecture.md" |
			sed '1d;/^---/d; s/, /\n/g' | sort)
}

@test "scenarios: docs/architecture.md says what each group is for" {
	diff <("$top/scripts/scenarios" list | awk 'NR > 1 && $2 != "-" { print $2 }' | sort -u) \
		<(sed -n 's/^- \*\*\([a-z-]*\)\*\*: .*/\1/p' "$top/docs/architecture.md" | sort)
}
