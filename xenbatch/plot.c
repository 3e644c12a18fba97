// SPDX-License-Identifier: GPL-2.0-only

#include "plot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "text.h"

/* In pixels. A panel has a title, the bars, and the sizes below them. */
#define LEFT		80
#define WIDTH		860
#define RIGHT		20
#define TOP		80
#define LEGEND_ROW	18
#define PANEL		250
#define BARS_TOP	34
#define BARS_HEIGHT	160

/* Okabe and Ito's colours, which colour-blind people can tell apart. */
static const char *const colour[PLOT_MAX_ARMS] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
};

/* Writes text from outside: without mark-up, and without what XML 1.0 forbids. */
static void text(FILE *f, const char *from)
{
	while (*from) {
		int length = utf8_length(from);

		if (*from == '<')
			fputs("&lt;", f);
		else if (*from == '&')
			fputs("&amp;", f);
		else if (*from == '>')
			fputs("&gt;", f);	/* "]]>" is forbidden */
		else if (!length || (unsigned char)*from < ' ' ||
			 !strncmp(from, "\xef\xbf\xbe", 3) || !strncmp(from, "\xef\xbf\xbf", 3))
			fputc('?', f);
		else
			fwrite(from, 1, length, f);
		from += length ?: 1;
	}
}

/* "31", "65 to 127", "1073741824 and more". */
static void print_sizes(FILE *f, unsigned int bucket)
{
	fprintf(f, "%" PRIu32, bucket_first(bucket));
	if (bucket == NR_BUCKETS - 1)
		fprintf(f, " and more");
	else if (bucket >= NR_LINEAR)
		fprintf(f, " to %" PRIu32, bucket_first(bucket + 1) - 1);
}

/* The text below the axis: "31", "65+", "128+", "2k+". */
static void print_size(FILE *f, unsigned int bucket)
{
	uint32_t first = bucket_first(bucket);
	unsigned int unit = 0;

	for (; first >= 1024; first /= 1024)
		unit++;
	fprintf(f, "%" PRIu32 "%.*s%s", first, unit != 0, &" kMG"[unit],
		bucket < NR_LINEAR ? "" : "+");
}

struct panel {
	const struct counter *counter;	/* by size; the next counter has the sum of the sizes */
	unsigned int top;
	unsigned int nr_buckets;	/* shows buckets 0 to nr_buckets - 1 */
	double step;			/* pixels for one size; a range of sizes has RANGE steps */
	unsigned int decades;		/* the y axis ends at 10^decades */
};

static uint64_t size_count(const struct panel *panel, const struct plot_arm *arm,
			   unsigned int bucket)
{
	return counter_values(panel->counter, &arm->total)[bucket];
}

#define RANGE	3

static unsigned int steps(unsigned int nr_buckets)
{
	return nr_buckets + (nr_buckets > NR_LINEAR ? (RANGE - 1) * (nr_buckets - NR_LINEAR) : 0);
}

static double bucket_x(const struct panel *panel, unsigned int bucket)
{
	return LEFT + panel->step * steps(bucket);
}

/* Of all panels together, so that a size is at the same place in each. */
static unsigned int used_buckets(const struct plot_arm *arm, unsigned int nr_arms)
{
	unsigned int nr = 33;	/* what Linux makes, so that runs look alike */

	for (unsigned int a = 0; a < nr_arms; a++)
		for (unsigned int kind = 0; kind < NR_BATCH_KINDS; kind++)
			for (unsigned int i = nr; i < NR_BUCKETS; i++)
				if (arm[a].total.batch[kind].size[i])
					nr = i + 1;
	return nr;
}

/* A count of 1 has some height, so that it can be seen. */
static double height(const struct panel *panel, uint64_t count)
{
	double step = BARS_HEIGHT / (panel->decades + 0.15);

	return count ? (log10(count) + 0.15) * step : 0;
}

static void y_axis(FILE *f, const struct panel *panel)
{
	static const char *const unit[] = { "", "k", "M", "G", "T", "P", "E" };
	unsigned int bottom = panel->top + BARS_TOP + BARS_HEIGHT;
	uint64_t value = 1;

	for (unsigned int i = 0; i <= panel->decades; i++, value *= 10) {
		double y = bottom - height(panel, value);

		fprintf(f, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>\n",
			LEFT, y, LEFT + WIDTH, y);
		fprintf(f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s%s</text>\n", LEFT - 6,
			y + 4, i % 3 == 0 ? "1" : i % 3 == 1 ? "10" : "100", unit[i / 3]);
	}
	fprintf(f, "<text transform=\"translate(%d %u) rotate(-90)\" text-anchor=\"middle\">"
		"batches</text>\n", LEFT - 54, bottom - BARS_HEIGHT / 2);
}

/* Whether there is room to name a size. Names 31, since a lazy MMU section makes that size. */
static bool named(const struct panel *panel, unsigned int bucket)
{
	if (bucket >= NR_LINEAR)
		return panel->step * RANGE > 30 || bucket % 2;
	if (panel->step > 20)
		return bucket < 2 || bucket % 4 == 0 || bucket == 31;
	return bucket == 1 || bucket == 31 || (bucket % 8 == 0 && bucket && bucket != 32 && bucket != 64);
}

static void x_axis(FILE *f, const struct panel *panel)
{
	unsigned int bottom = panel->top + BARS_TOP + BARS_HEIGHT;

	fprintf(f, "<line x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\" stroke=\"#333\"/>\n", LEFT, bottom,
		LEFT + WIDTH, bottom);
	for (unsigned int i = 0; i < panel->nr_buckets; i++) {
		double x = (bucket_x(panel, i) + bucket_x(panel, i + 1)) / 2;

		if (!named(panel, i))
			continue;
		fprintf(f, "<line x1=\"%.1f\" y1=\"%u\" x2=\"%.1f\" y2=\"%u\" stroke=\"#333\"/>\n", x,
			bottom, x, bottom + 4);
		fprintf(f, "<text x=\"%.1f\" y=\"%u\" text-anchor=\"middle\">", x, bottom + 17);
		print_size(f, i);
		fputs("</text>\n", f);
	}
	fprintf(f, "<text x=\"%d\" y=\"%u\" text-anchor=\"middle\">%s in a batch</text>\n",
		LEFT + WIDTH / 2, bottom + 35, panel->counter[1].unit);
}

static void bars(FILE *f, const struct panel *panel, const struct plot_arm *arm,
		 unsigned int nr_arms)
{
	unsigned int bottom = panel->top + BARS_TOP + BARS_HEIGHT;

	for (unsigned int a = 0; a < nr_arms; a++) {
		fprintf(f, "<g fill=\"%s\">\n", colour[a]);
		for (unsigned int i = 0; i < panel->nr_buckets; i++) {
			double room = bucket_x(panel, i + 1) - bucket_x(panel, i);
			double width = room * 0.84 / nr_arms;
			uint64_t count = size_count(panel, &arm[a], i);
			double high = height(panel, count);

			if (!count)
				continue;
			/* A browser shows the title of the bar under the pointer. */
			fprintf(f, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"><title>",
				bucket_x(panel, i) + room * 0.08 + a * width, bottom - high, width, high);
			text(f, arm[a].label);
			fprintf(f, ": %" PRIu64 " of ", count);
			print_sizes(f, i);
			fputs("</title></rect>\n", f);
		}
		fputs("</g>\n", f);
	}
}

static void one_panel(FILE *f, struct panel *panel, const struct plot_arm *arm,
		      unsigned int nr_arms)
{
	uint64_t most = 1;

	for (unsigned int a = 0; a < nr_arms; a++)
		for (unsigned int i = 0; i < panel->nr_buckets; i++)
			if (size_count(panel, &arm[a], i) > most)
				most = size_count(panel, &arm[a], i);
	for (uint64_t rest = most - 1; rest; rest /= 10)
		panel->decades++;
	if (!panel->decades)
		panel->decades = 1;
	if (panel->decades > 19)
		panel->decades = 19;	/* 10^19 is the last that fits 64 bits */

	fprintf(f, "<text x=\"%d\" y=\"%u\" font-size=\"14\" font-weight=\"bold\">%s</text>\n", LEFT,
		panel->top + 16, panel->counter->name);
	y_axis(f, panel);
	bars(f, panel, arm, nr_arms);
	x_axis(f, panel);
	/* At the right end of the title line: the number of batches and their mean size. */
	fprintf(f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">", LEFT + WIDTH, panel->top + 16);
	for (unsigned int a = 0; a < nr_arms; a++) {
		fprintf(f, "<tspan fill=\"%s\">%s", colour[a], a ? "   " : "");
		/* There is room for three such numbers. */
		if (nr_arms <= 3)
			fprintf(f, "%" PRIu64 " batches, ", counter_sum(panel->counter, &arm[a].total));
		fprintf(f, "mean %.1f</tspan>", counter_mean(panel->counter + 1, &arm[a].total));
	}
	fputs("</text>\n", f);
}

void plot_svg(FILE *f, const char *title, const struct plot_arm *arm, unsigned int nr_arms)
{
	unsigned int nr_buckets = used_buckets(arm, nr_arms);
	/* The legend has three arms in a row. */
	unsigned int top = TOP + (nr_arms - 1) / 3 * LEGEND_ROW;
	unsigned int width = LEFT + WIDTH + RIGHT, high = top + NR_BATCH_KINDS * PANEL;

	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\" "
		"xml:space=\"preserve\">\n", width, high, width, high);
	fprintf(f, "<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n", width, high);
	fprintf(f, "<text x=\"%d\" y=\"28\" font-size=\"18\" font-weight=\"bold\">", LEFT);
	text(f, title);
	fputs("</text>\n", f);
	for (unsigned int a = 0; a < nr_arms; a++) {
		unsigned int x = LEFT + a % 3 * (WIDTH / 3), y = 44 + a / 3 * LEGEND_ROW;

		fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x, y,
			colour[a]);
		fprintf(f, "<text x=\"%u\" y=\"%u\">", x + 17, y + 10);
		text(f, arm[a].label);
		fputs("</text>\n", f);
	}
	for (unsigned int i = 0; i < NR_COUNTERS; i++) {
		struct panel panel = {
			.counter = &counters[i],
			.top = top,
			.nr_buckets = nr_buckets,
			.step = (double)WIDTH / steps(nr_buckets),
		};

		if (counters[i].kind != COUNTER_BY_SIZE)
			continue;
		one_panel(f, &panel, arm, nr_arms);
		top += PANEL;
	}
	fputs("</svg>\n", f);
}
