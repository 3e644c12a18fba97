# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154 # its variables are those of dom0/run
#
# For scenarios that count batches in the hypervisor; dom0/run sources it. $views
# are those of docs/counting.md that this Xen must have: "trace", or "trace hypfs".
#
#   trace_begin             xentrace runs from here
#   trace_end NAME          to here, and NAME.trace.json is what it recorded
#   trace_stop              to here, and $local/trace is it
#   hypfs_record NAME       NAME.hypfs.json: all counts now
#   bench_guests            for programs that print lines "bench: …" (include/cost.h): the
#                           guests one and two; and, but for ARM+irqsoff, traced-one and
#                           traced-two, whose traces in those times are in
#                           ARM.SCENARIO.GUEST.windows.json
#   agree GUEST VIEW EXPECTED COUNTED
#                           the outcome of GUEST=VIEW: whether two JSON files,
#                           ARM.SCENARIO.EXPECTED.json and .COUNTED.json, are equal; an
#                           error if the last trace lost records
#
# NAME.trace.json and NAME.hypfs.json are records of xenbatch. All files are in the
# results, as ARM.SCENARIO.NAME.VIEW.json.

trace_begin()
{
	# To memory: it cannot write to 9p.
	xentrace -D -S 1024 -e "$(xenbatch trace-mask)" "$local/trace" >"$local/xentrace.log" 2>&1 </dev/null &
	echo $! >"$local/tracer"
	# Until it is up, and has seen on every processor who runs there.
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

# Two guests tell what is the same each time; so that it is, addresses are not random. Two
# more are traced, which costs instructions: what they enter the hypervisor for counts, and
# not how long it took. Of a kernel that tells for how long interrupts are off, that alone
# counts.
bench_guests()
{
	for guest in one two; do
		guest $guest 1 norandmaps
		forget $guest
	done
	case $arm in
	*+irqsoff) return ;;
	esac
	for guest in traced-one traced-two; do
		trace_begin
		guest $guest 1 norandmaps
		domid=$(xl domid "$arm.$scenario.$guest")
		trace_stop
		tr -d '\r' <"$results/$arm.$scenario.$guest.log" |
			sed -n -E 's/^bench: ([a-z-]+) [0-9]+ ([0-9]+) ([0-9]+)$/\1 \2 \3/p' |
			while read -r workload begin end; do
				xenbatch report --json --domain="$domid" --since="$begin" --until="$end" "$local/trace" |
					jq -c --arg workload "$workload" '{workload: $workload, record: .}'
			done >"$results/$arm.$scenario.$guest.windows.json"
		rm "$local/trace"
		forget $guest
	done
}
