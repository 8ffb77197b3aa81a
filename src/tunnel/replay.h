/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The window of counters that may still come (doc/protocol.md section 5.3): a ring of words in
 * which whole words are cleared as the greatest counter moves on (RFC 6479).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WINDOW 8128
#define REPLAY_WORDS 128

struct replay {
	uint64_t next; /* greatest counter accepted, plus one */
	uint64_t bits[REPLAY_WORDS];
};

static inline bool replay_is_fresh(const struct replay *replay, uint64_t counter)
{
	if (counter >= replay->next)
		return true;
	if (replay->next - 1 - counter > REPLAY_WINDOW)
		return false;
	return !(replay->bits[counter / 64 % REPLAY_WORDS] >> counter % 64 & 1);
}

/* After the message proved authentic. True if it is the greatest so far. */
static inline bool replay_mark(struct replay *replay, uint64_t counter)
{
	bool greatest = counter >= replay->next;

	if (greatest) {
		uint64_t last = replay->next ? (replay->next - 1) / 64 : 0;
		uint64_t moves = counter / 64 - last;

		for (uint64_t i = 1; i <= moves && i <= REPLAY_WORDS; i++)
			replay->bits[(last + i) % REPLAY_WORDS] = 0;
		replay->next = counter + 1;
	}
	replay->bits[counter / 64 % REPLAY_WORDS] |= 1ULL << counter % 64;
	return greatest;
}
