#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the KUnit suites of lazy MMU mode which are built into a Linux kernel, in a PV dom0 as it
# boots and in a PV domU.  What Linux queues in lazy MMU mode, Xen carries out as batches, so this
# covers mmu_update and multicalls in lists, from a guest which checks every entry.
#
# Takes from binaries/: xen, bzImage, rootfs.cpio.gz and xen-tools.cpio.gz.  Nothing is downloaded.
# dom0 prints one line with PASSED, or one with FAILED and the reason, and then powers off.

set -e -o pipefail

cd binaries

# dom0, in parts which the kernel unpacks one after the other.
rm -rf rootfs
mkdir -p rootfs/root rootfs/etc/local.d
cp bzImage rootfs/root
cat > rootfs/root/domU.cfg <<'EOT'
name = "domU"
type = "pv"
memory = 256
vcpus = 2
kernel = "/root/bzImage"
extra = "console=hvc0 kunit.filter_glob=*lazy_mmu* kunit_shutdown=poweroff"
on_crash = "destroy"
EOT

# Prints what is wrong with the results in a log, if anything is.  A suite which is skipped, or of
# which all cases are, has shown nothing.
cat > rootfs/root/judge.awk <<'EOT'
{
    sub(/\r$/, "")
    sub(/^\[ *[0-9]+\.[0-9]+\] /, "")
}
/^1\.\.[0-9]+$/ {
    plan = substr($0, 4) + 0
}
/^ *not ok / && !wrong {
    wrong = $0
    sub(/^ */, "", wrong)
}
/^    ok / && !/# SKIP/ {
    cases++
}
/^ok [0-9]+ / {
    suites++
    if (/# SKIP/ || !cases)
        skipped = $0
    cases = 0
}
/(^| )(Oops|BUG|WARNING):/ && !warning {
    warning = $0
}
END {
    if (wrong)
        print wrong
    else if (plan == "")
        print "no results of KUnit"
    else if (plan == 0)
        print "the kernel has no suite of lazy MMU mode"
    else if (suites != plan)
        print suites + 0 " of " plan " suites came to an end"
    else if (skipped)
        print "skipped: " skipped
    else if (warning)
        print warning
}
EOT

cat > rootfs/etc/local.d/xen.start <<'EOT'
#!/bin/sh

exec > /dev/console 2>&1

judge()
{
    local wrong

    wrong=$(awk -f /root/judge.awk "/root/$1.log") || wrong="awk ended with $?"
    [ -n "$wrong" ] || return 0
    echo "Lazy MMU mode FAILED in $1: $wrong"
    poweroff -f
    exit
}

bash /etc/init.d/xencommons start
xl list

dmesg > /root/dom0.log
judge dom0

timeout 300 xl create -c /root/domU.cfg > /root/domU.log < /dev/null
sed 's/^/domU: /' /root/domU.log
judge domU

echo "Lazy MMU mode PASSED in dom0 and domU"
poweroff -f
EOT
chmod +x rootfs/etc/local.d/xen.start

cp rootfs.cpio.gz dom0-rootfs.cpio.gz
cat xen-tools.cpio.gz >> dom0-rootfs.cpio.gz
(cd rootfs && find . | cpio -R 0:0 -H newc -o | gzip) >> dom0-rootfs.cpio.gz
cd ..

# Run the test.  After a crash Xen reboots, and then QEMU ends.
rm -f smoke.serial
export TEST_CMD="qemu-system-x86_64 \
    -cpu qemu64 \
    -m 2G -smp 2 \
    -monitor none -serial stdio \
    -nographic -no-reboot \
    -kernel binaries/xen \
    -append \"console=com1 console_timestamps=boot dom0_mem=1G,max:1G\" \
    -initrd \"binaries/bzImage console=hvc0 kunit.filter_glob=*lazy_mmu*,binaries/dom0-rootfs.cpio.gz\""

export TEST_LOG="smoke.serial"
export BOOT_MSG="${BOOT_MSG:-Latest ChangeSet: }"
export LOG_MSG="Domain-0"
export PASSED="Lazy MMU mode PASSED"

./automation/scripts/console.exp |& sed 's/\r\+$//'
