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
