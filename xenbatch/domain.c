// SPDX-License-Identifier: GPL-2.0-only

#include "domain.h"

#include <stdlib.h>
#include <string.h>

bool is_domid(const char *what)
{
	return *what && !what[strspn(what, "0123456789")];
}

bool domain_is(const struct domain_stats *domain, const char *what)
{
	if (is_domid(what))
		return strtoul(what, NULL, 10) == domain->domid;
	/* A domain whose name is not known has the name "". */
	return *what && !strcmp(what, domain->name);
}

struct domain_stats *domain_find(const struct stats *stats, const char *what)
{
	for (size_t i = 0; i < stats->nr_domains; i++)
		if (domain_is(&stats->domain[i], what))
			return &stats->domain[i];
	return NULL;
}

void domains_select(struct stats *stats, const struct strings *wanted)
{
	for (size_t i = stats->nr_domains; i-- && wanted->nr;) {
		bool is_wanted = false;

		for (unsigned int w = 0; w < wanted->nr && !is_wanted; w++)
			is_wanted = domain_is(&stats->domain[i], wanted->at[w]);
		if (!is_wanted)
			stats_drop(stats, i);
	}
}
