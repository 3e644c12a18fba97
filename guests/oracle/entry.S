/* SPDX-License-Identifier: GPL-2.0-only */
/* What cannot be written in C: a page fault. */

#include "pv_kernel.S"

	.text

/* void touch_nothing(void): makes one page fault. Nothing is mapped at 0. */
	.globl	touch_nothing
touch_nothing:
	mov	0, %al
after_touch:
	ret

	define_page_fault faults=touch_nothing, resumes=after_touch, counter=page_faults
