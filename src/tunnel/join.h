/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segments are joined to super-frames on their way to the TAP: one write for as many as came at
 * once. The law: what is joined would be cut to the same frames again, byte for byte (a checksum
 * may be partial or complete). So a checksum that is wrong, an IPv4 id that is not the next, a
 * flag that only a last segment may have, and whatever else differs end a super-frame.
 *
 * Order: frames of one flow leave in the order in which they came; a frame that is neither TCP nor
 * UDP nor of no flow (ARP, ICMP) leaves after all that came before it.
 *
 * No copies: the segments stay where they are until join_flush, which must be called before the
 * datagrams that they lie in are overwritten.
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
	uint64_t born;
	struct join_slot slots[JOIN_SLOTS];
};

/* Takes a frame: it is written now, or with others at the next flush at the latest. */
void join_frame(struct join *join, struct frame *frame);

/* Writes all that waits. */
void join_flush(struct join *join);
