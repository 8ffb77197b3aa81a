/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One network namespace as the doors see it: its name, a handle, a route netlink socket that
 * lives in it, and the names of its links. Opened once per run and namespace by world/live.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "sys/link_names.h"
#include "sys/nl_sock.h"

struct site {
	const char *ns;		 /* "" is the caller's */
	int ns_fd;		 /* handle for setns; owned */
	struct nl_sock *nl;	 /* NETLINK_ROUTE inside; owned */
	struct link_names names; /* refreshed by every dump of links, and after each creation */
	struct arena *arena;	 /* of the run */
	struct sites *sites;	 /* all of them */
};

struct sites;

/* Finds or opens a namespace: -ENOENT when there is no such name. */
int site_open(struct sites *sites, const char *ns, struct site **site, struct err *err);
void site_close(struct sites *sites, const char *ns); /* after the namespace was deleted */
/* Closes those whose name has come to mean another namespace, or none. */
void sites_refresh(struct sites *sites);
bool sites_have(const struct sites *sites, const struct site *site); /* it is still open */
struct sites *sites_new(struct arena *arena);
void sites_free(struct sites *sites);

/* Runs `act` with this thread inside the namespace, and comes back (sys/netns.c has the only
 * setns). */
int site_inside(struct site *site, int (*act)(void *data, struct err *err), void *data,
		struct err *err);
