/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way that packets to an address take from the namespace of the calling thread. */
#pragma once
#include <netinet/in.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

/*
 * Asks the kernel for the device towards `to`, for packets that leave with the address `from` (of
 * the same family; NULL: any). 0 with *ifindex; -ENETUNREACH and the like: there is no way.
 */
int way_find(const struct sockaddr *to, const struct sockaddr *from, uint32_t *ifindex,
	     struct err *err);

/* The devices of IPv6 default routes that routers have advertised, as "eth0 eth1". */
int way_advertised(struct text *devices, struct err *err);
