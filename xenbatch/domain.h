/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which domain a user means. The rule is xl's, and xenbatch(1) has it under DOMAINS: what is
 * all digits is the id of a domain, and anything else is its name. So a domain that is named
 * "7" can only be given by its id.
 */
#ifndef XENBATCH_DOMAIN_H
#define XENBATCH_DOMAIN_H

#include "options.h"
#include "stats.h"

/* Whether it is an id, and not a name. */
bool is_domid(const char *what);

bool domain_is(const struct domain_stats *domain, const char *what);

/* The first domain of a record that is meant, NULL: it has none. */
struct domain_stats *domain_find(const struct stats *stats, const char *what);

/* Takes all other domains out of a record; none, if nothing is wanted in particular. */
void domains_select(struct stats *stats, const struct strings *wanted);

#endif /* XENBATCH_DOMAIN_H */
