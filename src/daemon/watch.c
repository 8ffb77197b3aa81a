/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking again. An event of the kernel says no more than "look": what runs is compared with its
 * devices, what is committed with the system, at most a tenth of the time; what differs is mended
 * by a process of its own, which has the store's lock, while this one goes on serving.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <libmnl/libmnl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/store.h"
#include "base/clock.h"
#include "base/fd.h"
#include "daemon/inside.h"
#include "sys/netns.h"
#include "sys/nl_watch.h"

#define SETTLE_MS 100	/* events come in swarms */
#define LOCKED_MS 300	/* somebody changes this host: ask again then */
#define PERIOD_MS 30000 /* with `keep: true`: sysctls change without an event */
#define SHARE 10	/* of the time, looking takes at most one part in so many */
#define REPORT_MOST 65536

/* The events of one namespace. */
struct eye {
	struct keeper *keeper;
	char ns[256];
	int fd, rules_fd;
	bool wanted;
	struct loop_source source, rules;
	struct eye *next;
};

struct watch {
	struct eye *eyes;
	struct loop_source timer, period;
	struct loop_source mender, hears;
	int report; /* of the mender; -1 */
	struct text said;
	struct budget budget;
	uint64_t not_before_ms;
	bool looked;	   /* at least once, at all that is committed */
	char trouble[420]; /* told once */
};

static uint64_t now_ms(void)
{
	return clock_now_ns() / 1000000;
}

static void look_soon(struct keeper *keeper, int ms)
{
	struct watch *watch = keeper->watch;
	uint64_t now = now_ms();

	if (watch->not_before_ms > now + (uint64_t)ms)
		ms = (int)(watch->not_before_ms - now);
	loop_timer_start(&watch->timer, ms);
}

static void tell_once(struct keeper *keeper, const char *message)
{
	struct watch *watch = keeper->watch;

	if (strcmp(watch->trouble, message) != 0)
		log_warning(&keeper->log, "%s", message);
	snprintf(watch->trouble, sizeof(watch->trouble), "%s", message);
}

struct hearing {
	struct eye *eye;
	bool matters;
};

/* Without `keep: true` only the services' own devices matter. */
static void event_weigh(const struct nlmsghdr *event, void *data)
{
	struct hearing *hearing = data;
	struct keeper *keeper = hearing->eye->keeper;
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(event);

	ports_hear(keeper, hearing->eye->ns, event);
	if (keeper->keeps) {
		hearing->matters = true;
		return;
	}
	if ((event->nlmsg_type != RTM_NEWLINK && event->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(event) < sizeof(*link))
		return;
	for (size_t i = 0; i < keeper->len; i++) {
		const struct service *service = keeper->services[i];

		if (!text_same(service->setup->object->ns, hearing->eye->ns))
			continue;
		/* without a device, any new one may be it */
		if (!service->device_index || service->device_index == (uint32_t)link->ifi_index)
			hearing->matters = true;
	}
}

static void heard(void *data, int what)
{
	struct eye *eye = data;
	struct hearing hearing = {.eye = eye};
	int r = nl_watch_drain(eye->fd, event_weigh, &hearing);

	if (hearing.matters || r < 0)
		look_soon(eye->keeper, SETTLE_MS);
}

static void rules_heard(void *data, int what)
{
	struct eye *eye = data;
	int r = nl_watch_drain(eye->rules_fd, NULL, NULL);

	if (r && (eye->keeper->guards || eye->keeper->keeps))
		look_soon(eye->keeper, SETTLE_MS);
}

/* A kernel without nftables has no rules that could change. */
static int watch_inside(void *data, struct err *err)
{
	struct eye *eye = data;
	struct err ignored;

	if (nl_watch_rules(&eye->rules_fd, &ignored))
		eye->rules_fd = -1;
	return nl_watch_open(&eye->fd, err);
}

static void eye_free(struct eye *eye)
{
	loop_remove(&eye->keeper->loop, &eye->source);
	loop_remove(&eye->keeper->loop, &eye->rules);
	if (eye->fd >= 0)
		close(eye->fd);
	if (eye->rules_fd >= 0)
		close(eye->rules_fd);
	free(eye);
}

static void eye_want(struct keeper *keeper, const char *ns)
{
	int ns_fd FD_CLEANUP = -1;
	struct eye *eye;
	struct err err;
	int r;

	for (eye = keeper->watch->eyes; eye; eye = eye->next)
		if (text_same(eye->ns, ns)) {
			eye->wanted = true;
			return;
		}
	eye = calloc(1, sizeof(*eye));
	if (!eye)
		abort();
	eye->keeper = keeper;
	eye->fd = eye->rules_fd = -1;
	eye->wanted = true;
	snprintf(eye->ns, sizeof(eye->ns), "%s", ns);
	r = netns_open(ns, &ns_fd, &err);
	if (!r)
		r = netns_inside(ns_fd, watch_inside, eye, &err);
	if (!r)
		r = loop_add(&keeper->loop, &eye->source, eye->fd, EPOLLIN, heard, eye, &err);
	if (!r && eye->rules_fd >= 0)
		r = loop_add(&keeper->loop, &eye->rules, eye->rules_fd, EPOLLIN, rules_heard, eye,
			     &err);
	if (r) {
		if (r != -ENOENT) /* a namespace that is to be made has no events yet */
			tell_once(keeper, err.message);
		eye_free(eye);
		return;
	}
	eye->next = keeper->watch->eyes;
	keeper->watch->eyes = eye;
}

static void eyes_keep_wanted(struct watch *watch)
{
	for (struct eye **at = &watch->eyes; *at;) {
		struct eye *eye = *at;

		if (eye->wanted) {
			eye->wanted = false;
			at = &eye->next;
		} else {
			*at = eye->next;
			eye_free(eye);
		}
	}
}

/* The namespaces in which something of a description is mended. */
static void eyes_of(struct keeper *keeper, const struct committed *committed)
{
	keeper->keeps = keeper->keeps || committed->keep;
	for (size_t i = 0; i < committed->len; i++) {
		const struct object *object = committed->entries[i].object;
		bool kept = object->kind->flags & KIND_KEPT;

		keeper->guards = keeper->guards || kept;
		if (committed->keep || kept)
			eye_want(keeper, object->ns);
	}
}

/* Where there is something to see; and whether something is kept without a service. */
static void eyes_renew(struct keeper *keeper)
{
	struct store store;
	struct err err;

	if (store_open(&store, false, &err)) {
		tell_once(keeper, err.message);
		return;
	}
	keeper->keeps = keeper->guards = false;
	eye_want(keeper, "");
	for (size_t i = 0; i < keeper->len; i++)
		eye_want(keeper, keeper->services[i]->setup->object->ns);
	for (size_t i = 0; i < store.len; i++)
		eyes_of(keeper, store.committed[i]);
	fills_renew(keeper, &store);
	ports_renew(keeper, &store);
	store_close(&store);
	eyes_keep_wanted(keeper->watch);
	if (keeper->keeps)
		loop_timer_start(&keeper->watch->period, PERIOD_MS);
}

static void line_take(struct keeper *keeper, char *line)
{
	struct watch *watch = keeper->watch;
	char *what = strchr(line, '\t'), *why;

	if (!what)
		return;
	*what++ = '\0';
	why = strchr(what, '\t');
	if (why)
		*why++ = '\0';
	log_note(&keeper->log, "%s %s%s%s", line, what, why ? ": " : "", why ? why : "");
	if (budget_use(&watch->budget, what, now_ms()))
		log_warning(&keeper->log,
			    "%s was mended %d times within %d s and is left alone until the next "
			    "lanloom up: something else changes it all the time",
			    what, BUDGET_TIMES, BUDGET_MS / 1000);
}

static void report_read(struct keeper *keeper)
{
	struct watch *watch = keeper->watch;
	char bytes[4096];
	ssize_t got;

	while ((got = read(watch->report, bytes, sizeof(bytes))) > 0)
		if (watch->said.size < REPORT_MOST)
			text_addn(&watch->said, bytes, (size_t)got);
	if (got == 0)
		loop_remove(&keeper->loop, &watch->hears);
}

static void report_hear(void *data, int what)
{
	report_read(data);
}

static void mender_ended(void *data, int status)
{
	struct keeper *keeper = data;
	struct watch *watch = keeper->watch;
	char *save = NULL;

	report_read(keeper);
	loop_remove(&keeper->loop, &watch->hears);
	close(watch->report);
	watch->report = -1;
	for (char *line = watch->said.size ? strtok_r(watch->said.bytes, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		line_take(keeper, line);
	text_clear(&watch->said);
	if (status)
		log_warning(&keeper->log, "mending was cut off (status %d)", status);
	watch_renew(keeper, false);
	keeper_end_check(keeper);
}

static void become_mender(struct keeper *keeper, int report)
{
	keeper_become_child(keeper, &report);
	mend_run(keeper, &keeper->watch->budget, report);
	_exit(0);
}

static void mend(struct keeper *keeper)
{
	struct watch *watch = keeper->watch;
	struct err err;
	int pair[2];
	pid_t child;

	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	child = fork();
	if (!child)
		become_mender(keeper, pair[1]);
	close(pair[1]);
	watch->report = pair[0];
	if (child < 0 ||
	    loop_add(&keeper->loop, &watch->hears, pair[0], EPOLLIN, report_hear, keeper, &err) ||
	    loop_child(&keeper->loop, &watch->mender, child, mender_ended, keeper, &err))
		log_warning(&keeper->log, "what is missing cannot be mended now");
}

static void look(void *data, int what)
{
	struct keeper *keeper = data;
	struct watch *watch = keeper->watch;
	uint64_t start = now_ms();
	struct err err;
	int n;

	for (size_t i = 0; i < keeper->len; i++)
		keeper->services[i]->craft->refresh(keeper->services[i]);
	if (watch_mends(keeper))
		return; /* its end is an occasion to look */
	if (!keeper_store_free(keeper)) {
		loop_timer_set(&watch->timer, LOCKED_MS);
		return;
	}
	n = mend_plan(keeper, &watch->budget, &err);
	if (n < 0)
		tell_once(keeper, err.message);
	if (n > 0)
		mend(keeper);
	else
		fills_look(keeper, true);
	watch->not_before_ms = now_ms() + (now_ms() - start) * SHARE;
	if (!watch->looked) {
		watch->looked = true;
		keeper_end_check(keeper);
	}
}

static void look_regularly(void *data, int what)
{
	struct keeper *keeper = data;

	look_soon(keeper, 1);
	if (keeper->keeps)
		loop_timer_set(&keeper->watch->period, PERIOD_MS);
}

void watch_renew(struct keeper *keeper, bool told)
{
	if (told)
		budget_clear(&keeper->watch->budget);
	eyes_renew(keeper);
	look_soon(keeper, SETTLE_MS);
}

void watch_told(struct keeper *keeper)
{
	keeper->watch->looked = true;
}

bool watch_knows(struct keeper *keeper)
{
	struct watch *watch = keeper->watch;

	if (!watch->looked && keeper_store_free(keeper))
		look(keeper, 0);
	else if (!watch->looked)
		look_soon(keeper, LOCKED_MS);
	return watch->looked && !watch_mends(keeper);
}

bool watch_mends(const struct keeper *keeper)
{
	return keeper->watch->mender.fd;
}

int watch_open(struct keeper *keeper, struct err *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		abort();
	watch->report = -1;
	keeper->watch = watch;
	if (loop_timer(&keeper->loop, &watch->timer, look, keeper, err) ||
	    loop_timer(&keeper->loop, &watch->period, look_regularly, keeper, err))
		return err->code;
	watch_renew(keeper, true);
	return 0;
}

/* A mender that still works ends by itself; nobody hears what it says. */
void watch_close(struct keeper *keeper)
{
	struct watch *watch = keeper->watch;

	if (!watch)
		return;
	while (watch->eyes) {
		struct eye *eye = watch->eyes;

		watch->eyes = eye->next;
		eye_free(eye);
	}
	loop_remove(&keeper->loop, &watch->timer);
	loop_remove(&keeper->loop, &watch->period);
	loop_remove(&keeper->loop, &watch->mender);
	loop_remove(&keeper->loop, &watch->hears);
	if (watch->report >= 0)
		close(watch->report);
	text_fini(&watch->said);
	budget_clear(&watch->budget);
	free(watch);
	keeper->watch = NULL;
}
