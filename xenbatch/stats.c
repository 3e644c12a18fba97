// SPDX-License-Identifier: GPL-2.0-only

#include "stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_ENTRY(...)
#define KIND_NAME(name, kind, unit)	[kind] = #name,

const char *const batch_kind_name[NR_BATCH_KINDS] = {
	VCPU_COUNTERS(NO_ENTRY, KIND_NAME, NO_ENTRY, NO_ENTRY, NO_ENTRY)
};

#define PLACE(member)	offsetof(struct vcpu_stats, member)
#define ALWAYS		false
#define ADDED		true

#define CALLS_ENTRY(name, unit, what)							\
	{ #name, COUNTER_BY_HYPERCALL, PLACE(name), NR_HYPERCALLS, 0,			\
	  { #name }, #name, #unit, false, what },
#define BATCH_ENTRIES(name, kind, unit)							\
	{ #name, COUNTER_BY_SIZE, PLACE(batch[kind].size), NR_BUCKETS, 0,			\
	  { "batch", #name, "size" }, #name, "batches", false, NULL },			\
	{ #name "_" #unit, COUNTER_SIZES, PLACE(batch[kind].requests), 1, 0,		\
	  { "batch", #name, "requests" }, #name "_mean", #unit, false, NULL },		\
	{ #name "_continuations", COUNTER_SINGLE, PLACE(batch[kind].continuations), 1, 0,	\
	  { "batch", #name, "continuations" }, #name "_continuations", "continuations", false,	\
	  NULL },
#define CALL_ENTRY(name, number, unit) \
	{ #name, COUNTER_CALL, 0, 0, number, { #name }, #name, #unit, false, NULL },
#define SINGLE_ENTRY(name, unit, since, what) \
	{ #name, COUNTER_SINGLE, PLACE(name), 1, 0, { #name }, #name, #unit, since, what },
#define ERRORS_ENTRY(name, op)								\
	{ #name, COUNTER_BY_ERROR, PLACE(name), NR_ERRORS, 0,				\
	  { "refused", #op }, #name, "refusals", ADDED, NULL },

const struct counter counters[NR_COUNTERS] = {
	VCPU_COUNTERS(CALLS_ENTRY, BATCH_ENTRIES, CALL_ENTRY, SINGLE_ENTRY, ERRORS_ENTRY)
};

uint64_t counter_sum(const struct counter *counter, const struct vcpu_stats *vcpu)
{
	const uint64_t *value = counter_values(counter, vcpu);
	uint64_t sum = 0;

	if (counter->kind == COUNTER_CALL)
		return vcpu->hypercall[counter->call] + vcpu->subcall[counter->call];
	for (unsigned int i = 0; i < counter->nr; i++)
		sum += value[i];
	return sum;
}

double counter_mean(const struct counter *sizes, const struct vcpu_stats *vcpu)
{
	uint64_t batches = counter_sum(sizes - 1, vcpu);

	return batches ? (double)*counter_values(sizes, vcpu) / batches : 0;
}

/* xen/include/public/xen.h of Xen 4.17 to 4.20. */
static const char *const names[] = {
	[0] = "set_trap_table",
	[1] = "mmu_update",
	[2] = "set_gdt",
	[3] = "stack_switch",
	[4] = "set_callbacks",
	[5] = "fpu_taskswitch",
	[6] = "sched_op_compat",
	[7] = "platform_op",
	[8] = "set_debugreg",
	[9] = "get_debugreg",
	[10] = "update_descriptor",
	[12] = "memory_op",
	[13] = "multicall",
	[14] = "update_va_mapping",
	[15] = "set_timer_op",
	[16] = "event_channel_op_compat",
	[17] = "xen_version",
	[18] = "console_io",
	[19] = "physdev_op_compat",
	[20] = "grant_table_op",
	[21] = "vm_assist",
	[22] = "update_va_mapping_otherdomain",
	[23] = "iret",
	[24] = "vcpu_op",
	[25] = "set_segment_base",
	[26] = "mmuext_op",
	[27] = "xsm_op",
	[28] = "nmi_op",
	[29] = "sched_op",
	[30] = "callback_op",
	[31] = "xenoprof_op",
	[32] = "event_channel_op",
	[33] = "physdev_op",
	[34] = "hvm_op",
	[35] = "sysctl",
	[36] = "domctl",
	[37] = "kexec_op",
	[38] = "tmem_op",
	[39] = "argo_op",
	[40] = "xenpmu_op",
	[41] = "dm_op",
	[42] = "hypfs_op",
	[48] = "arch_0",
	[49] = "arch_1",
	[50] = "arch_2",
	[51] = "arch_3",
	[52] = "arch_4",
	[53] = "arch_5",
	[54] = "arch_6",
	[55] = "arch_7",
	[64] = "above_63",
};

const char *hypercall_name(unsigned int nr)
{
	return nr < NR_HYPERCALLS ? names[nr] : NULL;
}

int hypercall_number(const char *name)
{
	for (unsigned int i = 0; i < NR_HYPERCALLS; i++)
		if (names[i] && !strcmp(names[i], name))
			return i;
	return -1;
}

/* xen/include/public/errno.h: those that a domain sees. */
static const char *const error_names[] = {
	[1] = "EPERM",	  [2] = "ENOENT",   [3] = "ESRCH",	  [4] = "EINTR",
	[5] = "EIO",	  [6] = "ENXIO",    [7] = "E2BIG",	  [8] = "ENOEXEC",
	[9] = "EBADF",	  [10] = "ECHILD",  [11] = "EAGAIN",	  [12] = "ENOMEM",
	[13] = "EACCES",  [14] = "EFAULT",  [16] = "EBUSY",	  [17] = "EEXIST",
	[18] = "EXDEV",	  [19] = "ENODEV",  [20] = "ENOTDIR",	  [21] = "EISDIR",
	[22] = "EINVAL",  [23] = "ENFILE",  [24] = "EMFILE",	  [28] = "ENOSPC",
	[30] = "EROFS",	  [31] = "EMLINK",  [33] = "EDOM",	  [34] = "ERANGE",
	[35] = "EDEADLK", [38] = "ENOSYS",  [39] = "ENOTEMPTY",	  [95] = "EOPNOTSUPP",
};

#define NR_ERROR_NAMES	(sizeof(error_names) / sizeof(error_names[0]))

const char *error_name(unsigned int error)
{
	return error < NR_ERROR_NAMES ? error_names[error] : NULL;
}

int error_number(const char *name)
{
	for (unsigned int i = 0; i < NR_ERROR_NAMES; i++)
		if (error_names[i] && !strcmp(error_names[i], name))
			return i;
	return -1;
}

void keep_refusal(struct vcpu_stats *vcpu, const struct refusal *refusal)
{
	struct refusal *at = vcpu->refused, *end = at + NR_REFUSED;

	while (at < end && at->nr > refusal->nr)
		at++;
	if (at == end || !refusal->nr)
		return;
	memmove(at + 1, at, (end - at - 1) * sizeof(*at));
	*at = *refusal;
}

uint64_t refused_count(const struct vcpu_stats *vcpu)
{
	uint64_t direct = 0, sub = 0;

	for (unsigned int i = 0; i < NR_ERRORS; i++) {
		direct += vcpu->mmu_update_errors[i] + vcpu->mmuext_op_errors[i] +
			  vcpu->update_va_mapping_errors[i];
		sub += vcpu->subcall_errors[i];
	}
	return direct > sub ? direct : sub;
}

uint32_t bucket_first(unsigned int bucket)
{
	if (bucket <= NR_LINEAR)
		return bucket;
	return UINT32_C(1) << (bucket - NR_LINEAR + 6);
}

const char *counter_key(const struct counter *counter, unsigned int i, char *key)
{
	if (counter->kind == COUNTER_BY_HYPERCALL && hypercall_name(i))
		return hypercall_name(i);
	if (counter->kind == COUNTER_BY_ERROR && i == NR_ERRORS - 1)
		return "above_39";
	if (counter->kind == COUNTER_BY_ERROR && error_name(i))
		return error_name(i);
	*key = '\0';
	if (counter->kind == COUNTER_BY_HYPERCALL || counter->kind == COUNTER_BY_ERROR)
		snprintf(key, COUNTER_KEY_SIZE, "%u", i);
	else if (counter->kind == COUNTER_BY_SIZE)
		snprintf(key, COUNTER_KEY_SIZE, "%" PRIu32, bucket_first(i));
	return key;
}

uint64_t batch_count(const struct batch_stats *batch)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < NR_BUCKETS; i++)
		sum += batch->size[i];
	return sum;
}

double batch_mean(const struct batch_stats *batch)
{
	uint64_t count = batch_count(batch);

	return count ? (double)batch->requests / count : 0;
}

/* A vcpu_stats begins with nothing but counts, so they can be treated as an array. */

void vcpu_stats_add(struct vcpu_stats *to, const struct vcpu_stats *from)
{
	uint64_t *t = (uint64_t *)to;
	const uint64_t *f = (const uint64_t *)from;

	for (size_t i = 0; i < NR_VALUES; i++)
		t[i] += f[i];
}

void vcpu_stats_subtract(struct vcpu_stats *to, const struct vcpu_stats *from)
{
	uint64_t *t = (uint64_t *)to;
	const uint64_t *f = (const uint64_t *)from;

	for (size_t i = 0; i < NR_VALUES; i++)
		t[i] = t[i] > f[i] ? t[i] - f[i] : 0;
	for (unsigned int i = 0; i < NR_REFUSED; i++)
		if (to->refused[i].nr <= from->refused[0].nr)
			to->refused[i] = (struct refusal){};
}

bool vcpu_counted(const struct vcpu_stats *vcpu)
{
	static const struct vcpu_stats nothing;

	return memcmp(vcpu, &nothing, sizeof(nothing));
}

bool domain_counted(const struct domain_stats *domain)
{
	for (unsigned int v = 0; v < domain->nr_vcpus; v++)
		if (vcpu_counted(&domain->vcpu[v]))
			return true;
	return false;
}

void domain_total(const struct domain_stats *domain, struct vcpu_stats *total)
{
	memset(total, 0, sizeof(*total));
	for (unsigned int i = 0; i < domain->nr_vcpus; i++)
		vcpu_stats_add(total, &domain->vcpu[i]);
}

void stats_init(struct stats *stats, const char *source)
{
	memset(stats, 0, sizeof(*stats));
	snprintf(stats->source, sizeof(stats->source), "%s", source);
	/* A trace has no results. */
	stats->no_refusals = !strcmp(source, "trace");
}

void stats_free(struct stats *stats)
{
	for (size_t i = 0; i < stats->nr_domains; i++)
		free(stats->domain[i].vcpu);
	free(stats->domain);
	memset(stats, 0, sizeof(*stats));
}

int stats_copy(struct stats *to, const struct stats *from)
{
	*to = *from;
	to->domain = calloc(from->nr_domains + 1, sizeof(*to->domain));
	to->nr_domains = 0;
	if (!to->domain)
		return -1;
	for (size_t i = 0; i < from->nr_domains; i++) {
		const struct domain_stats *domain = &from->domain[i];
		struct vcpu_stats *vcpu = calloc(domain->nr_vcpus + 1, sizeof(*vcpu));

		if (!vcpu) {
			stats_free(to);
			return -1;
		}
		if (domain->nr_vcpus)
			memcpy(vcpu, domain->vcpu, domain->nr_vcpus * sizeof(*vcpu));
		to->domain[i] = *domain;
		to->domain[i].vcpu = vcpu;
		to->nr_domains++;
	}
	return 0;
}

void stats_drop(struct stats *stats, size_t i)
{
	stats->nr_vcpus -= stats->domain[i].nr_vcpus;
	free(stats->domain[i].vcpu);
	stats->nr_domains--;
	memmove(&stats->domain[i], &stats->domain[i + 1],
		(stats->nr_domains - i) * sizeof(stats->domain[i]));
}

/* The place of a domain, or the place where it belongs. */
static size_t position(const struct stats *stats, uint16_t domid)
{
	size_t low = 0, high = stats->nr_domains;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (stats->domain[middle].domid < domid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct domain_stats *stats_find(const struct stats *stats, uint16_t domid)
{
	size_t i = position(stats, domid);

	return i < stats->nr_domains && stats->domain[i].domid == domid ? &stats->domain[i] : NULL;
}

static struct domain_stats *insert(struct stats *stats, uint16_t domid)
{
	size_t i = position(stats, domid);
	struct domain_stats *domain;

	domain = realloc(stats->domain, (stats->nr_domains + 1) * sizeof(*domain));
	if (!domain)
		return NULL;
	stats->domain = domain;
	memmove(&domain[i + 1], &domain[i], (stats->nr_domains - i) * sizeof(*domain));
	stats->nr_domains++;
	memset(&domain[i], 0, sizeof(*domain));
	domain[i].domid = domid;

	return &domain[i];
}

struct vcpu_stats *stats_vcpu(struct stats *stats, uint16_t domid, unsigned int vcpu)
{
	struct domain_stats *domain = stats_find(stats, domid);
	unsigned int old = domain ? domain->nr_vcpus : 0;
	struct vcpu_stats *all;

	if (vcpu < old)
		return &domain->vcpu[vcpu];
	if (vcpu >= STATS_MAX_VCPUS || stats->nr_vcpus + vcpu + 1 - old > STATS_MAX_ALL_VCPUS)
		return NULL;
	if (!domain)
		domain = insert(stats, domid);
	if (!domain)
		return NULL;
	all = realloc(domain->vcpu, (vcpu + 1) * sizeof(*all));
	if (!all)
		return NULL;
	memset(&all[old], 0, (vcpu + 1 - old) * sizeof(*all));
	domain->vcpu = all;
	domain->nr_vcpus = vcpu + 1;
	stats->nr_vcpus += vcpu + 1 - old;

	return &all[vcpu];
}

/* Whether another domain has the id now. */
static bool is_other(const struct domain_stats *domain, const struct domain_stats *old)
{
	return domain->uuid[0] && old->uuid[0] && strcmp(domain->uuid, old->uuid);
}

void stats_subtract(struct stats *now, const struct stats *before)
{
	for (size_t i = 0; i < now->nr_domains; i++) {
		struct domain_stats *domain = &now->domain[i];
		const struct domain_stats *old = stats_find(before, domain->domid);

		if (old && is_other(domain, old))
			continue;
		for (unsigned int v = 0; old && v < domain->nr_vcpus && v < old->nr_vcpus; v++)
			vcpu_stats_subtract(&domain->vcpu[v], &old->vcpu[v]);
	}
	now->lost = now->lost > before->lost ? now->lost - before->lost : 0;
	now->unattributed = now->unattributed > before->unattributed ?
			    now->unattributed - before->unattributed : 0;
}
