/* SPDX-License-Identifier: GPL-2.0-only */
/* What cannot be written in C: a write that may fault, and the entry of the second vCPU. */

#define __ASSEMBLY__	/* as Xen's headers spell it */
#include <xen/xen.h>

	.file "entry.S"

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

/*
 * Xen's frame: %rcx, %r11, error code, and what iretq takes. HYPERVISOR_iret takes
 * %rax, %r11, %rcx and flags instead of the first three.
 */
	.globl	page_fault
page_fault:
	cmpq	$poke, 24(%rsp)
	jne	1f
	movq	$poke_faulted, 24(%rsp)
	pop	%rcx
	pop	%r11
	movq	$0, (%rsp)
	push	%rcx
	push	%r11
	push	%rax
	mov	$__HYPERVISOR_iret, %eax
	syscall
1:	mov	24(%rsp), %rdi
	and	$-16, %rsp
	call	unexpected_page_fault

/* A debug build of Xen makes one after a change of an entry that a grant made. */
	.globl	protection_fault
protection_fault:
	incq	protection_faults
	pop	%rcx
	pop	%r11
	movq	$0, (%rsp)
	push	%rcx
	push	%r11
	push	%rax
	mov	$__HYPERVISOR_iret, %eax
	syscall

	.section .note.GNU-stack, "", @progbits
