// SPDX-License-Identifier: GPL-2.0-only
/* Feeds the reader of JSON any text. A record that can be read can be written and read again. */

#include <stdlib.h>
#include <string.h>

#include "output.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats stats, again;
	struct error error = { "" };
	char *text = NULL;
	size_t length;
	FILE *f;

	if (stats_read_json((const char *)data, size, &stats, &error)) {
		if (!*error.text || strpbrk(error.text, "\n\r\033"))
			abort();
		return 0;
	}
	f = open_memstream(&text, &length);
	if (!f)
		abort();
	stats_write_json(f, &stats);
	fclose(f);
	if (stats_read_json(text, length, &again, &error) ||
	    again.nr_domains != stats.nr_domains)
		abort();
	free(text);
	stats_free(&stats);
	stats_free(&again);
	return 0;
}
