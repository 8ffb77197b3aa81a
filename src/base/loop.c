/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int loop_open(struct loop *loop, struct err *err)
{
	*loop = (struct loop){.fd = epoll_create1(EPOLL_CLOEXEC)};
	return loop->fd < 0 ? err_errno(err, -errno, "make an event loop") : 0;
}

void loop_close(struct loop *loop)
{
	if (loop->fd >= 0)
		close(loop->fd);
	loop->fd = -1;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}

static int add(struct loop *loop, struct loop_source *source, uint32_t events, struct err *err)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, source->fd, &event) == 0)
		return 0;
	err_errno(err, -errno, "wait for a descriptor");
	if (source->sort != LOOP_FD)
		close(source->fd);
	*source = (struct loop_source){0};
	return err->code;
}

int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
	     void (*act)(void *data, int what), void *data, struct err *err)
{
	*source = (struct loop_source){.fd = fd, .sort = LOOP_FD, .act = act, .data = data};
	return add(loop, source, events, err);
}

int loop_timer(struct loop *loop, struct loop_source *source, void (*act)(void *data, int what),
	       void *data, struct err *err)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return err_errno(err, -errno, "make a timer");
	*source = (struct loop_source){.fd = fd, .sort = LOOP_TIMER, .act = act, .data = data};
	return add(loop, source, EPOLLIN, err);
}

void loop_timer_set(struct loop_source *source, int64_t ms)
{
	struct itimerspec at = {
		.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000},
	};

	if (ms < 1)
		at.it_value.tv_nsec = 1000000;
	timerfd_settime(source->fd, 0, &at, NULL);
}

void loop_timer_start(struct loop_source *source, int64_t ms)
{
	struct itimerspec at = {0};

	timerfd_gettime(source->fd, &at);
	if (!at.it_value.tv_sec && !at.it_value.tv_nsec)
		loop_timer_set(source, ms);
}

void loop_timer_clear(struct loop_source *source)
{
	struct itimerspec never = {0};

	timerfd_settime(source->fd, 0, &never, NULL);
}

int loop_signals(struct loop *loop, struct loop_source *source, const int *signals,
		 void (*act)(void *data, int what), void *data, struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(err, -errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_errno(err, -errno, "wait for signals");
	*source = (struct loop_source){.fd = fd, .sort = LOOP_SIGNAL, .act = act, .data = data};
	return add(loop, source, EPOLLIN, err);
}

int loop_child(struct loop *loop, struct loop_source *source, pid_t pid,
	       void (*act)(void *data, int what), void *data, struct err *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by nature */

	if (fd < 0)
		return err_errno(err, -errno, "watch process %d", (int)pid);
	*source = (struct loop_source){.fd = fd, .sort = LOOP_CHILD, .act = act, .data = data};
	return add(loop, source, EPOLLIN, err);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (!source->fd)
		return;
	epoll_ctl(loop->fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->sort != LOOP_FD)
		close(source->fd);
	*source = (struct loop_source){0};
}

static int status_of(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return W_EXITCODE(info->si_status, 0);
	return W_EXITCODE(0, info->si_status);
}

/* False: nothing came of it after all. */
static bool fetch(struct loop *loop, struct loop_source *source, int *what)
{
	struct signalfd_siginfo signal;
	siginfo_t child = {0};
	uint64_t times;

	switch (source->sort) {
	case LOOP_FD:
		return true;
	case LOOP_TIMER:
		*what = 0;
		return read(source->fd, &times, sizeof(times)) == sizeof(times);
	case LOOP_SIGNAL:
		if (read(source->fd, &signal, sizeof(signal)) != sizeof(signal))
			return false;
		*what = (int)signal.ssi_signo;
		return true;
	case LOOP_CHILD:
		if (waitid(P_PIDFD, (id_t)source->fd, &child, WEXITED | WNOHANG) < 0)
			*what = 0; /* somebody else has waited for it: it is gone all the same */
		else if (child.si_pid)
			*what = status_of(&child);
		else
			return false;
		loop_remove(loop, source);
		return true;
	}
	return false;
}

int loop_run(struct loop *loop, struct err *err)
{
	loop->stop = false;
	while (!loop->stop) {
		struct epoll_event event;
		struct loop_source *source, copy;
		int n = epoll_wait(loop->fd, &event, 1, -1), what;

		if (n < 0 && errno != EINTR)
			return err_errno(err, -errno, "wait for events");
		if (n < 1)
			continue;
		source = event.data.ptr;
		copy = *source;
		what = (int)event.events;
		if (fetch(loop, source, &what))
			copy.act(copy.data, what);
	}
	return 0;
}
