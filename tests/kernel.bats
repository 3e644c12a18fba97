#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/lost-symbols, the kernel's compiler, and the options of arms.

setup()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	tmp=$BATS_TEST_TMPDIR
}

@test "lost-symbols: a symbol that olddefconfig dropped is named" {
	printf '%s\n' CONFIG_KEPT=y CONFIG_LOST=y CONFIG_CHANGED=y '# CONFIG_OFF is not set' \
		'# CONFIG_ON is not set' >"$tmp/fragment"
	printf '%s\n' CONFIG_KEPT=y CONFIG_CHANGED=m CONFIG_ON=y >"$tmp/config"
	run "$top/scripts/lost-symbols" "$tmp/fragment" "$tmp/config"
	[ "$status" -eq 2 ]
	[[ $output == *"loses CONFIG_LOST=y CONFIG_CHANGED=y CONFIG_ON=n of"* ]]
	run "$top/scripts/lost-symbols" "$tmp/config" "$tmp/config"
	[ "$status" -eq 0 ]
	# A value is no part of another one.
	echo CONFIG_SIZE=1 >"$tmp/fragment"
	echo CONFIG_SIZE=12 >"$tmp/config"
	run "$top/scripts/lost-symbols" "$tmp/fragment" "$tmp/config"
	[ "$status" -eq 2 ]
}

# lib COMMAND…: runs a function of scripts/lib.bash, in another shell, since lib.bash sets traps.
lib()
{
	# shellcheck disable=SC2016 # the other shell's
	bash -c '. "$1/scripts/lib.bash"; "${@:2}"' - "$top" "$@"
}

# What went wrong: mutants had the bzImage of others, whose compressed kernels were as long.
@test "kernel: an object has what its assembly includes now, not what ccache has seen before" {
	export XDG_CACHE_HOME=$tmp/cache
	mkdir -p "$tmp/arch" "$tmp/kernel"
	echo '.incbin "blob"' >"$tmp/arch/piggy.S"
	echo 'asm(".incbin \"blob\"");' >"$tmp/kernel/configs.c"
	# shellcheck disable=SC2016 # make's, and the other shell's
	printf 'all: arch/piggy.o kernel/configs.o\n%%.o: %%.S FORCE\n\t$(CC) -Wp,-MMD,$@.d -c -o $@ $<\n%%.o: %%.c FORCE\n\t$(CC) -Wp,-MMD,$@.d -c -o $@ $<\nFORCE:\n' >"$tmp/Makefile"
	for blob in first other; do
		echo "$blob" >"$tmp/blob"
		# shellcheck disable=SC2016
		bash -c '. "$1/scripts/lib.bash"; . "$1/scripts/kernel.bash"; cd "$2"; "${kernel_make[@]}"' - "$top" "$tmp"
		grep -q "$blob" "$tmp/arch/piggy.o"
		grep -q "$blob" "$tmp/kernel/configs.o"
	done
}

@test "arms: a scenario's options are added once" {
	[ "$(lib with_options stock)" = stock ]
	[ "$(lib with_options stock memory)" = stock+memory ]
	[ "$(lib with_options stock+memory+debug memory device)" = stock+memory+debug+device ]
	[ "$(lib with_options stock+memory-more memory)" = stock+memory-more+memory ]
}

@test "arms: an option says its cost and its command line" {
	[ "$(lib option_says debug cost)" -gt 1 ]
	[ -z "$(lib option_says memory cost)" ]
	[ "$(lib option_says call-depth cmdline)" = retbleed=force,stuff ]
}

@test "build-kernel: an arm whose patches are not there ends it, before it fetches or builds" {
	run env XDG_CACHE_HOME="$tmp/cache" "$top/scripts/build-kernel" first-999
	[ "$status" -eq 2 ]
	[[ $output == "series: there is no arm first-999"* ]]
	[ ! -e "$tmp/cache/xen-lazymmu" ]
}

@test "build-kernel: a tree has the patches of an arm and no others" {
	mkdir "$tmp/scripts"
	# shellcheck disable=SC2016 # the script's
	printf '%s\n' '#!/bin/sh' 'echo "$1 $3"' >"$tmp/scripts/series"
	chmod +x "$tmp/scripts/series"
	# shellcheck disable=SC2016 # the other shell's
	run bash -c 'eval "$(sed -n "/^patch_tree()/,/^}/p" "$1/scripts/build-kernel")"; top=$2 tree_dir= has=()
		patch_tree a b c; patch_tree a b d; patch_tree a; patch_tree; patch_tree b c; patch_tree a c' - "$top" "$tmp"
	[ "$output" = "$(printf '%s\n' "apply-to a" "apply-to b" "apply-to c" "unapply c" "apply-to d" "unapply d" "unapply b" \
		"unapply a" "apply-to b" "apply-to c" "unapply c" "unapply b" "apply-to a" "apply-to c")" ]
}

@test "arms: each is made from its base, its patches and its mutant" {
	# shellcheck disable=SC2016 # the other shell's
	diff <(bash -c '. "$1/scripts/lib.bash"; for arm in stock patched first-3 first-7.3-12 set-fixes upstream upstream-fixed upstream-fast patched-7.3 \
		set-7.3-xen-pv mutant-clear-loses-dirty mutant-7.3-clear-loses-dirty mutant-7.3-marker-warns patched+memory tree
		do select_arm "$arm"; echo "$arm: $arm_base $arm_patches $arm_mutant ${arm_options[*]}"; done' - "$top" | sed 's/ *$//') - <<-END
		stock: linux-6.12 none
		patched: linux-6.12 all
		first-3: linux-6.12 3
		first-7.3-12: linux-7.3 12
		set-fixes: linux-6.12 set-fixes
		upstream: linux-7.3 none
		upstream-fixed: linux-7.3 set-fixes
		upstream-fast: linux-7.3 set-sections
		patched-7.3: linux-7.3 all
		set-7.3-xen-pv: linux-7.3 set-xen-pv
		mutant-clear-loses-dirty: linux-6.12 all tests/mutants/clear-loses-dirty.patch
		mutant-7.3-clear-loses-dirty: linux-7.3 all tests/mutants/clear-loses-dirty.patch
		mutant-7.3-marker-warns: linux-7.3 all tests/mutants/linux-7.3/marker-warns.patch
		patched+memory: linux-6.12 all  memory
		tree:  none
	END
}

@test "arms: a kernel's header says which interface of sections it has" {
	local header=$tmp/ext/include/linux/pgtable.h

	mkdir -p "${header%/*}"
	echo "void arch_enter_lazy_mmu_mode(void);" >"$header"
	[ "$(lib interface_of "$tmp")" = plain ]
	echo "void lazy_mmu_mode_enable(void);" >"$header"
	[ "$(lib interface_of "$tmp")" = mode ]
	echo "lazy_mmu_state_t lazy_mmu_mode_enable(void);" >"$header"
	[ "$(lib interface_of "$tmp")" = state ]
}

@test "kernel: a configuration is the base, the options, and the suites if there are any" {
	# shellcheck disable=SC2016 # the other shell's
	run bash -c '. "$1/scripts/lib.bash"; . "$1/scripts/kernel.bash"; fragments memory debug' - "$top"
	[ "$output" = "$(printf "$top/kernel/%s.config\n" base options/memory options/debug kunit)" ]
}
