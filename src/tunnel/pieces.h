/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames larger than the path takes: how they are cut, and how the pieces are joined again
 * (doc/protocol.md section 6.2). Memory is bounded by the pool and by PIECES_OPEN per peer.
 */
#pragma once
#include "tunnel/drop.h"
#include "tunnel/pool.h"
#include "tunnel/wire.h"

#define PIECES_OPEN 16
#define PIECES_LIFE_NS 1000000000ULL

/*
 * Bytes of frame in each piece but the last, for a frame of `size` bytes whose inner messages may
 * have `inner_max`: as few pieces as possible, as equal as 16-byte steps allow. 0: it cannot be.
 */
uint32_t pieces_size(uint32_t size, uint32_t inner_max);

/* What became of a piece. */
struct pieces_result {
	struct parcel *whole; /* the frame is complete; the caller gives it back to the pool */
	uint32_t n_merged;    /* then: how many pieces it was made of */
	enum drop why;	      /* if n_dropped */
	uint32_t n_dropped;   /* pieces dropped now: this one, or an older frame's */
};

/* Takes a piece in. `open` is the peer's list, oldest first. */
struct pieces_result pieces_add(struct parcel_list *open, struct pool *pool, uint32_t session_index,
				const struct inner *inner, uint32_t frame_max, uint64_t now);

/* Drops what is older than PIECES_LIFE_NS; returns how many pieces that were. */
uint32_t pieces_expire(struct parcel_list *open, struct pool *pool, uint64_t now);

/* Drops everything; returns how many pieces that were. */
uint32_t pieces_clear(struct parcel_list *open, struct pool *pool);

/* Pieces held now. */
uint32_t pieces_held(const struct parcel_list *open);
