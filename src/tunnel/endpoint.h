/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where datagrams come from and go to. The engine compares and keeps endpoints, and asks no more.
 */
#pragma once
#include <string.h>
#include "tunnel/control.h"

struct endpoint {
	struct control_endpoint remote;
	/* Our own address the peer sent to, so that answers leave from it. */
	bool has_local;
	uint8_t local[16];
	uint8_t lane;	    /* whose socket of ours to send from */
	uint32_t interface; /* it came in by */
};

static inline bool endpoint_exists(const struct endpoint *endpoint)
{
	return endpoint->remote.family != 0;
}

/* The same remote address? */
static inline bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b)
{
	return a->remote.family == b->remote.family && a->remote.scope == b->remote.scope &&
	       memcmp(a->remote.address, b->remote.address, a->remote.family == 4 ? 4 : 16) == 0;
}

/* The same remote address and port? Our own side does not matter. */
static inline bool endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_same_address(a, b) && a->remote.port == b->remote.port;
}

/* Bytes of IP and UDP header in front of a datagram's payload. */
static inline size_t endpoint_overhead(const struct endpoint *endpoint)
{
	return endpoint->remote.family == 6 ? 48 : 28;
}
