/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages of doc/protocol.md: sizes, places, and the inner header. Messages are read and
 * written as bytes at offsets, so alignment and the host's byte order never matter.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tunnel/crypto.h"

enum message { MESSAGE_INITIATION = 1, MESSAGE_RESPONSE, MESSAGE_COOKIE, MESSAGE_DATA };

#define INDEX_OFFSET 4 /* of the first index in every message */

/* Section 3.1 */
#define INITIATION_SIZE 148
#define INITIATION_EPHEMERAL 8
#define INITIATION_STATIC 40
#define INITIATION_TIMESTAMP 88
#define TIMESTAMP_SIZE 12

/* Section 3.2 */
#define RESPONSE_SIZE 92
#define RESPONSE_RECEIVER 8
#define RESPONSE_EPHEMERAL 12
#define RESPONSE_EMPTY 44

/* Both end in mac1 and mac2 */
#define MACS_SIZE (2 * MAC_SIZE)

/* Section 4.1 */
#define COOKIE_MESSAGE_SIZE 64
#define COOKIE_NONCE 8
#define COOKIE_SEALED 32
#define COOKIE_SIZE 16

/* Section 5.1 */
#define DATA_COUNTER 8
#define DATA_HEADER 16
#define DATA_OVERHEAD (DATA_HEADER + TAG_SIZE)

/* Section 5.2: a session's receiver indices start at a multiple of this. */
#define LANES_MAX 16

/* Section 6 */
#define INNER_HEADER 8
#define PIECE_HEADER 16 /* with the inner header */
#define CONTROL_SIZE 16 /* with the inner header, without fill */

enum inner_kind { INNER_FRAME = 1, INNER_PIECE, INNER_CONTROL };
enum control_type { CONTROL_PROBE = 1, CONTROL_REPLY };

#define HOP_MAX 3

/* An inner message taken apart. */
struct inner {
	enum inner_kind kind;
	uint8_t hop;
	uint8_t csum_start, csum_offset; /* of the whole frame */
	uint32_t segment;
	uint8_t *body; /* what follows the headers, without padding */
	size_t size;
	uint32_t id;		/* piece, control */
	uint16_t offset, total; /* piece */
	uint8_t type, lanes;	/* control */
	uint16_t probe_size;	/* control */
};

static inline uint32_t get_le32(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t get_le64(const uint8_t *at)
{
	return get_le32(at) | (uint64_t)get_le32(at + 4) << 32;
}

static inline void put_le32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static inline void put_le64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static inline uint16_t get_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t get_be32(const uint8_t *at)
{
	return (uint32_t)get_be16(at) << 16 | get_be16(at + 2);
}

static inline void put_be16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *at, uint32_t value)
{
	put_be16(at, (uint16_t)(value >> 16));
	put_be16(at + 2, (uint16_t)value);
}

/* The message's type if length, type and reserved bytes are in order, else 0. */
int wire_type(const uint8_t *message, size_t size);

/*
 * Takes an inner message of size ≥ 1 apart, in place. `segment` is the tunnel's. Returns 0 or
 * the enum drop it deserves, negated less one (so that 0 stays "fine"): see WIRE_DROP.
 */
int wire_parse(uint8_t *bytes, size_t size, uint32_t segment, struct inner *inner);
#define WIRE_DROP(result) ((enum drop)(-(result)-1))

/* Writes the headers of `inner` (8 or 16 bytes, by kind) with `pad` in them; returns how many. */
size_t wire_put_header(uint8_t *at, const struct inner *inner, uint8_t pad);
