# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this
#
# The guest panics, since it finds no init and no root. Linux must tell Xen that it crashed. xl then
# does what on_crash says.

dumps=/var/lib/xen/dump

# Keeps the number of the first domain. One that has gone already is in what xl said.
seen()
{
	first=$(xl domid "$name" 2>/dev/null) ||
		first=$(sed -n 's/.*Domain \([0-9]*\) has shut down.*/\1/p' "$results/$name.xl" 2>/dev/null | head -n 1)
	[ -n "$first" ]
}

crashed()
{
	xl list "$name" 2>/dev/null | awk 'NR == 2 && $5 ~ /c/ { found = 1 } END { exit !found }'
}

gone()
{
	! xl domid "$name" >/dev/null 2>&1
}

restarted()
{
	now=$(xl domid "$name" 2>/dev/null) && [ -n "$first" ] && [ "$now" -gt "$((first + 1))" ]
}

# xl goes on if it cannot write all of a core, which has nearly all pages of the guest.
dumped()
{
	gone && [ -n "$(find "$dumps" -name "*$name*" -size "+$((memory * cost * 900))k")" ] &&
		! grep -q "core dump failed" "$results/$name.xl"
}

mkdir -p "$dumps"
for on_crash in restart preserve coredump-destroy; do
	guest=$on_crash
	create "$guest" 2 rdinit=/none init=/none
	first=
	within 30 seen || record "$guest-xl" error 0 "xl did not create it in 30 s"
	case $on_crash in
	restart) what="twice another domain took its place" what_of=restarted ;;
	preserve) what="the crashed domain stayed" what_of=crashed ;;
	coredump-destroy) what="its core is there, and it is gone" what_of=dumped ;;
	esac
	followed=
	within 60 "$what_of" || followed="not within a minute: "
	destroy "$guest"
	# The judge's reason is the first complaint. It must be the panic that is meant.
	case $why in
	"Kernel panic - not syncing: Requested init "* | "Kernel panic - not syncing: VFS: Unable to mount root fs "*)
		outcome=fail
		[ -n "$followed" ] || outcome=pass
		why="$followed$what"
		# What else was said, in any of its boots.
		console "$guest" | grep -v 'Kernel panic - not syncing: \(Requested init\|VFS: \)' >"$local/rest"
		verdict=$("$judge" "$local/rest" destroyed "$emulated")
		[ "${verdict%%	*}" = pass ] || { outcome=fail why=${verdict#*	}; } ;;
	destroyed)
		outcome=error
		why="the guest did not panic" ;;
	esac
	record_guest "$name"
	rm -f "$dumps"/*"$name"*
done
