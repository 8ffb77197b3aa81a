/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An Ethernet frame, or a TUN device's IP packet, in memory that somebody else owns. Around it
 * there is room: headers are written right in front of it and padding behind it, so that it is
 * sealed without being moved.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETHERNET_HEADER 14
#define IPV4_LEAST 20u	  /* of an IP header */
#define FRAME_HEADROOM 64 /* writable bytes in front of data */
#define FRAME_TAILROOM 32 /* and behind data + size */
#define FRAME_EXTRA 22	  /* a frame may be longer than the MTU: Ethernet header, two VLAN tags */

/* Of super-frames, as virtio has it. */
#define GSO_NONE 0
#define GSO_TCP4 1
#define GSO_TCP6 4
#define GSO_UDP_L4 5
#define GSO_ECN 0x80 /* beside TCP: only the first segment keeps CWR */

/* What a frame begins with. */
enum frame_link {
	LINK_ETHERNET,
	LINK_NONE, /* the IP header itself */
};

struct frame {
	uint8_t *data;
	uint32_t size;
	enum frame_link link;
	uint16_t gso_size; /* of a super-frame's segments */
	uint8_t gso_type;
	/* csum_start 0: checksums are complete. Else see doc/protocol.md section 6. */
	uint16_t csum_start, csum_offset;
	uint8_t lane; /* it came by, and goes by where it can: doc/protocol.md section 5.2 */
	bool lasting; /* delivered: its bytes stay as long as somebody says that `mark` is wanted */
	uint64_t mark; /* the batch of datagrams that they came in; join_frame() notes it */
};

/* Shorter ones are none; and no checksum lies in front of it. */
static inline uint32_t frame_least(const struct frame *frame)
{
	return frame->link == LINK_ETHERNET ? ETHERNET_HEADER : IPV4_LEAST;
}

static inline bool frame_is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* An address with the frame's VLAN number: what is learned. `mac` points into the frame. */
static inline uint64_t frame_mac_key(const struct frame *frame, const uint8_t *mac)
{
	const uint8_t *data = frame->data;
	uint64_t key = 0;

	for (int i = 0; i < 6; i++)
		key = key << 8 | mac[i];
	key <<= 12;
	if (frame->size >= ETHERNET_HEADER + 4 && data[12] == 0x81 && data[13] == 0)
		key |= (data[14] & 15) << 8 | data[15];
	return key;
}
