/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record as text. xenbatch(1) has the schema of JSON and the columns of CSV,
 * under FORMATS.
 */
#ifndef XENBATCH_OUTPUT_H
#define XENBATCH_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "error.h"
#include "stats.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };

/* The version of the JSON schema. */
#define RECORD_VERSION	1

/* One record is one line, so that a series is JSON lines. */
void stats_write_json(FILE *f, const struct stats *stats);

/*
 * The record in the length bytes at text, which need not end in a NUL. 0, and
 * *stats is to be freed; or -1, the reason in error, and nothing to free.
 */
int stats_read_json(const char *text, size_t length, struct stats *stats, struct error *error);

/*
 * The record in the last line of a file that is not blank; path "-" is standard
 * input. As stats_read_json(), and the error does not name the file.
 */
int stats_read_file(const char *path, struct stats *stats, struct error *error);

void stats_write_csv(FILE *f, const struct stats *stats, bool header);

/* One field; one with a quote, a comma or a line break in it is quoted (RFC 4180). */
void csv_field(FILE *f, const char *text);

/* At most 100 columns. */
void stats_write_table(FILE *f, const struct stats *stats);

/* first: nothing was written to f before, so CSV has its header. */
void stats_write(FILE *f, const struct stats *stats, enum output_format format, bool first);

#endif /* XENBATCH_OUTPUT_H */
