/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The largest IP packet that passes to a peer, found by asking it (doc/protocol.md section 9).
 * Sizes are those of IP packets. No I/O: pathmtu_run says which probes to send now.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PATHMTU_IPV4 576
#define PATHMTU_IPV6 1280
#define PATHMTU_PROBES 9 /* at most, for one run */

enum pathmtu_phase { PATHMTU_IDLE, PATHMTU_VOLLEY, PATHMTU_BISECT, PATHMTU_REST };

struct pathmtu {
	uint16_t base;	/* the safe start */
	uint16_t value; /* known to pass */
	uint16_t top;	/* more is of no use */
	uint16_t probe; /* asked for in the bisection */
	uint32_t fail;	/* the least that is thought not to pass */
	uint8_t phase, tries, confirm_tries;
	bool big;	     /* messages over base were sent since the last confirmation */
	uint64_t due_ns;     /* of the search */
	uint64_t confirm_ns; /* of the black-hole test, if big */
};

/* Back to the safe start, searching nothing: the endpoint is new. */
void pathmtu_reset(struct pathmtu *path, bool ipv6, uint16_t top);

/* Searches, unless it does or did for this endpoint. Call when a session is confirmed. */
void pathmtu_start(struct pathmtu *path, uint64_t now);

/* When to call pathmtu_run; UINT64_MAX: never. */
uint64_t pathmtu_due(const struct pathmtu *path);

/* Fills sizes[] with the probes to send now; returns how many. */
int pathmtu_run(struct pathmtu *path, uint64_t now, uint16_t sizes[PATHMTU_PROBES]);

/* The peer answered a probe of that size. */
void pathmtu_reply(struct pathmtu *path, uint32_t size, uint64_t now);

/* The system refused to send a packet of that size. */
void pathmtu_refused(struct pathmtu *path, uint32_t size, uint64_t now);

/* A packet of that size was sent. */
static inline void pathmtu_sent(struct pathmtu *path, uint32_t size, uint64_t now)
{
	if (size <= path->base || path->big)
		return;
	path->big = true;
	path->confirm_tries = 0;
	path->confirm_ns = now + 5000000000ULL;
}
