/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/peer.h"

#define SECOND_NS 1000000000ULL
#define SIMULTANEOUS_NS (5 * SECOND_NS)
#define SILENT_NS (15 * SECOND_NS)

bool peer_sessions_are_twins(const struct session *one, const struct session *other)
{
	uint64_t apart = one->born_ns > other->born_ns ? one->born_ns - other->born_ns
						       : other->born_ns - one->born_ns;

	return one->initiator != other->initiator && apart < SIMULTANEOUS_NS;
}

bool peer_prefers(const struct peer *peer, const struct session *session,
		  const struct session *other, const uint8_t own_key[KEY_SIZE])
{
	bool ours_is_greater = memcmp(own_key, peer->noise.public_key, KEY_SIZE) > 0;

	return peer_sessions_are_twins(session, other) && session->initiator == ours_is_greater;
}

bool peer_is_connected(const struct peer *peer, uint64_t now)
{
	if (!session_is_usable(peer->current, now))
		return false;
	/* Silent for long, and does not answer a second initiation either. */
	return !(peer->attempt_ns && peer->attempts > 1 && now - peer->received_ns > SILENT_NS);
}
