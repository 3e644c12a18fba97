// SPDX-License-Identifier: GPL-2.0-only
/*
 * For main.c.
 */
#include "watched.h"
