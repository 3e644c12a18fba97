// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device of pinned: main.c says what it is for.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched/task.h>

#include "pins.h"

/* As fork() has the locks while it write-protects entries, but for a fifth of a second. */
struct fork {
	struct mm_struct *mm;
	struct completion begun;
	bool over;
};

static int long_fork(void *data)
{
	struct fork *fork = data;

	mmap_write_lock(fork->mm);
	raw_write_seqcount_begin(&fork->mm->write_protect_seq);
	complete(&fork->begun);
	msleep(200);
	WRITE_ONCE(fork->over, true);
	raw_write_seqcount_end(&fork->mm->write_protect_seq);
	mmap_write_unlock(fork->mm);

	return 0;
}

/*
 * Pins while another task forks the process. get_user_pages_fast() must not take what it finds,
 * since a write protection may be queued. It has to wait for the lock instead.
 */
static long pin_in_fork(struct pins *pins, const struct pin_request *request)
{
	struct fork fork = { .mm = current->mm };
	struct task_struct *task;
	long early;
	int nr;

	init_completion(&fork.begun);
	task = kthread_create(long_fork, &fork, "long_fork");
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&fork.begun);
	nr = pin(pins, request);
	early = !READ_ONCE(fork.over);
	kthread_stop_put(task);

	return nr == request->nr ? early : -EFAULT;
}

static long pinned_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pin_request request;

	if (cmd == PINS_FORK) {
		if (copy_from_user(&request, (void __user *)arg, sizeof(request)))
			return -EFAULT;
		return pin_in_fork(file->private_data, &request);
	}

	return pins_ioctl(file->private_data, cmd, arg);
}

static const struct proc_ops pinned_ops = {
	.proc_open = pins_open,
	.proc_release = pins_release,
	.proc_ioctl = pinned_ioctl,
};

static int __init pinned_init(void)
{
	return proc_create("pinned", 0600, NULL, &pinned_ops) ? 0 : -ENOMEM;
}
module_init(pinned_init);

MODULE_DESCRIPTION("Pins pages of a program, and writes to them");
MODULE_LICENSE("GPL");
