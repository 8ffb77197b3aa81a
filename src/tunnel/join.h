/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segments are joined to super-frames on their way to the TAP: one write for as many as come while
 * the worker has others to write. The law: what is joined would be cut to the same frames again,
 * byte for byte (a checksum may be partial or complete). So a checksum that is wrong, an IPv4 id
 * that is not the next, a flag that only a last segment may have, and whatever else differs end a
 * super-frame.
 *
 * Order: frames of one flow leave in the order in which they came; a frame that is neither TCP nor
 * UDP nor of no flow (ARP, ICMP) leaves after all that came before it.
 *
 * No copies: the segments stay in the datagrams that they came in, and those of a super-frame may
 * be of several batches. Each batch has a mark, so that the owner of those knows which are wanted.
 */
#pragma once
#include <sys/uio.h>
#include "tunnel/headers.h"

#define JOIN_SLOTS 8   /* flows at a time */
#define JOIN_PARTS 128 /* segments: what a kernel makes of one UDP_SEGMENT send */

/* A super-frame to be. */
struct join_slot {
	uint32_t n; /* segments; 0: the slot is free */
	struct frame first;
	struct headers headers;
	uint64_t born; /* the greater, the younger */
	uint32_t step; /* payload of each, but the last */
	uint32_t size; /* of all of it */
	uint32_t sequence;
	uint16_t id; /* the next one's */
	uint64_t pseudo;
	uint64_t last_mark; /* of the youngest */
	struct iovec parts[JOIN_PARTS];
};

/*
 * Writes a frame whose bytes are parts[0…n-1], of which the first begins with all headers. `n` is
 * the number of frames joined in it as well.
 */
typedef void join_write(void *context, const struct frame *frame, const struct iovec *parts,
			uint32_t n, uint32_t header_size);

struct join {
	join_write *write;
	void *context;
	bool tcp, udp; /* what may be joined */
	uint64_t mark; /* of what comes now; never less than before */
	uint64_t born;
	uint32_t n; /* super-frames to be, and segments alone */
	struct join_slot slots[JOIN_SLOTS];
};

/* Takes a frame: it is written now, or later with others. */
void join_frame(struct join *join, struct frame *frame);

/* The end of a batch: what is alone is written, and what has not grown by it. */
void join_settle(struct join *join);

/* Writes the oldest that waits, if there is one. */
void join_write_oldest(struct join *join);

/* Writes all that waits. */
void join_flush(struct join *join);

/* The mark of the oldest segment that waits; UINT64_MAX: none does. */
uint64_t join_oldest_mark(const struct join *join);
