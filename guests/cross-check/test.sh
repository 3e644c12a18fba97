#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Opens the window of test.ko, runs a workload that reaches every user of lazy MMU
# mode, closes the window, and prints what the guest counted in it.

echo "TAP version 13"
echo "1..2"
callers=../callers/test
echo hold >/proc/window
if "$callers" 150 >/tmp/callers; then
	echo "ok 1 callers"
else
	cat /tmp/callers
	echo "not ok 1 callers"
fi
echo hold >/proc/window
cat /proc/window
case $(cat /proc/window) in
*'"lost":0}') echo "ok 2 every flush was followed" ;;
*) echo "not ok 2 every flush was followed" ;;
esac
