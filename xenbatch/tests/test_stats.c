// SPDX-License-Identifier: GPL-2.0-only
/* stats.c */

#define _GNU_SOURCE /* strerrorname_np() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Else a guest of Xen 3 is what xen.h takes this program for. */
#define __XEN_INTERFACE_VERSION__ 0x00040000
#include <xen/xen.h>

#include "stats.h"

static void buckets(void **state)
{
	static const struct {
		uint32_t size;
		unsigned int bucket;
	} expect[] = {
		{ 0, 0 }, { 1, 1 }, { 31, 31 }, { 63, 63 }, { 64, 64 }, { 65, 65 }, { 127, 65 },
		{ 128, 66 }, { 255, 66 }, { 256, 67 }, { 1 << 29, 88 }, { (1 << 30) - 1, 88 },
		{ 1 << 30, 89 }, { UINT32_C(1) << 31, 89 }, { UINT32_MAX, 89 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++)
		assert_int_equal(bucket_of(expect[i].size), expect[i].bucket);

	/* The first size of a bucket is in it; the size before is in the bucket before. */
	for (unsigned int i = 0; i < NR_BUCKETS; i++) {
		assert_int_equal(bucket_of(bucket_first(i)), i);
		if (i)
			assert_int_equal(bucket_of(bucket_first(i) - 1), i - 1);
	}
}

static void names_of_hypercalls(void **state)
{
	(void)state;

	for (unsigned int i = 0; i < NR_HYPERCALLS; i++)
		if (hypercall_name(i))
			assert_int_equal(hypercall_number(hypercall_name(i)), i);
	assert_string_equal(hypercall_name(HYPERCALL_MULTICALL), "multicall");
	assert_string_equal(hypercall_name(HYPERCALL_MMUEXT_OP), "mmuext_op");
	assert_string_equal(hypercall_name(HYPERCALL_MMU_UPDATE), "mmu_update");
	assert_string_equal(hypercall_name(HYPERCALL_UPDATE_VA_MAPPING), "update_va_mapping");
	assert_null(hypercall_name(NR_HYPERCALLS));
	assert_int_equal(hypercall_number("no such"), -1);
	assert_int_equal(batch_kind_of(HYPERCALL_UPDATE_VA_MAPPING), NR_BATCH_KINDS);
}

/* Xen's header has the same names. */
static void numbers_of_hypercalls(void **state)
{
	static const struct {
		const char *name;
		unsigned int nr;
	} of_xen[] = {
#define OF_XEN(name) { #name, __HYPERVISOR_##name }
		OF_XEN(set_trap_table),
		OF_XEN(mmu_update),
		OF_XEN(set_gdt),
		OF_XEN(stack_switch),
		OF_XEN(set_callbacks),
		OF_XEN(fpu_taskswitch),
		OF_XEN(sched_op_compat),
		OF_XEN(platform_op),
		OF_XEN(set_debugreg),
		OF_XEN(get_debugreg),
		OF_XEN(update_descriptor),
		OF_XEN(memory_op),
		OF_XEN(multicall),
		OF_XEN(update_va_mapping),
		OF_XEN(set_timer_op),
		OF_XEN(event_channel_op_compat),
		OF_XEN(xen_version),
		OF_XEN(console_io),
		OF_XEN(physdev_op_compat),
		OF_XEN(grant_table_op),
		OF_XEN(vm_assist),
		OF_XEN(update_va_mapping_otherdomain),
		OF_XEN(iret),
		OF_XEN(vcpu_op),
		OF_XEN(set_segment_base),
		OF_XEN(mmuext_op),
		OF_XEN(xsm_op),
		OF_XEN(nmi_op),
		OF_XEN(sched_op),
		OF_XEN(callback_op),
		OF_XEN(xenoprof_op),
		OF_XEN(event_channel_op),
		OF_XEN(physdev_op),
		OF_XEN(hvm_op),
		OF_XEN(sysctl),
		OF_XEN(domctl),
		OF_XEN(kexec_op),
		OF_XEN(tmem_op),
		OF_XEN(argo_op),
		OF_XEN(xenpmu_op),
		OF_XEN(dm_op),
		OF_XEN(hypfs_op),
		OF_XEN(arch_0),
		OF_XEN(arch_1),
		OF_XEN(arch_2),
		OF_XEN(arch_3),
		OF_XEN(arch_4),
		OF_XEN(arch_5),
		OF_XEN(arch_6),
		OF_XEN(arch_7),
	};
	unsigned int named = 0;
	(void)state;

	for (size_t i = 0; i < sizeof(of_xen) / sizeof(of_xen[0]); i++)
		assert_int_equal(hypercall_number(of_xen[i].name), of_xen[i].nr);
	for (unsigned int i = 0; i < NR_HYPERCALLS - 1; i++)
		named += !!hypercall_name(i);
	assert_int_equal(named, sizeof(of_xen) / sizeof(of_xen[0]));
}

static void count_and_mean(void **state)
{
	struct batch_stats batch = { };
	(void)state;

	assert_true(batch_mean(&batch) == 0);
	batch.size[1] = 3;
	batch.size[31] = 1;
	batch.requests = 34;
	batch.continuations = 100;	/* do not count as batches */
	assert_int_equal(batch_count(&batch), 4);
	assert_true(batch_mean(&batch) == 8.5);
}

static void vcpus_are_made(void **state)
{
	struct stats stats;
	(void)state;

	stats_init(&stats, "trace");
	stats_vcpu(&stats, 5, 2)->ptwr = 52;
	stats_vcpu(&stats, 1, 0)->ptwr = 10;
	stats_vcpu(&stats, 9, 0)->ptwr = 90;
	stats_vcpu(&stats, 5, 3)->ptwr = 53;

	/* Sorted by domid, and each growth kept the counts. */
	assert_int_equal(stats.nr_domains, 3);
	assert_int_equal(stats.domain[0].domid, 1);
	assert_int_equal(stats.domain[1].domid, 5);
	assert_int_equal(stats.domain[2].domid, 9);
	assert_int_equal(stats.domain[1].nr_vcpus, 4);
	assert_int_equal(stats.nr_vcpus, 6);
	assert_int_equal(stats_vcpu(&stats, 5, 2)->ptwr, 52);
	assert_int_equal(stats_vcpu(&stats, 5, 0)->ptwr, 0);
	assert_int_equal(stats.nr_vcpus, 6);
	assert_null(stats_find(&stats, 4));

	assert_null(stats_vcpu(&stats, 5, STATS_MAX_VCPUS));
	assert_null(stats_vcpu(&stats, 7, UINT32_MAX));
	assert_int_equal(stats.nr_domains, 3);
	stats_free(&stats);
	assert_int_equal(stats.nr_vcpus, 0);
}

static void vcpus_are_limited(void **state)
{
	unsigned int made = 0;
	struct stats stats;
	(void)state;

	stats_init(&stats, "trace");
	for (unsigned int domid = 0; domid < 2 * STATS_MAX_ALL_VCPUS / STATS_MAX_VCPUS; domid++)
		made += !!stats_vcpu(&stats, domid, STATS_MAX_VCPUS - 1);
	assert_int_equal(made, STATS_MAX_ALL_VCPUS / STATS_MAX_VCPUS);
	assert_int_equal(stats.nr_domains, made);
	assert_null(stats_vcpu(&stats, 100, 0));
	stats_free(&stats);
}

static void total_of_a_domain(void **state)
{
	struct vcpu_stats total;
	struct stats stats;
	(void)state;

	stats_init(&stats, "trace");
	stats_vcpu(&stats, 1, 0)->hypercall[64] = 1;
	stats_vcpu(&stats, 1, 2)->hypercall[64] = 2;
	stats_vcpu(&stats, 1, 2)->page_fault = 7;
	domain_total(stats_find(&stats, 1), &total);
	assert_int_equal(total.hypercall[64], 3);
	assert_int_equal(total.page_fault, 7);
	stats_free(&stats);
}

static void any_vcpu_counts(void **state)
{
	struct stats stats;
	(void)state;

	stats_init(&stats, "trace");
	stats_vcpu(&stats, 1, 2);
	assert_false(domain_counted(stats_find(&stats, 1)));
	stats_vcpu(&stats, 1, 2)->ptwr = 1;
	assert_true(domain_counted(stats_find(&stats, 1)));
	stats_free(&stats);
}

static void subtract(void **state)
{
	struct stats before, now;
	(void)state;

	stats_init(&before, "hypfs");
	stats_init(&now, "hypfs");
	stats_vcpu(&before, 1, 0)->batch[BATCH_MULTICALL].size[2] = 10;
	stats_vcpu(&now, 1, 0)->batch[BATCH_MULTICALL].size[2] = 25;
	stats_vcpu(&now, 1, 1)->ptwr = 4;		/* a new vCPU */
	stats_vcpu(&now, 2, 0)->ptwr = 5;		/* a new domain */
	stats_vcpu(&before, 3, 0)->ptwr = 6;		/* a domain that ended */
	stats_vcpu(&before, 4, 0)->ptwr = 9;		/* no difference is below 0 */
	stats_vcpu(&now, 4, 0)->ptwr = 8;
	stats_vcpu(&before, 5, 0)->ptwr = 100;		/* another domain has that id now */
	stats_vcpu(&now, 5, 0)->ptwr = 150;
	strcpy(stats_find(&before, 5)->uuid, "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6e");
	strcpy(stats_find(&now, 5)->uuid, "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d6f");
	stats_vcpu(&before, 6, 1)->ptwr = 10; /* xenstore did not tell its UUID before */
	stats_vcpu(&now, 6, 1)->ptwr = 30;
	strcpy(stats_find(&now, 6)->uuid, "8dc3b7d2-0a4f-4a5b-9c0e-1f2a3b4c5d70");
	before.lost = 1;
	now.lost = 3;
	before.unattributed = 5;
	now.unattributed = 12;

	stats_subtract(&now, &before);
	assert_int_equal(stats_vcpu(&now, 1, 0)->batch[BATCH_MULTICALL].size[2], 15);
	assert_int_equal(stats_vcpu(&now, 1, 1)->ptwr, 4);
	assert_int_equal(stats_vcpu(&now, 2, 0)->ptwr, 5);
	assert_null(stats_find(&now, 3));
	assert_int_equal(stats_vcpu(&now, 4, 0)->ptwr, 0);
	assert_int_equal(stats_vcpu(&now, 5, 0)->ptwr, 150);
	assert_int_equal(stats_vcpu(&now, 6, 1)->ptwr, 20);
	assert_int_equal(now.lost, 2);
	assert_int_equal(now.unattributed, 7);
	stats_free(&before);
	stats_free(&now);
}

static void the_table_has_each_value_once(void **state)
{
	static unsigned char owners[NR_VALUES];
	(void)state;

	for (unsigned int c = 0; c < NR_COUNTERS; c++) {
		const struct counter *counter = &counters[c];

		/* It fits a name in hypfs, with its NUL. */
		assert_true(strlen(counter->name) < 32);
		assert_true(*counter->unit);
		for (unsigned int other = 0; other < c; other++) {
			assert_string_not_equal(counter->name, counters[other].name);
			assert_string_not_equal(counter->diff, counters[other].diff);
			assert_memory_not_equal(counter->json, counters[other].json,
						sizeof(counter->json));
		}
		if (counter->kind == COUNTER_SIZES)
			assert_int_equal(counter[-1].kind, COUNTER_BY_SIZE);
		for (unsigned int i = 0; i < counter->nr; i++)
			owners[counter->offset / sizeof(uint64_t) + i]++;
	}
	for (size_t i = 0; i < sizeof(owners); i++)
		assert_int_equal(owners[i], 1);
}

static const struct counter *find_counter(const char *name)
{
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		if (!strcmp(counters[i].name, name))
			return &counters[i];
	fail_msg("no counter %s", name);
	return NULL;
}

static void refusals(void **state)
{
	struct vcpu_stats vcpu = {}, before;
	(void)state;

	/* Out of order, as a ring is read: the last eight stay, the newest first. */
	for (uint64_t i = 0; i < 10; i++)
		keep_refusal(&vcpu, &(struct refusal){ 1 + (i * 7) % 10, 1, 22, i, 0 });
	keep_refusal(&vcpu, &(struct refusal){ 0, 1, 22, 0, 0 });
	for (unsigned int i = 0; i < NR_REFUSED; i++)
		assert_int_equal(vcpu.refused[i].nr, 10 - i);
	/* A difference has those that are new. */
	before = vcpu;
	keep_refusal(&vcpu, &(struct refusal){ 11, 1, 16, 5, 6 });
	vcpu_stats_subtract(&vcpu, &before);
	assert_int_equal(vcpu.refused[0].nr, 11);
	assert_int_equal(vcpu.refused[0].error, 16);
	assert_int_equal(vcpu.refused[1].nr, 0);
	vcpu_stats_subtract(&vcpu, &vcpu);
	assert_false(vcpu_counted(&vcpu));

	vcpu.mmu_update_errors[22] = 2;
	vcpu.mmuext_op_errors[3] = 1;
	vcpu.update_va_mapping_errors[1] = 4;
	vcpu.subcall_errors[22] = 1;
	assert_int_equal(refused_count(&vcpu), 7);
	vcpu.subcall_errors[NR_ERRORS - 1] = 9;
	assert_int_equal(refused_count(&vcpu), 10);
}

static void names_of_errors(void **state)
{
	(void)state;
	assert_string_equal(error_name(22), "EINVAL");
	assert_string_equal(error_name(95), "EOPNOTSUPP");
	assert_null(error_name(0));
	assert_null(error_name(96));
	assert_null(error_name(UINT32_MAX));
	for (int i = 0; i < 96; i++) {
		if (!error_name(i))
			continue;
		assert_int_equal(error_number(error_name(i)), i);
		/* Xen's numbers are Linux's. */
		assert_string_equal(error_name(i), strerrorname_np(i));
	}
	assert_int_equal(error_number("EWHAT"), -1);
}

static void sums_and_keys(void **state)
{
	struct vcpu_stats vcpu = { .ptwr = 3 };
	char key[COUNTER_KEY_SIZE];
	(void)state;

	vcpu.hypercall[HYPERCALL_UPDATE_VA_MAPPING] = 5;
	vcpu.hypercall[64] = 1;
	vcpu.subcall[HYPERCALL_UPDATE_VA_MAPPING] = 2;
	vcpu.batch[BATCH_MMU_UPDATE].size[31] = 3;
	vcpu.batch[BATCH_MMU_UPDATE].size[65] = 1;
	vcpu.batch[BATCH_MMU_UPDATE].requests = 193;
	assert_int_equal(counter_sum(find_counter("hypercall"), &vcpu), 6);
	assert_int_equal(counter_sum(find_counter("update_va_mapping"), &vcpu), 7);
	assert_int_equal(counter_sum(find_counter("mmu_update"), &vcpu), 4);
	assert_int_equal(counter_sum(find_counter("ptwr"), &vcpu), 3);
	assert_true(counter_mean(find_counter("mmu_update_requests"), &vcpu) == 48.25);
	assert_true(counter_mean(find_counter("multicall_calls"), &vcpu) == 0);

	assert_string_equal(counter_key(find_counter("subcall"), 26, key), "mmuext_op");
	assert_string_equal(counter_key(find_counter("subcall"), 11, key), "11");
	assert_string_equal(counter_key(find_counter("multicall"), 66, key), "128");
	assert_string_equal(counter_key(find_counter("ptwr"), 0, key), "");
	assert_string_equal(counter_key(find_counter("subcall_errors"), 16, key), "EBUSY");
	assert_string_equal(counter_key(find_counter("subcall_errors"), 15, key), "15");
	assert_string_equal(counter_key(find_counter("subcall_errors"), 40, key), "above_39");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets),
		cmocka_unit_test(names_of_hypercalls),
		cmocka_unit_test(numbers_of_hypercalls),
		cmocka_unit_test(count_and_mean),
		cmocka_unit_test(vcpus_are_made),
		cmocka_unit_test(vcpus_are_limited),
		cmocka_unit_test(total_of_a_domain),
		cmocka_unit_test(any_vcpu_counts),
		cmocka_unit_test(subtract),
		cmocka_unit_test(the_table_has_each_value_once),
		cmocka_unit_test(refusals),
		cmocka_unit_test(names_of_errors),
		cmocka_unit_test(sums_and_keys),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
