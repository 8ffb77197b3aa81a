/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way in: data messages become frames. */
#include <errno.h>
#include "tunnel/core.h"

void receive_authentic(struct engine *engine, struct peer *peer, uint8_t lane,
		       const struct endpoint *from, size_t size, bool moves, uint64_t now)
{
	peer->rx_bytes += size;
	engine->rx_bytes += size;
	if (lane)
		return;
	peer->received_ns = now;
	peer->silence_ns = 0;
	if (moves)
		engine_learn_endpoint(engine, peer, from, now);
}

/* From now on the peer is owed a sign of life. */
static void owe_answer(struct peer *peer, uint64_t now)
{
	if (!peer->answer_ns)
		peer->answer_ns = now;
}

/* Delivers what is late, after all sources were asked of the memory. */
static void receive_late(struct engine *engine, uint64_t now)
{
	uint64_t keys[LATE_LEN];
	uint32_t n = engine->n_late;

	if (!n)
		return;
	engine->n_late = 0;
	for (uint32_t i = 0; i < n; i++)
		keys[i] = frame_mac_key(&engine->late[i].frame, engine->late[i].frame.data + 6);
	mac_table_expect(&engine->macs, keys, n);
	for (uint32_t i = 0; i < n; i++) {
		struct late *late = &engine->late[i];

		forward_remote(engine, late->from, &late->frame, late->hop, now);
	}
}
_Static_assert(LATE_LEN <= MAC_EXPECT_MAX, "an address of each frame");

static void receive_piece(struct engine *engine, struct session *session, uint8_t lane,
			  const struct inner *inner, uint64_t now)
{
	struct peer *peer = session->peer;
	struct pool *pool = &engine->open_pool;
	uint32_t expired = pieces_expire(&peer->open, pool, now);

	if (expired)
		engine_drop(engine, peer, DROP_PIECE_LOST, expired);
	struct pieces_result result =
		pieces_add(&peer->open, pool, session->local_index, inner, engine->frame_max, now);
	if (result.n_dropped)
		engine_drop(engine, peer, result.why, result.n_dropped);
	if (peer->open.first)
		engine_wake(engine, peer->open.first->born_ns + PIECES_LIFE_NS);
	if (!result.whole)
		return;
	engine->out += result.n_merged - 1;
	peer->rx_frames++;
	result.whole->frame.lane = lane;
	receive_late(engine, now);
	forward_remote(engine, peer, &result.whole->frame, result.whole->hop, now);
	pool_give(pool, result.whole);
}

static void receive_control(struct engine *engine, struct session *session, uint8_t lane,
			    const struct inner *inner, size_t message_size, uint64_t now)
{
	struct peer *peer = session->peer;

	if (inner->type == CONTROL_PROBE && inner->probe_size != message_size) {
		engine_drop(engine, peer, DROP_INNER_BAD, 1);
		return;
	}
	engine->out++;
	lanes_told(engine, session, inner->lanes, now);
	if (inner->type == CONTROL_PROBE) {
		send_control(engine, session, lane,
			     &(struct control_wish){.type = CONTROL_REPLY,
						    .size = inner->probe_size,
						    .id = inner->id},
			     now);
	} else if (lane) {
		lanes_reply(engine, peer, lane, inner->id);
	} else if (inner->id == peer->probe_id) {
		uint32_t overhead = (uint32_t)endpoint_overhead(&peer->endpoint);

		pathmtu_reply(&peer->path, inner->probe_size + overhead, now);
		engine_wake(engine, pathmtu_due(&peer->path));
	}
}

static void receive_inner(struct engine *engine, struct session *session, uint8_t lane,
			  uint8_t *bytes, size_t size, uint64_t now)
{
	struct peer *peer = session->peer;
	struct inner inner;
	int rc = wire_parse(bytes, size, engine->segment, &inner);

	if (rc) {
		engine_drop(engine, peer, WIRE_DROP(rc), 1);
		return;
	}
	if (inner.kind == INNER_CONTROL) {
		receive_control(engine, session, lane, &inner, size + DATA_OVERHEAD, now);
		return;
	}
	if (!lane)
		owe_answer(peer, now);
	if (inner.kind == INNER_PIECE) {
		receive_piece(engine, session, lane, &inner, now);
		return;
	}
	if (inner.size > engine->frame_max) {
		engine_drop(engine, peer, DROP_FRAME_LONG, 1);
		return;
	}
	struct frame frame = {
		.data = inner.body,
		.size = (uint32_t)inner.size,
		.csum_start = inner.csum_start,
		.csum_offset = inner.csum_offset,
		.lane = lane,
		.lasting = true,
	};
	peer->rx_frames++;
	if (!engine->gathers) {
		forward_remote(engine, peer, &frame, inner.hop, now);
		return;
	}
	engine->late[engine->n_late++] = (struct late){peer, frame, inner.hop};
	if (engine->n_late == LATE_LEN)
		receive_late(engine, now);
}

static enum drop why_not_open(int rc)
{
	return rc == -ESTALE ? DROP_EXPIRED : rc == -EALREADY ? DROP_REPLAY : DROP_DATA_BAD;
}

/* Rule 3 of section 7. */
static bool is_stale(const struct session *session, uint64_t now)
{
	return session->initiator &&
	       now - session->born_ns >= REJECT_AFTER_NS - KEEPALIVE_NS - REKEY_TIMEOUT_NS;
}

void receive_data(struct engine *engine, const struct endpoint *from, uint8_t *message, size_t size,
		  uint64_t now)
{
	uint8_t lane;
	struct slot *slot = view_find_slot(&engine->view, get_le32(message + INDEX_OFFSET), &lane);
	struct session *session = slot ? slot->session : NULL;
	bool greatest;

	if (!session || lane >= session->n_lanes) {
		engine_drop(engine, NULL, DROP_UNKNOWN_INDEX, 1);
		return;
	}
	struct peer *peer = session->peer;
	int rc = session_open(session, lane, message, size, now, &greatest);
	if (rc) {
		engine_drop(engine, peer, why_not_open(rc), 1);
		return;
	}
	receive_authentic(engine, peer, lane, from, size, greatest, now);
	if (greatest && lane)
		lanes_learn(engine, peer, lane, from, now);
	if (session == peer->next)
		handshake_confirm(engine, peer, now);
	else if (session == peer->previous && greatest)
		handshake_follow(engine, peer);
	if (session == peer->current && is_stale(session, now))
		handshake_want(engine, peer, now);
	if (size == DATA_OVERHEAD)
		engine->out++;
	else
		receive_inner(engine, session, lane, message + DATA_HEADER, size - DATA_OVERHEAD,
			      now);
}

void engine_gather(struct engine *engine)
{
	engine->gathers = mac_table_is_large(&engine->macs);
}

void engine_settle(struct engine *engine, uint64_t now)
{
	engine->gathers = false;
	receive_late(engine, now);
}
