/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits for descriptors, times, signals and children, one at a time: an event is fetched only when
 * the one before was dealt with, so that a source may be removed, and its owner freed, in any act.
 * A zeroed source is in no loop; one lives in its owner and stays where it is while in a loop.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct loop {
	int fd;
	bool stop;
};

struct loop_source {
	int fd; /* 0 while in no loop */
	enum { LOOP_FD, LOOP_TIMER, LOOP_SIGNAL, LOOP_CHILD } sort;
	/* what: EPOLL… events, 0 of a timer, a signal's number, a child's status as of waitpid */
	void (*act)(void *data, int what);
	void *data;
};

int loop_open(struct loop *loop, struct err *err);
void loop_close(struct loop *loop);

/* Dispatches until loop_stop. */
int loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);

/* A descriptor that stays the caller's: removed first, closed then. events: EPOLLIN, EPOLLOUT. */
int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
	     void (*act)(void *data, int what), void *data, struct err *err);

/*
 * A clock that is not running yet; it goes off once each time it is set. It runs on while the
 * machine sleeps, and does not follow when somebody sets the system's time.
 */
int loop_timer(struct loop *loop, struct loop_source *source, void (*act)(void *data, int what),
	       void *data, struct err *err);
void loop_timer_set(struct loop_source *source, int64_t ms); /* from now, at least 1; again: anew */
void loop_timer_start(struct loop_source *source, int64_t ms); /* unless it runs already */
void loop_timer_clear(struct loop_source *source);

/* These signals (0 at the end of the list) are blocked for the process and come here instead. */
int loop_signals(struct loop *loop, struct loop_source *source, const int *signals,
		 void (*act)(void *data, int what), void *data, struct err *err);

/* A child of this process: when it ends it is waited for, the source is removed, then act called.
 */
int loop_child(struct loop *loop, struct loop_source *source, pid_t pid,
	       void (*act)(void *data, int what), void *data, struct err *err);

/* Removes; also closes what the loop itself opened. Nothing for a source in no loop. */
void loop_remove(struct loop *loop, struct loop_source *source);
