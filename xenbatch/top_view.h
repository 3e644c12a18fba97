/* SPDX-License-Identifier: GPL-2.0-only */
/* What top shows, as lines of ASCII. This does not need a terminal, so it can be tested. */
#ifndef XENBATCH_TOP_VIEW_H
#define XENBATCH_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "stats.h"

enum top_key {
	TOP_BATCHES,
	TOP_HYPERCALL,
	TOP_MULTICALL,
	TOP_MMU_UPDATE,
	TOP_MMUEXT_OP,
	TOP_PTWR,
	TOP_SIZE,
	TOP_ID,
	NR_TOP_KEYS
};

/* The key to press, and the name. */
extern const char top_key_char[NR_TOP_KEYS];
extern const char *const top_key_name[NR_TOP_KEYS];

struct top_view {
	enum top_key key;	/* sorts by it, the largest first; TOP_ID: the smallest first */
	int selected;		/* a domid; if it is not there, the first line is selected */
	bool help;
	const char *state;	/* "paused" and the like, or "" */
};

enum { TOP_PLAIN, TOP_BOLD, TOP_REVERSE };

struct screen {
	int lines, columns;
	char *text;		/* each line has columns characters and a NUL */
	unsigned char *look;	/* of each line: TOP_PLAIN, ... */
};

/* 0, or -1: no memory. */
int screen_resize(struct screen *screen, int lines, int columns);
void screen_free(struct screen *screen);
const char *screen_line(const struct screen *screen, int line);

/* The indices of stats->domain[] in the order of the view. Free it. NULL: no memory. */
size_t *top_order(const struct stats *stats, enum top_key key);

/* The domid that is steps lines below the selected one, or at the end of the lines. */
int top_move(const struct stats *stats, const struct top_view *view, int steps);

/* stats may be NULL: nothing was counted yet. 80x24 shows everything, less shows less. */
void top_draw(struct screen *screen, const struct stats *stats, const struct top_view *view);

#endif /* XENBATCH_TOP_VIEW_H */
