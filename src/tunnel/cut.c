/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/cut.h"
#include <arpa/inet.h>
#include <string.h>
#include "tunnel/wire.h"

#define LEAST_STEP 64u /* of TCP payload; smaller paths get pieces */

static bool type_agrees(const struct frame *frame, const struct headers *headers)
{
	switch (frame->gso_type & ~GSO_ECN) {
	case GSO_TCP4:
		return headers->tcp && !headers->ipv6;
	case GSO_TCP6:
		return headers->tcp && headers->ipv6;
	case GSO_UDP_L4:
		return !headers->tcp;
	}
	return false;
}

bool cut_fits(const struct frame *frame)
{
	struct headers headers;

	return frame->gso_size && headers_read(frame, &headers) && type_agrees(frame, &headers) &&
	       headers.end == frame->size && headers.size < frame->size &&
	       frame->csum_start == headers.transport && frame->csum_offset == headers.checksum;
}

void cut_begin(struct cut *cut, const struct frame *frame, uint32_t room)
{
	struct headers *headers = &cut->headers;
	const uint8_t *data = frame->data;

	headers_read(frame, headers);
	cut->data = frame->data;
	cut->link = frame->link;
	cut->end = frame->size;
	cut->at = headers->size;
	cut->step = frame->gso_size;
	if (headers->tcp && room >= headers->size + LEAST_STEP && cut->step > room - headers->size)
		cut->step = room - headers->size;
	cut->n = (cut->end - cut->at + cut->step - 1) / cut->step;
	cut->i = 0;
	cut->sequence = get_be32(data + headers->transport + TCP_SEQUENCE);
	cut->flags = headers->tcp ? data[headers->transport + TCP_FLAGS] : 0;
	cut->id = get_be16(data + headers->network + 4);
	cut->pseudo = headers_pseudo_sum(data, headers);
	cut->overwritten = 0;
	memcpy(cut->head, data, headers->size);
}

static void put_back(struct cut *cut)
{
	if (!cut->i)
		return;
	memcpy(cut->data + cut->behind, cut->saved_behind, CUT_BEHIND);
	memcpy(cut->data + cut->overwritten - CUT_BEFORE, cut->saved_before,
	       cut->headers.size + CUT_BEFORE);
}

/* What stands where the segment's headers and its receiver's bytes will. */
static void save(struct cut *cut, uint32_t size)
{
	cut->overwritten = cut->at - cut->headers.size;
	cut->behind = cut->at + size;
	memcpy(cut->saved_before, cut->data + cut->overwritten - CUT_BEFORE,
	       cut->headers.size + CUT_BEFORE);
	memcpy(cut->saved_behind, cut->data + cut->behind, CUT_BEHIND);
}

static void put_tcp(const struct cut *cut, uint8_t *tcp, bool last)
{
	uint8_t flags = cut->flags;

	put_be32(tcp + TCP_SEQUENCE, cut->sequence + cut->i * cut->step);
	if (cut->i)
		flags &= (uint8_t)~TCP_CWR;
	if (!last)
		flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	tcp[TCP_FLAGS] = flags;
}

/* What a network card would write into the headers of segment i. */
static void put_headers(const struct cut *cut, uint8_t *data, uint32_t size)
{
	const struct headers *headers = &cut->headers;
	uint8_t *transport = data + headers->transport;
	uint32_t length = headers->size + size - headers->transport;

	memcpy(data, cut->head, headers->size);
	if (!headers->ipv6)
		put_be16(data + headers->network + 4, (uint16_t)(cut->id + cut->i));
	headers_set_length(data, headers, headers->size + size - headers->network);
	if (headers->tcp)
		put_tcp(cut, transport, cut->i == cut->n - 1);
	else
		put_be16(transport + UDP_LENGTH, (uint16_t)length);
	uint16_t sum = sum_fold(cut->pseudo + htons((uint16_t)length));
	memcpy(transport + headers->checksum, &sum, 2);
}

bool cut_next(struct cut *cut, struct frame *segment)
{
	put_back(cut);
	if (cut->i == cut->n)
		return false;
	uint32_t size = cut->end - cut->at < cut->step ? cut->end - cut->at : cut->step;
	save(cut, size);
	*segment = (struct frame){
		.data = cut->data + cut->overwritten,
		.size = cut->headers.size + size,
		.link = cut->link,
		.csum_start = cut->headers.transport,
		.csum_offset = cut->headers.checksum,
	};
	put_headers(cut, segment->data, size);
	cut->at += size;
	cut->i++;
	return true;
}
