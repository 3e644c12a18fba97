// SPDX-License-Identifier: GPL-2.0-only

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "domain.h"
#include "source.h"
#include "top_view.h"

struct top {
	double interval;
	uint64_t count;			/* 0: no end */
	unsigned int kind, key;		/* enum source_kind, enum top_key */
	const char *xentrace, *from;
	struct strings domain;

	struct source *source;
	struct stats stats;		/* of the last period */
	bool counted;			/* there was one */
	bool paused, ended, quit;
	struct top_view view;
	struct screen screen;
	struct error error;
};

static const char *key_choice(unsigned int i)
{
	return i < NR_TOP_KEYS ? top_key_name[i] : NULL;
}

static const struct option_def option_sort = { 's', "sort", "KEY",
	"what the domains are sorted by; default batches;\n"
	"size is the mean size of the batches", NULL, key_choice };

#define VALUE(member)	offsetof(struct top, member)

static const struct option_use options[] = {
	{ &option_domain, VALUE(domain) },
	{ &option_interval, VALUE(interval) },
	{ &option_count, VALUE(count) },
	{ &option_sort, VALUE(key) },
	{ &option_source, VALUE(kind) },
	{ &option_xentrace, VALUE(xentrace) },
	{ &option_from, VALUE(from) },
	{ }
};

/* In 1.0, -d was the delay. It is the domain now; for this release, not yet with a number. */
static const struct option_old old[] = {
	{ 'd', NULL, is_decimal, &option_interval },
	{ 0, "delay", NULL, &option_interval },
	{ }
};

static int draw(struct top *top)
{
	static const attr_t looks[] = {
		[TOP_PLAIN] = A_NORMAL, [TOP_BOLD] = A_BOLD, [TOP_REVERSE] = A_REVERSE};
	struct screen *screen = &top->screen;

	top->view.state = top->ended ? "end of file" : top->paused ? "paused" : "";
	if (screen_resize(screen, LINES, COLS)) {
		failed(&top->error, "no memory");
		return -1;
	}
	top_draw(screen, top->counted ? &top->stats : NULL, &top->view);
	for (int line = 0; line < screen->lines; line++) {
		attrset(looks[screen->look[line]]);
		/* Leave out the last place: some terminals scroll when it is written. */
		mvaddnstr(line, 0, screen_line(screen, line),
			  screen->columns - (line == screen->lines - 1));
	}
	attrset(A_NORMAL);
	move(LINES - 1, COLS - 1);
	refresh();

	return 0;
}

static void press(struct top *top, int key)
{
	struct top_view *view = &top->view;
	int steps = 0;

	if (key == KEY_RESIZE) {
		clear();
		return;
	}
	if (key == 'q') {
		top->quit = true;
		return;
	}
	if (view->help) {
		view->help = false;
		return;
	}
	for (int i = 0; i < NR_TOP_KEYS; i++)
		if (key == top_key_char[i])
			view->key = i;
	switch (key) {
	case '?':
		view->help = true;
		break;
	case 'p':
	case ' ':
		top->paused = !top->paused;
		break;
	case '\f':
		/* Redraws, for example after a kernel message on the same console. */
		clearok(curscr, TRUE);
		break;
	case KEY_UP:
	case 'k':
		steps = -1;
		break;
	case KEY_DOWN:
	case 'j':
		steps = 1;
		break;
	case KEY_PPAGE:
		steps = -10;
		break;
	case KEY_NPAGE:
		steps = 10;
		break;
	}
	if (steps && top->counted)
		view->selected = top_move(&top->stats, view, steps);
}

static int next_period(struct top *top)
{
	struct stats stats;
	int ret;

	/* A file waits while top is paused. Xen does not, so its periods are read and dropped. */
	if (top->ended || (top->paused && top->from))
		return 0;
	ret = source_period(top->source, &stats, &top->error);
	if (ret < 0)
		return -1;
	if (ret) {
		top->ended = true;
		return 0;
	}
	if (top->paused) {
		stats_free(&stats);
		return 0;
	}
	domains_select(&stats, &top->domain);
	stats_free(&top->stats);
	top->stats = stats;
	top->counted = true;

	return 0;
}

static int run(struct top *top)
{
	double next = seconds_now();
	uint64_t period = 0;
	int key;

	/* A file has its first record at once, Xen at the end of a period. */
	if (!top->from)
		next += top->interval;
	while (!top->quit) {
		if (draw(top))
			return -1;
		switch (source_wait(top->source, next, STDIN_FILENO, &top->error)) {
		case SOURCE_FAILED:
			return -1;
		case SOURCE_INTERRUPTED:
			return 0;
		case SOURCE_INPUT:
			while ((key = getch()) != ERR)
				press(top, key);
			break;
		case SOURCE_TIME:
			if (top->count && period++ == top->count)
				return 0;
			if (next_period(top))
				return -1;
			next += top->interval;
			/* As in stat: one long period. */
			if (next < seconds_now())
				next = seconds_now() + top->interval;
			break;
		}
	}
	return 0;
}

/* Returns NULL on failure; top->error says why. */
static SCREEN *open_terminal(struct top *top)
{
	const char *term = getenv("TERM");
	SCREEN *terminal;

	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		failed(&top->error,
		       "ncurses does not know the terminal, set TERM or use xenbatch stat: TERM=%s",
		       term ?: "");
		return NULL;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	/* If the terminal cannot hide the cursor, draw() leaves it in the corner. */
	curs_set(0);

	return terminal;
}

static void close_terminal(SCREEN *terminal)
{
	/* The shell goes on in the last line. */
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();
	delscreen(terminal);
}

static int top_main(int argc, char **argv)
{
	struct top top = { .interval = 1, .kind = SOURCE_AUTO, .key = TOP_BATCHES,
			   .view = { .selected = -1, .state = "" } };
	int first = options_parse(&cmd_top, argc, argv, &top), ret = -1;
	SCREEN *terminal;

	if (first <= 0)
		return first ? EXIT_ERROR : EXIT_OK;
	if (top.from && (top.kind != SOURCE_AUTO || top.xentrace))
		return complain("--from: the records come from the file, so give no --source "
				"and no --xentrace");
	top.view.key = top.key;
	/* Before xentrace is started for nothing. */
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return complain("standard input or output is not a terminal: use xenbatch stat");

	source_catch_signals();
	top.source = top.from ? source_open_replay(top.from, &top.error) :
				source_open(top.kind, top.xentrace, &top.error);
	terminal = top.source ? open_terminal(&top) : NULL;
	if (terminal) {
		ret = run(&top);
		close_terminal(terminal);
	}
	if (ret)
		complain("%s", top.error.text);
	source_close(top.source);
	stats_free(&top.stats);
	screen_free(&top.screen);

	return ret ? EXIT_ERROR : EXIT_OK;
}

const struct command cmd_top = {
	.name = "top",
	.what = "show each domain's batches as a live view",
	.arguments = "",
	.help = "Shows each domain's batches, period by period, and one domain's batches by size.\n"
		"The key ? lists the keys.\n",
	.options = options,
	.old = old,
	.run = top_main,
};
