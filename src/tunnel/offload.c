/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/offload.h"
#include "tunnel/wire.h"

bool offload_checksum_fits(const struct frame *frame)
{
	return !frame->csum_start ||
	       (frame->csum_start >= ETHERNET_HEADER &&
		(uint32_t)frame->csum_start + frame->csum_offset + 2 <= frame->size);
}

void offload_complete_checksum(struct frame *frame)
{
	uint64_t sum = 0;

	if (!frame->csum_start)
		return;
	/* The field itself holds the pseudo header's sum and is summed with the rest (RFC 1071). */
	for (uint32_t at = frame->csum_start; at < frame->size; at += 2)
		sum += at + 1 < frame->size ? get_be16(frame->data + at) : frame->data[at] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	uint16_t checksum = (uint16_t)~sum;
	put_be16(frame->data + frame->csum_start + frame->csum_offset,
		 checksum ? checksum : 0xffff);
	frame->csum_start = 0;
	frame->csum_offset = 0;
}
