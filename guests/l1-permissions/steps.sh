# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this

granted()
{
	console granter | grep -q granted
}

create granter 1 grants
within 60 granted || record granter error 0 "it granted nothing in 60 s"
granter=$(xl domid "$arm.$scenario.granter")
# The next domain gets the next number. It needs to know it, since it grants a page to itself.
guest permissions 2 "granter=$granter self=$((granter + 1))${seed:+ seed=$seed}"
destroy granter
[ "$outcome" = pass ] || record_guest "$name"
