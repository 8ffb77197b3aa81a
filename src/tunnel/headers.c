/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/headers.h"
#include <arpa/inet.h>
#include <string.h>
#include "tunnel/wire.h"

#define PROTOCOL_ICMP 1
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ICMPV6 58
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV6 0x86dd
#define IPV6_SIZE 40u
#define TCP_LEAST 20u

uint64_t sum_bytes(uint64_t sum, const uint8_t *bytes, uint32_t size)
{
	uint64_t word;
	uint32_t half;

	for (; size >= 8; bytes += 8, size -= 8) {
		memcpy(&word, bytes, 8);
		sum += word;
		sum += sum < word;
	}
	/* What is left makes sums of at most 32 bits: one fold leaves room for them. */
	sum = (sum & 0xffffffff) + (sum >> 32);
	for (; size >= 4; bytes += 4, size -= 4) {
		memcpy(&half, bytes, 4);
		sum += half;
	}
	/* Sizes that the compiler knows: this is called several times for each segment. */
	half = 0;
	if (size & 2)
		memcpy(&half, bytes, 2);
	sum += half;
	half = 0;
	if (size & 1)
		memcpy(&half, bytes + (size & 2), 1);
	return sum + half;
}

static bool read_ipv4(const uint8_t *data, uint32_t size, struct headers *headers,
		      uint8_t *protocol)
{
	const uint8_t *ip = data + headers->network;

	if (headers->network + IPV4_LEAST > size)
		return false;
	uint32_t header = (ip[0] & 15) * 4u;
	/* Fragments have no transport header, or an incomplete one. */
	if (ip[0] >> 4 != 4 || header < IPV4_LEAST || get_be16(ip + 6) & 0xbfff)
		return false;
	headers->transport = (uint16_t)(headers->network + header);
	headers->end = headers->network + get_be16(ip + 2);
	*protocol = ip[9];
	return true;
}

static bool read_ipv6(const uint8_t *data, uint32_t size, struct headers *headers,
		      uint8_t *protocol)
{
	const uint8_t *ip = data + headers->network;

	if (headers->network + IPV6_SIZE > size || ip[0] >> 4 != 6)
		return false;
	headers->ipv6 = true;
	headers->transport = (uint16_t)(headers->network + IPV6_SIZE);
	headers->end = headers->transport + get_be16(ip + 4);
	*protocol = ip[6];
	return true;
}

static bool read_transport(const uint8_t *data, uint32_t size, struct headers *headers,
			   uint8_t protocol)
{
	const uint8_t *transport = data + headers->transport;
	uint32_t least = protocol == PROTOCOL_TCP ? TCP_LEAST : UDP_SIZE;

	if (headers->end > size || headers->transport + least > headers->end)
		return false;
	headers->tcp = protocol == PROTOCOL_TCP;
	headers->checksum = headers->tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
	uint32_t header = headers->tcp ? (transport[12] >> 4) * 4u : UDP_SIZE;
	headers->size = (uint16_t)(headers->transport + header);
	if (header < least || headers->size > headers->end)
		return false;
	return headers->tcp || protocol == PROTOCOL_UDP;
}

static uint16_t type_of_version(uint8_t version)
{
	if (version == 4)
		return ETHERTYPE_IPV4;
	return version == 6 ? ETHERTYPE_IPV6 : 0;
}

/* Where the packet begins, and its type; 0: it is none. */
static uint16_t read_link(const struct frame *frame, struct headers *headers)
{
	const uint8_t *data = frame->data;
	uint32_t at = 12;

	*headers = (struct headers){0};
	if (frame->link == LINK_NONE)
		return frame->size ? type_of_version(data[0] >> 4) : 0;
	for (int tags = 0; tags < 2 && at + 6 <= frame->size; tags++) {
		uint16_t tag = get_be16(data + at);

		if (tag != 0x8100 && tag != 0x88a8)
			break;
		at += 4;
	}
	headers->network = (uint16_t)(at + 2);
	return headers->network > frame->size ? 0 : get_be16(data + at);
}

/* Sets `network` and, of an IP packet that is whole, `transport`, `end` and its protocol. */
static bool read_network(const struct frame *frame, struct headers *headers, uint16_t *type,
			 uint8_t *protocol)
{
	*type = read_link(frame, headers);
	if (*type == ETHERTYPE_IPV4)
		return read_ipv4(frame->data, frame->size, headers, protocol);
	return *type == ETHERTYPE_IPV6 && read_ipv6(frame->data, frame->size, headers, protocol);
}

bool headers_read(const struct frame *frame, struct headers *headers)
{
	uint16_t type;
	uint8_t protocol;

	return read_network(frame, headers, &type, &protocol) &&
	       read_transport(frame->data, frame->size, headers, protocol);
}

bool headers_no_flow(const struct frame *frame)
{
	struct headers headers;
	uint16_t type;
	uint8_t protocol;

	if (!read_network(frame, &headers, &type, &protocol))
		return type == ETHERTYPE_ARP;
	return protocol == (headers.ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP);
}

bool headers_same_flow(const uint8_t *one, const struct headers *a, const uint8_t *other,
		       const struct headers *b)
{
	uint32_t address = b->network + (b->ipv6 ? 8 : 12), size = b->ipv6 ? 32 : 8;

	return a->network == b->network && a->ipv6 == b->ipv6 && a->tcp == b->tcp &&
	       memcmp(one + a->transport, other + b->transport, 4) == 0 &&
	       memcmp(one + address, other + address, size) == 0 &&
	       memcmp(one, other, b->network) == 0;
}

uint64_t headers_pseudo_sum(const uint8_t *data, const struct headers *headers)
{
	uint8_t protocol[2] = {0, headers->tcp ? PROTOCOL_TCP : PROTOCOL_UDP};
	const uint8_t *ip = data + headers->network;
	uint64_t sum = sum_bytes(0, protocol, 2);

	return headers->ipv6 ? sum_bytes(sum, ip + 8, 32) : sum_bytes(sum, ip + 12, 8);
}

void headers_set_length(uint8_t *data, const struct headers *headers, uint32_t size)
{
	uint8_t *ip = data + headers->network;

	if (headers->ipv6) {
		put_be16(ip + 4, (uint16_t)(size - IPV6_SIZE));
		return;
	}
	put_be16(ip + 2, (uint16_t)size);
	put_be16(ip + 10, 0);
	uint16_t checksum = (uint16_t)~sum_fold(
		sum_bytes(0, ip, (uint32_t)(headers->transport - headers->network)));
	memcpy(ip + 10, &checksum, 2);
}
