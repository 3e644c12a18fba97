/* SPDX-License-Identifier: GPL-2.0-only */
/* What dirty's program and its module agree on. */
#ifndef LATE_H
#define LATE_H

#define LATE	   (1UL << 48) /* what is written to a page late, plus the page's number */
#define LATE_PAGES 300	       /* as many as NR of pass.h */

#endif /* LATE_H */
