/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: the device of lib/test_hmm.c, which has memory of its own, and which can
 * take pages for itself. Its header, lib/test_hmm_uapi.h, is not installed.
 */
#ifndef HMM_H
#define HMM_H

#include <sys/ioctl.h>

#include "pages.h"

struct hmm_dmirror_cmd {
	uint64_t addr;	/* of the pages */
	uint64_t ptr;	/* gets a copy of the pages, up to the first that the device did not get */
	uint64_t npages;
	uint64_t cpages;
	uint64_t faults;
};

#define HMM_DMIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_EXCLUSIVE		_IOWR('H', 0x05, struct hmm_dmirror_cmd)

/* Runs one command on nr pages. copy has room for them. Returns 0, or -1 with errno. */
static inline int hmm(unsigned long request, const char *at, unsigned long nr, char *copy)
{
	static int fd = -1;
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)at,
		.ptr = (uintptr_t)copy,
		.npages = nr,
	};

	if (fd < 0)
		fd = open("/dev/hmm_dmirror0", O_RDWR);
	if (fd < 0)
		ksft_exit_fail_msg("/dev/hmm_dmirror0: %s\n", strerror(errno));
	return ioctl(fd, request, &cmd);
}

#endif /* HMM_H */
