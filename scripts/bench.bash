# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # lib.bash sets top
#
# What the scripts that make a bench.json share: see bench.jq.

# bench_lines ARM FIELD LOG...: prints the "bench:" lines of those LOGs that exist as JSON.
bench_lines()
{
	local log

	for log in "${@:3}"; do
		[[ -e $log ]] || continue
		tr -d '\r' <"$log" |
			sed -n -E 's/^bench: ([a-z-]+) ([0-9]+) [0-9]+ [0-9]+$/\1 \2/p' |
			jq -R --arg arm "$1" --arg field "$2" 'split(" ")
				| {arm: $arm, workload: .[0], ($field): (.[1] | tonumber)}'
	done
}

# bench_windows ARM FILE...: prints the workloads of those FILEs that exist, windows.json of
# dom0/counting.sh.
bench_windows()
{
	local file

	for file in "${@:2}"; do
		[[ ! -e $file ]] || jq --arg arm "$1" '{arm: $arm} + .' "$file"
	done
}

# make_bench_json OUT REPORT TRACED: makes OUT/bench.json of OUT/lines.
make_bench_json()
{
	jq -s --slurpfile report "$2" --arg traced "$3" -f "$top/scripts/bench.jq" "$1/lines" >"$1/bench.json.new" ||
		die "the runs in $1 lack figures of a benchmark: run it again"
	rm "$1/lines"
	mv "$1/bench.json.new" "$1/bench.json"
}
