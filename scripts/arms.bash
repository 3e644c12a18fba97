# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # for the scripts that source lib.bash
#
# The arms. An arm is a kernel under test; its name says what it is made from:
#
#   stock            Linux 6.12, the source as it comes
#   patched          with the series
#   first-N          with the first N patches of it
#   set-NAME         with the sets of it up to NAME: scripts/series sets linux-6.12
#   mutant-NAME      patched, and then tests/mutants/NAME.patch
#   upstream         Linux 7.3, the source as it comes
#   upstream-fixed   with the set fixes of its series
#   upstream-fast    with the sets fixes, xen-pv and sections, on the design of 7.3
#   patched-7.3      with its series
#   first-7.3-N      with the first N patches of it
#   set-7.3-NAME     with the sets of it up to NAME: scripts/series sets linux-7.3
#   mutant-7.3-NAME  patched-7.3, and then tests/mutants/linux-7.3/NAME.patch, or
#                    tests/mutants/NAME.patch where Linux 7.3 needs no other
#   tree             the user's own kernel: KERNEL=, see scripts/build-tree
#
# ARM+NAME is that arm, built with the option kernel/options/NAME.config. More names may
# follow.

arm_names="stock, patched, first-N, set-NAME, mutant-NAME, upstream, upstream-fixed, upstream-fast, patched-7.3, first-7.3-N, set-7.3-NAME, mutant-7.3-NAME, and tree with KERNEL="

# The version of Linux that patched is made from, and patches that tests refer to: one gives
# enter() and leave() their state, the other one is that from which on sections nest in each task.
base=6.12
interface_patch=paravirt/$base/mm-let-a-lazy-MMU-section-keep-its-state-in-a-local-variable.patch
declare -A nesting_patch=(
	[6.12]=arch-x86/6.12/x86-xen-keep-the-nesting-of-lazy-MMU-sections-in-their-local-state.patch
	[7.3]=arch-x86/7.3/x86-xen-resume-lazy-MMU-mode-only-in-a-task-that-was-paused.patch
)

# select_arm ARM: sets what the arm is made from:
#   arm_base      linux-6.12, linux-7.3, or nothing for tree
#   arm_patches   which of that base's patches it has: none, all, a number of the first, or
#                 set-NAME, those up to that set
#   arm_mutant    the path of the patch that comes after them, or nothing
#   arm_options   the names after "+", an array
select_arm()
{
	local name=${1%%+*}

	arm_base=linux-6.12 arm_patches=all arm_mutant='' arm_options=()
	[[ $1 != *+* ]] || IFS=+ read -ra arm_options <<<"${1#*+}"
	case $name in
	stock) arm_patches=none ;;
	patched) ;;
	set-7.3-*) arm_base=linux-7.3 arm_patches=set-${name#set-7.3-} ;;
	set-*) arm_patches=$name ;;
	first-*)
		name=${name#first-}
		[[ $name != 7.3-* ]] || arm_base=linux-7.3
		arm_patches=${name#7.3-}
		[[ $arm_patches =~ ^[1-9][0-9]*$ ]] || die "no such arm: $1; in first-N and first-7.3-N, N is a number from 1" ;;
	mutant-*)
		name=${name#mutant-}
		[[ $name != 7.3-* ]] || arm_base=linux-7.3
		arm_mutant=$(mutant_of "$arm_base" "${name#7.3-}")
		[[ -f $top/$arm_mutant ]] || die "there is no $arm_mutant for the arm $1" ;;
	upstream) arm_base=linux-7.3 arm_patches=none ;;
	upstream-fixed) arm_base=linux-7.3 arm_patches=set-fixes ;;
	upstream-fast) arm_base=linux-7.3 arm_patches=set-sections ;;
	patched-7.3) arm_base=linux-7.3 ;;
	tree) arm_base='' arm_patches=none ;;
	*) die "no such arm: $1; there are $arm_names" ;;
	esac
	for name in "${arm_options[@]}"; do
		[[ -e $top/kernel/options/$name.config ]] || die "there is no kernel/options/$name.config for the arm $1"
	done
}

# mutant_of BASE NAME: prints the path of a mutant's patch for linux-6.12 or linux-7.3.
mutant_of()
{
	local path=tests/mutants/$1/$2.patch

	[[ -f $top/$path ]] || path=tests/mutants/$2.patch
	echo "$path"
}

# mutants_of BASE: prints the names of the mutants for linux-6.12 or linux-7.3. The latter has those
# of 6.12, and more.
mutants_of()
{
	(
		cd "$top/tests/mutants" || exit
		ls -- *.patch
		[[ $1 == linux-6.12 ]] || (cd "$1" && ls -- *.patch)
	) | sed 's/\.patch$//' | sort -u
}

# series_arm BASE: prints the arm with the whole series. BASE is 6.12 or 7.3, and may begin with
# "linux-".
series_arm()
{
	case ${1#linux-} in
	6.12) echo patched ;;
	7.3) echo patched-7.3 ;;
	*) die "there is no BASE=$1; there are 6.12 and 7.3" ;;
	esac
}

# default_arms [BASE]: prints the arms of a run that names none. BASE is as above, default 7.3.
default_arms()
{
	local version=${1:-7.3}

	case ${version#linux-} in
	6.12) echo "stock patched" ;;
	7.3) echo "upstream patched-7.3" ;;
	*) die "there is no BASE=$1; there are 6.12 and 7.3" ;;
	esac
}

# with_options ARM NAME…: prints ARM, with the options added that it does not have yet.
with_options()
{
	local arm=$1 name

	for name in "${@:2}"; do
		[[ "$arm+" == *"+$name+"* ]] || arm+=+$name
	done
	echo "$arm"
}

# option_says NAME KEY: prints the value of the comment "# KEY: …" in kernel/options/NAME.config.
option_says()
{
	sed -n "s/^# $2: //p" "$top/kernel/options/$1.config"
}

# interface_of KERNEL: prints which interface of sections a kernel has: state (enter() returns
# a lazy_mmu_state_t, and leave() takes it), mode (the calls of Linux 7.x), or plain (those of
# stock Linux 6.12). KERNEL is a folder that build-kernel or build-tree printed.
interface_of()
{
	local header=$1/ext/include/linux/pgtable.h

	if grep -qs lazy_mmu_state_t "$header"; then
		echo state
	elif grep -qs lazy_mmu_mode_enable "$header"; then
		echo mode
	else
		echo plain
	fi
}
