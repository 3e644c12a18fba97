/* SPDX-License-Identifier: GPL-2.0-only */
/* What went wrong, in one line: how a function says it to its caller, and how a command says it. */
#ifndef XENBATCH_ERROR_H
#define XENBATCH_ERROR_H

/* The exit codes. xenbatch(1) has them under EXIT STATUS. */
enum {
	EXIT_OK = 0,
	EXIT_PAST_LIMIT = 1,	/* diff: a change is past a limit */
	EXIT_ERROR = 2,		/* wrong usage, input or output; one line on stderr says what */
};

/* Why a function failed. It can quote text from outside, and is printable all the same. */
struct error {
	char text[400];		/* one line without its end; a longer reason is cut */
};

/* Puts the reason in error. Always returns -1. */
int failed(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What complain() begins with from here on: "xenbatch COMMAND"; before that, "xenbatch". */
void complain_as(const char *command);

/* Prints a line on stderr, printable. Always returns EXIT_ERROR; after a warning, ignore it. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* XENBATCH_ERROR_H */
