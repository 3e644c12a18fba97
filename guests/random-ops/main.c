// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes do at random what changes their page tables: they map and unmap, protect, move and
 * drop pages, fork, write and read, and move to other vCPUs.
 *
 * Expected: each page holds what was written to it last, in the process and in its children; an
 * access faults if, and only if, the page's protection says so.
 *
 * Method: there are two processes for each vCPU. The model of a process is what each page must
 * hold and how it is protected. A child of fork has a copy of both, checks its pages, and goes on
 * at random itself. The seed is the module's, and gives each process its operations, in their
 * order.
 */
#define _GNU_SOURCE
#include "vcpus.h"

#define NR		192UL	/* pages; more than one batch takes */
#define WORDS		(PAGE / sizeof(uint64_t))
#define PER_VCPU	2
#define CHILD_OPS	60
#define PARAMETERS	"/sys/module/random_ops/parameters/"

enum op { WRITE, READ, MAP, UNMAP, PROTECT, DROP, MOVE, FORK, GO, LOOK, NR_OPS };

static const struct {
	const char *name;
	unsigned int weight;
} ops[NR_OPS] = {
	[WRITE] = { "write", 300 },
	[READ] = { "read", 200 },
	[MAP] = { "mmap", 40 },
	[UNMAP] = { "munmap", 20 },
	[PROTECT] = { "mprotect", 80 },
	[DROP] = { "MADV_DONTNEED", 20 },
	[MOVE] = { "mremap", 40 },
	[FORK] = { "fork", 6 },
	[GO] = { "go to another vCPU", 10 },
	[LOOK] = { "look at all", 2 },
};

struct model {
	bool mapped;
	int prot;
	uint64_t content;	/* 0 if nothing was written yet */
};

static struct model model[NR];
static char *at;
static uint64_t last_content;	/* each process, and its child, has contents of its own */
#define CONTENT_OF(nr)	((uint64_t)(nr) << 48)
#define FORKED		(1UL << 47)

static struct results {
	_Atomic unsigned long done[NR_OPS];
} *results;	/* of all processes */

static unsigned long draw(unsigned long below)
{
	return (unsigned long)lrand48() % below;
}

static uint64_t word_of(uint64_t content, unsigned long nr)
{
	return content ? content * 0x9e3779b97f4a7c15 + nr * 0x0101010101010101 : 0;
}

/* Returns whether the page could be written to. A write that faults changes nothing. */
static bool write_page(unsigned long i, uint64_t content)
{
	volatile uint64_t *page = (volatile uint64_t *)(at + i * PAGE);
	volatile bool ok = false;

	if (!sigsetjmp(gone, 0)) {
		landing = true;
		for (unsigned long nr = 0; nr < WORDS; nr++)
			page[nr] = word_of(content, nr);
		ok = true;
	}
	landing = false;
	return ok;
}

/* Returns whether the page could be read. Sets *right to whether it holds the model's content. */
static bool read_page(unsigned long i, bool *right)
{
	volatile uint64_t *page = (volatile uint64_t *)(at + i * PAGE);
	volatile unsigned long same = 0;
	volatile bool ok = false;

	if (!sigsetjmp(gone, 0)) {
		landing = true;
		for (unsigned long nr = 0; nr < WORDS; nr++)
			same += page[nr] == word_of(model[i].content, nr);
		ok = true;
	}
	landing = false;
	*right = same == WORDS;
	return ok;
}

static bool wrong(const char *what, unsigned long i)
{
	ksft_print_msg("page %lu %s; it is %s, PROT_ %d\n", i, what,
		       model[i].mapped ? "mapped" : "not mapped", model[i].prot);
	return false;
}

static bool check_write(unsigned long i)
{
	bool may = model[i].mapped && model[i].prot & PROT_WRITE;

	if (write_page(i, ++last_content) != may)
		return wrong(may ? "cannot be written to" : "could be written to", i);
	if (may)
		model[i].content = last_content;
	return true;
}

static bool check_read(unsigned long i)
{
	bool may = model[i].mapped && model[i].prot & PROT_READ, right;

	if (read_page(i, &right) != may)
		return wrong(may ? "cannot be read" : "could be read", i);
	return !may || right || wrong("does not hold what was written last", i);
}

static bool check_all(void)
{
	for (unsigned long i = 0; i < NR; i++)
		if (!check_read(i))
			return false;
	return true;
}

/* Makes *nr less, if not all pages from i on are mapped, or not all are protected alike. */
static void mapped_run(unsigned long i, unsigned long *nr, bool alike)
{
	unsigned long n = 0;

	while (n < *nr && model[i + n].mapped && (!alike || model[i + n].prot == model[i].prot))
		n++;
	*nr = n;
}

static void set_model(unsigned long i, unsigned long nr, bool mapped, int prot)
{
	for (; nr--; i++)
		model[i] = (struct model) { .mapped = mapped, .prot = prot };
}

static void must(int failed, const char *what)
{
	if (failed)
		ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
}

static void map(unsigned long i, unsigned long nr)
{
	void *to = at + i * PAGE;

	must(mmap(to, nr * PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != to, "mmap");
	set_model(i, nr, true, PROT_READ | PROT_WRITE);
}

static void unmap(unsigned long i, unsigned long nr)
{
	must(munmap(at + i * PAGE, nr * PAGE), "munmap");
	set_model(i, nr, false, PROT_NONE);
}

/* This and the next two return whether there was something to do. */
static bool protect(unsigned long i, unsigned long nr)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	int prot = prots[draw(3)];

	mapped_run(i, &nr, false);
	if (!nr)
		return false;
	must(mprotect(at + i * PAGE, nr * PAGE, prot), "mprotect");
	while (nr--)
		model[i + nr].prot = prot;
	return true;
}

static bool drop(unsigned long i, unsigned long nr)
{
	mapped_run(i, &nr, false);
	if (!nr)
		return false;
	must(madvise(at + i * PAGE, nr * PAGE, MADV_DONTNEED), "MADV_DONTNEED");
	while (nr--)
		model[i + nr].content = 0;
	return true;
}

/*
 * To another place, whose pages are gone then. Before Linux 6.17 all must be of one mapping: if
 * they are of more, mremap() unmaps the place, or does nothing.
 */
static bool move(unsigned long i, unsigned long nr)
{
	unsigned long to = draw(NR);

	mapped_run(i, &nr, true);
	if (to + nr > NR)
		to = NR - nr;
	if (!nr || (to < i + nr && i < to + nr))
		return false;
	unmap(to, nr);
	if (mremap(at + i * PAGE, nr * PAGE, nr * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   at + to * PAGE) == MAP_FAILED) {
		must(errno != EFAULT, "mremap");
		return false;
	}
	memcpy(model + to, model + i, nr * sizeof(*model));
	set_model(i, nr, false, PROT_NONE);
	return true;
}

static bool operate(void);

static bool work(unsigned int nr)
{
	while (nr--)
		if (!operate())
			return false;
	return true;
}

static bool forked;	/* whether this is a child, or has one */

/* The child checks its pages while the parent goes on, and then works on its own. */
static bool fork_once(void)
{
	long seed = lrand48();
	int status = -1;
	pid_t child;
	bool ok;

	forked = true;
	child = start_child();
	if (!child) {
		srand48(seed);
		last_content |= FORKED;
		ok = check_all() && work(CHILD_OPS) && check_all();
		fflush(stdout);
		_exit(!ok);
	}
	ok = work(CHILD_OPS);
	if (waitpid(child, &status, 0) != child || status) {
		ksft_print_msg("a child ended with %d\n", status);
		ok = false;
	}
	forked = false;
	return ok;
}

static enum op next_op(void)
{
	unsigned long sum = 0, n;
	enum op op;

	for (op = 0; op < NR_OPS; op++)
		sum += ops[op].weight;
	n = draw(sum);
	for (op = 0; n >= ops[op].weight; op++)
		n -= ops[op].weight;
	return op;
}

/* Returns whether nothing is wrong. */
static bool operate(void)
{
	enum op op = next_op();
	unsigned long i = draw(NR), nr = 1 + draw(draw(4) ? 8 : NR);
	bool ok = true, done = true;

	if (nr > NR - i)
		nr = NR - i;
	switch (op) {
	case WRITE:
		ok = check_write(i);
		break;
	case READ:
		ok = check_read(i);
		break;
	case MAP:
		map(i, nr);
		break;
	case UNMAP:
		unmap(i, nr);
		break;
	case PROTECT:
		done = protect(i, nr);
		break;
	case DROP:
		done = drop(i, nr);
		break;
	case MOVE:
		done = move(i, nr);
		break;
	case FORK:
		done = !forked;
		if (done)
			ok = fork_once();
		break;
	case GO:
		on_cpu(draw(sysconf(_SC_NPROCESSORS_ONLN)));
		break;
	case LOOK:
		ok = check_all();
		break;
	default:
		break;
	}
	if (done)
		atomic_fetch_add(&results->done[op], 1);
	return ok;
}

static int process(unsigned long seed, unsigned long nr, time_t end)
{
	unsigned long n;

	srand48(seed * 0x9e3779b9 + nr);
	catch_faults();
	at = mmap(NULL, NR * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(at == MAP_FAILED, "mmap");
	set_model(0, NR, true, PROT_READ | PROT_WRITE);
	last_content = CONTENT_OF(nr);
	for (n = 0; time(NULL) < end; n++) {
		if (!operate()) {
			ksft_print_msg("seed %lu: process %lu, operation %lu\n", seed, nr, n);
			fflush(stdout);
			return 1;
		}
	}
	return !check_all();
}

int main(void)
{
	unsigned long seed = number_in(PARAMETERS "seed", "");
	time_t end = time(NULL) + number_in(PARAMETERS "seconds", "");
	unsigned long nr = PER_VCPU * sysconf(_SC_NPROCESSORS_ONLN), sum = 0;
	bool ok = true;

	ksft_print_header();
	ksft_set_plan(2);
	results = mmap(NULL, sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(results == MAP_FAILED, "mmap");
	for (unsigned long i = 0; i < nr; i++)
		if (!start_child())
			_exit(process(seed, i, end));
	for (unsigned long i = 0; i < nr; i++) {
		int status = -1;

		ok &= wait(&status) > 0 && !status;
	}
	ksft_test_result(ok, "each page holds what was written last, seed %lu\n", seed);
	ok = true;
	for (enum op op = 0; op < NR_OPS; op++) {
		unsigned long done = atomic_load(&results->done[op]);

		sum += done;
		if (done)
			continue;
		ksft_print_msg("no %s\n", ops[op].name);
		ok = false;
	}
	ksft_print_msg("%lu operations of %lu processes\n", sum, nr);
	ksft_test_result(ok, "each operation was done\n");
	ksft_finished();
}
