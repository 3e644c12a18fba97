#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# dom0/judge: one outcome for each way in which a guest can end.

# judge CONSOLE END [SHOWS]: sets outcome. $emulated is yes or no, default yes.
judge()
{
	printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/console"
	run "$BATS_TEST_DIRNAME/../dom0/judge" "$BATS_TEST_TMPDIR/console" "$2" "${emulated:-yes}" "${@:3}"
	[ "$status" -eq 0 ]
	outcome=${output%%	*}
}

good='1..1
    1..2
    ok 1 inner
    ok 2 inner
ok 1 suite'

@test "judge: a guest that ran all its tests passes" {
	judge "$good" poweroff
	[ "$outcome" = pass ]
}

@test "judge: a failed test fails, also a failed subtest" {
	judge "${good/    ok 2/    not ok 2}" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a BUG fails, whatever the tests say" {
	judge "$good
kernel BUG at arch/x86/include/asm/xen/hypervisor.h:74!" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a warning fails" {
	judge "$good
WARNING: CPU: 0 PID: 1 at mm/memory.c:1" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a complaint of a debug kernel fails" {
	for found in 'WARNING: possible circular locking dependency detected' \
		'WARNING: inconsistent lock state' 'BUG: sleeping function called from invalid context' \
		'BUG: KASAN: slab-use-after-free in page_counter_cancel+0x1/0x2' \
		'BUG: Bad page map in process test' 'kernel BUG at mm/page_table_check.c:118!'; do
		judge "$good
$found" poweroff
		[ "$outcome" = fail ]
		[[ $output == *"$found" ]]
	done
}

@test "judge: a swap entry that is wrong fails" {
	for found in 'get_swap_device: Bad swap file entry 3fffffffffffe' \
		'_swap_info_get: Unused swap offset entry 0000011f' 'watchdog: BUG: soft lockup - CPU#0 stuck for 22s!'; do
		judge "$good
$found" poweroff
		[[ $output == "fail	$found" ]]
	done
}

@test "judge: the first complaint counts" {
	judge "WARNING: CPU: 0 PID: 1 at mm/memory.c:1
BUG: Bad page map in process test" poweroff
	[[ $output == "fail	WARNING: "* ]]
}

@test "judge: an unexpected int3 is a retry, but not after another complaint" {
	judge "Oops: int3: 0000 [#1] PREEMPT SMP
Kernel panic - not syncing: Fatal exception in interrupt" crash
	[[ $output == "retry	Oops: int3: 0000 [#1] PREEMPT SMP: QEMU "* ]]
	judge "BUG: Bad page map in process test
Oops: int3: 0000 [#1] PREEMPT SMP" crash
	[ "$outcome" = fail ]
}

@test "judge: a kernel that prints times has its complaints heard" {
	judge "[    3.123456] WARNING: CPU: 0 PID: 1 at mm/memory.c:1
$good" poweroff
	[ "$outcome" = fail ]
	judge "[    3.123456][    T1] BUG: Bad rss-counter state mm:1
$good" poweroff
	[ "$outcome" = fail ]
	judge "[    3.123456] ${good//$'\n'/$'\n[    3.123456] '}" poweroff
	[ "$outcome" = pass ]
}

@test "judge: lockdep's complaint of a context, and a bad page table, fail" {
	judge "[ BUG: Invalid wait context ]
$good" poweroff
	[ "$outcome" = fail ]
	judge "mm/pgtable-generic.c:54: bad pmd 0000000000000000(0000000000000001)
$good" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a late deadline server is a retry, as Linux 7.3 prints it, too" {
	judge "WARNING: kernel/time/hrtimer.c:1099 at hrtimer_forward+0x72/0xb0, CPU#0: swapper/0/0
Call Trace:
 ? dl_task_timer+0x3f0/0xb90
$good" poweroff
	[ "$outcome" = retry ]
}

@test "judge: a late deadline server is a retry, and hides no other complaint" {
	local late="WARNING: CPU: 0 PID: 66 at kernel/time/hrtimer.c:1056 hrtimer_forward+0x72/0xb0
Call Trace:
 ? dl_task_timer+0x3f0/0xb90"

	judge "$late
$good" poweroff
	[[ $output == "retry	WARNING: CPU: 0 PID: 66 at kernel/time/hrtimer.c:"* ]]
	judge "${late/dl_task/dl_server}
$good" poweroff
	[ "$outcome" = retry ]
	judge "${late/dl_task/other}
$good" poweroff
	[ "$outcome" = fail ]
	judge "$late
BUG: Bad page map in process test
$good" poweroff
	[[ $output == "fail	BUG: Bad page map"* ]]
	judge "$late
${good/    ok 2/    not ok 2}" poweroff
	[ "$outcome" = fail ]
	judge "$late" crash
	[ "$outcome" = fail ]
}

@test "judge: what is excused of an emulator fails on a processor" {
	local emulated=no

	judge "Oops: int3: 0000 [#1] PREEMPT SMP" crash
	[ "$outcome" = fail ]
	judge "WARNING: CPU: 0 PID: 66 at kernel/time/hrtimer.c:1056 hrtimer_forward+0x72/0xb0
Call Trace:
 ? dl_task_timer+0x3f0/0xb90
$good" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a crash fails" {
	judge "$good" crash
	[ "$outcome" = fail ]
}

@test "judge: a guest that hangs fails" {
	judge "1..1" timeout
	[ "$outcome" = fail ]
}

@test "judge: fewer tests than planned fail" {
	judge "${good/1..1/1..2}" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a program that dies fails, before its first test or after its last" {
	judge "1..18
init: test exited with 139" poweroff
	[ "$output" = "fail	init: test exited with 139" ]
	judge "$good
init: test exited with 139" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a program that bails out fails, with its reason" {
	judge "1..1
Bail out! mremap: Bad address
# Totals: pass:0 fail:0
init: test exited with 1" poweroff
	[ "$output" = "fail	Bail out! mremap: Bad address" ]
}

@test "judge: a module that does not load is an error, whatever else passes" {
	judge "init: insmod failed
$good" poweroff
	[ "$output" = "error	init: insmod failed" ]
}

@test "judge: no test at all is an error" {
	judge "Linux version 6.12" poweroff
	[ "$outcome" = error ]
}

@test "judge: only skipped tests are an error" {
	judge "1..1
ok 1 suite # SKIP nothing here" poweroff
	[ "$outcome" = error ]
}

@test "judge: a pass names what was skipped" {
	judge "${good/ok 2 inner/ok 2 inner # SKIP not here}" poweroff
	[ "$output" = "pass	skipped: inner # SKIP not here" ]
}

@test "judge: if there was no guest, that is an error, with xl's message" {
	judge "" "error:xl ended with 3"
	[ "$output" = "error	xl ended with 3" ]
}

@test "judge: a guest that xl could not save fails, with its own complaint or xl's message" {
	judge "$good" "broken:xl save: no"
	[ "$output" = "fail	xl save: no" ]
	judge "not ok process 3: wrong in round 7" "broken:xl save: no"
	[ "$output" = "fail	not ok process 3: wrong in round 7" ]
}

@test "judge: a preempt= that Linux does not have is an error" {
	judge "Dynamic Preempt: unsupported mode: lzay
$good" poweroff
	[ "$output" = "error	Dynamic Preempt: unsupported mode: lzay" ]
}

@test "judge: a defect that must show, and does, is reproduced" {
	judge "kernel BUG at here" crash "kernel BUG at"
	[ "$outcome" = reproduced ]
}

@test "judge: a defect that must show, and does not, fails" {
	judge "$good" poweroff "kernel BUG at"
	[ "$outcome" = fail ]
	judge "BUG: Bad page map in process test" crash "kernel BUG at"
	[ "$output" = "fail	the defect did not show: kernel BUG at" ]
}

@test "judge: a guest that an int3 ended before its defect is a retry" {
	judge "Oops: int3: 0000 [#1] PREEMPT SMP" crash "kernel BUG at"
	[ "$outcome" = retry ]
	judge "Oops: int3: 0000 [#1] PREEMPT SMP
kernel BUG at here" crash "kernel BUG at"
	[ "$outcome" = reproduced ]
	local emulated=no
	judge "Oops: int3: 0000 [#1] PREEMPT SMP" crash "kernel BUG at"
	[ "$outcome" = fail ]
}

@test "judge: a guest that was destroyed passes, unless something was wrong before" {
	judge "1..1" destroyed
	[ "$outcome" = pass ]
	: >"$BATS_TEST_TMPDIR/empty"
	run "$BATS_TEST_DIRNAME/../dom0/judge" "$BATS_TEST_TMPDIR/empty" destroyed yes
	[ "$output" = "pass	destroyed" ]
	judge "BUG: Bad page map in process test" destroyed
	[ "$outcome" = fail ]
	judge "not ok 1 suite" destroyed
	[ "$outcome" = fail ]
}

@test "judge: of a guest that rebooted, all boots count" {
	judge "Linux version 6.12
1..0
Linux version 6.12
$good" poweroff
	[ "$outcome" = pass ]
	judge "Linux version 6.12
WARNING: CPU: 0 PID: 1 at mm/memory.c:1
Linux version 6.12
$good" poweroff
	[ "$outcome" = fail ]
}

@test "judge: a guest that printed nothing fails if it crashed, and is an error else" {
	: >"$BATS_TEST_TMPDIR/empty"
	run "$BATS_TEST_DIRNAME/../dom0/judge" "$BATS_TEST_TMPDIR/empty" crash yes
	[ "$output" = "fail	the guest crashed, and printed nothing" ]
	run "$BATS_TEST_DIRNAME/../dom0/judge" "$BATS_TEST_TMPDIR/empty" timeout yes
	[ "$output" = "error	the guest printed nothing, it ended with: timeout" ]
}

@test "judge: a guest that passes its tests, and then hangs, fails" {
	judge "$good" timeout
	[ "$output" = "fail	the guest did not end in time" ]
}

@test "judge: each complaint of the kernel fails by itself" {
	for found in 'INFO: trying to register non-static key.' 'Kernel panic - not syncing: stack-protector' \
		'Oops: general protection fault' 'mm/pgtable-generic.c:44: bad '{pgd,p4d,pud,pmd,pte}' 0000000000000001'; do
		judge "$good
$found" poweroff
		[ "$output" = "fail	$found" ]
	done
}

@test "judge: a late deadline server hides no other warning" {
	judge "WARNING: CPU: 0 PID: 66 at kernel/time/hrtimer.c:1056 hrtimer_forward+0x72/0xb0
Call Trace:
 ? dl_task_timer+0x3f0/0xb90
WARNING: CPU: 0 PID: 1 at mm/memory.c:1
$good" poweroff
	[ "$output" = "fail	WARNING: CPU: 0 PID: 1 at mm/memory.c:1" ]
	# Another timer, and a deadline server that is in no trace of it.
	judge "WARNING: CPU: 0 PID: 66 at kernel/time/hrtimer.c:1056 hrtimer_forward+0x72/0xb0
$(yes another line | head -n 50)
 ? dl_task_timer+0x3f0/0xb90
$good" poweroff
	[ "$outcome" = fail ]
}

@test "judge: more tests than planned fail, and so does a boot whose tests did not end" {
	judge "$good
ok 2 suite" poweroff
	[ "$output" = "fail	1 tests were planned and 2 ended" ]
	judge "1..1
Linux version 6.12
$good" poweroff
	[ "$output" = "fail	2 tests were planned and 1 ended" ]
}
