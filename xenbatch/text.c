// SPDX-License-Identifier: GPL-2.0-only

#include "text.h"

int utf8_length(const char *p)
{
	unsigned char first = *p;
	int length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 :
		     first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;

	/* The NUL at the end is no such byte either. */
	for (int i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (length > 2) {
		unsigned char second = p[1];

		/* Longer than needed, a surrogate, or past U+10FFFF. */
		if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
		    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
			return 0;
	}
	return length;
}

bool is_control(const char *p)
{
	unsigned char first = p[0], second = p[1];

	return first < ' ' || first == 127 || (first == 0xc2 && second < 0xa0);
}

char *printable(char *text)
{
	for (char *p = text; *p;) {
		int length = utf8_length(p);

		if (length && !is_control(p)) {
			p += length;
			continue;
		}
		for (int i = length ?: 1; i--;)
			*p++ = '?';
	}
	return text;
}

char *only_utf8(char *text)
{
	for (char *p = text; *p;) {
		int length = utf8_length(p);

		if (!length)
			*p = '?';
		p += length ?: 1;
	}
	return text;
}
