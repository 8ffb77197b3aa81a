/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Super-frames of the TAP that wait to be sealed and sent, which takes long for each: what came
 * behind them is read ahead, and small frames of other flows go first. Order within a flow stays.
 */
#pragma once
#include "tunnel/headers.h"
#include "tunnel/io_tap.h"

struct ahead {
	uint32_t first, n; /* TAP buffers that are in use, a ring */
	struct frame frames[TAP_BUFFERS];
	struct headers headers[TAP_BUFFERS];
};

/* The buffer to read the next frame into, or the i-th from now. False: all are taken. */
static inline bool ahead_room(const struct ahead *ahead, uint32_t i, uint32_t *buffer)
{
	*buffer = (ahead->first + ahead->n + i) % TAP_BUFFERS;
	return ahead->n + i < TAP_BUFFERS;
}

enum ahead_order {
	AHEAD_NOW,  /* it goes before all that waits */
	AHEAD_LAST, /* it goes when nothing waits any more */
	AHEAD_WAITS,
};

/* A frame was read into that buffer: when does it go? One that waits has been taken. */
enum ahead_order ahead_take(struct ahead *ahead, const struct frame *frame, uint32_t buffer);

/* The oldest that waits, which stays as it is until the next is read; NULL: none does. */
struct frame *ahead_next(struct ahead *ahead);
