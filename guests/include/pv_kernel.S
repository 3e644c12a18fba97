/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What cannot be written in C, of every kernel for type = "pv": ELF notes, entry, hypercall. A
 * scenario's entry.S includes this file. It has macros for traps, too.
 */

#define __ASSEMBLY__	/* as Xen's headers spell it */
#include <xen/elfnote.h>
#include <xen/xen.h>

/* A note of the owner "Xen", which Xen looks for. Its value is a string or a 64-bit number. */
.macro note type:req, directive:req, value:vararg
	.balign	4
	.long	2f - 1f, 4f - 3f, \type
1:	.asciz	"Xen"
2:	.balign	4
3:	\directive \value
4:	.balign	4
.endm

/*
 * Ends a trap that has an error code. Xen's frame is %rcx, %r11, the error code, and what iretq
 * takes. HYPERVISOR_iret takes %rax, %r11, %rcx and flags instead of the first three.
 */
.macro end_trap
	pop	%rcx
	pop	%r11
	movq	$0, (%rsp)
	push	%rcx
	push	%r11
	push	%rax
	mov	$__HYPERVISOR_iret, %eax
	syscall
.endm

/*
 * Defines page_fault, for the table of traps. A fault of the instruction at \faults goes on at
 * \resumes, and \counter, if there is one, grows by one. Any other goes to
 * unexpected_page_fault(rip), which does not return.
 */
.macro define_page_fault faults:req, resumes:req, counter
	.globl	page_fault
page_fault:
	cmpq	$\faults, 24(%rsp)
	jne	1f
	movq	$\resumes, 24(%rsp)
	.ifnb	\counter
	incq	\counter
	.endif
	end_trap
1:	mov	24(%rsp), %rdi
	and	$-16, %rsp
	call	unexpected_page_fault
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
