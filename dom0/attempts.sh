# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # the script that sources this sets its variables
#
# The one policy for guests that the emulator disturbed. dom0/run uses it for guests under xl,
# scripts/run for machines without Xen, and tests/emulated for its machines. scripts/run has
# the same policy for dom0: it boots a disturbed dom0 once more.
#
#   settle NAME [once]   wait for the guest NAME, and have it judged. On a "retry", record it,
#                        keep its console as NAME.first.log, and make the guest once more. A
#                        second retry is an error. With "once", the first retry is an error.
#                        Leaves the outcome in $outcome, and its reason in $why
#
# The script that sources this sets $judge, $results, $emulated (yes or no) and perhaps $shows.
# It has these functions:
#   begin_guest NAME     start the guest
#   end_guest NAME       wait for it; leave how it ended in $end, for the judge, and its
#                        console in $results/NAME.log
#   record_guest NAME    write $outcome and $why down

settle()
{
	again=${2:-yes}
	end_guest "$1"
	while :; do
		verdict=$("$judge" "$results/$1.log" "$end" "$emulated" "${shows:-}")
		outcome=${verdict%%	*}
		why=${verdict#*	}
		[ "$outcome" = retry ] || return 0
		[ "$again" = yes ] || break
		again=no
		record_guest "$1"
		mv "$results/$1.log" "$results/$1.first.log"
		begin_guest "$1"
		end_guest "$1"
	done
	outcome=error
	why="not made again: $why"
}
