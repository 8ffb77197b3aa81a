/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/offload.h"
#include <string.h>
#include "tunnel/headers.h"

bool offload_checksum_fits(const struct frame *frame)
{
	return !frame->csum_start ||
	       (frame->csum_start >= frame_least(frame) &&
		(uint32_t)frame->csum_start + frame->csum_offset + 2 <= frame->size);
}

void offload_complete_checksum(struct frame *frame)
{
	uint8_t *start = frame->data + frame->csum_start;

	if (!frame->csum_start)
		return;
	/* The field itself holds the pseudo header's sum and is summed with the rest (RFC 1071). */
	uint16_t checksum =
		(uint16_t)~sum_fold(sum_bytes(0, start, frame->size - frame->csum_start));
	if (!checksum)
		checksum = 0xffff;
	memcpy(start + frame->csum_offset, &checksum, 2);
	frame->csum_start = 0;
	frame->csum_offset = 0;
}
