# SPDX-License-Identifier: GPL-2.0-only
# bench.json as a bar chart, in SVG: instructions, entries, and the longest time with
# interrupts off, of each workload, relative to the first arm.

# Okabe and Ito's colours, which the colour-blind can tell apart too.
["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"] as $colours
| 12 as $bar | 300 as $wide | 70 as $top | 1240 as $page
| .arms as $arms | .workloads as $workloads
| ($bar * ($arms | length) + 10) as $group
| ($top + $group * ($workloads | length)) as $bottom
# A panel's bars, in per cent of the first arm: null where an arm has no figure, or the first has 0.
| def share(value): [$workloads[] | (.[$arms[0]] | value) as $of
	| [.[$arms[]] | value as $is | if ($of // 0) == 0 or $is == null then null else $is / $of * 100 end]];
def panel($x; $title; $share):
	# Longer bars are cut off there.
	([([$share[][] // 100] | max / 50 | ceil) * 50, 250] | min) as $most
	| ($wide / $most) as $scale
	| "<text x=\"\($x)\" y=\"\($top - 22)\" font-weight=\"bold\">\($title)</text>",
	(range(0; $most + 1; 50) as $tick | ($x + $tick * $scale) as $at
	| "<line x1=\"\($at)\" y1=\"\($top)\" x2=\"\($at)\" y2=\"\($bottom)\" stroke=\"\(if $tick == 100 then "#888" else "#ddd" end)\"/>",
	"<text x=\"\($at)\" y=\"\($top - 6)\" text-anchor=\"middle\">\($tick)</text>"),
	(range($workloads | length) as $w | range($arms | length) as $a
	| $share[$w][$a] | values
	| ($top + $group * $w + 5 + $bar * $a) as $y | ([., $most] | min * $scale) as $long
	| "<rect x=\"\($x)\" y=\"\($y)\" width=\"\($long)\" height=\"\($bar - 1)\" fill=\"\($colours[$a % 6])\"/>",
	(select(. > $most) | "<path d=\"M\($x + $long - 12) \($y + $bar) l4 -\($bar + 1)\" stroke=\"#fff\" stroke-width=\"3\"/>"),
	"<text x=\"\($x + $long + 4)\" y=\"\($y + 9)\" font-size=\"10\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\">\(round)</text>");
"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\($page)\" height=\"\($bottom + 10)\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\">",
"<rect width=\"\($page)\" height=\"\($bottom + 10)\" fill=\"#fff\"/>",
(range($arms | length) | "<rect x=\"\(150 + . * 130)\" y=\"14\" width=\"12\" height=\"12\" fill=\"\($colours[. % 6])\"/>",
"<text x=\"\(167 + . * 130)\" y=\"24\">\($arms[.])</text>"),
(range($workloads | length) | "<text x=\"140\" y=\"\($top + $group * (. + 0.5) + 4)\" text-anchor=\"end\">\($workloads[.].workload)</text>"),
panel(150; "instructions, per cent of \($arms[0])"; share(.instructions)),
panel(520; "entries into the hypervisor, per cent of \($arms[0])"; share([.entries[]] | add)),
panel(890; "longest with interrupts off, per cent of \($arms[0])"; share(.irqs_off.instructions)),
"</svg>"
