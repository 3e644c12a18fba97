// SPDX-License-Identifier: GPL-2.0-only
/* domain.c: the rule of DOMAINS in xenbatch(1). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "domain.h"

/* Domain 0; 3, which is named "7"; 7; 9, of which no name is known; 12, named "a=b". */
static int make_stats(void **state)
{
	static const uint16_t domids[] = { 0, 3, 7, 9, 12 };
	static struct stats stats;

	stats_init(&stats, "hypfs");
	for (size_t i = 0; i < sizeof(domids) / sizeof(domids[0]); i++)
		stats_vcpu(&stats, domids[i], 0);
	strcpy(stats_find(&stats, 0)->name, "Domain-0");
	strcpy(stats_find(&stats, 3)->name, "7");
	strcpy(stats_find(&stats, 7)->name, "guest");
	strcpy(stats_find(&stats, 12)->name, "a=b");
	*state = &stats;
	return 0;
}

static int free_stats(void **state)
{
	stats_free(*state);
	return 0;
}

static void finds(void **state)
{
	static const struct {
		const char *what;
		int domid;	/* -1: none */
	} expect[] = {
		{ "0", 0 }, { "Domain-0", 0 }, { "domain-0", -1 }, { "Domain", -1 },
		/* All digits: an id, never a name. */
		{ "7", 7 }, { "3", 3 }, { "007", 7 }, { "8", -1 },
		{ "65543", -1 }, { "18446744073709551623", -1 }, { "-7", -1 }, { "+7", -1 },
		{ "7 ", -1 }, { "guest", 7 }, { "a=b", 12 }, { "9", 9 }, { "", -1 },
	};

	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		const struct domain_stats *found = domain_find(*state, expect[i].what);

		if ((found ? found->domid : -1) != expect[i].domid)
			fail_msg("\"%s\" is not %d", expect[i].what, expect[i].domid);
	}
}

static void selects(void **state)
{
	struct stats *stats = *state;
	struct strings wanted = { };

	domains_select(stats, &wanted);
	assert_int_equal(stats->nr_domains, 5);
	wanted = (struct strings){ 4, { "guest", "7", "none", "0" } };
	domains_select(stats, &wanted);
	assert_int_equal(stats->nr_domains, 2);
	assert_int_equal(stats->domain[0].domid, 0);
	assert_int_equal(stats->domain[1].domid, 7);
	assert_int_equal(stats->nr_vcpus, 2);
	wanted = (struct strings){ 1, { "none" } };
	domains_select(stats, &wanted);
	assert_int_equal(stats->nr_domains, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds, make_stats, free_stats),
		cmocka_unit_test_setup_teardown(selects, make_stats, free_stats),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
