/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The LAN: who lives where, and who gets a frame (doc/protocol.md section 10). */
#include "tunnel/core.h"

static struct peer *peer_at(const struct engine *engine, struct mac_place *place)
{
	return place && place != &engine->local ? (struct peer *)place : NULL;
}
_Static_assert(offsetof(struct peer, place) == 0, "a place leads to its peer");

void engine_expect(const struct engine *engine, const struct frame *frames, uint32_t n)
{
	uint64_t keys[2 * ENGINE_EXPECT_MAX];
	uint32_t n_keys = 0;

	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *data = frames[i].data;

		if (frames[i].size < ETHERNET_HEADER)
			continue;
		keys[n_keys++] = frame_mac_key(&frames[i], data + 6);
		if (!frame_is_group(data))
			keys[n_keys++] = frame_mac_key(&frames[i], data);
	}
	mac_table_expect(&engine->macs, keys, n_keys);
}
_Static_assert(2 * ENGINE_EXPECT_MAX <= MAC_EXPECT_MAX, "two addresses of each frame");

/* Learns the source. False: the frame is dropped and counted. */
static bool learn(struct engine *engine, struct peer *from, const struct frame *frame, uint64_t now)
{
	const uint8_t *source = frame->data + 6;

	if (frame_is_group(source)) {
		engine_drop(engine, from, DROP_SOURCE_GROUP, 1);
		return false;
	}
	struct mac_place *place = from ? &from->place : &engine->local;
	if (mac_table_learn(&engine->macs, frame_mac_key(frame, source), place, now) == MAC_HELD) {
		engine_drop(engine, from, DROP_MAC_HOLD, 1);
		return false;
	}
	return true;
}

static struct peer *find(const struct engine *engine, const struct frame *frame, uint64_t now)
{
	if (frame_is_group(frame->data))
		return NULL;
	uint64_t key = frame_mac_key(frame, frame->data);
	return peer_at(engine, mac_table_find(&engine->macs, key, now));
}

void forward_local(struct engine *engine, struct frame *frame, uint64_t now)
{
	struct view *view = &engine->view;

	if (!learn(engine, NULL, frame, now))
		return;
	struct peer *peer = find(engine, frame, now);
	if (peer) {
		send_frame(engine, peer, frame, 0, now);
		return;
	}
	if (!view->n_peers) {
		engine_drop(engine, NULL, DROP_NO_PEER, 1);
		return;
	}
	engine->in += view->n_peers - 1;
	for (uint32_t i = 0; i < view->n_peers; i++)
		send_frame(engine, view->peers[i], frame, 0, now);
}

/* A token bucket that holds one second's worth. */
static bool is_storm(struct peer *peer, uint64_t now)
{
	uint64_t full = peer->storm_ns > now ? peer->storm_ns : now;

	if (full - now >= SECOND_NS)
		return true;
	peer->storm_ns = full + SECOND_NS / peer->storm_limit;
	return false;
}

static bool may_relay(const struct peer *from, const struct peer *to)
{
	return from != to && (from->relay || to->relay);
}

/* Copies for the peers that depend on us for frames of that one. */
static void relay_to_all(struct engine *engine, struct peer *from, struct frame *frame, uint8_t hop,
			 uint64_t now)
{
	struct view *view = &engine->view;

	for (uint32_t i = 0; i < view->n_peers; i++) {
		if (!may_relay(from, view->peers[i]))
			continue;
		engine->in++;
		send_frame(engine, view->peers[i], frame, hop, now);
	}
}

void forward_remote(struct engine *engine, struct peer *from, struct frame *frame, uint8_t hop,
		    uint64_t now)
{
	bool group = frame_is_group(frame->data);

	/* Where it goes is asked for only if it may go on from here. */
	if (engine->relays)
		engine_expect(engine, frame, 1);
	if (!learn(engine, from, frame, now))
		return;
	if (group && is_storm(from, now)) {
		engine_drop(engine, from, DROP_STORM, 1);
		return;
	}
	if (hop < HOP_MAX && engine->relays) {
		struct mac_place *place =
			mac_table_find(&engine->macs, frame_mac_key(frame, frame->data), now);
		struct peer *to = group ? NULL : peer_at(engine, place);

		if (to && may_relay(from, to)) {
			send_frame(engine, to, frame, (uint8_t)(hop + 1), now);
			return;
		}
		if (group || !place)
			relay_to_all(engine, from, frame, (uint8_t)(hop + 1), now);
	}
	engine->out++;
	engine->rx_frames++;
	engine->ops.frame_deliver(engine->ops.context, frame);
}
