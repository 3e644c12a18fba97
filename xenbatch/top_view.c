// SPDX-License-Identifier: GPL-2.0-only

#include "top_view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

const char top_key_char[NR_TOP_KEYS] = {
	[TOP_BATCHES] = 'b', [TOP_HYPERCALL] = 'h', [TOP_MULTICALL] = 'c', [TOP_MMU_UPDATE] = 'm',
	[TOP_MMUEXT_OP] = 'x', [TOP_PTWR] = 't', [TOP_SIZE] = 's', [TOP_ID] = 'i',
};

const char *const top_key_name[NR_TOP_KEYS] = {
	[TOP_BATCHES] = "batches", [TOP_HYPERCALL] = "hypercall", [TOP_MULTICALL] = "multicall",
	[TOP_MMU_UPDATE] = "mmu_update", [TOP_MMUEXT_OP] = "mmuext_op", [TOP_PTWR] = "ptwr",
	[TOP_SIZE] = "size", [TOP_ID] = "id",
};

/* A screen with fewer lines shows no histograms. */
#define HISTOGRAM_MIN_LINES	21

/*
 * A line for each range of buckets. Linux's buffer holds 31 requests of mmu_update, or 32
 * calls. These sizes have lines of their own, so that full batches stand apart.
 */
static const struct range {
	unsigned int first, last;
	const char *name;
} ranges[] = {
	{ 0, 0, "0" }, { 1, 1, "1" }, { 2, 3, "2-3" }, { 4, 7, "4-7" }, { 8, 15, "8-15" },
	{ 16, 30, "16-30" }, { 31, 31, "31" }, { 32, 32, "32" }, { 33, 64, "33-64" },
	{ 65, 66, "65-255" }, { 67, 70, "-4095" }, { 71, NR_BUCKETS - 1, "4096-" },
};

#define NR_RANGES	(int)(sizeof(ranges) / sizeof(ranges[0]))

/* The screen */

int screen_resize(struct screen *screen, int lines, int columns)
{
	char *text;
	unsigned char *look;

	lines = lines > 0 ? lines : 1;
	columns = columns > 0 ? columns : 1;
	text = realloc(screen->text, (size_t)lines * (columns + 1));
	if (!text)
		return -1;
	screen->text = text;
	look = realloc(screen->look, lines);
	if (!look)
		return -1;
	screen->look = look;
	screen->lines = lines;
	screen->columns = columns;

	return 0;
}

void screen_free(struct screen *screen)
{
	free(screen->text);
	free(screen->look);
	memset(screen, 0, sizeof(*screen));
}

const char *screen_line(const struct screen *screen, int line)
{
	return screen->text + (size_t)line * (screen->columns + 1);
}

static void screen_clear(struct screen *screen)
{
	for (int line = 0; line < screen->lines; line++) {
		char *text = screen->text + (size_t)line * (screen->columns + 1);

		memset(text, ' ', screen->columns);
		text[screen->columns] = '\0';
		screen->look[line] = TOP_PLAIN;
	}
}

/* Writes what fits on the screen. Returns the column behind it, as if all had fitted. */
static int __attribute__((format(printf, 4, 5)))
put(struct screen *screen, int line, int column, const char *format, ...)
{
	char text[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length >= (int)sizeof(text))
		length = sizeof(text) - 1;
	printable(text);
	for (int i = 0; i < length && line >= 0 && line < screen->lines; i++) {
		/* A place on the screen is one byte, so ASCII. */
		char c = text[i] <= '~' && text[i] > 0 ? text[i] : '?';

		if (column + i >= 0 && column + i < screen->columns)
			screen->text[(size_t)line * (screen->columns + 1) + column + i] = c;
	}
	return column + length;
}

/* Numbers */

/* In at most 6 characters up to 10^15: rates can be 0.3 or 10^9. */
static const char *number(char *text, size_t size, double value)
{
	static const char suffixes[] = "kMGT";
	int suffix = -1;

	if (value > 0 && value < 99.95) {
		snprintf(text, size, "%.1f", value);
		return text;
	}
	for (; value >= (suffix < 0 ? 99999.5 : 999.95) && suffix < 3; suffix++)
		value /= 1000;
	if (suffix < 0)
		snprintf(text, size, "%.0f", value);
	else
		snprintf(text, size, "%.1f%c", value, suffixes[suffix]);

	return text;
}

static uint64_t sum(const uint64_t *value, size_t nr)
{
	uint64_t all = 0;

	while (nr--)
		all += *value++;
	return all;
}

static double value_of(const struct vcpu_stats *total, enum top_key key)
{
	uint64_t batches = 0, requests = 0;

	switch (key) {
	case TOP_HYPERCALL:
		return sum(total->hypercall, NR_HYPERCALLS);
	case TOP_MULTICALL:
		return batch_count(&total->batch[BATCH_MULTICALL]);
	case TOP_MMU_UPDATE:
		return batch_count(&total->batch[BATCH_MMU_UPDATE]);
	case TOP_MMUEXT_OP:
		return batch_count(&total->batch[BATCH_MMUEXT_OP]);
	case TOP_PTWR:
		return total->ptwr;
	default:
		break;
	}
	for (int kind = 0; kind < NR_BATCH_KINDS; kind++) {
		batches += batch_count(&total->batch[kind]);
		requests += total->batch[kind].requests;
	}
	if (key == TOP_BATCHES)
		return batches;

	return batches ? (double)requests / batches : 0;
}

/* The order */

struct place {
	double value;
	size_t i;	/* the index in stats->domain[], which is by domid */
};

static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return x->i < y->i ? -1 : 1;
}

size_t *top_order(const struct stats *stats, enum top_key key)
{
	struct place *place = calloc(stats->nr_domains + 1, sizeof(*place));
	size_t *order = calloc(stats->nr_domains + 1, sizeof(*order));

	if (!place || !order) {
		free(place);
		free(order);
		return NULL;
	}
	for (size_t i = 0; i < stats->nr_domains; i++) {
		struct vcpu_stats total;

		domain_total(&stats->domain[i], &total);
		place[i].value = key == TOP_ID ? 0 : value_of(&total, key);
		place[i].i = i;
	}
	qsort(place, stats->nr_domains, sizeof(*place), compare);
	for (size_t i = 0; i < stats->nr_domains; i++)
		order[i] = place[i].i;
	free(place);

	return order;
}

/* The line of the selected domain. */
static size_t selected_line(const struct stats *stats, const size_t *order, int domid)
{
	for (size_t i = 0; i < stats->nr_domains; i++)
		if (stats->domain[order[i]].domid == domid)
			return i;
	return 0;
}

int top_move(const struct stats *stats, const struct top_view *view, int steps)
{
	size_t *order = top_order(stats, view->key);
	int domid = view->selected;

	if (order && stats->nr_domains) {
		long line = (long)selected_line(stats, order, view->selected) + steps;

		if (line < 0)
			line = 0;
		if (line > (long)stats->nr_domains - 1)
			line = stats->nr_domains - 1;
		domid = stats->domain[order[line]].domid;
	}
	free(order);

	return domid;
}

/* The parts of the screen */

/* The columns behind the name: a rate, then a rate and a mean for each kind, and a rate. */
#define NUMBERS_WIDTH	62

static void draw_header(struct screen *screen, int line, int name_width, bool rates)
{
	const char *per = rates ? "/s" : "count";
	int column = 7 + name_width;

	put(screen, line, column - 1, " %9s%15s%15s%15s %7s", "hypercall", "multicall  ",
	    "mmu_update  ", "mmuext_op  ", "ptwr");
	put(screen, line + 1, 0, "%6s %-*s %8s%9s%6s%9s%6s%9s%6s %7s", "id", name_width, "name",
	    per, per, "mean", per, "mean", per, "mean", per);
	screen->look[line] = TOP_BOLD;
	screen->look[line + 1] = TOP_BOLD;
}

static void draw_domain(struct screen *screen, int line, int name_width,
			const struct domain_stats *domain, double seconds, bool selected)
{
	struct vcpu_stats total;
	char text[32];
	int column;

	domain_total(domain, &total);
	column = put(screen, line, 0, "%c%5u %-*.*s", selected ? '>' : ' ', domain->domid,
		     name_width, name_width, domain->name);
	column = put(screen, line, column, " %8s",
		     number(text, sizeof(text), value_of(&total, TOP_HYPERCALL) / seconds));
	for (int kind = 0; kind < NR_BATCH_KINDS; kind++) {
		const struct batch_stats *batch = &total.batch[kind];
		uint64_t count = batch_count(batch);

		column = put(screen, line, column, " %8s",
			     number(text, sizeof(text), count / seconds));
		column = put(screen, line, column, " %5s",
			     count ? number(text, sizeof(text), batch_mean(batch)) : "-");
	}
	put(screen, line, column, " %7s", number(text, sizeof(text), total.ptwr / seconds));
	if (selected)
		screen->look[line] = TOP_REVERSE;
}

/* How many were refused, and what the last one of any vCPU was. */
static void draw_refused(struct screen *screen, int line, int column,
			 const struct domain_stats *domain, const struct vcpu_stats *total)
{
	column = put(screen, line, column, ", %" PRIu64 " refused", refused_count(total));
	for (unsigned int v = 0; v < domain->nr_vcpus; v++) {
		const struct refusal *last = &domain->vcpu[v].refused[0];

		if (!last->nr)
			continue;
		put(screen, line, column, ": %s %s", hypercall_name(last->op) ?: "?",
		    error_name(last->error) ?: "?");
		break;
	}
}

static void draw_histograms(struct screen *screen, int line, const struct domain_stats *domain,
			    double seconds, bool rates)
{
	/* A line has a label, and a number and a bar for each kind. */
	int width = (screen->columns - 7) / NR_BATCH_KINDS, bar_width = width - 9;
	struct vcpu_stats total;
	int column;

	domain_total(domain, &total);
	column = put(screen, line, 0, "%.64s (%u), %u vCPU%s: batches%s by size", domain->name,
		     domain->domid, domain->nr_vcpus, domain->nr_vcpus == 1 ? "" : "s",
		     rates ? " a second" : "");
	if (refused_count(&total))
		draw_refused(screen, line, column, domain, &total);
	screen->look[line++] = TOP_BOLD;
	put(screen, line, 0, "%6s", "size");
	for (int row = 0; row < NR_RANGES; row++)
		put(screen, line + 1 + row, 0, "%6s", ranges[row].name);
	for (int kind = 0; kind < NR_BATCH_KINDS; kind++) {
		const uint64_t *size = total.batch[kind].size;
		uint64_t in_range[NR_RANGES], most = 0;
		int column = 7 + kind * width;

		for (int row = 0; row < NR_RANGES; row++) {
			in_range[row] = sum(&size[ranges[row].first],
					    ranges[row].last - ranges[row].first + 1);
			if (in_range[row] > most)
				most = in_range[row];
		}
		put(screen, line, column, "%7s %.*s", rates ? "/s" : "count",
		    bar_width > 0 ? bar_width : 0, batch_kind_name[kind]);
		for (int row = 0; row < NR_RANGES; row++) {
			int length = most ? (double)in_range[row] / most * bar_width + 0.5 : 0;
			char text[32];

			/* The smallest count still has a bar. */
			if (in_range[row] && length < 1)
				length = 1;
			if (!in_range[row])
				continue;
			put(screen, line + 1 + row, column, "%7s",
			    number(text, sizeof(text), in_range[row] / seconds));
			for (int i = 0; i < length && i < bar_width; i++)
				put(screen, line + 1 + row, column + 8 + i, "#");
		}
	}
}

static void draw_help(struct screen *screen)
{
	static const char *const lines[] = {
		"xenbatch top: each domain's hypercalls, and its batches with their mean size",
		"",
		"  up, down, page up, page down   select a domain",
		"  p                              pause, and go on",
		"  q                              quit",
		"",
		"  Sort by",
	};
	static const char *const meaning[NR_TOP_KEYS] = {
		[TOP_BATCHES] = "batches of all three kinds",
		[TOP_HYPERCALL] = "entries into Xen",
		[TOP_MULTICALL] = "batches that are a multicall",
		[TOP_MMU_UPDATE] = "batches that are an mmu_update",
		[TOP_MMUEXT_OP] = "batches that are an mmuext_op",
		[TOP_PTWR] = "page table writes that Xen emulated",
		[TOP_SIZE] = "the mean size of all batches",
		[TOP_ID] = "domain id",
	};
	int line = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put(screen, line++, 0, "%s", lines[i]);
	for (int key = 0; key < NR_TOP_KEYS; key++)
		put(screen, line++, 0, "  %c  %-12s %s", top_key_char[key], top_key_name[key],
		    meaning[key]);
	put(screen, line + 1, 0, "Press any key.");
	screen->look[0] = TOP_BOLD;
}

/* "2 domains" */
static int put_count(struct screen *screen, int column, uint64_t count, const char *one,
		     const char *more)
{
	char text[32];

	if (count < 100000)
		snprintf(text, sizeof(text), "%u", (unsigned int)count);
	else
		number(text, sizeof(text), count);
	return put(screen, 0, column, ", %s %s", text, count == 1 ? one : more);
}

static void draw_title(struct screen *screen, const struct stats *stats,
		       const struct top_view *view)
{
	struct vcpu_stats total;
	uint64_t refused = 0;
	int column;

	if (!stats) {
		put(screen, 0, 0, "xenbatch top: the first period is not over yet");
		goto state;
	}
	column = put(screen, 0, 0, "xenbatch top: %s", stats->source);
	if (stats->seconds > 0)
		column = put(screen, 0, column, ", %.1f s", stats->seconds);
	column = put_count(screen, column, stats->nr_domains, "domain", "domains");
	for (size_t i = 0; i < stats->nr_domains; i++) {
		domain_total(&stats->domain[i], &total);
		refused += refused_count(&total);
	}
	if (refused)
		column = put_count(screen, column, refused, "refused", "refused");
	if (stats->lost)
		column = put_count(screen, column, stats->lost, "record lost", "records lost");
	put(screen, 0, column, ", by %s", top_key_name[view->key]);

state:
	if (*view->state)
		put(screen, 0, screen->columns - (int)strlen(view->state) - 2, "[%s]", view->state);
	screen->look[0] = TOP_BOLD;
}

void top_draw(struct screen *screen, const struct stats *stats, const struct top_view *view)
{
	bool rates = stats && stats->seconds > 0, histograms = screen->lines >= HISTOGRAM_MIN_LINES;
	double seconds = rates ? stats->seconds : 1;
	int room = screen->lines - 4, name_width = screen->columns - 7 - NUMBERS_WIDTH;
	size_t first = 0, selected, *order;

	screen_clear(screen);
	if (view->help) {
		draw_help(screen);
		return;
	}
	draw_title(screen, stats, view);
	put(screen, screen->lines - 1, 0,
	    "q quit  p pause  up/down domain  sort: b h c m x t s i  ? keys");
	if (!stats || screen->lines < 5)
		return;

	order = top_order(stats, view->key);
	if (!order)
		return;
	if (histograms)
		room -= NR_RANGES + 2;
	if (name_width < 8)
		name_width = 8;
	if (name_width > 40)
		name_width = 40;
	draw_header(screen, 1, name_width, rates);
	selected = selected_line(stats, order, view->selected);
	if (selected >= (size_t)room)
		first = selected - room + 1;
	for (int line = 0; line < room && first + line < stats->nr_domains; line++)
		draw_domain(screen, 3 + line, name_width, &stats->domain[order[first + line]],
			    seconds, first + line == selected);
	if (histograms && stats->nr_domains)
		draw_histograms(screen, 3 + room, &stats->domain[order[selected]], seconds, rates);
	free(order);
}
