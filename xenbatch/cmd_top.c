// SPDX-License-Identifier: GPL-2.0-only

#include <ctype.h>
#include <curses.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "source.h"
#include "top_view.h"

static const char help[] =
	"Usage: xenbatch top [OPTION]...\n"
	"Show what each domain's batches are, period by period, and one domain's by size.\n"
	"The key ? lists the keys.\n"
	"\n"
	"  -d, --delay SECONDS    the length of a period; default 1\n"
	"  -n, --count COUNT      end after so many periods\n"
	"  -s, --sort KEY         batches, hypercall, multicall, mmu_update, mmuext_op, ptwr,\n"
	"                         size (mean size of the batches) or id; default batches\n"
	"      --source SOURCE    hypfs or trace; default hypfs if this Xen counts there\n"
	"      --xentrace PROGRAM run this one for a trace\n"
	"      --from FILE        show the records that stat --json wrote\n"
	"  -h, --help             print this\n";

enum { OPTION_SOURCE = 256, OPTION_XENTRACE, OPTION_FROM };

static const struct option options[] = {
	{ "delay", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "sort", required_argument, NULL, 's' },
	{ "source", required_argument, NULL, OPTION_SOURCE },
	{ "xentrace", required_argument, NULL, OPTION_XENTRACE },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

struct top {
	double delay;
	unsigned long count;		/* 0: no end */
	enum source_kind kind;
	const char *xentrace, *from;

	struct source *source;
	struct stats stats;		/* of the last period */
	bool counted;			/* there is one */
	bool paused, ended, quit;
	struct top_view view;
	struct screen screen;
	struct error error;
};

static int usage(const char *what, const char *value)
{
	complain("%s%s%s: see 'xenbatch top --help'", what, value ? " " : "",
		 value ? value : "");

	return EXIT_ERROR;
}

static int key_of(const char *name, enum top_key *key)
{
	for (int i = 0; i < NR_TOP_KEYS; i++) {
		if (!strcmp(name, top_key_name[i])) {
			*key = i;
			return 0;
		}
	}
	return -1;
}

/* EXIT_OK to go on, EXIT_ERROR, or -1: there is no more to do. */
static int parse(int argc, char **argv, struct top *top)
{
	char *end;
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, ":d:n:s:h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			top->delay = strtod(optarg, &end);
			if (end == optarg || *end || !(top->delay >= 0.1 && top->delay <= 86400))
				return usage("--delay: not 0.1 to 86400 seconds:", optarg);
			break;
		case 'n':
			errno = 0;
			top->count = strtoul(optarg, &end, 10);
			if (!isdigit((unsigned char)*optarg) || *end || errno || !top->count)
				return usage("--count: not a number above 0:", optarg);
			break;
		case 's':
			if (key_of(optarg, &top->view.key))
				return usage("--sort: no such key:", optarg);
			break;
		case OPTION_SOURCE:
			if (source_kind_of(optarg, &top->kind))
				return usage("--source: neither hypfs nor trace:", optarg);
			break;
		case OPTION_XENTRACE:
			top->xentrace = optarg;
			break;
		case OPTION_FROM:
			top->from = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return -1;
		case ':':
			return usage("a value is missing:", argv[optind - 1]);
		default:
			return usage("no such option:", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage("what is this:", argv[optind]);
	if (top->from && (top->kind != SOURCE_AUTO || top->xentrace))
		return usage(
			"--from has its records from the file, so neither --source nor --xentrace",
			NULL);

	return EXIT_OK;
}

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
		/* Some terminals scroll when their last place is written. */
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
		/* A kernel message on the same console, say. */
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

	/* The file waits for us, Xen does not. */
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
	stats_free(&top->stats);
	top->stats = stats;
	top->counted = true;

	return 0;
}

static int run(struct top *top)
{
	double next = seconds_now();
	unsigned long period = 0;
	int key;

	/* A record of a file is there at once, Xen's first one when a period is over. */
	if (!top->from)
		next += top->delay;
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
			next += top->delay;
			if (next < seconds_now())
				next = seconds_now();
			break;
		}
	}
	return 0;
}

int cmd_top(int argc, char **argv)
{
	struct top top = {.delay = 1, .view = {.key = TOP_BATCHES, .selected = -1, .state = ""}};
	SCREEN *terminal = NULL;
	const char *term = getenv("TERM");
	int ret;

	ret = parse(argc, argv, &top);
	if (ret)
		return ret < 0 ? EXIT_OK : ret;

	source_catch_signals();
	top.source = top.from ? source_open_replay(top.from, &top.error) :
				source_open(top.kind, top.xentrace, &top.error);
	if (!top.source) {
		ret = -1;
		goto out;
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		failed(&top.error, "standard input or output is no terminal: use xenbatch stat");
		ret = -1;
		goto out;
	}
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		failed(&top.error,
		       "TERM=%s: ncurses has no such terminal: set TERM, or use xenbatch stat",
		       term ? term : "");
		ret = -1;
		goto out;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	/* Where it can be hidden; else it rests in the corner. */
	curs_set(0);
	ret = run(&top);
	/* The shell's next line comes here. */
	move(LINES - 1, 0);
	clrtoeol();
	refresh();
	endwin();

out:
	if (ret)
		complain("%s", top.error.text);
	if (terminal)
		delscreen(terminal);
	source_close(top.source);
	stats_free(&top.stats);
	screen_free(&top.screen);

	return ret ? EXIT_ERROR : EXIT_OK;
}
