/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/join.h"
#include <arpa/inet.h>
#include <string.h>
#include "tunnel/wire.h"

#define IP_MAX 65535u

/* A frame taken apart, as far as joining goes by it. */
struct segment {
	struct frame *frame;
	struct headers headers;
	uint32_t payload;
	uint8_t flags; /* TCP's */
	uint64_t pseudo;
};

static void write_one(struct join *join, const struct frame *frame)
{
	struct iovec part = {frame->data, frame->size};

	join->write(join->context, frame, &part, 1, 0);
}

/* The headers become those of the super-frame. */
static void write_slot(struct join *join, struct join_slot *slot, uint32_t n)
{
	const struct headers *headers = &slot->headers;
	struct frame frame = slot->first;
	uint8_t *transport = frame.data + headers->transport;
	uint32_t length = slot->size - headers->transport;

	headers_set_length(frame.data, headers, slot->size - headers->network);
	if (!headers->tcp)
		put_be16(transport + UDP_LENGTH, (uint16_t)length);
	uint16_t sum = sum_fold(slot->pseudo + htons((uint16_t)length));
	memcpy(transport + headers->checksum, &sum, 2);
	frame.size = slot->size;
	frame.csum_start = headers->transport;
	frame.csum_offset = headers->checksum;
	frame.gso_size = (uint16_t)slot->step;
	frame.gso_type = !headers->tcp ? GSO_UDP_L4 : headers->ipv6 ? GSO_TCP6 : GSO_TCP4;
	join->write(join->context, &frame, slot->parts, n, headers->size);
}

static void flush_slot(struct join *join, struct join_slot *slot)
{
	uint32_t n = slot->n;

	if (!n)
		return;
	join->n--;
	slot->n = 0;
	if (n == 1)
		write_one(join, &slot->first);
	else
		write_slot(join, slot, n);
}

static struct join_slot *oldest(struct join *join)
{
	struct join_slot *found = NULL;

	for (int i = 0; i < JOIN_SLOTS; i++) {
		struct join_slot *slot = &join->slots[i];

		if (slot->n && (!found || slot->born < found->born))
			found = slot;
	}
	return found;
}

void join_write_oldest(struct join *join)
{
	struct join_slot *slot = oldest(join);

	if (slot)
		flush_slot(join, slot);
}

void join_flush(struct join *join)
{
	while (join->n)
		join_write_oldest(join);
}

void join_settle(struct join *join)
{
	for (int i = 0; i < JOIN_SLOTS; i++) {
		struct join_slot *slot = &join->slots[i];

		if (slot->n == 1 || slot->last_mark != join->mark)
			flush_slot(join, slot);
	}
}

uint64_t join_oldest_mark(const struct join *join)
{
	uint64_t mark = UINT64_MAX;

	for (int i = 0; i < JOIN_SLOTS; i++) {
		const struct join_slot *slot = &join->slots[i];

		if (slot->n && slot->first.mark < mark)
			mark = slot->first.mark;
	}
	return mark;
}

static struct join_slot *find(struct join *join, const struct segment *segment)
{
	for (int i = 0; i < JOIN_SLOTS; i++) {
		struct join_slot *slot = &join->slots[i];

		if (slot->n && headers_same_flow(slot->first.data, &slot->headers,
						 segment->frame->data, &segment->headers))
			return slot;
	}
	return NULL;
}

/* Would a cut make it again: is it what the sums say? */
static bool sums_agree(const struct segment *segment)
{
	const struct headers *headers = &segment->headers;
	const struct frame *frame = segment->frame;
	const uint8_t *ip = frame->data + headers->network;
	uint32_t length = frame->size - headers->transport;
	uint64_t sum = segment->pseudo + htons((uint16_t)length);
	uint16_t field;

	if (!headers->ipv6 &&
	    sum_fold(sum_bytes(0, ip, (uint32_t)(headers->transport - headers->network))) != 0xffff)
		return false;
	memcpy(&field, frame->data + headers->transport + headers->checksum, 2);
	if (frame->csum_start)
		return frame->csum_start == headers->transport &&
		       frame->csum_offset == headers->checksum && field == sum_fold(sum);
	/* 0 is UDP's for none, and would come back as 0xffff. */
	return field &&
	       sum_fold(sum_bytes(sum, frame->data + headers->transport, length)) == 0xffff;
}

static bool may_join(const struct join *join, struct segment *segment)
{
	const struct headers *headers = &segment->headers;

	if (!segment->frame->lasting || !segment->payload)
		return false;
	if (headers->tcp
		    ? !join->tcp || (segment->flags & ~(TCP_PSH | TCP_FIN | TCP_ECE)) != TCP_ACK
		    : !join->udp)
		return false;
	if (!headers->tcp && get_be16(segment->frame->data + headers->transport + UDP_LENGTH) !=
				     segment->frame->size - headers->transport)
		return false;
	segment->pseudo = headers_pseudo_sum(segment->frame->data, headers);
	return sums_agree(segment);
}

/* What a cut copies from the first segment: all but length, id and sum of IPv4, length of IPv6. */
static bool same_network(const uint8_t *a, const uint8_t *b, const struct headers *headers)
{
	if (headers->ipv6)
		return memcmp(a, b, 4) == 0 && memcmp(a + 6, b + 6, 34) == 0;
	return memcmp(a, b, 2) == 0 && memcmp(a + 6, b + 6, 4) == 0 &&
	       memcmp(a + 12, b + 12, (size_t)(headers->transport - headers->network - 12)) == 0;
}

/* All but sequence, PSH, FIN and checksum. */
static bool same_tcp(const uint8_t *a, const uint8_t *b, const struct headers *headers)
{
	return memcmp(a + 8, b + 8, 5) == 0 &&
	       ((a[TCP_FLAGS] ^ b[TCP_FLAGS]) & ~(TCP_PSH | TCP_FIN)) == 0 &&
	       memcmp(a + 14, b + 14, 2) == 0 &&
	       memcmp(a + 18, b + 18, (size_t)(headers->size - headers->transport - 18)) == 0;
}

/* Is it the super-frame's next segment? */
static bool continues(const struct join_slot *slot, const struct segment *segment)
{
	const struct headers *headers = &slot->headers;
	const uint8_t *one = slot->first.data, *other = segment->frame->data;

	if (headers->size != segment->headers.size ||
	    headers->transport != segment->headers.transport || segment->payload > slot->step ||
	    slot->n == JOIN_PARTS || slot->size - headers->network + segment->payload > IP_MAX ||
	    !same_network(one + headers->network, other + headers->network, headers))
		return false;
	if (!headers->ipv6 && get_be16(other + headers->network + 4) != slot->id)
		return false;
	if (!headers->tcp)
		return true;
	return get_be32(other + headers->transport + TCP_SEQUENCE) == slot->sequence &&
	       same_tcp(one + headers->transport, other + headers->transport, headers);
}

static void begin(struct join *join, const struct segment *segment)
{
	struct join_slot *slot = NULL;
	const uint8_t *data = segment->frame->data;

	for (int i = 0; i < JOIN_SLOTS && !slot; i++)
		slot = join->slots[i].n ? NULL : &join->slots[i];
	if (!slot) {
		slot = oldest(join);
		flush_slot(join, slot);
	}
	join->n++;
	slot->n = 1;
	slot->first = *segment->frame;
	slot->last_mark = segment->frame->mark;
	slot->headers = segment->headers;
	slot->born = join->born++;
	slot->step = segment->payload;
	slot->size = segment->frame->size;
	slot->pseudo = segment->pseudo;
	slot->id = (uint16_t)(get_be16(data + segment->headers.network + 4) + 1);
	slot->sequence = get_be32(data + segment->headers.transport + TCP_SEQUENCE) + slot->step;
	slot->parts[0] = (struct iovec){segment->frame->data, segment->frame->size};
}

static void append(struct join *join, struct join_slot *slot, const struct segment *segment)
{
	uint8_t *tcp = slot->first.data + slot->headers.transport;
	uint8_t last = segment->flags & (TCP_PSH | TCP_FIN);

	slot->parts[slot->n++] =
		(struct iovec){segment->frame->data + segment->headers.size, segment->payload};
	slot->size += segment->payload;
	slot->sequence += segment->payload;
	slot->id++;
	slot->last_mark = segment->frame->mark;
	if (slot->headers.tcp)
		tcp[TCP_FLAGS] |= last;
	/* Only the last may be shorter or end something. */
	if (last || segment->payload < slot->step)
		flush_slot(join, slot);
}

void join_frame(struct join *join, struct frame *frame)
{
	struct segment segment = {.frame = frame};

	frame->mark = join->mark;
	if (!headers_read(frame, &segment.headers)) {
		if (!headers_no_flow(frame))
			join_flush(join);
		write_one(join, frame);
		return;
	}
	const struct headers *headers = &segment.headers;
	struct join_slot *slot = find(join, &segment);
	segment.payload = headers->end - headers->size;
	segment.flags = headers->tcp ? frame->data[headers->transport + TCP_FLAGS] : 0;
	/* Filling behind the packet would be lost. */
	bool joins = headers->end == frame->size && may_join(join, &segment);
	if (slot && joins && continues(slot, &segment)) {
		append(join, slot, &segment);
		return;
	}
	if (slot)
		flush_slot(join, slot);
	if (joins && !(segment.flags & (TCP_PSH | TCP_FIN)))
		begin(join, &segment);
	else
		write_one(join, frame);
}
