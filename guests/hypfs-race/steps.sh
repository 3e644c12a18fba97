# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this

# A Xen without xen-patches must show the defect. The defect is a race, so on a busy machine it
# may take more than one try.
case $hypfs in
stock) tries=5 none=fail some=reproduced ;;
mended) tries=1 none=pass some=fail ;;
esac
start=$(date +%s)
free=$(xl info free_memory)
rc=0
while [ "$tries" -gt 0 ] && [ "$rc" -eq 0 ]; do
	race=$("$work/arms/xen/hypfs-race" 50000) || rc=$?
	echo "$race" >>"$results/$arm.$scenario.dom0.log"
	tries=$((tries - 1))
done
if [ "$rc" -eq 0 ] && ! [ "$(xl info free_memory)" -ge $((free - 8)) ]; then
	outcome=fail
	race="Xen has $(xl info free_memory) MiB free after the reads, and had $free"
else
	case $rc in
	0) outcome=$none ;;
	1) outcome=$some ;;
	*) outcome=error ;;
	esac
fi
record dom0 "$outcome" $(($(date +%s) - start)) "$(echo "$race" | tail -n 1)"
