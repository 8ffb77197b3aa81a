/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the headers of a frame lie: Ethernet with up to two VLAN tags (or nothing, for a TUN
 * device's packets), IPv4 or IPv6 without extension headers, TCP or UDP. What super-frames are cut
 * by and segments joined by.
 */
#pragma once
#include "tunnel/frame.h"

#define HEADERS_MAX (ETHERNET_HEADER + 8 + 60 + 60)

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_ECE 0x40
#define TCP_CWR 0x80
#define TCP_SEQUENCE 4 /* offsets in the header */
#define TCP_FLAGS 13
#define TCP_CHECKSUM 16
#define UDP_SIZE 8u
#define UDP_LENGTH 4
#define UDP_CHECKSUM 6

struct headers {
	bool ipv6, tcp;
	uint16_t network, transport; /* where they begin; network 0: there is no link header */
	uint16_t size;		     /* of all headers: where the payload begins */
	uint16_t checksum;	     /* its place in the transport header */
	uint32_t end;		     /* of the packet; behind it there may be filling */
};

/*
 * False: another kind of frame, a fragment, or lengths that do not fit each other. A super-frame's
 * length fields speak of all of it.
 */
bool headers_read(const struct frame *frame, struct headers *headers);

/* Of one flow: the same addresses, VLANs and ports? TTL and the like are not of it. */
bool headers_same_flow(const uint8_t *one, const struct headers *a, const uint8_t *other,
		       const struct headers *b);

/* A whole packet of ARP or ICMP: no flow's, so that order among them is all that counts. */
bool headers_no_flow(const struct frame *frame);

/* Of the pseudo header without its length: a sum to go on with (sum_fold, sum_bytes). */
uint64_t headers_pseudo_sum(const uint8_t *data, const struct headers *headers);

/* Sets the IP length to that of `size` bytes from the network header on, and IPv4's checksum. */
void headers_set_length(uint8_t *data, const struct headers *headers, uint32_t size);

/* Internet checksums (RFC 1071), in the order of the bytes in memory. */

/* Adds `size` bytes; an odd one counts as if followed by 0. */
uint64_t sum_bytes(uint64_t sum, const uint8_t *bytes, uint32_t size);

/* 16 bits, to be read and written as they lie in memory (memcpy). */
static inline uint16_t sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
