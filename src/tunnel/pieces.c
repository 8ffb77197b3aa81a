/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/pieces.h"
#include <string.h>

#define STEP 16

uint32_t pieces_size(uint32_t size, uint32_t inner_max)
{
	if (inner_max < PIECE_HEADER + STEP)
		return 0;
	uint32_t most = (inner_max - PIECE_HEADER) / STEP * STEP;
	uint32_t n = (size + most - 1) / most;

	return ((size + n - 1) / n + STEP - 1) / STEP * STEP;
}

static bool same_frame(const struct parcel *parcel, const struct inner *inner)
{
	return parcel->frame.size == inner->total && parcel->hop == inner->hop &&
	       parcel->frame.csum_start == inner->csum_start &&
	       parcel->frame.csum_offset == inner->csum_offset;
}

/* Notes that [start, end) is there. False: part of it was, or there are too many holes. */
static bool cover(struct parcel *parcel, uint16_t start, uint16_t end)
{
	struct range *ranges = parcel->ranges;
	uint32_t n = parcel->n_ranges, at = 0;

	while (at < n && ranges[at].end <= start)
		at++;
	if (at < n && ranges[at].start < end)
		return false;
	bool joins_before = at > 0 && ranges[at - 1].end == start;
	bool joins_after = at < n && ranges[at].start == end;
	if (joins_before && joins_after) {
		ranges[at - 1].end = ranges[at].end;
		memmove(&ranges[at], &ranges[at + 1], (n - at - 1) * sizeof(*ranges));
		parcel->n_ranges--;
	} else if (joins_before) {
		ranges[at - 1].end = end;
	} else if (joins_after) {
		ranges[at].start = start;
	} else {
		if (n == PARCEL_RANGES)
			return false;
		memmove(&ranges[at + 1], &ranges[at], (n - at) * sizeof(*ranges));
		ranges[at] = (struct range){start, end};
		parcel->n_ranges++;
	}
	return true;
}

static struct parcel **find(struct parcel_list *open, uint32_t session_index, uint32_t id)
{
	struct parcel **at = &open->first;

	while (*at && ((*at)->id != id || (*at)->session_index != session_index))
		at = &(*at)->next;
	return at;
}

/* Gives back the one at *at; returns how many pieces went with it. */
static uint32_t discard(struct parcel_list *open, struct pool *pool, struct parcel **at)
{
	struct parcel *parcel = parcel_list_remove(open, at);
	uint32_t n = parcel->n_pieces;

	pool_give(pool, parcel);
	return n;
}

/* A new frame's parcel, at the cost of the peer's oldest if need be. NULL: no room at all. */
static struct parcel *begin(struct parcel_list *open, struct pool *pool, uint32_t session_index,
			    const struct inner *inner, uint64_t now, struct pieces_result *result)
{
	struct parcel *parcel = open->n < PIECES_OPEN ? pool_take(pool) : NULL;

	if (!parcel && open->first) {
		result->why = DROP_PIECE_FULL;
		result->n_dropped = discard(open, pool, &open->first);
		parcel = pool_take(pool);
	}
	if (!parcel)
		return NULL;
	parcel->frame.size = inner->total;
	parcel->frame.gso_type = GSO_NONE;
	parcel->frame.gso_size = 0;
	parcel->frame.csum_start = inner->csum_start;
	parcel->frame.csum_offset = inner->csum_offset;
	parcel->hop = inner->hop;
	parcel->born_ns = now;
	parcel->session_index = session_index;
	parcel->id = inner->id;
	parcel->n_pieces = 0;
	parcel->n_ranges = 0;
	parcel_list_put(open, parcel);
	return parcel;
}

struct pieces_result pieces_add(struct parcel_list *open, struct pool *pool, uint32_t session_index,
				const struct inner *inner, uint32_t frame_max, uint64_t now)
{
	struct pieces_result result = {0};

	if (inner->total > frame_max)
		return (struct pieces_result){.why = DROP_PIECE_BAD, .n_dropped = 1};
	struct parcel **at = find(open, session_index, inner->id);
	struct parcel *parcel = *at;
	if (!parcel) {
		parcel = begin(open, pool, session_index, inner, now, &result);
		if (!parcel)
			return (struct pieces_result){.why = DROP_PIECE_FULL, .n_dropped = 1};
		at = find(open, session_index, inner->id);
	}
	if (!same_frame(parcel, inner) ||
	    !cover(parcel, inner->offset, (uint16_t)(inner->offset + inner->size))) {
		result.why = DROP_PIECE_BAD;
		result.n_dropped = discard(open, pool, at) + 1;
		return result;
	}
	memcpy(parcel->frame.data + inner->offset, inner->body, inner->size);
	parcel->n_pieces++;
	if (parcel->n_ranges == 1 && parcel->ranges[0].start == 0 &&
	    parcel->ranges[0].end == parcel->frame.size) {
		result.whole = parcel_list_remove(open, at);
		result.n_merged = parcel->n_pieces;
	}
	return result;
}

uint32_t pieces_expire(struct parcel_list *open, struct pool *pool, uint64_t now)
{
	uint32_t n = 0;

	/* Oldest first, as they were begun. */
	while (open->first && now - open->first->born_ns >= PIECES_LIFE_NS)
		n += discard(open, pool, &open->first);
	return n;
}

uint32_t pieces_clear(struct parcel_list *open, struct pool *pool)
{
	uint32_t n = 0;

	while (open->first)
		n += discard(open, pool, &open->first);
	return n;
}

uint32_t pieces_held(const struct parcel_list *open)
{
	uint32_t n = 0;

	for (const struct parcel *parcel = open->first; parcel; parcel = parcel->next)
		n += parcel->n_pieces;
	return n;
}
