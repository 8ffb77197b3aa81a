/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clock's part of doc/protocol.md section 7. The data path only notes when things happened;
 * here it is judged what follows. Whatever the data path may start falls due five seconds later at
 * the earliest, so that looking at a live peer that often is enough to be on time.
 */
#include "tunnel/core.h"

#define LOOK_NS (5 * SECOND_NS)
#define STALE_NS (REJECT_AFTER_NS - KEEPALIVE_NS - REKEY_TIMEOUT_NS)

static void no_later_than(uint64_t *due, uint64_t when)
{
	if (when < *due)
		*due = when;
}

void timers_drop_held(struct engine *engine, struct peer *peer, enum drop why)
{
	struct parcel *parcel;

	while ((parcel = parcel_list_take(&peer->queue))) {
		pool_give(&engine->queue_pool, parcel);
		engine_drop(engine, peer, why, 1);
	}
	uint32_t pieces = pieces_clear(&peer->open, &engine->open_pool);
	if (pieces)
		engine_drop(engine, peer, why, pieces);
}

static void expire_sessions(struct engine *engine, struct peer *peer, uint64_t now, uint64_t *due)
{
	struct session **places[] = {&peer->current, &peer->previous, &peer->next};

	for (int i = 0; i < 3; i++) {
		if (!*places[i])
			continue;
		uint64_t end = (*places[i])->born_ns + REJECT_AFTER_NS;
		if (now < end) {
			no_later_than(due, end);
			continue;
		}
		if (places[i] == &peer->current)
			peer->hope_ns = now + HOPE_NS;
		handshake_end_session(engine, places[i]);
	}
}

static void expire_held(struct engine *engine, struct peer *peer, uint64_t now, uint64_t *due)
{
	while (peer->queue.first && now - peer->queue.first->born_ns >= QUEUE_LIFE_NS) {
		pool_give(&engine->queue_pool, parcel_list_take(&peer->queue));
		engine_drop(engine, peer, DROP_QUEUE_OLD, 1);
	}
	uint32_t lost = pieces_expire(&peer->open, &engine->open_pool, now);
	if (lost)
		engine_drop(engine, peer, DROP_PIECE_LOST, lost);
	if (peer->queue.first)
		no_later_than(due, peer->queue.first->born_ns + QUEUE_LIFE_NS);
	if (peer->open.first)
		no_later_than(due, peer->open.first->born_ns + PIECES_LIFE_NS);
}

static void repeat_initiation(struct engine *engine, struct peer *peer, uint64_t now, uint64_t *due)
{
	if (!peer->attempt_ns)
		return;
	if (now >= peer->retry_ns) {
		if (now - peer->attempt_ns >= REKEY_ATTEMPT_NS && !peer_is_kept(peer)) {
			handshake_forget(engine, peer);
			peer->attempt_ns = 0;
			return;
		}
		handshake_send(engine, peer, now);
	}
	no_later_than(due, peer->retry_ns);
}

/* Rule 5: what a kept peer gets without anybody's asking. */
static void keep_session(struct engine *engine, struct peer *peer, uint64_t now, uint64_t *due)
{
	const struct session *current = peer->current, *next = peer->next;
	uint64_t when = now;

	if (!peer_is_kept(peer) || peer->attempt_ns)
		return;
	if (current)
		when = current->born_ns + (current->initiator ? REKEY_AFTER_NS : STALE_NS);
	else if (next) /* we answered: the peer has the word */
		when = next->born_ns + REKEY_TIMEOUT_NS;
	if (now >= when)
		handshake_want(engine, peer, now);
	else
		no_later_than(due, when);
	if (peer->attempt_ns)
		no_later_than(due, peer->retry_ns);
}

static void show_life(struct engine *engine, struct peer *peer, uint64_t now, uint64_t *due)
{
	if (peer->answer_ns && now >= peer->answer_ns + KEEPALIVE_NS)
		send_keepalive(engine, peer, now);
	if (peer->answer_ns)
		no_later_than(due, peer->answer_ns + KEEPALIVE_NS);
	if (!peer->keepalive_ns || !peer->current)
		return;
	uint64_t last = peer->sent_ns > peer->received_ns ? peer->sent_ns : peer->received_ns;
	if (now >= last + peer->keepalive_ns) {
		send_keepalive(engine, peer, now);
		last = now;
	}
	no_later_than(due, last + peer->keepalive_ns);
}

static void doubt_life(struct engine *engine, struct peer *peer, uint64_t now, uint64_t *due)
{
	uint64_t limit = KEEPALIVE_NS + REKEY_TIMEOUT_NS;

	if (peer->silence_ns && now >= peer->silence_ns + limit) {
		peer->silence_ns = 0;
		/* Perhaps it is our own address that went. */
		peer->endpoint.has_local = false;
		handshake_want(engine, peer, now);
		if (peer->attempt_ns)
			no_later_than(due, peer->retry_ns);
	}
	if (peer->silence_ns)
		no_later_than(due, peer->silence_ns + limit);
	if (!endpoint_exists(&peer->configured) || !session_is_usable(peer->current, now))
		return;
	uint64_t last = peer->asked_ns > peer->received_ns ? peer->asked_ns : peer->received_ns;
	if (now >= last + IDLE_NS) {
		send_control(engine, peer->current, 0,
			     &(struct control_wish){.type = CONTROL_PROBE,
						    .size = DATA_OVERHEAD + CONTROL_SIZE,
						    .id = peer->probe_id},
			     now);
		peer->asked_ns = last = now;
	}
	no_later_than(due, last + IDLE_NS);
}

static void probe_path(struct engine *engine, struct peer *peer, uint64_t now, uint64_t *due)
{
	uint16_t sizes[PATHMTU_PROBES];

	if (!session_is_usable(peer->current, now))
		return;
	if (pathmtu_due(&peer->path) <= now) {
		int n = pathmtu_run(&peer->path, now, sizes);

		for (int i = 0; i < n; i++)
			send_probe(engine, peer, sizes[i], now);
	}
	no_later_than(due, pathmtu_due(&peer->path));
}

uint64_t timers_run(struct engine *engine, struct peer *peer, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	expire_sessions(engine, peer, now, &due);
	expire_held(engine, peer, now, &due);
	repeat_initiation(engine, peer, now, &due);
	keep_session(engine, peer, now, &due);
	show_life(engine, peer, now, &due);
	doubt_life(engine, peer, now, &due);
	probe_path(engine, peer, now, &due);
	no_later_than(&due, lanes_run(engine, peer, now));
	if (peer->announced && !peer_is_connected(peer, now)) {
		peer->announced = false;
		if (engine->ops.event)
			engine->ops.event(engine->ops.context, ENGINE_LOST, peer);
	}
	if (peer->current || peer->next)
		no_later_than(&due, now + LOOK_NS);
	return due;
}
