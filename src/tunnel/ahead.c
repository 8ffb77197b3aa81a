/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/ahead.h"

static bool has_flow(const struct ahead *ahead, const uint8_t *data, const struct headers *headers)
{
	for (uint32_t i = 0; i < ahead->n; i++) {
		uint32_t at = (ahead->first + i) % TAP_BUFFERS;

		if (headers_same_flow(ahead->frames[at].data, &ahead->headers[at], data, headers))
			return true;
	}
	return false;
}

enum ahead_order ahead_take(struct ahead *ahead, const struct frame *frame, uint32_t buffer)
{
	bool super = frame->gso_type != GSO_NONE;
	struct headers headers;

	if (!super && !ahead->n)
		return AHEAD_NOW;
	if (!headers_read(frame, &headers))
		return headers_no_flow(frame) ? AHEAD_NOW : AHEAD_LAST;
	if (!super && !has_flow(ahead, frame->data, &headers))
		return AHEAD_NOW;
	/* Where nothing waits the ring may begin anywhere: a burst of small ones was read before.
	 */
	if (!ahead->n++)
		ahead->first = buffer;
	ahead->frames[buffer] = *frame;
	ahead->headers[buffer] = headers;
	return AHEAD_WAITS;
}

struct frame *ahead_next(struct ahead *ahead)
{
	struct frame *frame = &ahead->frames[ahead->first];

	if (!ahead->n)
		return NULL;
	ahead->first = (ahead->first + 1) % TAP_BUFFERS;
	ahead->n--;
	return frame;
}
