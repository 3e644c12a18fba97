/* SPDX-License-Identifier: GPL-2.0-only */
/* Records as text. xenbatch(1) has the JSON schema and the CSV columns under FORMATS. */
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

/* A record is one line, so a series of records is JSON lines. */
void stats_write_json(FILE *f, const struct stats *stats);

/* A domain's name, as UTF-8, which JSON must be. NULL, which is JSON's null: it is not known. */
struct json_object *name_object(const struct domain_stats *domain);

/*
 * Reads a record from length bytes, which need no NUL. 0: free stats with stats_free(). -1:
 * error says why; there is nothing to free.
 */
int stats_read_json(const char *text, size_t length, struct stats *stats, struct error *error);

/*
 * As stats_read_json(), from the last line of a file that is not blank. The path "-" is
 * standard input. error does not name the file.
 */
int stats_read_file(const char *path, struct stats *stats, struct error *error);

void stats_write_csv(FILE *f, const struct stats *stats, bool header);

/* Writes a field, in quotes if it has a quote, a comma or a line break (RFC 4180). */
void csv_field(FILE *f, const char *text);

/* A table of at most 100 columns. */
void stats_write_table(FILE *f, const struct stats *stats);

/*
 * The counts of each domain, all vCPUs added up. text: in Prometheus's text format 0.0.4, and
 * not as OpenMetrics. xenbatch(1) has the metrics.
 */
void stats_write_metrics(FILE *f, const struct stats *stats, bool text);

/* first: this is the first record in f, so CSV gets a header. */
void stats_write(FILE *f, const struct stats *stats, enum output_format format, bool first);

#endif /* XENBATCH_OUTPUT_H */
