/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handshakes: when they begin, what is answered, and which of a peer's sessions is current.
 * An own initiation and an answer to the peer's live side by side: two hosts that start together
 * do both, and peer_prefers says which session they keep.
 */
#include <errno.h>
#include "tunnel/core.h"

void handshake_end_session(struct engine *engine, struct session **place)
{
	if (!*place)
		return;
	view_release(&engine->view, (*place)->local_index);
	session_free(*place);
	*place = NULL;
}

void handshake_forget(struct engine *engine, struct peer *peer)
{
	if (!peer->handshaking)
		return;
	view_release(&engine->view, peer->handshake.local_index);
	noise_wipe(&peer->handshake);
	peer->handshaking = false;
}

static bool reserve(struct engine *engine, struct peer *peer, uint32_t *index)
{
	return view_reserve(&engine->view, peer, engine_random(engine), index);
}

/* Where the next initiation goes: in turn where the peer is and where it is configured to be. */
static const struct endpoint *target(const struct peer *peer)
{
	bool second_try = peer->attempts % 2 == 1;

	return second_try && endpoint_exists(&peer->configured) ? &peer->configured
								: &peer->endpoint;
}

static int make_initiation(struct engine *engine, struct peer *peer, uint64_t now,
			   uint8_t message[INITIATION_SIZE])
{
	uint8_t ephemeral[KEY_SIZE], timestamp[TIMESTAMP_SIZE];
	enum suite suite = engine_suite_for(engine, peer);
	uint32_t index;

	if (!reserve(engine, peer, &index))
		return -ENOSPC;
	engine->ops.random(engine->ops.context, ephemeral, KEY_SIZE);
	noise_timestamp(timestamp, now + engine->wall_minus_now);
	int rc = noise_make_initiation(&engine->self, &peer->noise, &peer->handshake, suite, index,
				       ephemeral, timestamp, message);
	crypto_wipe(ephemeral, sizeof(ephemeral));
	if (rc) {
		view_release(&engine->view, index);
		noise_wipe(&peer->handshake);
		return rc;
	}
	peer->handshaking = true;
	cookie_put_macs(engine->crypto, &peer->jar, suite, peer->noise.public_key, message,
			INITIATION_SIZE, now);
	return 0;
}

static void put_on_wire(struct engine *engine, struct peer *peer, const struct endpoint *to,
			const uint8_t *message, size_t size, uint64_t now)
{
	uint8_t *room = engine->ops.datagram_room(engine->ops.context, size);

	if (!room)
		return;
	memcpy(room, message, size);
	send_message(engine, peer, to, room, size, now);
}

void handshake_send(struct engine *engine, struct peer *peer, uint64_t now)
{
	uint64_t slow = peer_is_kept(peer) && now - peer->attempt_ns >= REKEY_ATTEMPT_NS;
	uint64_t pause = slow ? 2 * REKEY_TIMEOUT_NS : REKEY_TIMEOUT_NS;
	uint8_t message[INITIATION_SIZE];

	handshake_forget(engine, peer);
	if (make_initiation(engine, peer, now, message) == 0)
		put_on_wire(engine, peer, target(peer), message, sizeof(message), now);
	peer->attempts++;
	peer->initiation_ns = now;
	peer->retry_ns = now + pause + engine_random(engine) % (SECOND_NS / 3);
	engine_wake(engine, peer->retry_ns);
}

void handshake_want(struct engine *engine, struct peer *peer, uint64_t now)
{
	if (peer->attempt_ns || !endpoint_exists(&peer->endpoint))
		return;
	peer->attempt_ns = now;
	peer->attempts = 0;
	peer->hope_ns = now + HOPE_NS;
	if (peer->initiation_ns && now - peer->initiation_ns < REKEY_TIMEOUT_NS) {
		peer->retry_ns = peer->initiation_ns + REKEY_TIMEOUT_NS;
		engine_wake(engine, peer->retry_ns);
		return;
	}
	handshake_send(engine, peer, now);
}

/* A handshake of either side is complete, as far as it can be known. */
static void completed(struct engine *engine, struct peer *peer, uint64_t now)
{
	handshake_forget(engine, peer);
	peer->attempt_ns = 0;
	peer->attempts = 0;
	peer->handshake_ns = now;
	peer->hope_ns = now + HOPE_NS;
	pathmtu_start(&peer->path, now);
	lanes_tell(engine, peer, now);
	engine_wake(engine, now);
	if (peer->announced)
		return;
	peer->announced = true;
	if (engine->ops.event)
		engine->ops.event(engine->ops.context, ENGINE_CONNECTED, peer);
}

void handshake_confirm(struct engine *engine, struct peer *peer, uint64_t now)
{
	struct session *confirmed = peer->next, *current = peer->current;
	const uint8_t *own_key = engine->self.public_key;
	bool younger = current && current->born_ns > confirmed->born_ns;
	/* A peer that was started anew begins at once, and knows nothing of the current session. */
	bool crossed = confirmed->crossed || younger;
	bool keep = current && crossed &&
		    (peer_prefers(peer, current, confirmed, own_key) ||
		     (younger && !peer_prefers(peer, confirmed, current, own_key)));

	peer->next = NULL;
	handshake_end_session(engine, &peer->previous);
	peer->previous = keep ? confirmed : current;
	peer->current = keep ? current : confirmed;
	completed(engine, peer, now);
	send_queue(engine, peer, false, now);
}

void handshake_follow(struct engine *engine, struct peer *peer)
{
	struct session *previous = peer->previous, *current = peer->current;
	bool greater = memcmp(peer->noise.public_key, engine->self.public_key, KEY_SIZE) > 0;

	if (!current || !greater || !peer_sessions_are_twins(current, previous))
		return;
	peer->current = previous;
	peer->previous = current;
}

/* A peer that is not new has as many lanes as before, until it says how many it has now. */
static struct session *make_session(struct engine *engine, struct peer *peer,
				    struct noise_handshake *handshake, bool initiator, uint64_t now)
{
	struct session *session =
		session_new(&engine->self, handshake, initiator, engine->n_lanes, now);

	if (!session)
		return NULL;
	session->peer = peer;
	if (peer->current)
		session->n_remote_lanes = peer->current->n_remote_lanes;
	return session;
}

static void answer(struct engine *engine, struct peer *peer, struct noise_handshake *handshake,
		   const struct endpoint *to, uint64_t now)
{
	uint8_t ephemeral[KEY_SIZE], message[RESPONSE_SIZE];
	enum suite suite = handshake->suite;
	uint32_t index;
	uint8_t lane;

	if (!reserve(engine, peer, &index))
		return;
	engine->ops.random(engine->ops.context, ephemeral, KEY_SIZE);
	int rc = noise_make_response(&engine->self, &peer->noise, handshake, index, ephemeral,
				     message);
	crypto_wipe(ephemeral, sizeof(ephemeral));
	struct session *session = rc ? NULL : make_session(engine, peer, handshake, false, now);
	if (!session) {
		view_release(&engine->view, index);
		return;
	}
	session->crossed = peer->handshaking;
	view_find_slot(&engine->view, index, &lane)->session = session;
	handshake_end_session(engine, &peer->next);
	peer->next = session;
	peer->hope_ns = now + HOPE_NS;
	cookie_put_macs(engine->crypto, &peer->jar, suite, peer->noise.public_key, message,
			RESPONSE_SIZE, now);
	put_on_wire(engine, peer, to, message, sizeof(message), now);
	engine_wake(engine, now + REKEY_TIMEOUT_NS);
}

/* Whose initiation is it, and may it be answered? DROP_COUNT: yes, else why not. */
static enum drop check_initiation(struct engine *engine, struct noise_handshake *handshake,
				  const uint8_t *message, enum suite suite, uint64_t now,
				  struct peer **who)
{
	uint8_t public_key[KEY_SIZE], timestamp[TIMESTAMP_SIZE];

	if (noise_read_static(&engine->self, handshake, suite, message, public_key))
		return DROP_HANDSHAKE_BAD;
	struct peer *peer = view_find_peer(&engine->view, public_key);
	if (!peer)
		return DROP_UNKNOWN_PEER;
	*who = peer;
	if (!engine_accepts(engine, peer, suite))
		return DROP_CIPHER_REFUSED;
	if (noise_read_timestamp(&engine->self, &peer->noise, handshake, message, timestamp))
		return DROP_HANDSHAKE_BAD;
	if (memcmp(timestamp, peer->timestamp, TIMESTAMP_SIZE) <= 0 ||
	    (peer->answered_ns && now - peer->answered_ns < SECOND_NS / 50))
		return DROP_HANDSHAKE_REPLAY;
	memcpy(peer->timestamp, timestamp, TIMESTAMP_SIZE);
	peer->answered_ns = now;
	return DROP_COUNT;
}

static void receive_initiation(struct engine *engine, const struct endpoint *from,
			       const uint8_t *message, enum suite suite, uint64_t now)
{
	struct noise_handshake handshake = {0};
	struct peer *peer = NULL;
	enum drop drop = check_initiation(engine, &handshake, message, suite, now, &peer);

	if (drop != DROP_COUNT) {
		engine_drop(engine, peer, drop, 1);
	} else {
		engine->out++;
		receive_authentic(engine, peer, 0, from, INITIATION_SIZE, true, now);
		answer(engine, peer, &handshake, from, now);
	}
	noise_wipe(&handshake);
}

static void receive_response(struct engine *engine, const struct endpoint *from,
			     const uint8_t *message, enum suite suite, uint64_t now)
{
	uint32_t index = get_le32(message + RESPONSE_RECEIVER);
	uint8_t lane;
	struct slot *slot = view_find_slot(&engine->view, index, &lane);
	struct peer *peer = slot ? slot->peer : NULL;

	if (!slot || lane || slot->session || !peer->handshaking) {
		engine_drop(engine, peer, DROP_UNKNOWN_INDEX, 1);
		return;
	}
	if (suite != peer->handshake.suite ||
	    noise_read_response(&engine->self, &peer->noise, &peer->handshake, message)) {
		engine_drop(engine, peer, DROP_HANDSHAKE_BAD, 1);
		return;
	}
	engine->out++;
	struct session *session = make_session(engine, peer, &peer->handshake, true, now);
	peer->handshaking = false;
	if (!session) {
		view_release(&engine->view, index);
		return;
	}
	slot->session = session;
	handshake_end_session(engine, &peer->previous);
	peer->previous = peer->current;
	peer->current = session;
	receive_authentic(engine, peer, 0, from, RESPONSE_SIZE, true, now);
	completed(engine, peer, now);
	send_queue(engine, peer, true, now);
}

static void receive_cookie(struct engine *engine, const uint8_t *message, uint64_t now)
{
	uint8_t lane;
	struct slot *slot = view_find_slot(&engine->view, get_le32(message + INDEX_OFFSET), &lane);

	if (!slot || lane) {
		engine_drop(engine, NULL, DROP_UNKNOWN_INDEX, 1);
		return;
	}
	struct peer *peer = slot->peer;
	enum suite suite = slot->session ? slot->session->suite : peer->handshake.suite;
	if (cookie_read_reply(engine->crypto, &peer->jar, suite, peer->noise.public_key, message,
			      now))
		engine_drop(engine, peer, DROP_COOKIE_BAD, 1);
	else
		engine->out++;
}

static void demand_cookie(struct engine *engine, const struct endpoint *from,
			  const uint8_t *message, size_t size, enum suite suite, uint64_t now)
{
	uint8_t *room = engine->ops.datagram_room(engine->ops.context, COOKIE_MESSAGE_SIZE);

	engine_drop(engine, NULL, DROP_COOKIE_SENT, 1);
	if (!room || cookie_make_reply(&engine->checker, suite, message, size, from,
				       &engine->entropy, now, room))
		return;
	engine->tx_bytes += COOKIE_MESSAGE_SIZE;
	engine->ops.datagram_send(engine->ops.context, from, room, COOKIE_MESSAGE_SIZE, 0);
}

void handshake_receive(struct engine *engine, const struct endpoint *from, uint8_t *message,
		       size_t size, int type, uint64_t now)
{
	if (type == MESSAGE_COOKIE) {
		receive_cookie(engine, message, now);
		return;
	}
	enum suite suite = cookie_find_suite(&engine->checker, message, size);
	if (suite == SUITE_COUNT) {
		engine_drop(engine, NULL, DROP_BAD_MAC1, 1);
		return;
	}
	if (!(engine->accepted & 1u << suite)) {
		engine_drop(engine, NULL, DROP_CIPHER_REFUSED, 1);
		return;
	}
	if (cookie_under_load(&engine->checker, now)) {
		if (!cookie_check_mac2(&engine->checker, message, size, from, now)) {
			demand_cookie(engine, from, message, size, suite, now);
			return;
		}
		if (!cookie_take_token(&engine->checker, from, now)) {
			engine_drop(engine, NULL, DROP_RATE_LIMIT, 1);
			return;
		}
	}
	if (type == MESSAGE_INITIATION)
		receive_initiation(engine, from, message, suite, now);
	else
		receive_response(engine, from, message, suite, now);
}
