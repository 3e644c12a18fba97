# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# One guest is booted BOOTS times. In each boot it prints the results of its tests.

BOOTS=3

# What dom0 serves, on a bridge: guests/debian/disk expects it at this address. A dom0 that is a
# Debian has the bridge.
serve()
{
	[ ! -e /run/debian-is-served ] || return 0
	if [ ! -e /sys/class/net/xenbr0 ]; then
		ip link add xenbr0 type bridge
		ip address add 192.168.13.1/24 dev xenbr0
		ip link set xenbr0 up
	fi
	busybox httpd -h "$work/disks/$arm.$scenario/repository" -p 192.168.13.1:80
	: >/run/debian-is-served
}

# rebooted: whether the guest $name is another domain than $domid, or xl has given it up.
rebooted()
{
	! xl_waits "$guest" || { now=$(xl domid "$name" 2>/dev/null) && [ "$now" != "$domid" ]; }
}

# What xl does to the guest. Leaves in $what which step failed.
act()
{
	step "boot 1" await "$guest" "ready for mem-set" 600 &&
		step "mem-set down" xl mem-set "$name" $((memory * cost - 128)) &&
		step "less memory" await "$guest" "has less memory" &&
		step "mem-set up" xl mem-set "$name" $((memory * cost)) &&
		step "more memory" await "$guest" "has its memory back" || return 1
	boot=1
	while [ "$boot" -lt "$BOOTS" ]; do
		domid=$(xl domid "$name")
		step "boot $boot" await "$guest" "ready for reboot $boot" 600 &&
			step "reboot $boot" xl reboot "$name" &&
			step "reboot $boot" within 200 rebooted &&
			step "reboot $boot" xl_waits "$guest" || return 1
		boot=$((boot + 1))
	done
	step "boot $boot" await "$guest" "ok 1 boot $boot: " 600
}

serve
guest=one
name=$arm.$scenario.$guest
# shellcheck disable=SC2034 # for create
on_reboot=restart
create "$guest" 2 preempt=full root=/dev/xvda ro TERM=dumb boots=$BOOTS
steps=pass
said="mem-set down and up, and $((BOOTS - 1)) reboots"
if ! act; then
	steps=fail
	said="$what failed"
	# What Xen's scripts and the backends said.
	{
		tail -n 40 /var/log/xen/xen-hotplug.log 2>/dev/null || :
		dmesg | tail -n 40
	} >>"$results/$name.xl"
	end_early "$guest"
fi
finish "$guest" once
record_steps "$guest" "$steps" "$said"
