/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/session.h"
#include <errno.h>
#include <stdlib.h>

struct session *session_new(const struct noise_self *self, struct noise_handshake *handshake,
			    bool initiator, uint8_t n_lanes, uint64_t now)
{
	struct session *session = calloc(1, sizeof(*session) + n_lanes * sizeof(struct lane));
	uint8_t from_initiator[KEY_SIZE], from_responder[KEY_SIZE];

	if (!session) {
		noise_wipe(handshake);
		return NULL;
	}
	session->suite = handshake->suite;
	session->initiator = initiator;
	session->n_lanes = n_lanes;
	session->n_remote_lanes = 1;
	session->local_index = handshake->local_index;
	session->remote_index = handshake->remote_index;
	session->born_ns = now;
	int rc = noise_split(self, handshake, from_initiator, from_responder);
	session->seal = aead_new(self->crypto, session->suite,
				 initiator ? from_initiator : from_responder, true);
	session->open = aead_new(self->crypto, session->suite,
				 initiator ? from_responder : from_initiator, false);
	crypto_wipe(from_initiator, sizeof(from_initiator));
	crypto_wipe(from_responder, sizeof(from_responder));
	if (rc == 0 && session->seal && session->open)
		return session;
	session_free(session);
	return NULL;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	aead_free(session->seal);
	aead_free(session->open);
	free(session);
}

bool session_is_usable(const struct session *session, uint64_t now)
{
	if (!session || now - session->born_ns >= REJECT_AFTER_NS)
		return false;
	uint64_t limit = identity_of(session->suite)->reject_after_messages / session->n_lanes;
	for (uint8_t i = 0; i < session->n_lanes; i++)
		if (session->lanes[i].counter >= limit)
			return false;
	return true;
}

int session_seal(struct session *session, uint8_t lane, const uint8_t *inner, size_t size,
		 uint8_t *message)
{
	uint64_t limit = identity_of(session->suite)->reject_after_messages / session->n_lanes;
	uint64_t counter = session->lanes[lane].counter;
	uint8_t nonce[NONCE_SIZE];

	if (counter >= limit)
		return -ENOBUFS;
	session->lanes[lane].counter++;
	put_le32(message, MESSAGE_DATA);
	put_le32(message + INDEX_OFFSET, session->remote_index + lane);
	put_le64(message + DATA_COUNTER, counter);
	aead_nonce(session->suite, lane, counter, nonce);
	return aead_seal(session->seal, nonce, NULL, 0, inner, size, message + DATA_HEADER);
}

int session_open(struct session *session, uint8_t lane, uint8_t *message, size_t size, uint64_t now,
		 bool *greatest)
{
	struct replay *replay = &session->lanes[lane].replay;
	uint64_t counter = get_le64(message + DATA_COUNTER);
	uint8_t nonce[NONCE_SIZE], *sealed = message + DATA_HEADER;

	if (now - session->born_ns >= REJECT_AFTER_NS ||
	    counter >= identity_of(session->suite)->reject_after_messages)
		return -ESTALE;
	if (!replay_is_fresh(replay, counter))
		return -EALREADY;
	aead_nonce(session->suite, lane, counter, nonce);
	int rc = aead_open(session->open, nonce, NULL, 0, sealed, size - DATA_OVERHEAD, sealed);
	if (rc == 0)
		*greatest = replay_mark(replay, counter);
	return rc;
}
