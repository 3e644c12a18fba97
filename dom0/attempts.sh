# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # the script that sources this sets its variables
#
# The one policy for a guest that the judge wants to see again. dom0/run has it for guests
# under xl, scripts/run for machines without Xen, tests/emulated for other machines.
#
#   settle NAME [once]   wait for the guest NAME, and have it judged. A "retry" is recorded,
#                        its console kept as NAME.first.log, and the guest made once more;
#                        a second one is an error, and so is the first after "once".
#                        Leaves the outcome in $outcome, and its reason in $why
#
# The script that sources this has $judge, $results and $emulated (yes or no), may have $shows, and has
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
