/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/wire.h"
#include <string.h>
#include "tunnel/drop.h"

#define ETHERNET_HEADER 14
#define REFUSE(drop) (-(int)(drop)-1)

static bool all_zero(const uint8_t *bytes, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= bytes[i];
	return any == 0;
}

int wire_type(const uint8_t *message, size_t size)
{
	if (size < 4)
		return 0;
	/* The type is a byte and the reserved ones are zero, so both are one little-endian word. */
	switch (get_le32(message)) {
	case MESSAGE_INITIATION:
		return size == INITIATION_SIZE ? MESSAGE_INITIATION : 0;
	case MESSAGE_RESPONSE:
		return size == RESPONSE_SIZE ? MESSAGE_RESPONSE : 0;
	case MESSAGE_COOKIE:
		return size == COOKIE_MESSAGE_SIZE ? MESSAGE_COOKIE : 0;
	case MESSAGE_DATA:
		return size >= DATA_OVERHEAD ? MESSAGE_DATA : 0;
	}
	return 0;
}

static bool checksum_fits(const struct inner *inner, size_t frame_size)
{
	if (inner->csum_start == 0)
		return inner->csum_offset == 0;
	return inner->csum_start >= ETHERNET_HEADER &&
	       (size_t)inner->csum_start + inner->csum_offset + 2 <= frame_size;
}

static int parse_piece(uint8_t *bytes, struct inner *inner)
{
	if (inner->size < PIECE_HEADER - INNER_HEADER + 1)
		return REFUSE(DROP_INNER_BAD);
	inner->id = get_be32(bytes + 8);
	inner->offset = get_be16(bytes + 12);
	inner->total = get_be16(bytes + 14);
	inner->body = bytes + PIECE_HEADER;
	inner->size -= PIECE_HEADER - INNER_HEADER;
	if (inner->offset + inner->size > inner->total || inner->total < ETHERNET_HEADER ||
	    !checksum_fits(inner, inner->total))
		return REFUSE(DROP_INNER_BAD);
	return 0;
}

static int parse_control(uint8_t *bytes, struct inner *inner)
{
	if (inner->size < CONTROL_SIZE - INNER_HEADER || inner->hop || inner->csum_start ||
	    inner->csum_offset || inner->segment)
		return REFUSE(DROP_INNER_BAD);
	inner->type = bytes[8];
	inner->lanes = bytes[9];
	inner->probe_size = get_be16(bytes + 10);
	inner->id = get_be32(bytes + 12);
	inner->body = bytes + CONTROL_SIZE;
	inner->size -= CONTROL_SIZE - INNER_HEADER;
	if (inner->lanes < 1 || inner->lanes > LANES_MAX)
		return REFUSE(DROP_INNER_BAD);
	if (inner->type != CONTROL_PROBE && inner->type != CONTROL_REPLY)
		return REFUSE(DROP_CONTROL_UNKNOWN);
	if (!all_zero(inner->body, inner->size) || (inner->type == CONTROL_REPLY && inner->size))
		return REFUSE(DROP_INNER_BAD);
	return 0;
}

int wire_parse(uint8_t *bytes, size_t size, uint32_t segment, struct inner *inner)
{
	*inner = (struct inner){0};
	if (size < INNER_HEADER)
		return REFUSE(DROP_INNER_BAD);
	size_t pad = bytes[1] & 15;
	if (bytes[1] & 0xc0 || size < INNER_HEADER + pad || !all_zero(bytes + size - pad, pad))
		return REFUSE(DROP_INNER_BAD);
	inner->hop = bytes[1] >> 4 & 3;
	inner->csum_start = bytes[2];
	inner->csum_offset = bytes[3];
	inner->segment = get_be32(bytes + 4);
	inner->body = bytes + INNER_HEADER;
	inner->size = size - INNER_HEADER - pad;
	switch (bytes[0]) {
	case INNER_CONTROL:
		inner->kind = INNER_CONTROL;
		return parse_control(bytes, inner);
	case INNER_FRAME:
		inner->kind = INNER_FRAME;
		break;
	case INNER_PIECE:
		inner->kind = INNER_PIECE;
		break;
	default:
		return REFUSE(DROP_INNER_BAD);
	}
	if (inner->segment != segment)
		return REFUSE(DROP_SEGMENT_OTHER);
	if (inner->kind == INNER_PIECE)
		return parse_piece(bytes, inner);
	if (inner->size < ETHERNET_HEADER || !checksum_fits(inner, inner->size))
		return REFUSE(DROP_INNER_BAD);
	return 0;
}

size_t wire_put_header(uint8_t *at, const struct inner *inner, uint8_t pad)
{
	at[0] = (uint8_t)inner->kind;
	at[1] = (uint8_t)(inner->hop << 4 | pad);
	at[2] = inner->csum_start;
	at[3] = inner->csum_offset;
	put_be32(at + 4, inner->segment);
	switch (inner->kind) {
	case INNER_FRAME:
		return INNER_HEADER;
	case INNER_PIECE:
		put_be32(at + 8, inner->id);
		put_be16(at + 12, inner->offset);
		put_be16(at + 14, inner->total);
		return PIECE_HEADER;
	case INNER_CONTROL:
		at[8] = inner->type;
		at[9] = inner->lanes;
		put_be16(at + 10, inner->probe_size);
		put_be32(at + 12, inner->id);
		return CONTROL_SIZE;
	}
	return 0;
}
