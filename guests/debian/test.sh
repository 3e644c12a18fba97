#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What a Debian must do on a disk and a network of Xen. scenario.service runs this in each boot. The
# first boot uses the disk, the network and the balloon, and writes files. Each later boot checks that
# these files are still there. boots=NUMBER on the kernel's command line is how many boots there are;
# without it, none of this runs. steps.sh reboots it after each, but for the last, which ends with
# systemd's poweroff.

kept=/var/lib/scenario
log=/run/scenario.log
sums=/run/scenario.sums
n=0

# say LINE: on a line of its own, whatever else writes to the console.
say()
{
	printf '\n%s\n' "$*" >/dev/console
}

# try WHAT COMMAND...: a test, which passes if COMMAND does.
try()
{
	n=$((n + 1))
	if "$2" >"$log" 2>&1 </dev/null; then
		say "ok $n $1"
	else
		say "not ok $n $1"
		sed 's/^/# /' "$log" >/dev/console
	fi
}

booted()
{
	systemctl is-active multi-user.target
	[ "$state" = running ] || systemctl --no-pager --failed
	[ "$state" = running ]
}

checked()
{
	systemctl --no-pager status systemd-fsck-root.service
	journalctl --no-pager -b -u systemd-fsck-root.service | grep -q ': clean, '
}

# What is mounted after a crash replays its journal.
was_unmounted()
{
	journalctl --no-pager -k -b | grep 'EXT4-fs (xvda): mounted' &&
		! journalctl --no-pager -k -b | grep 'EXT4-fs (xvda):.*recovery'
}

on_xen()
{
	readlink /sys/class/block/xvda/device/driver | grep '/vbd$' &&
		readlink /sys/class/net/enX0/device/driver | grep '/vif$'
}

getty()
{
	systemctl is-active serial-getty@hvc0.service
}

update()
{
	apt-get update && apt-cache policy hello && apt-cache show hello
}

install()
{
	DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=120 install hello && greets
}

greets()
{
	hello | grep -x 'Hello, world!'
}

# It prints what differs, and ends with 1 if it cannot look.
verify()
{
	dpkg --verify >"$log.verify" || rc=$?
	cat "$log.verify"
	[ "${rc:-0}" -eq 0 ] && [ ! -s "$log.verify" ]
}

fill()
{
	mkdir -p "$kept" &&
		dd if=/dev/urandom of="$kept/data" bs=1M count=16 &&
		dd if=/dev/urandom of=/dev/shm/data bs=1M count=32 &&
		sha256sum "$kept/data" >"$kept/sums" &&
		sha256sum "$kept/data" /dev/shm/data >"$sums"
}

drop_caches()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

read_back()
{
	fill && drop_caches && sha256sum -c --quiet "$sums"
}

still_there()
{
	sha256sum -c --quiet "$kept/sums" && greets
}

kilobytes()
{
	sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

# works_until -lt|-gt KILOBYTES: reads what is in memory and on the disk again and again, until
# the memory is less, or more, than that. False if something was lost, or after 90 s.
works_until()
{
	rounds=0
	began=$(date +%s)
	until test "$(kilobytes)" "$1" "$2"; do
		drop_caches
		sha256sum -c --quiet "$sums" || return 1
		rounds=$((rounds + 1))
		[ $(($(date +%s) - began)) -lt 90 ] || return 1
	done
	echo "$rounds rounds, $(kilobytes) kB"
}

balloon()
{
	all=$(kilobytes)
	say "# ready for mem-set"
	works_until -lt $((all - 100000)) || return 1
	say "# has less memory, $(kilobytes) of $all kB"
	works_until -gt $((all - 20000)) || return 1
	say "# has its memory back, $(kilobytes) of $all kB"
	sha256sum -c --quiet "$sums"
}

# It waits for the end of the boot.
state=$(systemctl is-system-running --wait)
boots=$(sed -n 's/.*boots=\([0-9]*\).*/\1/p' /proc/cmdline)
boot=$(($(cat "$kept/boots" 2>/dev/null || echo 0) + 1))
mkdir -p "$kept"
echo "$boot" >"$kept/boots"

say "TAP version 13"
if [ "$boot" -eq 1 ]; then
	say "1..9"
else
	say "1..5"
fi
try "boot $boot: systemd reaches multi-user.target, and no unit failed" booted
try "boot $boot: the root file system was checked" checked
try "boot $boot: a getty is on hvc0" getty
if [ "$boot" -eq 1 ]; then
	try "the disk and the network are Xen's" on_xen
	try "apt-get update" update
	try "apt-get install" install
	try "what was written is read back from the disk" read_back
	try "dpkg --verify finds nothing changed" verify
	try "memory goes and comes, and nothing is lost" balloon
else
	try "boot $boot: the file system was unmounted" was_unmounted
	try "boot $boot: what the first boot kept is still there" still_there
fi
if [ "$boot" -lt "$boots" ]; then
	say "# ready for reboot $boot"
else
	systemctl poweroff
fi
