/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Super-frames that wait for the TAP, which takes long for each, while what else has come is looked
 * at: small frames of other flows go first. Order within a flow stays.
 *
 * No copies: frames stay in the datagrams that they came in. Each has the mark of its time, so that
 * the owner of those knows which are wanted.
 */
#pragma once
#include "tunnel/join.h"

#define BACKLOG_LEN 64

struct backlog_entry {
	struct frame frame;
	struct headers headers;
	uint64_t mark;
	uint32_t n, header_size;
	struct iovec parts[JOIN_PARTS];
};

struct backlog {
	join_write *write;
	void *context;
	uint64_t mark; /* of what comes now; never less than before */
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

/* The mark of the oldest that waits; UINT64_MAX: none does. */
uint64_t backlog_oldest(const struct backlog *backlog);
