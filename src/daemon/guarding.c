/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guard over a change (apply/guard.h), as far as it is the keeper's: it keeps the time, and
 * sees when the run that a guard was written for is over, or dead. What is due then is done by a
 * process of its own with the store's lock; what it finds and decides is in lib/guard.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/guard.h"
#include "base/clock.h"
#include "daemon/inside.h"
#include "lib/lib.h"

#define RUNS_MS 100	    /* how often a run is asked whether it lives */
#define AGAIN_MS 1000	    /* what failed is tried again, and later and later … */
#define AGAIN_MOST_MS 60000 /* … but at least so often */

struct guarding {
	bool stands;
	struct guard guard;
	struct stuck stuck;
	struct loop_source timer, child;
	int report; /* of the child; -1 */
	int again_ms;
	uint64_t not_before_ms;
};

static uint64_t now_ms(void)
{
	return clock_now_ns() / 1000000;
}

bool guarding_stands(const struct keeper *keeper)
{
	return keeper->guarding && (keeper->guarding->stands || keeper->guarding->child.fd);
}

/* What the child said goes into the log. */
static void report_take(struct keeper *keeper, bool failed)
{
	char said[1024];
	ssize_t got = read(keeper->guarding->report, said, sizeof(said) - 1);

	if (got <= 0)
		return;
	said[got] = '\0';
	if (failed)
		log_warning(&keeper->log, "%s", said);
	else
		log_note(&keeper->log, "%s", said);
}

static void acted(void *data, int status)
{
	struct keeper *keeper = data;
	struct guarding *guarding = keeper->guarding;

	report_take(keeper, status != 0);
	close(guarding->report);
	guarding->report = -1;
	if (status) {
		guarding->not_before_ms = now_ms() + (uint64_t)guarding->again_ms;
		guarding->again_ms = guarding->again_ms * 2 > AGAIN_MOST_MS
					     ? AGAIN_MOST_MS
					     : guarding->again_ms * 2;
	} else {
		guarding->again_ms = AGAIN_MS;
		guarding->not_before_ms = 0;
	}
	guarding_look(keeper);
	keeper_end_check(keeper);
}

/* In the child. */
static void act_alone(struct keeper *keeper, int report)
{
	char said[200] = "";
	struct err err;
	const char *text = said;
	int r;

	keeper_become_child(keeper, &report);
	r = guard_act(keeper->folder, said, &err);
	if (r < 0)
		text = err.message;
	if (text[0] && write(report, text, strlen(text)) < 0)
		_exit(2);
	_exit(r < 0);
}

static void act(struct keeper *keeper)
{
	struct guarding *guarding = keeper->guarding;
	struct err err;
	int pair[2];
	pid_t child;

	loop_timer_set(&guarding->timer, AGAIN_MS); /* unless a child comes of it */
	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	child = fork();
	if (!child)
		act_alone(keeper, pair[1]);
	close(pair[1]);
	if (child < 0 || loop_child(&keeper->loop, &guarding->child, child, acted, keeper, &err)) {
		log_warning(&keeper->log, "a guarded change cannot be looked after now");
		close(pair[0]);
		return;
	}
	loop_timer_clear(&guarding->timer);
	guarding->report = pair[0];
}

/* How long until something is due; 0: now. */
static int64_t due_ms(const struct keeper *keeper)
{
	const struct guarding *guarding = keeper->guarding;
	uint64_t now = clock_now_ns();

	if (guarding->not_before_ms > now_ms())
		return (int64_t)(guarding->not_before_ms - now_ms());
	switch (guarding->guard.phase) {
	case GUARD_RUNS:
		return keeper_store_free(keeper) ? 0 : RUNS_MS;
	case GUARD_CHECKS:
		return 0;
	case GUARD_WAITS:
		if (now >= guarding->guard.deadline_ns)
			return 0;
		return (int64_t)((guarding->guard.deadline_ns - now) / 1000000 + 1);
	case GUARD_PHASE_COUNT:
		break;
	}
	return 0;
}

void guarding_look(struct keeper *keeper)
{
	struct guarding *guarding = keeper->guarding;
	bool stood = guarding->stands;
	struct err err;
	int64_t ms;
	int r;

	if (guarding->child.fd)
		return; /* its end is an occasion to look */
	r = guard_read(keeper->folder, &guarding->guard, &err);
	guarding->stands = r == 1;
	if (r < 0)
		log_warning(&keeper->log, "%s", err.message);
	if (!guarding->stands) {
		loop_timer_clear(&guarding->timer);
		if (stood)
			log_note(&keeper->log, "no change waits any more");
		return;
	}
	if (!stood)
		log_note(&keeper->log, "a change is guarded");
	ms = due_ms(keeper);
	if (guarding->guard.phase == GUARD_RUNS && ms)
		stuck_look(keeper, &guarding->guard, &guarding->stuck);
	if (ms)
		loop_timer_set(&guarding->timer, ms);
	else
		act(keeper);
}

static void due(void *data, int what)
{
	guarding_look(data);
	keeper_end_check(data);
}

int guarding_open(struct keeper *keeper, struct err *err)
{
	struct guarding *guarding = calloc(1, sizeof(*guarding));

	if (!guarding)
		abort();
	*guarding = (struct guarding){.report = -1, .again_ms = AGAIN_MS};
	keeper->guarding = guarding;
	if (loop_timer(&keeper->loop, &guarding->timer, due, keeper, err))
		return err->code;
	guarding_look(keeper);
	return 0;
}

/* A child that still works ends by itself. */
void guarding_close(struct keeper *keeper)
{
	struct guarding *guarding = keeper->guarding;

	if (!guarding)
		return;
	loop_remove(&keeper->loop, &guarding->timer);
	loop_remove(&keeper->loop, &guarding->child);
	if (guarding->report >= 0)
		close(guarding->report);
	free(guarding);
	keeper->guarding = NULL;
}
