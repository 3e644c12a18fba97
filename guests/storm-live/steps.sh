# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this

case " $(xl info virt_caps) " in
*" shadow "*) ;;
*)
	record - error 0 "this hypervisor has no shadow paging, and cannot migrate it live: take XEN=patched-shadow"
	return ;;
esac
for vcpus in 1 2 4; do
	guest=vcpus-$vcpus
	create "$guest" "$vcpus" preempt=full
	for nr in 1 2 3 4 5 6 7 8 9 10; do
		{ await "$guest" "ready for save $nr" && migrate "$guest"; } || {
			end_early "$guest"
			break
		}
	done
	finish "$guest" once
done
