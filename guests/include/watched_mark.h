/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The word by which a module with watched.h knows pages of its program.
 */
#ifndef WATCHED_MARK_H
#define WATCHED_MARK_H

#define MARK	0x6d61726b6d61726bULL
#define MARK_AT 5 /* the number of the word in its page */

#endif /* WATCHED_MARK_H */
