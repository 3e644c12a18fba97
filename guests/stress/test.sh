#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the stressors of stress-ng that map, unmap, protect, move, share, fault, fork or exec,
# four of each for some seconds, and has them check what they read back. Each is a test. One
# that this kernel cannot run is skipped.

root=/debian # of scripts/build-stressors
seconds=4

# The sizes are for the guest's memory; as they come, some are for 256 MiB and more.
stressors="
bigheap --bigheap-bytes 64M
brk --brk-bytes 64M
clone
daemon
dev-shm
exec
exit-group
fault
fork
idle-page
madvise
malloc --malloc-bytes 32M
memfd --memfd-bytes 32M
mincore
mlock
mmap --mmap-bytes 64M
mmapaddr
mmapcow
mmapfiles
mmapfixed
mmapfork --mmapfork-bytes 64M
mmapmany
mprotect
mremap --mremap-bytes 32M
mseal
msync --msync-bytes 8M
munmap
pagemove --pagemove-bytes 16M
physpage
pthread
remap
resources
rmap
shm --shm-bytes 8M
stack
stackmmap
switch
tlb-shootdown
tmpfs
userfaultfd --userfaultfd-bytes 16M
vfork
vforkmany --vforkmany-vm-bytes 32M
vm --vm-bytes 96M
vm-addr
vm-rw --vm-rw-bytes 8M
vm-segv
vm-splice
vma
zombie
"

for dir in dev proc sys; do
	mount -o bind /$dir $root/$dir
done
mount -t tmpfs tmpfs $root/tmp
mkdir /dev/shm
mount -t tmpfs tmpfs /dev/shm

echo "TAP version 13"
echo "1..$(echo "$stressors" | grep -c .)"
n=0
echo "$stressors" | grep . | while read -r name options; do
	n=$((n + 1))
	status=0
	# shellcheck disable=SC2086 # words
	timeout -s KILL 120 chroot $root /usr/bin/stress-ng --$name 4 $options --verify --oomable \
		--temp-path /tmp --timeout $seconds >/tmp/log 2>&1 || status=$?
	passed=$(sed -n 's/.* passed: \([0-9]*\).*/\1/p' /tmp/log)
	why=$(sed -n "s/.*\] \($name.*\(skip\|not \).*\)/\1/p" /tmp/log | head -n 1)
	case $status:${passed:-0} in
	0:[1-9]*) echo "ok $n $name" ;;
	# In this order: no resource, not implemented, or all four were skipped.
	3:* | 4:* | 0:0) echo "ok $n $name # SKIP ${why:-stress-ng skips it}" ;;
	*)
		echo "not ok $n $name: stress-ng ended with $status"
		sed 's/^/# /' /tmp/log ;;
	esac
done
