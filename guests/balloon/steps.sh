# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# The balloon driver unmaps the pages that it gives to Xen, and maps those that it gets, while processes
# allocate and free memory. A page that they get before it is mapped kills the guest.

TIMES=10

# has FIRST LAST: whether Xen says that $name has so many MiB.
has()
{
	mib=$(xl list "$name" | awk 'NR == 2 { print $3 }')
	[ "${mib:-0}" -ge "$1" ] && [ "$mib" -le "$2" ]
}

# act: takes memory and gives it back. Leaves in $what which step failed.
act()
{
	step "mem-set $less" xl mem-set "$name" "$less" &&
		step "memory taken away" within 60 has 1 "$less" &&
		step "mem-set $all" xl mem-set "$name" "$all" &&
		step "memory given back" within 60 has "$all" 9999
}

for vcpus in 1 4; do
	guest=vcpus-$vcpus
	name=$arm.$scenario.$guest
	create "$guest" "$vcpus" preempt=full saves=1
	all=$((memory * cost))
	less=$((all * 3 / 4))
	done=none
	if await "$guest" "ready for save 1"; then
		done=0
		while [ "$done" -lt "$TIMES" ] && act; do
			done=$((done + 1))
		done
		failed=$what
		# With saves=1, the guest ends after one save and restore.
		{ save "$guest" && restore "$guest"; } || end_early "$guest"
	else
		end_early "$guest"
	fi
	finish "$guest" once
	case $done in
	none) ;;
	"$TIMES") record_steps "$guest" pass "mem-set $less and $all, $TIMES times" ;;
	*) record_steps "$guest" fail "$failed failed in round $((done + 1))" ;;
	esac
done
