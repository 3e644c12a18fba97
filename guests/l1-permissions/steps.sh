# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this

# wait_for SECONDS COMMAND...: until the command succeeds, or that long.
wait_for()
{
	left=$1
	shift
	until "$@" || [ "$left" -eq 0 ]; do
		sleep 1
		left=$((left - 1))
	done
}

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
wait_for 60 granted
granter=$(xl domid "$arm.$scenario.granter")
# The next domain gets the next number. It needs to know it, since it grants a page to itself.
guest permissions 2 "granter=$granter self=$((granter + 1))${seed:+ seed=$seed}"
forget granter
wait_for 30 no_zombie
if no_zombie; then
	record zombies pass 0 ""
else
	record zombies fail 0 "a domain stays: $(xl list | grep '(null)' | tr -s ' ' | head -n 1)"
fi
