#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/figures: what it writes from made-up runs, which runs it refuses, and what its check
# finds.

# Makes a small project once. Each test works on a copy of it.
setup_file()
{
	top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	house=$BATS_FILE_TMPDIR/house
	mkdir -p "$house/docs/cover-letters/linux-6.12" "$house/out/20260101-000000" "$house/out/arms" "$house/build/bench"
	cp -r "$top/scripts" "$top/guests" "$top/kernel" "$house"
	ln -s 20260101-000000 "$house/out/latest"
	: >"$house/docs/benchmark.svg"
	marks '<!-- ' ' -->' run >"$house/README.md"
	marks '<!-- ' ' -->' arms versions summary instructions native entries irqs_off counters chart targets even floor designs \
		>"$house/docs/all.md"
	marks '# ' '' cover >"$house/docs/cover-letters/linux-6.12/sections.txt"
	make_run 20260101-000000 upstream patched-7.3
	make_run arms stock patched upstream upstream-fixed upstream-fast patched-7.3
	make_bench
}

setup()
{
	house=$BATS_TEST_TMPDIR/house
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	cp -a "$BATS_FILE_TMPDIR/house" "$house"
}

# marks BEGIN END NAME...: prints blocks that have no figures yet.
marks()
{
	local name

	for name in "${@:3}"; do
		printf '%s\n' "before $name" "$1figures $name of nothing, sum 000000000000$2" "old $name" "$1figures end$2" "after $name"
	done
}

# make_run FOLDER ARM...: a run of all default scenarios that passed.
make_run()
{
	local of arm

	for of in every patched xen; do
		for arm in "${@:2}" xen; do
			case $of:$arm in
			every:xen | patched:stock | patched:upstream* | patched:xen) ;;
			xen:xen | every:* | patched:patched*)
				"$house/scripts/scenarios" names groups= arms=$of | sed "s/^/$arm /" ;;
			esac
		done
	done | jq -R 'split(" ") | {arm: .[0], scenario: .[1], outcome: "pass", guests: [{guest: "one", outcome: "pass", why: ""}]}' |
		jq -s '{version: 2, host: {accel: "tcg", linux: "6.12.7-1", upstream: "7.3.1-1", xen: "4.20.0+68-1"}, scenarios: ., left_out: []}' \
			>"$house/out/$1/report.json"
}

# A workload's instructions are 10, 20, 30 million and so on, of the arms in their order.
make_bench()
{
	local folder

	for folder in patched patched-off; do
		mkdir -p "$house/build/bench/$folder/20260202-000000"
		ln -sfn 20260202-000000 "$house/build/bench/$folder/latest"
		echo '{}' >"$house/build/bench/$folder/latest/report.json"
	done
	jq -n '["stock", "patched", "upstream", "patched-7.3"] as $arms
		| {version: 5, host: {accel: "icount", linux: "6.12.7-1", upstream: "7.3.1-1", xen: "4.17.5, off"}, arms: $arms,
		workloads: [("empty-section", "nested-empty-section", "vmap", "mprotect-ro", "fork-exit", "mremap", "madvise-dontneed", "munmap",
			"map-file", "map-large-folios", "exec", "configure") as $workload | {workload: $workload}
			+ ([range(4) as $nr | {($arms[$nr]): {instructions: (($nr + 1) * 10000000), native: (($nr + 1) * 1000),
				counted: (if $nr == 1 then 20200000 else null end),
				entries: {mmu_update: (($nr + 1) * 100), multicall: 10, mmuext_op: 1, update_va_mapping: 10, other: 7, ptwr: 10, page_fault: 3},
				updates: 4000, updates_per_entry: 30, irqs_off: {instructions: (($nr + 1) * 12800), function: "where"},
				spread: {instructions: 0, entries: {}}}}] | add)]}' >"$house/build/bench/bench.json"
}

figures()
{
	run "$house/scripts/figures" "$@"
}

write_all()
{
	figures write "$house/out/latest" "$house/out/arms" "$house/build/bench"
	[ "$status" -eq 0 ]
}

# edit JSON FILTER: changes a file by a filter of jq.
edit()
{
	jq "$2" "$house/$1" >"$house/new"
	touch -r "$house/$1" "$house/new"
	mv "$house/new" "$house/$1"
}

# refused WHY PATH...: these paths are refused with WHY, and nothing is written.
refused()
{
	local before

	before=$(cat "$house/README.md" "$house"/docs/*.* "$house"/docs/*/*/*)
	figures write "${@:2}"
	[ "$status" -eq 2 ]
	[[ $output == *"$1"* ]]
	[ "$(cat "$house/README.md" "$house"/docs/*.* "$house"/docs/*/*/*)" = "$before" ]
}

# broken WHY: the check fails with WHY.
broken()
{
	figures check
	[ "$status" -eq 1 ]
	[[ $output == *"not ok: "*"$1"* ]]
}

@test "figures: what was written passes the check, and stands where its marks are" {
	write_all
	figures check
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "ok: README.md, 1 blocks ok: docs/all.md, 13 blocks ok: docs/cover-letters/linux-6.12/sections.txt, 1 blocks" ]
	[[ $(<"$house/README.md") == $'before run\n<!-- figures run of 20260101-000000 accel=tcg linux=6.12.7-1 upstream=7.3.1-1 xen=4.20.0+68-1, sum '*$' -->\n\nDebian\'s Linux 6.12.7 and 7.3.1 on Xen 4.20.0, with ACCEL=tcg:\n\n    scenario '*$' passed, 0 failed\n\n<!-- figures end -->\nafter run' ]]
	run grep -r "^old " "$house/README.md" "$house/docs"
	[ "$status" -eq 1 ]
	[ "$(grep -c '^before \|^after ' "$house/docs/all.md")" -eq 26 ]
}

@test "figures: tables are those that the reports print" {
	write_all
	diff <("$house/scripts/report" "$house/out/latest" table | sed 's/ *$//; s/^/    /') <(grep '^    ' "$house/README.md")
	grep -qx '    fork-exit  *10000000  *20000000  *+100 %  *30000000  *+200 %  *40000000  *+300 %' "$house/docs/all.md"
	grep -qx '    fork-exit  *20000000  *20200000  *1 %' "$house/docs/all.md"
	[ "$(sed -n '/figures entries/,/figures end/p' "$house/docs/all.md" | grep -c patched-7.3)" -gt 0 ]
	cmp <("$house/scripts/report-bench" "$house/build/bench" chart stock patched upstream patched-7.3) "$house/docs/benchmark.svg"
}

@test "figures: what is computed from a benchmark's figures" {
	write_all
	grep -qx '| fork-exit | under 70 entries, 5.5 M | 130, 10.00 M | 230, 20.00 M |' "$house/docs/all.md"
	grep -qx '| munmap | 200 | 0.41 M | 0.00 M | 0.41 M | 20.00 M | 2 % | 9565 |' "$house/docs/all.md"
	grep -qx '| vmap | 10.0 M | 20.0 M | 30.0 M | 40.0 M |' "$house/docs/all.md"
	grep -qx '| instructions, against stock | - | - | the others |' "$house/docs/all.md"
	grep -qx '| instructions, against upstream | the others | - | - |' "$house/docs/all.md"
	grep -qx '  fork and exit         10.0 M     130  20.0 M     230' "$house/docs/cover-letters/linux-6.12/sections.txt"
	# Each figure in a sentence is one of its own here.
	# shellcheck disable=SC2016 # jq's
	edit build/bench/bench.json '(.workloads[] | select(.workload == "configure")) |= (.stock.entries.mmu_update = 50000 | .patched.entries.mmu_update = 9000)
		| [["mprotect-ro", 1, 2], ["munmap", 3, 4], ["fork-exit", 5, 6]] as $of
		| .workloads |= map(.workload as $workload | reduce ($of[] | select(.[0] == $workload)) as $it (.;
			.stock.irqs_off.instructions = $it[1] * 1000 | .patched.irqs_off.instructions = $it[2] * 1000))
		| (.workloads[] | select(.workload == "vmap")).patched.native = 900
		| (.workloads[] | select(.workload == "exec")).patched.native = 2035'
	write_all
	[[ $(paste -s -d ' ' "$house/docs/all.md") == *"enters Xen 50 thousand times for updates of page tables; with the series, 9 thousand times. "*\
"is 2 thousand instructions instead of 1 thousand; in \`munmap\` it is 4 thousand instead of 3 thousand."* ]]
	[[ $(paste -s -d ' ' "$house/docs/cover-letters/linux-6.12/sections.txt") == *"for 2 thousand instructions in mprotect() and for 4 thousand in munmap(). "*\
"are 1 thousand and 3 thousand. fork() has 5 thousand there, and 6 thousand with the series"*\
"an empty one takes 2000 instructions instead of 1000. "*"by -10.0 to +103.5 % of their instructions."* ]]
}

@test "figures: a difference of half a per cent, or of three entries, is even" {
	edit build/bench/bench.json '.workloads |= map(.patched.instructions = 10050000 | .patched.entries.mmu_update = 103
		| if .workload == "vmap" then .patched.instructions += 1 | .patched.entries.mmu_update += 1 else . end)'
	write_all
	grep -qx '| instructions, against stock | - | the others | vmap |' "$house/docs/all.md"
	grep -qx '| entries for updates, against stock | - | the others | vmap |' "$house/docs/all.md"
}

@test "figures: without a path it takes the newest runs; blocks of other kinds stay" {
	figures write "$house/out/arms"
	grep '^<!-- figures arms of arms ' "$house/docs/all.md"
	grep -q '^<!-- figures floor of nothing, sum 000000000000 -->' "$house/docs/all.md"
	figures write
	[ "$status" -eq 0 ]
	figures check
	[ "$status" -eq 0 ]
	rm -r "$house/out" "$house/build"
	refused "neither out/latest nor build/bench is there"
	refused "$house/none has no report.json and no bench.json" "$house/none"
}

@test "figures: a run that is not all of the default scenarios, or not on XEN=stock, is refused" {
	edit out/latest/report.json '.scenarios |= map(select(.scenario != "boot"))'
	refused "is not a run of the default scenarios: it lacks patched-7.3 boot, it lacks upstream boot" "$house/out/latest"
	cp -a "$BATS_FILE_TMPDIR/house/out" "$house"
	edit out/latest/report.json '.scenarios += [{arm: "upstream+memory", scenario: "swap", outcome: "pass", guests: []}]'
	refused "it has upstream+memory swap" "$house/out/latest"
	cp -a "$BATS_FILE_TMPDIR/house/out" "$house"
	edit out/latest/report.json '.scenarios |= map(select(.arm != "patched-7.3"))'
	refused "is a run of the arms upstream:" "$house/out/latest"
	cp -a "$BATS_FILE_TMPDIR/house/out" "$house"
	edit out/latest/report.json '.host.xen = "4.17.5, batch statistics on"'
	refused "the docs have one with XEN=stock" "$house/out/latest"
}

@test "figures: a run in which something failed is refused" {
	edit out/latest/report.json '(.scenarios[] | select(.arm == "upstream" and .scenario == "boot")).outcome = "fail"'
	refused "has boot on upstream: fail" "$house/out/latest"
	edit out/latest/report.json '(.scenarios[] | select(.arm == "upstream" and .scenario == "boot")).outcome = "not run"'
	refused "has boot on upstream: not run" "$house/out/latest"
	edit out/arms/report.json '(.scenarios[] | select(.arm == "upstream-fixed" and .scenario == "boot")).outcome = "error"'
	refused "has boot on upstream-fixed: error" "$house/out/arms"
}

@test "figures: a benchmark that lacks an arm or a figure, or is not of its runs, is refused" {
	edit build/bench/bench.json '.arms |= .[:3]'
	refused 'run ARMS="stock patched upstream patched-7.3" make bench' "$house/build/bench"
	make_bench
	edit build/bench/bench.json '.workloads |= map(del(.patched.irqs_off))'
	refused "there is no such figure of munmap on patched" "$house/build/bench"
	make_bench
	edit build/bench/bench.json '.host.accel = "tcg"'
	refused "was not counted by icount" "$house/build/bench"
	make_bench
	touch -d '+1 minute' "$house/build/bench/patched/latest/report.json"
	refused "is newer than" "$house/build/bench"
}

@test "figures: two runs of one kind, or a report of an older version, are refused" {
	refused "are both of the kind run" "$house/out/latest" "$house/out/latest"
	edit out/latest/report.json '.version = 1'
	refused "is not of version 2" "$house/out/latest"
}

@test "figures check: a figure, a mark or the chart that was edited by hand is found" {
	write_all
	sed -i 's/ 20000000 / 19000000 /' "$house/docs/all.md"
	broken "the block instructions is not what was written"
	write_all
	sed -i 's/ of 20260101-000000 / of 20260303-000000 /' "$house/README.md"
	broken "the block run is not what was written"
	write_all
	echo '<!-- -->' >>"$house/docs/benchmark.svg"
	broken "the block chart is not what was written"
}

@test "figures check: blocks of one kind that are of two runs are found" {
	write_all
	cp "$house/docs/all.md" "$house/before"
	mv "$house/build/bench/patched-off/"{20260202-000000,20260303-000000}
	ln -sfn 20260303-000000 "$house/build/bench/patched-off/latest"
	figures write "$house/build/bench"
	[ "$status" -eq 0 ]
	figures check
	[ "$status" -eq 0 ]
	sed -n '/figures floor/,/figures end/p' "$house/docs/all.md" >"$house/docs/more.md"
	mv "$house/before" "$house/docs/all.md"
	broken "the block floor is of 20260303-000000 "
	[[ $output == *"and the block at docs/all.md, line "*" is of 20260202-000000 "* ]]
}

@test "figures check: marks that are unknown, not closed, misspelt or missing are found" {
	write_all
	cp "$house/docs/all.md" "$house/before"
	sed -i 's/^<!-- figures floor /<!-- figures flor /' "$house/docs/all.md"
	broken "there is no block flor; there are "
	cp "$house/before" "$house/docs/all.md"
	sed -i '/^<!-- figures floor /,/^<!-- figures end/{/^<!-- figures end/d}' "$house/docs/all.md"
	broken "the block floor is not closed before line"
	refused "the block floor is not closed before line" "$house/out/latest"
	cp "$house/before" "$house/docs/all.md"
	sed -i '$d' "$house/docs/all.md"
	sed -i '$d' "$house/docs/all.md"
	broken "the block designs is not closed"
	cp "$house/before" "$house/docs/all.md"
	echo '<!-- figures end -->' >>"$house/docs/all.md"
	broken "this end closes no block"
	cp "$house/before" "$house/docs/all.md"
	sed -i 's/^\(<!-- figures floor of .*\), sum /\1, sun /' "$house/docs/all.md"
	broken "this is not '<!-- figures NAME of RUN, sum SUM -->'"
	cp "$house/before" "$house/docs/all.md"
	sed -i '/^<!-- figures floor /,/^<!-- figures end/d' "$house/docs/all.md"
	broken "no file has the block floor"
}

@test "figures: a mailed cover letter has none of the marks" {
	write_all
	run "$house/scripts/series" letter linux-6.12 sections
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "before cover" ]
	[ "${lines[-1]}" = "after cover" ]
	[[ $output != *figures* ]]
}

@test "figures: a run with settings that change its guests is refused" {
	local name

	for name in VCPUS CMDLINE DOM0 KERNEL PVSHIM; do
		edit out/latest/report.json ".host.given = \"BASE=7.3 $name=4 \""
		refused "is of a run with $name: the docs have a plain one" "$house/out/latest"
	done
	edit build/bench/patched-off/latest/report.json '.host.given = "CMDLINE=preempt=lazy "'
	refused "is of a run with CMDLINE" "$house/build/bench"
}
