/* SPDX-License-Identifier: GPL-2.0-only */
/**
 * @file tests/batch-stats/main.c
 * @ref test-batch-stats
 *
 * @page test-batch-stats Hypercall batch statistics
 *
 * With `CONFIG_BATCH_STATS`, Xen counts for each vCPU of a PV domain its
 * hypercalls, the sub-calls of its multicalls, the sizes of its mmu_update,
 * mmuext_op and multicall batches, and what it refused, by error.  Dom0 reads
 * the counters through hypfs.
 *
 * Booted as dom0, the test reads the counters of its own vCPU, makes a list of
 * hypercalls, and reads them again.  The difference must be that list, the
 * read itself, and nothing else.  Of what was refused last, Xen must know which
 * hypercall it was, why, and what it asked for.
 *
 * Xen may preempt a batch, and the guest then makes it again.  Such a round
 * says nothing about the list, so it is repeated.
 *
 * Outcomes:
 *  - Skip: this Xen doesn't have the counters, or this domain isn't dom0.
 *  - Error: the entry can't be read or understood, or a hypercall didn't do
 *    what the test needs.
 *  - Failure: something else was counted than what was done.
 *
 * @see tests/batch-stats/main.c
 */
#include <xtf.h>

const char test_title[] = "Test batch-stats";

#define __HYPERVISOR_hypfs_op   42
#define HYPFS_OP_READ           1
#define HYPFS_PATH              "/domain/0/vcpu/0/batch-stats"

#define NR_OPS      65
#define NR_BUCKETS  65          /* Those which have a single size. */
#define NR_ERRORS   41

#define BAD_TYPE    7           /* No mmu_update request has it. */
#define BAD_CMD     0x7ff       /* No mmuext_op has it. */
#define BAD_LINEAR  0xffff800000000000UL /* Xen's own. */

/* As in Xen's public headers hypfs.h and batch-stats.h. */
struct hypfs_direntry {
    uint8_t type, encoding;
    uint16_t pad;
    uint32_t content_len, max_write_len;
};

struct stats_header {
    uint32_t version, desc_offset, desc_size, nr_desc, data_offset, data_size;
};

struct stats_desc {
    char name[32];
    uint32_t kind, nr, offset, linear;
};

struct stats_refusal {
    uint64_t nr;
    uint32_t op, error;
    uint64_t address, value;
};

/* What the test looks at: all counters, but no bucket above a size of 64. */
struct counts {
    uint64_t hypercall[NR_OPS], subcall[NR_OPS];
    uint64_t multicall[NR_BUCKETS], mmu_update[NR_BUCKETS],
        mmuext_op[NR_BUCKETS];
    uint64_t calls, requests, operations;
    uint64_t continuations[3];
    uint64_t mmu_update_errors[NR_ERRORS], mmuext_op_errors[NR_ERRORS],
        update_va_mapping_errors[NR_ERRORS], subcall_errors[NR_ERRORS];
};

#define COUNTER(nam, field)                                             \
    { nam, offsetof(struct counts, field) / sizeof(uint64_t),           \
      sizeof(((struct counts *)NULL)->field) / sizeof(uint64_t) }

static const struct {
    const char *name;
    unsigned int index, nr;
} counters[] = {
    COUNTER("hypercall", hypercall),
    COUNTER("subcall", subcall),
    COUNTER("multicall", multicall),
    COUNTER("mmu_update", mmu_update),
    COUNTER("mmuext_op", mmuext_op),
    COUNTER("multicall_calls", calls),
    COUNTER("mmu_update_requests", requests),
    COUNTER("mmuext_op_operations", operations),
    COUNTER("multicall_continuations", continuations[0]),
    COUNTER("mmu_update_continuations", continuations[1]),
    COUNTER("mmuext_op_continuations", continuations[2]),
    COUNTER("mmu_update_errors", mmu_update_errors),
    COUNTER("mmuext_op_errors", mmuext_op_errors),
    COUNTER("update_va_mapping_errors", update_va_mapping_errors),
    COUNTER("subcall_errors", subcall_errors),
};

static const char path[] = HYPFS_PATH;
static char buf[2 * PAGE_SIZE];
static struct counts before, after, expected;
static struct stats_refusal last; /* The newest one. */
static bool refusals;             /* Whether Xen counts any. */

static long hypfs_read(void)
{
    return HYPERCALL5(long, __HYPERVISOR_hypfs_op, HYPFS_OP_READ, path,
                      sizeof(path), buf, sizeof(buf));
}

/* Takes a counter, or the newest refusal, from the content of the entry. */
static void take(const struct stats_desc *desc, const char *data,
                 struct counts *counts)
{
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(counters); ++i )
        if ( !strcmp(desc->name, counters[i].name) )
            memcpy((uint64_t *)counts + counters[i].index, data,
                   min(desc->nr, counters[i].nr) * sizeof(uint64_t));

    if ( strcmp(desc->name, "refused") )
        return;

    refusals = true;
    for ( i = 0; i < desc->nr; ++i )
    {
        struct stats_refusal refusal;

        memcpy(&refusal, data + i * desc->linear, sizeof(refusal));
        if ( refusal.nr > last.nr )
            last = refusal;
    }
}

static bool read_counts(struct counts *counts)
{
    struct hypfs_direntry entry;
    struct stats_header header;
    const char *content = buf + sizeof(entry);
    unsigned int i;
    long rc = hypfs_read();

    memset(counts, 0, sizeof(*counts));
    if ( rc )
    {
        xtf_error("Error: Reading %s failed: %ld\n", path, rc);
        return false;
    }

    memcpy(&entry, buf, sizeof(entry));
    memcpy(&header, content, sizeof(header));
    if ( header.version != 1 || header.desc_size < sizeof(struct stats_desc) ||
         header.data_offset + header.data_size > entry.content_len ||
         header.desc_offset + header.nr_desc * header.desc_size >
         entry.content_len )
    {
        xtf_error("Error: Unknown layout, version %u\n", header.version);
        return false;
    }

    for ( i = 0; i < header.nr_desc; ++i )
    {
        struct stats_desc desc;

        memcpy(&desc, content + header.desc_offset + i * header.desc_size,
               sizeof(desc));
        take(&desc, content + header.data_offset + desc.offset, counts);
    }

    return true;
}

static struct mmuext_op ops[33];
static struct multicall_entry calls[4];

static const struct mmu_update bad_request = { .ptr = BAD_TYPE, .val = 0x1234 };

static void set_call(unsigned int i, unsigned long op, unsigned long arg0,
                     unsigned long arg1, unsigned long arg2, unsigned long arg3)
{
    calls[i] = (struct multicall_entry){
        .op = op, .args = { arg0, arg1, arg2, arg3 },
    };
}

static bool check(const char *what, long rc, long wanted)
{
    if ( rc == wanted )
        return true;

    xtf_error("Error: %s returned %ld instead of %ld\n", what, rc, wanted);
    return false;
}

static bool flush(unsigned int nr)
{
    expected.hypercall[__HYPERVISOR_mmuext_op]++;
    expected.mmuext_op[nr]++;
    expected.operations += nr;

    return check("mmuext_op", hypercall_mmuext_op(ops, nr, NULL, DOMID_SELF),
                 0);
}

/* The list of hypercalls.  What must be counted for each stands beside it. */
static bool do_list(void)
{
    struct mmuext_op bad_op = { .cmd = BAD_CMD };

    if ( !flush(1) || !flush(2) || !flush(2) || !flush(32) || !flush(33) )
        return false;

    set_call(0, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    set_call(1, __HYPERVISOR_mmuext_op, _u(ops), 3, 0, DOMID_SELF);
    set_call(2, __HYPERVISOR_mmu_update, _u(&bad_request), 1, 0, DOMID_SELF);
    set_call(3, __HYPERVISOR_xen_version, BAD_CMD, 0, 0, 0);
    expected.hypercall[__HYPERVISOR_multicall]++;
    expected.multicall[4]++;
    expected.calls += 4;
    expected.subcall[__HYPERVISOR_xen_version] += 2;
    expected.subcall[__HYPERVISOR_mmuext_op]++;
    expected.mmuext_op[3]++;
    expected.operations += 3;
    expected.subcall[__HYPERVISOR_mmu_update]++;
    expected.mmu_update[1]++;
    expected.requests++;
    expected.mmu_update_errors[ENOSYS]++;
    expected.subcall_errors[ENOSYS] += 2;
    if ( !check("multicall", hypercall_multicall(calls, 4), 0) ||
         !check("the sub-call mmuext_op", calls[1].result, 0) ||
         !check("the sub-call mmu_update", calls[2].result, -ENOSYS) ||
         !check("the sub-call xen_version", calls[3].result, -ENOSYS) )
        return false;

    expected.hypercall[__HYPERVISOR_mmuext_op]++;
    expected.mmuext_op[1]++;
    expected.operations++;
    expected.mmuext_op_errors[ENOSYS]++;
    if ( !check("mmuext_op",
                hypercall_mmuext_op(&bad_op, 1, NULL, DOMID_SELF), -ENOSYS) )
        return false;

    expected.hypercall[__HYPERVISOR_update_va_mapping]++;
    expected.update_va_mapping_errors[EINVAL]++;
    if ( !check("update_va_mapping",
                hypercall_update_va_mapping(BAD_LINEAR, 0x5678, 0), -EINVAL) )
        return false;

    /* The second read is a hypercall, too. */
    expected.hypercall[__HYPERVISOR_hypfs_op]++;

    return true;
}

static bool preempted(void)
{
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(after.continuations); ++i )
        if ( after.continuations[i] != before.continuations[i] )
            return true;

    return false;
}

static void compare(void)
{
    unsigned int c, i;

    for ( c = 0; c < ARRAY_SIZE(counters); ++c )
    {
        const uint64_t *old = (uint64_t *)&before + counters[c].index;
        const uint64_t *new = (uint64_t *)&after + counters[c].index;
        const uint64_t *want = (uint64_t *)&expected + counters[c].index;

        for ( i = 0; i < counters[c].nr; ++i )
            if ( new[i] - old[i] != want[i] )
                xtf_failure("Fail: %s[%u] counted %lu instead of %lu\n",
                            counters[c].name, i, _u(new[i] - old[i]),
                            _u(want[i]));
    }

    if ( last.op != __HYPERVISOR_update_va_mapping || last.error != EINVAL ||
         last.address != BAD_LINEAR || last.value != 0x5678 )
        xtf_failure("Fail: The last refusal is hypercall %u, error %u, address %#lx, value %#lx\n",
                    last.op, last.error, _u(last.address), _u(last.value));
}

void test_main(void)
{
    unsigned int i;
    long rc = hypfs_read();

    switch ( rc )
    {
    case 0:
        break;

    case -ENOSYS:
    case -ENOENT:
        return xtf_skip("Skip: Xen has no %s\n", path);

    case -EPERM:
    case -EACCES:
        return xtf_skip("Skip: Only dom0 may read %s\n", path);

    default:
        return xtf_error("Error: Reading %s failed: %ld\n", path, rc);
    }

    for ( i = 0; i < ARRAY_SIZE(ops); ++i )
        ops[i].cmd = MMUEXT_TLB_FLUSH_LOCAL;

    for ( i = 0; i < 10; ++i )
    {
        memset(&expected, 0, sizeof(expected));
        memset(&last, 0, sizeof(last));
        if ( !read_counts(&before) )
            return;
        if ( !refusals )
            return xtf_skip("Skip: Xen does not count refusals\n");
        if ( !do_list() || !read_counts(&after) )
            return;

        if ( preempted() )
            continue;

        compare();

        return xtf_success(NULL);
    }

    xtf_error("Error: Xen preempted each of %u rounds\n", i);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
