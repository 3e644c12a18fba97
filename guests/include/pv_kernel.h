/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every kernel for type = "pv" needs: its own page table entries, and a line on the
 * console. pv_kernel.S begins in pv_main(). Include this file in the kernel's only C file.
 *
 * The kernel defines pv_main() and fail(). Nothing here makes a hypercall.
 */
#ifndef PV_KERNEL_H
#define PV_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/sched.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PTE_FRAME	0x000ffffffffff000UL
#define TRAP_PAGE_FAULT	14

/* pv_kernel.S calls it. */
void pv_main(const struct start_info *start_info) __attribute__((noreturn));

/* In pv_kernel.S. */
long hypercall(unsigned long op, const xen_ulong_t args[6]);

static void fail(const char *what, long value) __attribute__((noreturn));

/*
 * Returns where the kernel sees a machine address. The domain builder maps all that the
 * kernel uses from VIRT_BASE on, also page tables (read-only) and the console: see
 * alloc_pgtables_pv() and alloc_magic_pages_pv() in Xen's tools/libs/guest/xg_dom_x86.c.
 * Xen's table has the guest's frame number of each machine frame.
 */
static inline void *virt(unsigned long machine)
{
	unsigned long pfn = machine_to_phys_mapping[(machine & PTE_FRAME) >> PAGE_SHIFT];

	return (void *)(VIRT_BASE + (pfn << PAGE_SHIFT));
}

/*
 * Finds the entry that maps an address, in the level-1 table that the kernel boots with, which
 * is pinned through its level-4 table. Sets *machine to the entry's own machine address.
 */
static inline volatile uint64_t *find_pte(const struct start_info *start_info, const void *address,
					  uint64_t *machine)
{
	uint64_t *table = (uint64_t *)start_info->pt_base, *entry = table;
	uint64_t frame = 0;

	for (int shift = 39; shift >= PAGE_SHIFT; shift -= 9) {
		entry = &table[((unsigned long)address >> shift) % 512];
		if (shift > PAGE_SHIFT) {
			frame = *entry & PTE_FRAME;
			table = virt(frame);
		}
	}
	*machine = frame + (unsigned long)entry % PAGE_SIZE;
	return entry;
}

/* The line is printed in one piece, so it has to fit into the console's ring. */
static volatile struct xencons_interface *ring;
static struct evtchn_send console_event;
static char line[sizeof(ring->out)];
static size_t length;

static inline void find_console(const struct start_info *start_info)
{
	console_event.port = start_info->console.domU.evtchn;
	ring = virt(start_info->console.domU.mfn << PAGE_SHIFT);
}

static void put(const char *string)
{
	for (; *string; string++) {
		if (length == sizeof(line))
			fail("the line is longer than", length);
		line[length++] = *string;
	}
}

static void put_number(unsigned long number)
{
	const char digit[2] = { '0' + number % 10 };

	if (number >= 10)
		put_number(number / 10);
	put(digit);
}

/* The caller notifies the reader of the ring, since that is a hypercall. */
static void put_line_on_ring(void)
{
	uint32_t prod = ring->out_prod;

	while (sizeof(ring->out) - (prod - ring->out_cons) < length)
		asm volatile ("pause");
	for (size_t i = 0; i < length; i++, prod++)
		ring->out[MASK_XENCONS_IDX(prod, ring->out)] = line[i];
	ring->out_prod = prod;
}

static void wait_for_reader(void)
{
	while (ring->out_cons != ring->out_prod)
		asm volatile ("pause");
}

#endif
