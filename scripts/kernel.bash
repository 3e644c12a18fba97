# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # lib.bash's
#
# How a kernel is configured and built, for build-kernel, build-tree and build-emulated, in
# a kernel's source tree as the current folder.

# compiler GCC: prints the value of the kernel's CC=. In depend mode, ccache does not see
# what assembly includes by .incbin: it returns an old object if only the included file has
# changed, such as the compressed kernel in piggy.S. So it preprocesses these sources; then it
# sees .incbin, and does not cache them.
compiler()
{
	# shellcheck disable=SC2016 # make's
	echo '$(if $(filter %.S %/configs.c %/kheaders.c,$<),CCACHE_NODIRECT=1 )ccache '"$1"
}

# What make is called with. A script that sources this may add to it.
kernel_make=(make CC="$(compiler gcc)" HOSTCC='ccache gcc')

# fragments ARM_OPTIONS…: the files that make up a configuration, in their order. The last is
# for kernels that have the suites, which is the end of the series.
fragments()
{
	echo "$top/kernel/base.config"
	[[ $# -eq 0 ]] || printf "$top/kernel/options/%s.config\n" "$@"
	echo "$top/kernel/kunit.config"
}

# configure_kernel WANTED OBJECTS FRAGMENT…: makes OBJECTS/.config of tinyconfig and the
# FRAGMENTs; WANTED becomes the symbols that these ask for. OBJECTS is the folder that make
# has as O=, or ".".
configure_kernel()
{
	local wanted=$1 objects=$2 fragment parts=()

	mkdir -p "$wanted.parts"
	for fragment in "${@:3}"; do
		[[ $fragment != */kunit.config || -e mm/lazy_mmu_kunit.c ]] || continue
		# merge_config.sh splits its arguments at spaces.
		cp "$fragment" "$wanted.parts"
		parts+=("$wanted.parts/${fragment##*/}")
	done
	scripts/kconfig/merge_config.sh -m -O "$wanted.parts" "${parts[@]}"
	mv "$wanted.parts/.config" "$wanted"
	rm -r "$wanted.parts"
	"${kernel_make[@]}" -s tinyconfig
	cat "$wanted" >>"$objects/.config"
	"${kernel_make[@]}" -s olddefconfig
}

# build_kernel ENTRY [OBJECTS]: builds it, and installs into the folder ENTRY all that
# build-kernel documents but the version.
build_kernel()
{
	local entry=$1 objects=${2:-.}

	"${kernel_make[@]}" -j"${JOBS:-$(nproc)}" bzImage modules
	"${kernel_make[@]}" -s headers_install INSTALL_HDR_PATH="$entry/uapi"
	cp tools/testing/selftests/kselftest.h "$entry/uapi/include"
	"${kernel_make[@]}" -s run-command KBUILD_RUN_COMMAND="\$(srctree)/scripts/package/install-extmod-build $entry/ext"
	cp "$objects/arch/x86/boot/bzImage" "$entry/bzImage"
	cp "$objects/.config" "$entry/config"
	(cd "$entry" && find ext uapi -type f | sort | xargs -d '\n' sha256sum) | key >"$entry/headers"
}
