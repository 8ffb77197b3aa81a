/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way out: frames become data messages, whole or in pieces, or wait for a session. */
#include <errno.h>
#include "tunnel/core.h"
#include "tunnel/cut.h"
#include "tunnel/offload.h"

#define STEP 16 /* inner messages are padded to it */

void send_message(struct engine *engine, struct peer *peer, const struct endpoint *to,
		  uint8_t *message, size_t size, uint64_t now)
{
	/* Timers go by lane 0: it must not die unseen while others live. */
	if (!to->lane) {
		peer->sent_ns = now;
		peer->answer_ns = 0;
	}
	peer->tx_bytes += size;
	engine->tx_bytes += size;
	pathmtu_sent(&peer->path, (uint32_t)(size + endpoint_overhead(to)), now);
	engine->ops.datagram_send(engine->ops.context, to, message, size, peer->id);
}

/* Rule 2 of section 7: time for new keys? */
static void keep_fresh(struct engine *engine, struct session *session, uint8_t lane, uint64_t now)
{
	uint64_t limit = identity_of(session->suite)->rekey_after_messages / session->n_lanes;

	if (session == session->peer->current &&
	    (session->lanes[lane].counter >= limit ||
	     (session->initiator && now - session->born_ns >= REKEY_AFTER_NS)))
		handshake_want(engine, session->peer, now);
}

/* Seals an inner message and sends it. -ENOSPC: no room; or as session_seal. */
static int seal_and_send(struct engine *engine, struct session *session, uint8_t lane,
			 const uint8_t *inner, size_t size, uint64_t now)
{
	struct peer *peer = session->peer;
	uint8_t *room = engine->ops.datagram_room(engine->ops.context, DATA_OVERHEAD + size);

	if (!room)
		return -ENOSPC;
	int rc = session_seal(session, lane, inner, size, room);
	if (rc)
		return rc;
	send_message(engine, peer, lanes_endpoint(peer, lane), room, DATA_OVERHEAD + size, now);
	return 0;
}

/* Data was sent: from now on silence is suspicious. */
static void expect_answer(struct peer *peer, uint64_t now)
{
	if (!peer->silence_ns)
		peer->silence_ns = now;
}

static int send_whole(struct engine *engine, struct session *session, uint8_t lane,
		      struct frame *frame, struct inner *inner, uint64_t now)
{
	uint32_t size = INNER_HEADER + frame->size, pad = -size & (STEP - 1);
	uint8_t *start = frame->data - INNER_HEADER;

	if (size + pad > peer_inner_max(session->peer))
		pad = 0;
	inner->kind = INNER_FRAME;
	wire_put_header(start, inner, (uint8_t)pad);
	memset(frame->data + frame->size, 0, pad);
	return seal_and_send(engine, session, lane, start, size + pad, now);
}

/*
 * Pieces are sealed where they lie: each one's header overwrites what stands in front of it,
 * which is put back afterwards, since the frame may have further receivers.
 */
static int send_pieces(struct engine *engine, struct session *session, uint8_t lane,
		       struct frame *frame, struct inner *inner, uint64_t now)
{
	uint32_t step = pieces_size(frame->size, peer_inner_max(session->peer));
	int rc = 0;

	inner->kind = INNER_PIECE;
	inner->id = session->piece_id++;
	inner->total = (uint16_t)frame->size;
	for (uint32_t at = 0; at < frame->size && rc == 0; at += step) {
		uint32_t n = frame->size - at < step ? frame->size - at : step;
		uint32_t pad = -n & (STEP - 1);
		uint8_t *start = frame->data + at - PIECE_HEADER, saved[PIECE_HEADER];

		memcpy(saved, start, PIECE_HEADER);
		inner->offset = (uint16_t)at;
		wire_put_header(start, inner, (uint8_t)pad);
		memset(frame->data + frame->size, 0, pad);
		rc = seal_and_send(engine, session, lane, start, PIECE_HEADER + n + pad, now);
		memcpy(start, saved, PIECE_HEADER);
	}
	return rc;
}

static void send_in_session(struct engine *engine, struct session *session, struct frame *frame,
			    uint8_t hop, uint64_t now)
{
	struct peer *peer = session->peer;
	uint8_t lane = lanes_choose(peer, frame->lane);

	if (frame->csum_start > UINT8_MAX || frame->csum_offset > UINT8_MAX)
		offload_complete_checksum(frame);
	struct inner inner = {
		.hop = hop,
		.segment = engine->segment,
		.csum_start = (uint8_t)frame->csum_start,
		.csum_offset = (uint8_t)frame->csum_offset,
	};
	bool fits = INNER_HEADER + frame->size <= peer_inner_max(peer);
	int rc = fits ? send_whole(engine, session, lane, frame, &inner, now)
		      : send_pieces(engine, session, lane, frame, &inner, now);
	if (rc) {
		engine_drop(engine, peer, rc == -ENOBUFS ? DROP_COUNTER_END : DROP_WIRE_FULL, 1);
	} else {
		engine->out++;
		peer->tx_frames++;
		if (!lane)
			expect_answer(peer, now);
	}
	keep_fresh(engine, session, lane, now);
}

/* Keeps a copy until there is a session. */
static void wait(struct engine *engine, struct peer *peer, const struct frame *frame, uint8_t hop,
		 uint64_t now)
{
	if (now >= peer->hope_ns) {
		engine_drop(engine, peer, DROP_NO_SESSION, 1);
		return;
	}
	struct parcel *parcel = peer->queue.n < PEER_QUEUE ? pool_take(&engine->queue_pool) : NULL;
	if (!parcel) {
		/* The newest are worth most: the peer's own oldest makes room. */
		engine_drop(engine, peer, DROP_QUEUE_FULL, 1);
		parcel = parcel_list_take(&peer->queue);
	}
	if (!parcel)
		return;
	uint8_t *data = parcel->frame.data;
	memcpy(data, frame->data, frame->size);
	parcel->frame = *frame;
	parcel->frame.data = data;
	parcel->hop = hop;
	parcel->born_ns = now;
	parcel_list_put(&peer->queue, parcel);
	engine_wake(engine, now + QUEUE_LIFE_NS);
}

/* Each segment is a frame from here on: of a size that needs no pieces, if that may be chosen. */
static void send_segments(struct engine *engine, struct peer *peer, const struct frame *frame,
			  uint8_t hop, uint64_t now)
{
	uint32_t room = engine->frame_max;
	struct frame segment;
	struct cut cut;

	if (session_is_usable(peer->current, now) && peer_inner_max(peer) - INNER_HEADER < room)
		room = peer_inner_max(peer) - INNER_HEADER;
	cut_begin(&cut, frame, room);
	engine->in += cut.n - 1;
	engine->tx_frames += cut.n - 1;
	while (cut_next(&cut, &segment)) {
		segment.lane = frame->lane;
		send_frame(engine, peer, &segment, hop, now);
	}
}

void send_frame(struct engine *engine, struct peer *peer, struct frame *frame, uint8_t hop,
		uint64_t now)
{
	if (frame->gso_type != GSO_NONE) {
		send_segments(engine, peer, frame, hop, now);
		return;
	}
	if (session_is_usable(peer->current, now)) {
		send_in_session(engine, peer->current, frame, hop, now);
		return;
	}
	handshake_want(engine, peer, now);
	wait(engine, peer, frame, hop, now);
}

void send_queue(struct engine *engine, struct peer *peer, bool confirm, uint64_t now)
{
	struct parcel *parcel;

	if (confirm && !peer->queue.first)
		send_keepalive(engine, peer, now);
	while (session_is_usable(peer->current, now) && (parcel = parcel_list_take(&peer->queue))) {
		send_in_session(engine, peer->current, &parcel->frame, parcel->hop, now);
		pool_give(&engine->queue_pool, parcel);
	}
}

void send_keepalive(struct engine *engine, struct peer *peer, uint64_t now)
{
	static const uint8_t empty[1];

	if (!session_is_usable(peer->current, now))
		return;
	seal_and_send(engine, peer->current, 0, empty, 0, now);
	keep_fresh(engine, peer->current, 0, now);
}

void send_control(struct engine *engine, struct session *session, uint8_t lane,
		  const struct control_wish *wish, uint64_t now)
{
	struct peer *peer = session->peer;
	size_t size = CONTROL_SIZE + wish->fill, total = DATA_OVERHEAD + size;
	uint8_t *room = engine->ops.datagram_room(engine->ops.context, total);
	struct inner inner = {
		.kind = INNER_CONTROL,
		.type = (uint8_t)wish->type,
		.lanes = session->n_lanes,
		.probe_size = wish->size,
		.id = wish->id,
	};

	if (!room)
		return;
	/* Built where it will be sent from, as it may be longer than any frame. */
	uint8_t *at = room + DATA_HEADER;
	memset(at + wire_put_header(at, &inner, 0), 0, wish->fill);
	if (session_seal(session, lane, at, size, room))
		return;
	uint64_t answer_ns = peer->answer_ns;
	send_message(engine, peer, lanes_endpoint(peer, lane), room, total, now);
	/* Probes of the path are lost as a rule: no answer to what came, and none is expected. */
	if (wish->fill)
		peer->answer_ns = answer_ns;
	/* Small ones ask whether the peer lives. */
	else if (wish->type == CONTROL_PROBE)
		expect_answer(peer, now);
	keep_fresh(engine, session, lane, now);
}

void send_probe(struct engine *engine, struct peer *peer, uint16_t packet_size, uint64_t now)
{
	uint32_t size = packet_size - (uint32_t)endpoint_overhead(&peer->endpoint);

	send_control(engine, peer->current, 0,
		     &(struct control_wish){.type = CONTROL_PROBE,
					    .size = (uint16_t)size,
					    .id = peer->probe_id,
					    .fill = size - DATA_OVERHEAD - CONTROL_SIZE},
		     now);
}
