/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hears what changes in a namespace: links, addresses, routes; rules. */
#pragma once
#include <linux/netlink.h>
#include <stdint.h>

#include "base/err.h"

/* Opens a watch in the namespace of the calling thread; its descriptor becomes readable. */
int nl_watch_open(int *fd, struct err *err);

/* The same for nftables' rules. */
int nl_watch_rules(int *fd, struct err *err);

/*
 * Calls `each` (may be NULL) for all events that wait, and returns how many there were; -ENOBUFS:
 * there were so many that some are lost, look at everything again. Never blocks.
 */
int nl_watch_drain(int fd, void (*each)(const struct nlmsghdr *event, void *data), void *data);
