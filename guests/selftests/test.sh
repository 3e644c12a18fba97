#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs Linux's tools/testing/selftests/mm with the arguments of its run_vmtests.sh, which needs
# bash and huge pages. Each result that a program prints is a test; so is a program that prints
# none. The list names also what is not run, and says why. scripts/build-selftests reads it.

huge="Xen PV has no huge pages"
tests="
charge_reserved_hugetlb.sh # SKIP $huge
compaction_test # SKIP $huge
cow
droppable
gup_longterm
gup_test -ct -F 0x1 0 19 0x1000
hmm-tests # SKIP the group device has a device with memory of its own
hugepage-mmap # SKIP $huge
hugepage-mremap # SKIP $huge
hugepage-shm # SKIP $huge
hugepage-vmemmap # SKIP $huge
hugetlb-madvise # SKIP $huge
hugetlb-read-hwpoison # SKIP $huge
hugetlb-soft-offline # SKIP $huge
hugetlb_dio # SKIP $huge
hugetlb_fault_after_madv # SKIP $huge
hugetlb_madv_vs_map # SKIP $huge
hugetlb_reparenting_test.sh # SKIP $huge
khugepaged # SKIP $huge
ksm_functional_tests
ksm_tests -M -p 10
ksm_tests -P -s 64
ksm_tests -U
ksm_tests -Z -p 10 -z 0
ksm_tests -Z -p 10 -z 1
madv_populate
map_fixed_noreplace
map_hugetlb # SKIP $huge
map_populate
mdwe_test
memfd_secret
migration
mkdirty
mlock-random-test
mlock2-tests
mrelease_test
mremap_dontunmap
mremap_test
mseal_test
on-fault-limit
pagemap_ioctl
pkey_sighandler_tests_64 # SKIP Xen PV has no protection keys
protection_keys_64 # SKIP Xen PV has no protection keys
seal_elf
soft-dirty
split_huge_page_test # SKIP $huge
test_vmalloc.sh # SKIP it needs a module of the kernel, and the scenario vmap tests vmap()
thuge-gen # SKIP $huge
transhuge-stress # SKIP $huge
uffd-stress anon 20 16
uffd-stress shmem 20 16
uffd-stress shmem-private 20 16
uffd-unit-tests
va_high_addr_switch # SKIP it needs page tables of five levels
virtual_address_range # SKIP the page tables of all its addresses take more memory than the guest has
write_to_hugetlbfs # SKIP $huge
"

cd /selftests || exit 1
mount -t debugfs debugfs /sys/kernel/debug
mkdir /dev/shm
mount -t tmpfs tmpfs /dev/shm
mkdir -p /etc
echo "nobody:x:65534:65534::/:/bin/sh" >/etc/passwd
echo 1 >/proc/sys/vm/overcommit_memory

n=0

# result TEXT: prints a line of a test, "ok …" or "not ok …", with the next number.
result()
{
	n=$((n + 1))
	echo "$1" | sed -E "s/^((not )?ok)( [0-9]+)?( -)? */\1 $n /"
}

# lacks_huge_pages: whether a program failed only since there are no huge pages. soft-dirty plans two tests
# of these, skips one, and does not make the other. pagemap_ioctl ends where it creates a file of huge pages.
lacks_huge_pages()
{
	case $program in
	soft-dirty) grep -q '^# Planned tests != run tests' /tmp/log && ! grep -q '^Bail out!' /tmp/log ;;
	pagemap_ioctl) grep -q '^Bail out! uffd-test creation failed 38 ' /tmp/log ;;
	*) false ;;
	esac
}

# run PROGRAM ARGUMENT…
run()
{
	status=0
	name="$*"
	program=$1
	shift
	case $program in
	on-fault-limit) timeout -s KILL 300 su -s "./$program" nobody >/tmp/log 2>&1 || status=$? ;;
	*) timeout -s KILL 300 "./$program" "$@" >/tmp/log 2>&1 || status=$? ;;
	esac
	grep -E '^(not )?ok ' /tmp/log >/tmp/results
	while read -r line; do
		result "$(echo "$line" | sed -E "s,^((not )?ok [0-9]*)( -)? *(.*),\1 $name: \4,")"
	done </tmp/results
	case $status in
	0 | 4)
		[ -s /tmp/results ] || case $status in
		0) result "ok $name" ;;
		4) result "ok $name # SKIP $(grep -i skip /tmp/log | tail -n 1 | sed 's/.*# *SKIP *//')" ;;
		esac ;;
	*)
		if lacks_huge_pages; then
			result "ok $name # SKIP $huge, so it makes no more tests"
		elif ! grep -q '^not ok' /tmp/results; then
			result "not ok $name: it ended with $status"
		fi ;;
	esac
	if [ $status -ne 0 ] && [ $status -ne 4 ]; then
		tail -n 60 /tmp/log | sed 's/^/# /'
	fi
}

echo "TAP version 13"
echo "$tests" | grep . >/tmp/tests
while read -r line <&3; do
	case $line in
	*' # SKIP '*) result "ok $line" ;;
	*)
		# shellcheck disable=SC2086 # words
		run $line ;;
	esac
done 3</tmp/tests
echo "1..$n"
