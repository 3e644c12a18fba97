/* SPDX-License-Identifier: GPL-2.0-only */
/* What cannot be written in C, of every kernel for type = "pv": ELF notes, entry, hypercall. */

#define __ASSEMBLY__	/* as Xen's headers spell it */
#include <xen/elfnote.h>
#include <xen/xen.h>

	.file "pv_kernel.S"

/* A note of the owner "Xen", which Xen looks for. Its value is a string or a 64-bit number. */
.macro note type:req, directive:req, value:vararg
	.balign	4
	.long	2f - 1f, 4f - 3f, \type
1:	.asciz	"Xen"
2:	.balign	4
3:	\directive \value
4:	.balign	4
.endm

	.section .note.Xen, "a", @note
	note	XEN_ELFNOTE_LOADER, .asciz, "generic"
	note	XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
	note	XEN_ELFNOTE_VIRT_BASE, .quad, VIRT_BASE
	/* The physical addresses in the ELF file are the virtual ones. */
	note	XEN_ELFNOTE_PADDR_OFFSET, .quad, VIRT_BASE

	.bss
	.balign	16
	.skip	16384
stack_end:

	.text

/* Xen enters with start_info in %rsi, events masked. */
	.globl	_start
_start:
	cld
	mov	$stack_end, %rsp
	mov	%rsi, %rdi
	call	pv_main
	ud2

/*
 * long hypercall(unsigned long op, const xen_ulong_t args[6])
 *
 * Xen takes the number in %rax and the arguments in %rdi, %rsi, %rdx, %r10, %r8
 * and %r9, and returns in %rax; syscall itself destroys %rcx and %r11. To continue
 * a preempted hypercall, Xen changes the arguments and sets %rip back to syscall.
 * All these registers are caller-saved in C, so none is saved here.
 */
	.globl	hypercall
hypercall:
	mov	%rdi, %rax
	mov	0(%rsi), %rdi
	mov	16(%rsi), %rdx
	mov	24(%rsi), %r10
	mov	32(%rsi), %r8
	mov	40(%rsi), %r9
	mov	8(%rsi), %rsi
	syscall
	ret

	.section .note.GNU-stack, "", @progbits
