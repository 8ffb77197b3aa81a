/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/backlog.h"
#include <string.h>

static struct backlog_entry *entry_at(struct backlog *backlog, uint32_t i)
{
	return &backlog->entries[(backlog->first + i) % BACKLOG_LEN];
}

static bool has_flow(struct backlog *backlog, const uint8_t *data, const struct headers *headers)
{
	for (uint32_t i = 0; i < backlog->n; i++) {
		const struct backlog_entry *entry = entry_at(backlog, i);

		if (headers_same_flow(entry->frame.data, &entry->headers, data, headers))
			return true;
	}
	return false;
}

static void wait(struct backlog *backlog, const struct frame *frame, const struct headers *headers,
		 const struct iovec *parts, uint32_t n, uint32_t header_size)
{
	if (backlog->n == BACKLOG_LEN)
		backlog_write(backlog);
	struct backlog_entry *entry = entry_at(backlog, backlog->n++);
	entry->frame = *frame;
	entry->headers = *headers;
	entry->n = n;
	entry->header_size = header_size;
	memcpy(entry->parts, parts, n * sizeof(*parts));
}

void backlog_take(struct backlog *backlog, const struct frame *frame, const struct iovec *parts,
		  uint32_t n, uint32_t header_size)
{
	struct headers headers;

	if (n > 1 || backlog->n) {
		/* The lengths of a super-frame are those of all its parts. */
		bool read = headers_read(frame, &headers);

		if (read && n > 1) {
			wait(backlog, frame, &headers, parts, n, header_size);
			return;
		}
		if (read && frame->lasting && has_flow(backlog, frame->data, &headers)) {
			wait(backlog, frame, &headers, parts, n, header_size);
			return;
		}
		if (read ? has_flow(backlog, frame->data, &headers) : !headers_no_flow(frame))
			backlog_flush(backlog);
	}
	backlog->write(backlog->context, frame, parts, n, header_size);
}

void backlog_write(struct backlog *backlog)
{
	struct backlog_entry *entry = entry_at(backlog, 0);

	if (!backlog->n)
		return;
	backlog->first = (backlog->first + 1) % BACKLOG_LEN;
	backlog->n--;
	backlog->write(backlog->context, &entry->frame, entry->parts, entry->n, entry->header_size);
}

void backlog_flush(struct backlog *backlog)
{
	while (backlog->n)
		backlog_write(backlog);
}

uint64_t backlog_oldest_mark(const struct backlog *backlog)
{
	uint64_t mark = UINT64_MAX;

	for (uint32_t i = 0; i < backlog->n; i++) {
		const struct backlog_entry *entry =
			&backlog->entries[(backlog->first + i) % BACKLOG_LEN];

		if (entry->frame.mark < mark)
			mark = entry->frame.mark;
	}
	return mark;
}
