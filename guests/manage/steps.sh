# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # dom0/run sources this
#
# What xl does to a guest that goes on working. Linux must take each vCPU offline and bring it back, and
# its console must go on when xenconsoled was killed.

TIMES=2

# online NUMBER: whether so many vCPUs of $name are online.
online()
{
	[ "$(xl vcpu-list "$name" | awk 'NR > 1 && $5 !~ /p/' | wc -l)" -eq "$1" ]
}

# end_run: without xenconsoled nobody would see what a guest prints. dom0/run, which is $$, takes the
# signal when this scenario has ended.
end_run()
{
	kill "$$"
	exit 1
}

# consoles: attaches to the console and detaches, then kills xenconsoled and starts it as it was.
consoles()
{
	# It shows what the guest prints from now on, and goes on until it is killed.
	timeout 90 xl console "$name" </dev/null >"$local/attached" &
	attached=$!
	within 60 test -s "$local/attached" && shown=1 || shown=0
	# It may have ended by itself. What counts is whether it showed anything.
	kill "$attached" || :
	wait "$attached" || :
	[ "$shown" -eq 1 ] || return 1
	pid=$(pidof xenconsoled)
	# shellcheck disable=SC2046 # words
	set -- $(tr '\0' ' ' <"/proc/$pid/cmdline")
	kill "$pid"
	within 30 test ! -d "/proc/$pid" || end_run
	# It says that all is well before it has opened anything.
	{ "$@" && sleep 1 && pidof xenconsoled; } || end_run
}

# The core has nearly all pages of the guest.
whole_core()
{
	[ -n "$(find "$local/core" -size "+$((memory * cost * 900))k")" ]
}

# Linux says of each vCPU that it comes back, and the guest says nothing else meanwhile.
said_more()
{
	[ "$(console "$guest" | wc -l)" -gt "$lines" ]
}

# act VCPUS: does everything once to $name. Leaves in $what which step failed.
act()
{
	step "a new xenconsoled" consoles || return
	lines=$(console "$guest" | wc -l)
	step pause xl pause "$name" &&
		sleep 0.2 &&
		step unpause xl unpause "$name" &&
		step "vcpu-set 1" xl vcpu-set --ignore-host "$name" 1 &&
		step "vCPUs taken away" within 60 online 1 &&
		step "vcpu-set $1" xl vcpu-set --ignore-host "$name" "$1" &&
		step "vCPUs given back" within 60 online "$1" &&
		step "its console goes on" within 60 said_more &&
		step dump-core xl dump-core "$name" "$local/core" &&
		step "all of the core" whole_core &&
		rm "$local/core"
}

for vcpus in 2 4; do
	guest=vcpus-$vcpus
	name=$arm.$scenario.$guest
	create "$guest" "$vcpus" preempt=full saves=1
	done=none
	if await "$guest" "ready for save 1"; then
		done=0
		while [ "$done" -lt "$TIMES" ] && act "$vcpus"; do
			done=$((done + 1))
		done
		failed=$what
		rm -f "$local/core"
		# With saves=1, the guest ends after one save and restore.
		{ save "$guest" && restore "$guest"; } || end_early "$guest"
	else
		end_early "$guest"
	fi
	finish "$guest" once
	case $done in
	none) ;;
	"$TIMES") record_steps "$guest" pass "pause, vcpu-set, dump-core and a new xenconsoled, $TIMES times" ;;
	*) record_steps "$guest" fail "$failed failed in round $((done + 1))" ;;
	esac
done
