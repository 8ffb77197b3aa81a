/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Super-frames that wait for the TAP, which takes long for each, while what else has come is looked
 * at: small frames of other flows go first. Order within a flow stays.
 *
 * No copies: frames stay in the datagrams that they came in, as their marks say.
 */
#pragma once
#include "tunnel/join.h"

#define BACKLOG_LEN 64

struct backlog_entry {
	struct frame frame;
	struct headers headers;
	uint32_t n, header_size;
	struct iovec parts[JOIN_PARTS];
};

struct backlog {
	join_write *write;
	void *context;
	uint32_t first, n;
	struct backlog_entry entries[BACKLOG_LEN];
};

/* Takes a frame as join_write has it: writes it now, or lets it wait. */
void backlog_take(struct backlog *backlog, const struct frame *frame, const struct iovec *parts,
		  uint32_t n, uint32_t header_size);

/* Writes the oldest that waits, if there is one. */
void backlog_write(struct backlog *backlog);

/* Writes all. */
void backlog_flush(struct backlog *backlog);

/* The least mark of what waits; UINT64_MAX: nothing does. */
uint64_t backlog_oldest_mark(const struct backlog *backlog);
