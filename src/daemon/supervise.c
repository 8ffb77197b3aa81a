/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes of services, whatever they do: one that ends is told with its reason and started again,
 * later each time if it does not live long; one that is to end gets time to do so.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/confine.h"
#include "daemon/inside.h"

#define END_MS 1000	    /* a process's time to end by itself */
#define CALM_MS 10000	    /* one that lived so long had no lasting trouble */
#define RESTART_MOST_MS 800 /* so that a restart is tried within a second */

void supervise_trouble(struct service *service, const struct err *err)
{
	if (strcmp(service->problem, err->message) == 0)
		return;
	snprintf(service->problem, sizeof(service->problem), "%.199s", err->message);
	log_warning(&service->keeper->log, "%s %s: %s", service->craft->word, service_name(service),
		    err->message);
}

static void restart_later(struct service *service)
{
	static const int delays_ms[] = {10, 50, 200, RESTART_MOST_MS};
	unsigned int n = service->failures < 4 ? service->failures : 3;

	service->failures++;
	loop_timer_set(&service->restart, delays_ms[n]);
}

void supervise_again(struct service *service)
{
	service->restarts++;
	restart_later(service);
}

static void describe_end(const struct service *service, int status, char text[120])
{
	int call = service->voice.forbidden;
	char name[32];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS && call >= 0) {
		confine_call_name(call, name);
		snprintf(text, 120,
			 "tried system call %d (%s), which is forbidden: the kernel ended it", call,
			 name);
	} else if (WIFSIGNALED(status)) {
		snprintf(text, 120, "was ended by signal %d%s%s", WTERMSIG(status),
			 WTERMSIG(status) == SIGSYS ? " for a forbidden system call" : "",
			 WCOREDUMP(status) ? " and left a core" : "");
	} else {
		snprintf(text, 120, "ended with code %d", WEXITSTATUS(status));
	}
}

static void control_drop(struct service *service)
{
	if (service->control_fd >= 0)
		close(service->control_fd);
	service->control_fd = -1;
}

static void ended(void *data, int status)
{
	struct service *service = data;
	uint64_t lived_ms = clock_now_ns() / 1000000 - service->started_ms;
	char how[120];

	voice_close(service);
	describe_end(service, status, how);
	snprintf(service->problem, sizeof(service->problem), "its worker %s", how);
	log_warning(&service->keeper->log, "%s %s: the worker (process %d) %s",
		    service->craft->word, service_name(service), (int)service->pid, how);
	control_drop(service);
	service->pid = 0;
	if (lived_ms > CALM_MS)
		service->failures = 0;
	supervise_again(service);
}

int supervise_begin(struct service *service, struct err *err)
{
	int r = loop_child(&service->keeper->loop, &service->child, service->pid, ended, service,
			   err);

	if (r)
		return r;
	service->started_ms = clock_now_ns() / 1000000;
	service->problem[0] = '\0';
	log_note(&service->keeper->log, "%s %s: process %d works", service->craft->word,
		 service_name(service), (int)service->pid);
	return 0;
}

/* A worker ends by itself when its control socket closes; what has none gets a signal. */
void supervise_stop(struct service *service)
{
	struct pollfd end = {.fd = service->child.fd, .events = POLLIN};

	if (!service->pid)
		return;
	if (service->control_fd < 0)
		kill(service->pid, SIGTERM);
	control_drop(service);
	if (!service->child.fd || poll(&end, 1, END_MS) < 1)
		kill(service->pid, SIGKILL);
	loop_remove(&service->keeper->loop, &service->child);
	while (waitpid(service->pid, NULL, 0) < 0 && errno == EINTR)
		;
	voice_close(service);
	service->pid = 0;
}
