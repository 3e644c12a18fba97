// SPDX-License-Identifier: GPL-2.0-only
/* Measures for main.c for how long interrupts are off. */
#include "irqs_off.h"

static int __init programs_init(void)
{
	return irqs_off_begin();
}
module_init(programs_init);

MODULE_DESCRIPTION("How long interrupts are off");
MODULE_LICENSE("GPL");
