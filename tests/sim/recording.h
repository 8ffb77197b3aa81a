/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that goes over the wire of a net, kept. */
#pragma once
#include "sim/hostile.h"

static struct {
	struct letter *letters;
	int n, len, n_handshakes;
} recording;

static bool record(struct net *on, struct net_packet *packet)
{
	(void)on;
	if (recording.n == recording.len) {
		recording.len = recording.len ? 2 * recording.len : 256;
		recording.letters =
			realloc(recording.letters, (size_t)recording.len * sizeof(struct letter));
	}
	struct letter *kept = &recording.letters[recording.n++];
	kept->from = packet->from;
	kept->to = packet->to;
	kept->size = packet->size;
	memcpy(kept->bytes, packet->bytes, packet->size);
	recording.n_handshakes += packet->bytes[0] != MESSAGE_DATA;
	return true;
}

/* Forgets what was there. */
static inline void recording_start(void)
{
	net.tap = record;
	recording.n = recording.n_handshakes = 0;
}
