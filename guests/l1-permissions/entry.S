/* SPDX-License-Identifier: GPL-2.0-only */
/* What cannot be written in C: a write that may fault, and the entry of the second vCPU. */

#include "pv_kernel.S"

	.bss
	.balign	16
	.skip	16384
	.globl	second_stack
second_stack:

	.text

/* bool poke(volatile uint64_t *where, uint64_t value): whether the write did not fault. */
	.globl	poke
poke:
	mov	%rsi, (%rdi)
	mov	$1, %eax
	ret
poke_faulted:
	xor	%eax, %eax
	ret

	define_page_fault faults=poke, resumes=poke_faulted

/* A debug build of Xen makes one after a change of an entry that a grant made. */
	.globl	protection_fault
protection_fault:
	incq	protection_faults
	end_trap
