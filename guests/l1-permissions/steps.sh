# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this

granted()
{
	console granter | grep -q granted
}

# A domain that has no name any more, and does not go away, has a page that is still referenced.
no_zombie()
{
	! xl list | grep -q '(null)'
}

create granter 1 grants
within 60 granted || :
granter=$(xl domid "$arm.$scenario.granter")
# The next domain gets the next number. It needs to know it, since it grants a page to itself.
guest permissions 2 "granter=$granter self=$((granter + 1))${seed:+ seed=$seed}"
forget granter
if within 30 no_zombie; then
	record zombies pass 0 ""
else
	record zombies fail 0 "a domain stays: $(xl list | grep '(null)' | tr -s ' ' | head -n 1)"
fi
