# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every script here shares: messages, exit codes, the cache and its keys,
# progress, and a clean end: no process and no scratch folder stays.
#
# Exit codes: 0 as it must be; 1 the code under test is wrong; 2 the harness or
# the machine is.

set -euo pipefail
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$EUID" | cut -d: -f6)}/.cache}/xen-lazymmu
# shellcheck disable=SC2034 # for the scripts that source this
build=$top/build

# For each kernel: no time, user or host in the image, and what ccache knows is shared. It
# goes by the files that an object was made from, and does not preprocess: hardly any object
# of two arms is of the same text, since paravirt_types.h is in all of them.
export KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_VERSION=1
export KBUILD_BUILD_USER=xen-lazymmu KBUILD_BUILD_HOST=xen-lazymmu
export CCACHE_DIR=$cache/ccache CCACHE_MAXSIZE=2G CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1

# The source that the patched hypervisor is built from.
# shellcheck disable=SC2034
xen_source=4.17.5+72-g01140da4e8-1

# die TEXT: one line that says what, where and what to do.
die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 2
}

say()
{
	printf '%s\n' "$*" >&2
}

# Temporary folders and files of this script, removed however it ends.
scratch=()

# Children are stopped and waited for, and only then is their folder removed. A signal may
# come twice: timeout(1) sends it to the script, and to the script's group.
cleanup()
{
	local rc=$? pids pid alive i

	trap '' INT TERM HUP
	trap - EXIT
	pids=$(jobs -p)
	# A bash that forks may forget the signal that comes then: each process gets two, and a
	# child of this script one every 0.1 s for five seconds.
	for ((i = 0; i < 50; i++)); do
		alive=
		for pid in $pids; do
			# A step leads a group of its own. A child that has ended is no error.
			{ kill -- "-$pid" || kill "$pid"; } 2>/dev/null && alive=1
		done
		[[ -n $alive && ($i -eq 0 || -n $(jobs -pr)) ]] || break
		sleep 0.1
	done
	wait
	[[ ${#scratch[@]} -eq 0 ]] || rm -rf -- "${scratch[@]}"
	exit "$rc"
}

stop()
{
	trap '' INT TERM HUP
	exit "$1"
}

trap cleanup EXIT
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP

# scratch_dir VAR: makes a folder in the cache, so that a rename publishes it.
scratch_dir()
{
	mkdir -p "$cache" || die "cannot make $cache: set XDG_CACHE_HOME to a folder that you may write"
	printf -v "$1" '%s' "$(mktemp -u "$cache/tmp.XXXXXX")"
	# Known to cleanup() before it is there.
	scratch+=("${!1}")
	mkdir -m 700 "${!1}"
}

# publish FROM TO: the only way into the cache. TO is whole or is not there.
publish()
{
	if [[ -e $2 ]]; then
		rm -rf -- "$1"
	else
		mv -- "$1" "$2"
	fi
}

# key: the hash of standard input that names a cache entry.
key()
{
	sha256sum | cut -c1-20
}

# changes: what the patches change whose paths are on standard input, for a key. Nothing
# that is built has their messages.
changes()
{
	# shellcheck disable=SC2016 # $ is each file's last line
	(cd "$top" && xargs -r sed -s -n '/^diff --git /,$p')
}

# cached ENTRY: ends the script, with ENTRY as what it prints, if the cache has it.
cached()
{
	[[ ! -e $1 ]] || {
		echo "$1"
		exit 0
	}
}

# lock_cache: holds the cache until this script ends, as descriptor 9, which its children
# should not have. Two machines at once starve each other.
lock_cache()
{
	exec 9>"$cache/lock"
	flock -n 9 || die "another run is under way on $cache: wait for it, or set XDG_CACHE_HOME to another folder"
}

# how_ended RC: how a machine ended, for dom0/judge, by what scripts/boot ended with.
how_ended()
{
	case $1 in
	0) echo poweroff ;;
	124) echo timeout ;;
	*) echo "error:QEMU ended with $1" ;;
	esac
}

# module_of SCENARIO: the name that its module and its KUnit suite have in Linux.
module_of()
{
	echo "${1//-/_}"
}

# step WHAT LOG COMMAND...: runs COMMAND with its output in LOG. On a terminal,
# a line says what runs, how far it is (the lines of LOG and its last one) and
# for how long. Ends the script with 2 if COMMAND fails, after the last lines of
# LOG. Never under || or if: bash then has no errexit in COMMAND.
step()
{
	local what=$1 log=$2 start=$SECONDS pid rc=0 last

	shift 2
	mkdir -p "$(dirname "$log")"
	: >"$log"
	# In a group of its own, which cleanup() can end as a whole.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	set +m
	if [[ -t 2 ]]; then
		while kill -0 "$pid" 2>/dev/null; do
			last=$(tail -n 1 "$log" | tr -cd '[:print:]' | cut -c1-48)
			printf '\r\033[K%s: %d s, step %d %s' "$what" \
				$((SECONDS - start)) "$(wc -l <"$log")" "$last" >&2
			sleep 0.5
		done
		printf '\r\033[K' >&2
	fi
	wait "$pid" || rc=$?
	if [[ $rc -ne 0 ]]; then
		tail -n 15 "$log" | sed 's/^/    /' >&2
		die "cannot $what: it failed after $((SECONDS - start)) s, see $log"
	fi
	say "$what: done in $((SECONDS - start)) s"
}

. "$top/scripts/arms.bash"
