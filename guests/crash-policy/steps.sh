# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# The guest panics, since it finds no init and no root. Linux must tell Xen that it crashed: the policy is xl's.

dumps=/var/lib/xen/dump

# within SECONDS COMMAND...: waits until it succeeds. False if it does not.
within()
{
	tries=$(($1 * 2))
	shift
	until "$@"; do
		[ "$tries" -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep 0.5
	done
}

# Keeps the number of the first domain.
seen()
{
	first=$(xl domid "$name" 2>/dev/null)
}

crashed()
{
	xl list "$name" 2>/dev/null | awk 'NR == 2 { exit $5 !~ /c/ }'
}

gone()
{
	! xl domid "$name" >/dev/null 2>&1
}

restarted()
{
	now=$(xl domid "$name" 2>/dev/null) && [ -n "$first" ] && [ "$now" -gt "$((first + 1))" ]
}

dumped()
{
	gone && [ -n "$(find "$dumps" -name "*$name*" -size +1000k)" ]
}

mkdir -p "$dumps"
for on_crash in restart preserve coredump-destroy; do
	guest=$on_crash
	name=$arm.$scenario.$guest
	start=$(date +%s)
	create "$guest" 2 rdinit=/none init=/none
	first=
	within 30 seen || record "$guest-xl" fail 0 "xl did not create it in 30 s"
	case $on_crash in
	restart) what="twice another domain took its place" what_of=restarted ;;
	preserve) what="the crashed domain stayed" what_of=crashed ;;
	coredump-destroy) what="its core is there, and it is gone" what_of=dumped ;;
	esac
	outcome=fail
	! within 60 "$what_of" || outcome=pass
	gone || xl destroy "$name"
	# xl create ends with an error if its guest is destroyed.
	wait "$(cat "$local/$name.pid")" || :
	console "$guest" >"$results/$name.log"
	if ! grep -q "Kernel panic - not syncing:" "$results/$name.log"; then
		record "$guest" error 0 "the guest did not panic"
	elif [ "$outcome" = pass ]; then
		record "$guest" pass $(($(date +%s) - start)) "$what"
	else
		record "$guest" fail $(($(date +%s) - start)) "not within a minute: $what"
	fi
	rm -f "$dumps"/*"$name"* "$local/$name.cpio"
done
