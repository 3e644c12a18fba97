# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every script here shares: messages, exit codes, the cache and its keys,
# progress, and a clean end, which leaves no process and no scratch folder.
#
# Exit codes: 0 all is well; 1 the code under test is wrong; 2 the harness or the
# machine is wrong.

set -euo pipefail
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$EUID" | cut -d: -f6)}/.cache}/xen-lazymmu
# shellcheck disable=SC2034 # for the scripts that source this
build=$top/build

# For all builds of kernels: no time, user or host in the image, and one ccache. It is in
# depend mode: it compares the files that an object was made from, and does not preprocess.
# paravirt_types.h is in nearly all objects, so hardly any object of two arms preprocesses to
# the same text.
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

# need USAGE ARG...: dies with USAGE if an ARG is missing, which is passed as "${N:-}", or empty.
need()
{
	local usage=$1 arg

	shift
	for arg; do
		[[ -n $arg ]] || die "$usage"
	done
}

# The kernel's make, and QEMU's -initrd, split names there.
[[ $cache != *[[:space:],:]* ]] ||
	die "the path of the cache, $cache, has a space, a comma or a colon: set XDG_CACHE_HOME to a folder that has none"

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
	# A bash may lose a signal that arrives while it forks. So signal each process twice, and
	# then a child that is still there every 0.1 s, for five seconds.
	for ((i = 0; i < 50; i++)); do
		alive=
		for pid in $pids; do
			# A step leads a group of its own. A child that has ended is no error.
			{ kill -- "-$pid" || kill "$pid"; } 2>/dev/null && alive=1
			# One that is stopped takes the signal when it goes on.
			{ kill -CONT -- "-$pid" || kill -CONT "$pid"; } 2>/dev/null || :
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

# scratch_dir VAR: makes a folder in the cache, so that a rename publishes it. Its name has the
# process that it is of.
scratch_dir()
{
	mkdir -p "$cache" || die "cannot make $cache: set XDG_CACHE_HOME to a folder that you may write"
	printf -v "$1" '%s' "$(mktemp -u "$cache/tmp.$$.XXXXXX")"
	# Noted before it is made, so that cleanup() always removes it.
	scratch+=("${!1}")
	mkdir -m 700 "${!1}"
}

# publish FROM TO: the only way into the cache, but for the folders trees/ and debs-*. TO is whole
# or is not there.
publish()
{
	# Another build may publish it at this moment.
	if [[ -e $2 ]] || ! mv -T -- "$1" "$2" 2>/dev/null; then
		[[ -e $2 ]] || die "cannot move $1 to $2: is the disk full?"
		rm -rf -- "$1"
	fi
}

# key: prints the hash of standard input, which names a cache entry.
key()
{
	sha256sum | cut -c1-20
}

# changes: prints the diffs of the patches whose paths are on standard input, for a key. It
# leaves out their messages, since these change nothing that is built.
changes()
{
	# shellcheck disable=SC2016 # $ is each file's last line
	(cd "$top" && xargs -r sed -s -n '/^diff --git /,$p')
}

# cached ENTRY: if the cache has ENTRY, prints it and ends the script.
cached()
{
	[[ ! -e $1 ]] || {
		echo "$1"
		exit 0
	}
}

# lock_cache: locks the cache until this script ends, by descriptor 9. Close that for children
# (9>&-). Two machines at once would starve each other.
lock_cache()
{
	exec 9>"$cache/lock"
	flock -n 9 || die "another run is under way on $cache: wait for it, or set XDG_CACHE_HOME to another folder"
}

# how_ended RC: prints how a machine ended, for dom0/judge. RC is the exit code of scripts/boot.
how_ended()
{
	case $1 in
	0) echo poweroff ;;
	124) echo timeout ;;
	*) echo "error:QEMU ended with $1" ;;
	esac
}

# debian_root ROOT DEB…: makes ROOT a root file system of these packages, which holds nothing
# else. /bin, /lib and their like are links into /usr.
debian_root()
{
	local root=$1 deb dir

	mkdir -p "$root/usr"/{bin,sbin,lib,lib64}
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$root/$dir"
	done
	# Unpacked by tar, so that a package's folder /lib does not replace our link /lib.
	for deb in "${@:2}"; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink
	done
}

# cpio_of FOLDER: prints a cpio archive of all that is in FOLDER, for Linux to unpack as root's.
cpio_of()
{
	(cd "$1" && find . | sort | cpio -o -H newc -R 0:0 --quiet)
}

# apt_settings SUITE FOLDER: writes what mmdebstrap needs to make a Debian SUITE from this host's
# mirror, with the settings of its apt: FOLDER/sources and FOLDER/apt.conf.
apt_settings()
{
	# This writes sources.list for the suite.
	"$top/scripts/fetch" "$1" --versions base-files >/dev/null
	sed '/^deb-src\|-backports /d' "$cache/apt-$1/sources.list" >"$2/sources"
	apt-config --no-empty --format '%f "%v";%n' dump | sed -n '/^Acquire::IndexTargets/d;/^Acquire::/p' >"$2/apt.conf"
}

# needed ROOT FILE...: dies if ROOT lacks a library that a FILE, or one of its libraries, needs.
needed()
{
	local root=$1 todo lib libs file seen=' '

	shift
	todo=("$@")
	while [[ ${#todo[@]} -gt 0 ]]; do
		file=${todo[0]}
		todo=("${todo[@]:1}")
		libs=$(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }') ||
			die "$file is missing or is no program: does its package still have it?"
		for lib in $libs; do
			[[ $seen != *" $lib "* ]] || continue
			seen+="$lib "
			file=$(find "$root/usr/lib" -name "$lib" -print -quit)
			[[ -n $file ]] || die "the root lacks $lib: add its package to scripts/${0##*/}"
			todo+=("$file")
		done
	done
}

# module_of SCENARIO: prints the name of its module, which is also its KUnit suite's.
module_of()
{
	echo "${1//-/_}"
}

# step WHAT LOG COMMAND...: runs COMMAND with its output in LOG. On a terminal,
# a line says what runs, how far it is (the lines of LOG and its last one) and
# for how long. If COMMAND fails, step prints the last lines of LOG and ends the script
# with 2. Do not call step before || or in an if: bash then has no errexit in COMMAND.
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
