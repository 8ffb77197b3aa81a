/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames that must wait: buffers of one size, all made at start, given out last in, first out, so
 * that memory which was never needed is never touched. No lock: one thread.
 */
#pragma once
#include "tunnel/frame.h"

#define PARCEL_RANGES 32

struct range {
	uint16_t start, end;
};

/* One waiting frame, or one that is being joined from pieces. */
struct parcel {
	struct parcel *next; /* in the list of whoever holds it */
	struct frame frame;  /* data points into the pool, with head- and tailroom */
	uint64_t born_ns;
	uint8_t hop;
	/* Of a frame in pieces: whose, which, and what is there, in order and not touching. */
	uint32_t session_index, id;
	uint16_t n_pieces, n_ranges;
	struct range ranges[PARCEL_RANGES];
};

struct pool {
	struct parcel *free;
	struct parcel *parcels;
	uint8_t *bytes;
	size_t bytes_size;
};

/* `n` parcels for frames of up to `frame_max` bytes. -ENOMEM. */
int pool_init(struct pool *pool, uint32_t n, uint32_t frame_max);
void pool_fini(struct pool *pool);

/* NULL: all are out. */
struct parcel *pool_take(struct pool *pool);
void pool_give(struct pool *pool, struct parcel *parcel);

/* A first-in, first-out list of parcels. */
struct parcel_list {
	struct parcel *first, **end;
	uint32_t n;
};

void parcel_list_init(struct parcel_list *list);
void parcel_list_put(struct parcel_list *list, struct parcel *parcel);

/* The oldest, or NULL. */
struct parcel *parcel_list_take(struct parcel_list *list);

/* Takes the one that *at points to (list->first, or some parcel's next) out of the list. */
struct parcel *parcel_list_remove(struct parcel_list *list, struct parcel **at);
