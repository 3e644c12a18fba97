/* SPDX-License-Identifier: GPL-2.0-only */
/* Text from outside: names of domains, paths, what other programs print. */
#ifndef XENBATCH_TEXT_H
#define XENBATCH_TEXT_H

#include <stdbool.h>

/* How many bytes the UTF-8 character at p has; 0 if there is no valid character. */
int utf8_length(const char *p);

/*
 * Whether the character at p is a control character: ASCII's, DEL, and those of 8-bit
 * terminals (C1), which begin escape sequences as well.
 */
bool is_control(const char *p);

/*
 * Makes text safe to show on a terminal, in place: each control character, and each byte
 * that is not UTF-8, becomes '?'. Tables and messages go through here. Returns text.
 */
char *printable(char *text);

/* As printable(), but control characters stay: for formats that have a way to write them. */
char *only_utf8(char *text);

#endif /* XENBATCH_TEXT_H */
