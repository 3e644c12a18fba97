# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # its variables are those of dom0/run
#
# For scenarios that count batches in the hypervisor; dom0/run sources it. $views are
# the views (docs/counting.md) that this Xen must have: "trace", or "trace hypfs".
#
#   trace_begin             start xentrace
#   trace_end NAME          stop it, and write what it recorded to NAME.trace.json
#   trace_stop              stop it, and leave what it recorded in $local/trace
#   windows GUEST DOMID FILE  write to GUEST.windows.json what the domain did in each workload of the
#                           trace of trace_stop, from its BEGIN to its END. FILE has the lines
#                           "bench: …" (include/cost.h). Removes the trace
#   hypfs_record NAME       write all counts of this moment to NAME.hypfs.json
#   bench_guests            run programs that print lines "bench: …" (include/cost.h) in the
#                           guests one and two. Run them in traced-one and traced-two, too,
#                           unless the arm is ARM+irqsoff, or $traces is "no", for windows
#   agree GUEST VIEW EXPECTED COUNTED
#                           record as GUEST=VIEW whether two JSON files,
#                           ARM.SCENARIO.EXPECTED.json and .COUNTED.json, are equal. If
#                           the last trace lost records, that is an error
#
# NAME.trace.json and NAME.hypfs.json are records of xenbatch. All files are in the
# results, as ARM.SCENARIO.NAME.VIEW.json.

trace_begin()
{
	# To a file in memory, since xentrace cannot write to 9p.
	xentrace -D -S 1024 -e "$(xenbatch trace-mask)" "$local/trace" >"$local/xentrace.log" 2>&1 </dev/null &
	echo $! >"$local/tracer"
	# Wait until it is up, and has seen on each processor which vCPU runs there. Its own hypercalls
	# are in the trace, too.
	within 20 test -s "$local/trace"
	sleep 1
}

trace_stop()
{
	sleep 1
	tracer=$(cat "$local/tracer")
	rm "$local/tracer"
	kill -INT "$tracer"
	wait "$tracer" || cat "$local/xentrace.log"
}

trace_end()
{
	trace_stop
	xenbatch report --json "$local/trace" >"$results/$arm.$scenario.$1.trace.json"
	lost=$(jq .lost "$results/$arm.$scenario.$1.trace.json")
	rm "$local/trace"
}

hypfs_record()
{
	xenbatch stat --source hypfs --total --json >"$results/$arm.$scenario.$1.hypfs.json"
}

agree()
{
	name=$results/$arm.$scenario
	jq -S . "$name.$3.json" >"$local/expected"
	jq -S . "$name.$4.json" >"$local/counted"
	batches=$(jq '[.batch[].size[]] | add // 0' "$local/expected")
	if [ "$2" = trace ] && [ "$lost" -ne 0 ]; then
		record "$1=$2" error 0 "the trace lost $lost records: the machine was too busy"
	elif [ "${batches:-0}" -eq 0 ] || [ ! -s "$local/counted" ]; then
		record "$1=$2" error 0 "nothing was counted: see $3.json and $4.json"
	elif cmp -s "$local/expected" "$local/counted"; then
		record "$1=$2" pass 0 "$batches batches are the same"
	else
		record "$1=$2" fail 0 "counted (+) instead of expected (-): $(
			diff -u "$local/expected" "$local/counted" | sed '1,2d' | grep '^[-+]' |
			tr -d '\n' | tr -s ' ' | cut -c1-200)"
	fi
}

windows()
{
	tr -d '\r' <"$3" |
		sed -n -E 's/^bench: ([a-z-]+) [0-9]+ ([0-9]+) ([0-9]+)$/\1 \2 \3/p' |
		while read -r workload begin end; do
			xenbatch report --json --domain="$2" --since="$begin" --until="$end" "$local/trace" |
				jq -c --arg workload "$workload" '{workload: $workload, record: .}'
		done >"$results/$arm.$scenario.$1.windows.json"
	rm "$local/trace"
}

# Two guests show which figures are the same each time; addresses are not random, so that most
# are. Two more guests are traced. The trace costs instructions, so only their entries into
# the hypervisor count. On ARM+irqsoff only the times with interrupts off count.
bench_guests()
{
	for guest in one two; do
		guest $guest 1 norandmaps
		forget $guest
	done
	case $arm:$traces in
	*+irqsoff:* | *:no) return ;;
	esac
	for guest in traced-one traced-two; do
		trace_begin
		guest $guest 1 norandmaps
		domid=$(xl domid "$arm.$scenario.$guest")
		trace_stop
		windows $guest "$domid" "$results/$arm.$scenario.$guest.log"
		forget $guest
	done
}
