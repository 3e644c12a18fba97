# SPDX-License-Identifier: GPL-2.0-only
# The blocks of scripts/figures that no other script prints: a function each, of the same name,
# with bench.json or report.json as its input, and lines of text as its output.

# A version without the suffix that Debian adds.
def plain: sub("[-+,].*"; "");

# fixed(2) of 7.5 is 7.50.
def fixed($digits): . * pow(10; $digits) | round | tostring
	| ("0" * ([$digits + 1 - length, 0] | max) // "") + .
	| if $digits == 0 then . else .[:-$digits] + "." + .[-$digits:] end;
# Three digits, and M or G. Below 100 thousand, all digits.
def short:
	if . < 100000 then tostring
	elif . < 1000000 then "\(. / 1000000 | fixed(3)) M"
	elif . < 10000000 then "\(. / 1000000 | fixed(2)) M"
	elif . < 100000000 then "\(. / 1000000 | fixed(1)) M"
	elif . < 1000000000 then "\(. / 1000000 | fixed(0)) M"
	else "\(. / 1000000000 | fixed(2)) G" end;
def million: "\(. / 1000000 | fixed(2)) M";
def thousand: "\(. / 1000 | round) thousand";

# A figure that is not there is an error, not a gap in a table.
def of($workload; $arm; what): [.workloads[] | select(.workload == $workload) | .[$arm] | what | values]
	| first // error("there is no such figure of \($workload) on \($arm)");
def instructions($workload; $arm): of($workload; $arm; .instructions);
def native($workload; $arm): of($workload; $arm; .native);
def irqs_off($workload; $arm): of($workload; $arm; .irqs_off.instructions);
# Entries for updates of page tables.
def entries: .mmu_update + .multicall + .update_va_mapping + .ptwr;
def entries($workload; $arm): of($workload; $arm; .entries | entries);

def row: "| \(join(" | ")) |";
def header: row, "|\(map(" --- |") | add)";

# The line above a table: what a run, or a benchmark, ran on.
def on: .host | "Debian's Linux \([.linux, .stock, .upstream] | map(values | plain) | join(" and ")) on Xen \(.xen | plain)\(if .xen | test(", patched") then " with `xen-patches/`" else "" end)";
def run: "\(on), with ACCEL=\(.host.accel):";
def arms: run;
def versions: "\(on), counted by QEMU's icount:";

def summary: "On stock, `configure` enters Xen \(entries("configure"; "stock") | thousand) times for updates of page tables; "
	+ "with the series, \(entries("configure"; "patched") | thousand) times. "
	+ "The series costs time with interrupts off. In `mprotect-ro` the longest such time is "
	+ "\(irqs_off("mprotect-ro"; "patched") | thousand) instructions instead of \(irqs_off("mprotect-ro"; "stock") | thousand); in `munmap` it is "
	+ "\(irqs_off("munmap"; "patched") | thousand) instead of \(irqs_off("munmap"; "stock") | thousand).";

# The targets do not come from a run: they are written here.
def targets:
	(["", "target, for 2048 pages", "stock", "patched"] | header),
	(["empty section; one more inside", "35 instructions each"]
	 + [("stock", "patched") as $arm | "\(instructions("empty-section"; $arm)); \(instructions("nested-empty-section"; $arm))"] | row),
	(("fork-exit under 70 entries, 5.5 M", "munmap under 70 entries, 3.6 M",
	  "mremap under 140 entries, 4.2 M", "mprotect-ro under 17 entries, 2.4 M") as $target
	 | ($target / " ")[0] as $workload
	 | [$workload, $target[($workload | length) + 1:]]
	 + [("stock", "patched") as $arm | "\(entries($workload; $arm)), \(instructions($workload; $arm) | million)"] | row);

# Two runs of one arm may differ by half a per cent, or by three entries: that counts as even.
def compared($what; $to; figure; $least): [.workloads[] | (.patched | figure) as $is | (.[$to] | figure) as $was
		| select($is != null and $was != null)
		| {workload, is: (if $is - $was | fabs | . <= $least or . <= $was * 0.005 then "even"
			elif $is < $was then "ahead" else "behind" end)}] as $all
	| if $all == [] then error("there is nothing to compare \($what) with in \($to)") else . end
	| ["\($what), against \($to)"] + [("ahead", "even", "behind") as $is | [$all[] | select(.is == $is) | .workload]
		| if . == [] then "-" elif length * 2 > ($all | length) then "the others" else join(", ") end] | row;
def even:
	(["patched", "ahead", "even", "behind"] | header),
	("stock", "upstream") as $to
	| compared("instructions"; $to; .instructions; 0),
	compared("entries for updates"; $to; .entries // null | values | entries; 3),
	compared("instructions without Xen"; $to; .native; 0);

# 2048 updates are 16 full flushes.
def floor:
	(["", "a flush, per update", "16 flushes", "without Xen", "together", "patched", "together, of patched", "the rest, per page"] | header),
	(("mprotect-ro", "madvise-dontneed", "munmap") as $workload
	 | (irqs_off($workload; "patched") * 16) as $flushes | native($workload; "patched") as $native
	 | instructions($workload; "patched") as $all | ($flushes + $native) as $floor
	 | [$workload, ($flushes / 2048 | round | tostring), ($flushes | million), ($native | million), ($floor | million),
	    ($all | million), "\($floor / $all * 100 | round) %", (($all - $floor) / 2048 | round | tostring)] | row);

def designs:
	["stock", "patched", "upstream", "patched-7.3"] as $arms
	| (["", "6.12", "6.12 with this series", "7.3", "7.3 with this series"] | header),
	(("empty-section", "nested-empty-section", "mprotect-ro", "fork-exit", "vmap") as $workload
	 | [$workload] + [$arms[] as $arm | instructions($workload; $arm) | short] | row),
	(["mprotect-ro, without Xen"] + [$arms[] as $arm | native("mprotect-ro"; $arm) | short] | row);

def right($width): " " * ([$width - length, 0] | max) + .;
def left($width): . + " " * ([$width - length, 0] | max);
# The text of a letter: wrapped at 79 columns.
def wrapped: reduce splits(" ") as $word ([""];
		if .[-1] == "" then .[-1] = $word
		elif .[-1] + " " + $word | length <= 79 then .[-1] += " " + $word
		else . + [$word] end) | .[];
def cover:
	"                      \(.host.linux | plain | left(16))with this series",
	((["empty-section", "empty section"], ["nested-empty-section", "one more inside"], ["fork-exit", "fork and exit"],
	  ["munmap", "munmap"], ["madvise-dontneed", "madvise, dontneed"], ["mremap", "mremap, unaligned"], ["mprotect-ro", "mprotect"],
	  ["vmap", "vmap, vunmap"], ["map-file", "8 MiB file, mapped"], ["map-large-folios", "in large folios"], ["exec", "100 times exec"],
	  ["configure", "a configure script"]) as $row
	 | "  \($row[1] | left(20))" + ([("stock", "patched") as $arm
		| (instructions($row[0]; $arm) | short | right(8)), (entries($row[0]; $arm) | tostring | right(8))] | add)),
	"",
	("A flush of 128 updates has interrupts off for \(irqs_off("mprotect-ro"; "patched") | thousand) instructions in mprotect() "
	 + "and for \(irqs_off("munmap"; "patched") | thousand) in munmap(). The longest times of \(.host.linux | plain) are "
	 + "\(irqs_off("mprotect-ro"; "stock") | thousand) and \(irqs_off("munmap"; "stock") | thousand). fork() has \(irqs_off("fork-exit"; "stock") | thousand) "
	 + "there, and \(irqs_off("fork-exit"; "patched") | thousand) with the series, to pin page tables." | wrapped),
	"",
	([.workloads[] | select((.workload | endswith("empty-section") | not) and .stock.native and .patched.native)
	  | (.patched.native / .stock.native - 1) * 100] as $change
	 | (first(.workloads[] | select(.workload == "empty-section")) | [.stock.native, .patched.native]) as [$before, $after]
	 | "On bare metal a section is jumps past the calls of Xen PV: an empty one takes \($after) instructions instead of \($before). "
	 + "The same operations differ from \(.host.linux | plain) there by "
	 + "\($change | min | fixed(1)) to +\($change | max | fixed(1)) % of their instructions." | wrapped);
