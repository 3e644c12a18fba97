// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads on other vCPUs write to pages that are swapped out and in, while fork, mremap,
 * mprotect and madvise work on them.
 *
 * Expected: every byte is what was written last. A page that was read back from swap is
 * clean, and swap still has its copy. At the next write the processor sets the dirty bit.
 * If that bit is lost, reclaim drops the page, and the old copy comes back. If an entry is
 * lost, late, or goes to the wrong place, the parent or a child has wrong bytes.
 *
 * Method: one pass over pages that were all swapped in by reading (pass.h), and then
 * seconds of writing to more memory than the cgroup may have (crew.h). This is done on two
 * devices: zram is synchronous, so that Linux keeps no page in the swap cache; null_blk is
 * not. It is done with both ways to choose what to reclaim; lru_gen 7 is MGLRU.
 */
#define _GNU_SOURCE

#include "crew.h"
#include "pass.h"

#define SWAP_ROUNDS	6
#define STORM		3000UL		/* pages */
#define LIMIT		"8M"		/* of memory: less than STORM pages */
#define SECONDS		5
#define MEMORY_MAX	CGROUPS OURS "/memory.max"

static const char *device;
static const char *lru_gen;

static void test_swapped_in(const char *name, char *(*operation)(void), bool keeps_copies)
{
	const unsigned long all = NR * SWAP_ROUNDS;
	unsigned long written = 0, copies = 0, lost = 0, out = 0, again = 0;

	for (int round = 0; round < SWAP_ROUNDS; round++) {
		uint64_t base = (round + 1UL) << 32;
		char *at;

		area = map(-1);
		target = map(-1);
		fill(area);
		out += page_out(area, NR);
		for (unsigned long i = 0; i < NR; i++)
			(void)atomic_load(word(area, i));
		copies += clean_copies(area, NR);
		start_pass(base);
		wait_for_it(2 * round);
		at = operation();
		end_pass();
		again += page_out(at, NR);
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t now = atomic_load(word(at, i));

			written += done[i];
			lost += now != (done[i] ? base + i : 1) || !untouched(at + i * PAGE, i);
		}
		munmap(area, NR * PAGE);
		munmap(target, NR * PAGE);
	}
	ksft_print_msg("%s: %lu pages swapped out, %lu were clean copies, %lu written, %lu swapped out again, %lu lost\n",
		       name, out, copies, written, again, lost);
	/* The second vCPU has yet to hand over up to 30 pages to reclaim after each fork. */
	result_if_met(written && out > all * 9 / 10 && again >= all * 9 / 10 &&
		      (copies > all / 2 || !keeps_copies), !lost,
		      "%s, lru_gen %s: %s keeps what is written to pages that came back\n",
		      device, lru_gen, name);
}

/* After MADV_FREE a page is as it was, or is dropped. What is written to it then stays. */
static void test_free(void)
{
	unsigned long written = 0, dropped = 0, lost = 0;

	for (int round = 0; round < SWAP_ROUNDS; round++) {
		uint64_t base = (round + 1UL) << 32, page[NR];

		area = map(-1);
		fill(area);
		page_out(area, NR / 2);
		for (unsigned long i = 0; i < NR / 4; i++)
			(void)atomic_load(word(area, i));
		pagemap(area, NR, page);
		madvise(area, NR * PAGE, MADV_FREE);
		start_pass(base);
		wait_for_it(2 * round);
		fork_once();
		madvise(area, NR * PAGE, MADV_PAGEOUT);
		end_pass();
		page_out(area, NR);
		for (unsigned long i = 0; i < NR; i++) {
			uint64_t now = atomic_load(word(area, i));
			const uint64_t *rest = (uint64_t *)(area + i * PAGE);
			bool empty = true;

			for (unsigned long nr = 1; nr < WORDS; nr++)
				empty &= !rest[nr];
			written += done[i];
			/* MADV_FREE itself drops pages that are in swap: they are not counted. */
			dropped += empty && !(page[i] & PM_SWAP);
			lost += now != base + i || !(empty || untouched(rest, i));
		}
		munmap(area, NR * PAGE);
	}
	ksft_print_msg("free: %lu pages written, %lu dropped before, %lu lost\n", written, dropped, lost);
	result_if_met(written && dropped, !lost, "%s, lru_gen %s: what is written after MADV_FREE stays\n",
		      device, lru_gen);
}

static void test_storm(void)
{
	unsigned long out = vmstat("pswpout"), in = vmstat("pswpin"), wrong, written;
	char *at = map_pages(STORM, -1), *there = reserve(STORM);
	time_t end = time(NULL) + SECONDS;
	bool ok = true;

	put(MEMORY_MAX, LIMIT);
	crew_begin(at, STORM, own_content);
	crew_work();
	for (unsigned int round = 0; time(NULL) < end || round < 12 || crew_written() < 2 * STORM; round++) {
		if (round % 6 < 5) {
			ok &= crew_disturb(round % 6, round / 6, there);
		} else {
			/* Takes pages, and gives them back at once for others to use. */
			char *other = map_pages(500, -1);

			memset(other, 0xee, 500 * PAGE);
			munmap(other, 500 * PAGE);
		}
	}
	crew_rest();
	written = crew_written();
	wrong = crew_wrong();
	out = vmstat("pswpout") - out;
	in = vmstat("pswpin") - in;
	munmap(at, STORM * PAGE);
	munmap(there, STORM * PAGE);
	put(MEMORY_MAX, "max");
	ksft_print_msg("storm: %lu pages written, %lu swapped out, %lu in, %lu wrong\n",
		       written, out, in, wrong);
	result_if_met(out > STORM && in > STORM, ok && !wrong,
		      "%s, lru_gen %s: no byte is lost, and a child's copy is of one moment\n",
		      device, lru_gen);
}

static void test_device(const char *path, bool keeps_copies)
{
	static const char *const enabled[] = { "0", "7" };

	device = path + strlen("/dev/");
	if (swapon(path, 0))
		ksft_exit_fail_msg("swapon %s: %s\n", path, strerror(errno));
	for (int i = 0; i < 2; i++) {
		lru_gen = enabled[i];
		put("/sys/kernel/mm/lru_gen/enabled", lru_gen);
		test_swapped_in("mremap", move, keeps_copies);
		test_swapped_in("fork", fork_once, keeps_copies);
		test_swapped_in("mprotect", protect, keeps_copies);
		test_free();
		test_storm();
	}
	if (swapoff(path))
		ksft_exit_fail_msg("swapoff %s: %s\n", path, strerror(errno));
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(20);
	put("/sys/block/zram0/disksize", "64M");
	run("mkswap /dev/zram0");
	run("mkswap /dev/nullb0 65536");
	enter_cgroup();
	crew_setup();
	pass_setup();
	test_device("/dev/zram0", false);
	test_device("/dev/nullb0", true);
	ksft_finished();
}
