/* SPDX-License-Identifier: GPL-2.0-only */
/* What cannot be written in C: a page fault. */

#define __ASSEMBLY__	/* as Xen's headers spell it */
#include <xen/xen.h>

	.file "entry.S"

	.text

/* void touch_nothing(void): makes one page fault. Nothing is mapped at 0. */
	.globl	touch_nothing
touch_nothing:
	mov	0, %al
after_touch:
	ret

/*
 * Xen's frame: %rcx, %r11, error code, and what iretq takes. HYPERVISOR_iret takes
 * %rax, %r11, %rcx and flags instead of the first three.
 */
	.globl	page_fault
page_fault:
	cmpq	$touch_nothing, 24(%rsp)
	jne	1f
	movq	$after_touch, 24(%rsp)
	incq	page_faults
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

	.section .note.GNU-stack, "", @progbits
