/* SPDX-License-Identifier: GPL-2.0-only */
/* What is written to stdout or stderr between capture() and captured(). One at a time. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FILE *capture_stream, *capture_file;
static int capture_saved;

static inline void capture(FILE *stream)
{
	fflush(stream);
	capture_stream = stream;
	capture_file = tmpfile();
	capture_saved = dup(fileno(stream));
	if (!capture_file || capture_saved < 0 || dup2(fileno(capture_file), fileno(stream)) < 0)
		abort();
}

/* Good until the next call. */
static inline const char *captured(void)
{
	static char text[1 << 17];
	ssize_t length;

	fflush(capture_stream);
	dup2(capture_saved, fileno(capture_stream));
	length = pread(fileno(capture_file), text, sizeof(text) - 1, 0);
	if (length < 0)
		abort();
	text[length] = '\0';
	close(capture_saved);
	fclose(capture_file);

	return text;
}

#endif /* CAPTURE_H */
