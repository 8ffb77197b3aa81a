/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Super-frames are cut to segments, each a frame of its own, as a network card would cut them. A
 * segment lies where its payload lies in the super-frame: its headers overwrite what stands before,
 * which is put back when the next is asked for, since there may be further receivers.
 *
 *	if (!cut_fits(&frame)) …
 *	cut_begin(&cut, &frame, room);
 *	while (cut_next(&cut, &segment)) …
 */
#pragma once
#include "tunnel/headers.h"

#define CUT_BEFORE 16 /* bytes that a segment's receiver may write in front of it */
#define CUT_BEHIND 16 /* and behind */

struct cut {
	uint8_t *data;
	enum frame_link link;
	struct headers headers;
	uint32_t end;  /* of the frame */
	uint32_t at;   /* of the next segment's payload */
	uint32_t step; /* payload of each, but the last */
	uint32_t n;    /* segments in all */
	uint32_t i;    /* of the next */
	uint32_t sequence;
	uint16_t id;
	uint8_t flags;
	uint64_t pseudo;
	uint32_t overwritten; /* from there on; 0: nothing */
	uint32_t behind;
	uint8_t head[HEADERS_MAX]; /* as they came */
	uint8_t saved_before[HEADERS_MAX + CUT_BEFORE], saved_behind[CUT_BEHIND];
};

/*
 * Is it a super-frame of TCP or of UDP (USO), with headers, offload fields and lengths that agree?
 * Writes nothing.
 */
bool cut_fits(const struct frame *frame);

/*
 * Of a frame that fits. `room`: segments shall have that size at most; TCP's are made smaller for
 * it, UDP's never are (and where there is hardly room for headers, neither are TCP's). The frame
 * has FRAME_HEADROOM and FRAME_TAILROOM.
 */
void cut_begin(struct cut *cut, const struct frame *frame, uint32_t room);

/*
 * The next segment, with a partial checksum; false: that was the last, and the frame is as it was.
 * It may be written to as any frame with CUT_BEFORE and CUT_BEHIND bytes around it.
 */
bool cut_next(struct cut *cut, struct frame *segment);
