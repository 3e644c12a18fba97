/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the programs: threads on vCPUs, and faults on pages that another thread takes away.
 */
#ifndef VCPUS_H
#define VCPUS_H

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#include "pages.h"

static inline void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		end_unknown("there is no vCPU %d\n", cpu);
}

static inline void start_thread(void *(*thread)(void *), void *arg)
{
	pthread_t id;

	if (pthread_create(&id, NULL, thread, arg))
		ksft_exit_fail_msg("no thread\n");
}

static inline pid_t start_child(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	return child;
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/*
 * For an access to a page that may be gone: call sigsetjmp(gone, 0) before it, and have
 * landing true during it. Any other fault is a bug: it happens again, and ends the program.
 */
static _Thread_local sigjmp_buf gone;
static _Thread_local volatile bool landing;

static inline void on_fault(int sig)
{
	if (landing)
		siglongjmp(gone, 1);
	signal(sig, SIG_DFL);
}

static inline void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

#endif /* VCPUS_H */
