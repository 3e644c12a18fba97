// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread on a second vCPU reads pages while fork and mprotect work on them.
 *
 * Expected: the kernel knows of each page that was read. The processor sets the accessed
 * bit in the entry. If the bit is lost, reclaim takes the page for one that nobody needs.
 * mremap() and munmap() may lose an accessed bit that is set while they work on the entry,
 * but not one that was set before.
 *
 * Method: all pages are made idle. The reader goes through them once, and leaves one of
 * four alone, so that the test shows that it finds idle pages, too. Two interfaces tell
 * which pages were accessed: the bitmap of idle pages, and the walk of MGLRU, which counts
 * the pages of each age.
 *
 * A processor that has an entry in its TLB does not set the bit again. So the test flushes
 * the TLBs after a bit was cleared.
 */
#define _GNU_SOURCE
#include "pass.h"

#define BITMAP	"/sys/kernel/mm/page_idle/bitmap"
#define LRU_GEN	"/sys/kernel/debug/lru_gen"
#define OTHERS	40UL	/* pages of the program besides */

static uint64_t page[NR];

/*
 * Whether the bitmap has the page. It ends with its last whole word: where the machine's memory ends
 * in the middle of one, reads and writes of that word return 0.
 */
static bool in_bitmap[NR];

/*
 * The next access must set the bit in the entry, and not find it in a TLB. A wide munmap()
 * flushes all TLBs. It also gives reclaim the pages that this vCPU has still to hand over.
 */
static void flush_tlbs(void)
{
	char *other = map_pages(64, -1);

	memset(other, 1, 64 * PAGE);
	munmap(other, 64 * PAGE);
}

static bool read_from(unsigned long i)
{
	if (i % 4 == 0)
		return false;
	(void)atomic_load(word(area, i));
	return true;
}

static char *map_on_lru(void)
{
	char *at = map(-1);

	fill(at);
	flush_tlbs();
	pagemap(at, NR, page);
	return at;
}

static int bitmap(void)
{
	int fd = open(BITMAP, O_RDWR);

	if (fd < 0)
		ksft_exit_fail_msg(BITMAP ": %s\n", strerror(errno));
	return fd;
}

static void make_idle(void)
{
	int fd = bitmap();

	for (unsigned long i = 0; i < NR; i++) {
		uint64_t pfn = page[i] & PM_PFN, bit = 1UL << pfn % 64;
		ssize_t rc = pwrite(fd, &bit, sizeof(bit), pfn / 64 * 8);

		if (rc != sizeof(bit) && rc != 0)
			ksft_exit_fail_msg(BITMAP ": %s\n", strerror(errno));
		in_bitmap[i] = rc;
	}
	close(fd);
	flush_tlbs();
}

static void read_idle(bool *idle)
{
	int fd = bitmap();

	for (unsigned long i = 0; i < NR; i++) {
		uint64_t pfn = page[i] & PM_PFN, bits;

		if (!in_bitmap[i])
			continue;
		if (pread(fd, &bits, sizeof(bits), pfn / 64 * 8) != sizeof(bits))
			ksft_exit_fail_msg(BITMAP ": %s\n", strerror(errno));
		idle[i] = bits >> pfn % 64 & 1;
	}
	close(fd);
}

static void test_idle(const char *name, char *(*operation)(void), bool before)
{
	unsigned long seen = 0, accessed = 0, idle_before = 0, idle_after = 0, lost = 0;
	bool idle[NR];

	for (int round = 0; round < ROUNDS; round++) {
		area = map_on_lru();
		target = map(-1);
		make_idle();
		read_idle(idle);
		for (unsigned long i = 0; i < NR; i++) {
			seen += in_bitmap[i];
			idle_before += in_bitmap[i] && idle[i];
		}
		start_pass(0);
		if (before)
			end_pass();
		else
			wait_for_it(round);
		operation();
		end_pass();
		read_idle(idle);
		for (unsigned long i = 0; i < NR; i++) {
			if (!in_bitmap[i])
				continue;
			accessed += done[i];
			lost += done[i] && idle[i];
			idle_after += !done[i] && idle[i];
		}
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
	}
	ksft_print_msg("%s: %lu of %lu pages idle, then %lu read, and %lu of the others idle, %lu lost\n",
		       name, idle_before, seen, accessed, idle_after, lost);
	ksft_test_result(idle_before == seen && idle_after && accessed && !lost,
			 "%s leaves no page idle that was read %s\n", name, before ? "before" : "meanwhile");
}

/*
 * Returns the youngest generation, and how many pages the wanted one has. The lines of the
 * program's cgroup are "memcg ID PATH", " node NID", and one for each generation.
 */
static unsigned long youngest(unsigned int *id, unsigned long wanted, unsigned long *pages)
{
	FILE *file = fopen(LRU_GEN, "r");
	unsigned long seq, ms, anon, last = 0;
	char line[256], path[64];
	bool ours = false;
	unsigned int other;

	if (!file)
		ksft_exit_fail_msg(LRU_GEN ": %s\n", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "memcg %u %63s", &other, path) == 2) {
			ours = !strcmp(path, OURS);
			if (ours)
				*id = other;
		} else if (ours && sscanf(line, " %lu %lu %lu", &seq, &ms, &anon) == 3) {
			last = seq;
			if (seq == wanted)
				*pages = anon;
		}
	}
	fclose(file);
	return last;
}

/*
 * Returns how many pages of the program were accessed since the last call, or are new. The
 * kernel puts them into the youngest generation, and then begins a new one. Each vCPU has to
 * hand over its pages before. A write after fork makes a new page, which counts, too.
 */
static unsigned long age(void)
{
	unsigned long seq, pages = 0;
	unsigned int id = 0;
	char command[64];

	for (int cpu = 1; cpu >= 0; cpu--) {
		on_cpu(cpu);
		flush_tlbs();
	}
	seq = youngest(&id, 0, &pages);
	snprintf(command, sizeof(command), "+ %u 0 %lu 1 1", id, seq);
	put(LRU_GEN, command);
	flush_tlbs();
	if (youngest(&id, seq, &pages) != seq + 1)
		ksft_exit_fail_msg(LRU_GEN ": no new generation after %lu\n", seq);
	return pages;
}

static void test_lru_gen(const char *name, char *(*operation)(void))
{
	unsigned long accessed = 0, none = 0, found = 0, lost = 0;

	for (int round = 0; round < ROUNDS; round++) {
		unsigned long before, now, expected;

		area = map_on_lru();
		age();
		before = age();
		none += before;
		start_pass(0);
		wait_for_it(round);
		operation();
		end_pass();
		now = age();
		/* Besides, the program accesses the same pages as between the first two age(). */
		expected = before;
		for (unsigned long i = 0; i < NR; i++) {
			accessed += done[i];
			expected += done[i];
		}
		found += now;
		lost += now < expected ? expected - now : 0;
		munmap(area, NR * PAGE);
	}
	ksft_print_msg("%s: %lu pages accessed, %lu found before and %lu then, %lu lost\n",
		       name, accessed, none, found, lost);
	ksft_test_result(accessed && !lost && none < OTHERS * ROUNDS && found < accessed + OTHERS * ROUNDS,
			 "%s leaves no page old that was read meanwhile\n", name);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(6);
	if (mount("none", "/sys/kernel/debug", "debugfs", 0, NULL))
		ksft_exit_fail_msg("debugfs: %s\n", strerror(errno));
	enter_cgroup();
	visit = read_from;
	pass_setup();
	test_idle("fork", fork_once, false);
	test_idle("mprotect", protect, false);
	test_idle("fork", fork_once, true);
	test_idle("mremap", move, true);
	put("/sys/kernel/mm/lru_gen/enabled", "7");
	test_lru_gen("fork", fork_once);
	test_lru_gen("mprotect", protect);
	ksft_finished();
}
