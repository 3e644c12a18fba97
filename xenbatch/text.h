/* SPDX-License-Identifier: GPL-2.0-only */
/* Text from outside: names of domains, paths, what other programs print. */
#ifndef XENBATCH_TEXT_H
#define XENBATCH_TEXT_H

/* How many bytes the UTF-8 character at p has; 0 if there is no valid character. */
int utf8_length(const char *p);

/*
 * Makes text safe to show on a terminal, in place: each control character, and each byte
 * that is not UTF-8, becomes '?'. All that is shown goes through here. Returns text.
 */
char *printable(char *text);

/* As printable(), but control characters stay: for formats that have a way to write them. */
char *only_utf8(char *text);

#endif /* XENBATCH_TEXT_H */
