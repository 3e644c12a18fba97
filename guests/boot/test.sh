#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks that the guest is up: that it is a PV guest, that it has as many vCPUs as its
# command line says, and that each of them runs a program.

echo "TAP version 13"
echo "1..3"

check()
{
	if [ "$3" = "$4" ]; then
		echo "ok $1 $2"
	else
		echo "not ok $1 $2: $3 instead of $4"
	fi
}

vcpus=$(sed -n "s/.*vcpus=\([0-9]*\).*/\1/p" /proc/cmdline)
check 1 "vCPUs" "$(grep -c '^processor' /proc/cpuinfo)" "$vcpus"
check 2 "guest type" "$(cat /sys/hypervisor/guest_type)" PV
ran=0
cpu=0
while [ "$cpu" -lt "$vcpus" ]; do
	# shellcheck disable=SC2016 # awk's
	[ "$(taskset -c "$cpu" awk '{ print $39 }' /proc/self/stat)" != "$cpu" ] || ran=$((ran + 1))
	cpu=$((cpu + 1))
done
check 3 "vCPUs that run a program" "$ran" "$vcpus"
