/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lanes from the second on have ports of their own, which a firewall may close while lane 0 works.
 * So nothing but probes goes over one until one of them was answered: then both directions are
 * known to work, and with exactly these two ports. As long as a lane is not open its frames go over
 * lane 0. Path MTU is lane 0's, so a lane that leads to another address stays closed.
 */
#include "tunnel/core.h"

static struct lane_path *path_of(const struct peer *peer, uint8_t lane)
{
	return &peer->lanes[lane - 1];
}

static void begin(struct engine *engine, struct lane_path *path)
{
	path->id = engine_random(engine);
	path->unanswered = 0;
	path->probed_ns = 0;
	path->open = false;
}

void lanes_reset(struct engine *engine, struct peer *peer, uint64_t now)
{
	for (uint8_t lane = 1; lane < engine->n_lanes; lane++) {
		struct lane_path *path = path_of(peer, lane);

		path->endpoint = peer->endpoint;
		path->endpoint.lane = lane;
		begin(engine, path);
	}
	if (engine->n_lanes > 1 && peer->current)
		engine_wake(engine, now);
}

uint8_t lanes_common(const struct session *session)
{
	if (!session)
		return 1;
	return session->n_lanes < session->n_remote_lanes ? session->n_lanes
							  : session->n_remote_lanes;
}

uint8_t lanes_choose(const struct peer *peer, uint8_t wanted)
{
	return wanted && wanted < lanes_common(peer->current) && path_of(peer, wanted)->open
		       ? wanted
		       : 0;
}

const struct endpoint *lanes_endpoint(const struct peer *peer, uint8_t lane)
{
	return lane ? &path_of(peer, lane)->endpoint : &peer->endpoint;
}

uint8_t lanes_count_open(const struct peer *peer)
{
	uint8_t n = 1;

	for (uint8_t lane = 1; lane < lanes_common(peer->current); lane++)
		n += path_of(peer, lane)->open;
	return n;
}

void lanes_learn(struct engine *engine, struct peer *peer, uint8_t lane,
		 const struct endpoint *from, uint64_t now)
{
	struct lane_path *path = path_of(peer, lane);
	bool same = endpoint_same(&path->endpoint, from);

	path->endpoint = *from;
	path->endpoint.lane = lane;
	if (same)
		return;
	begin(engine, path);
	engine_wake(engine, now);
}

void lanes_told(struct engine *engine, struct session *session, uint8_t n, uint64_t now)
{
	if (session->n_remote_lanes == n)
		return;
	session->n_remote_lanes = n;
	if (engine->n_lanes > 1)
		engine_wake(engine, now);
}

void lanes_reply(struct engine *engine, struct peer *peer, uint8_t lane, uint32_t id)
{
	struct lane_path *path = path_of(peer, lane);

	if (id != path->id)
		return;
	path->unanswered = 0;
	path->open = endpoint_same_address(&path->endpoint, &peer->endpoint);
}

static uint64_t due_of(const struct lane_path *path)
{
	uint64_t pause = LANE_WAIT_NS;

	if (!path->probed_ns)
		return 0;
	if (path->open && !path->unanswered)
		pause = LANE_LOOK_NS;
	else if (!path->open && path->unanswered >= LANE_HOPE)
		pause = LANE_REST_NS;
	return path->probed_ns + pause;
}

static void probe(struct engine *engine, struct peer *peer, uint8_t lane, uint64_t now)
{
	struct lane_path *path = path_of(peer, lane);

	if (path->open && path->unanswered >= LANE_TRIES) {
		/* Perhaps the peer has another port now: it is asked for where it surely is. */
		path->endpoint = peer->endpoint;
		path->endpoint.lane = lane;
		begin(engine, path);
	}
	path->unanswered++;
	path->probed_ns = now;
	send_control(engine, peer->current, lane,
		     &(struct control_wish){
			     .type = CONTROL_PROBE,
			     .size = DATA_OVERHEAD + CONTROL_SIZE + LANE_FILL,
			     .id = path->id,
			     .fill = LANE_FILL,
		     },
		     now);
}

uint64_t lanes_run(struct engine *engine, struct peer *peer, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	if (!session_is_usable(peer->current, now))
		return due;
	for (uint8_t lane = 1; lane < lanes_common(peer->current); lane++) {
		if (now >= due_of(path_of(peer, lane)))
			probe(engine, peer, lane, now);
		if (due_of(path_of(peer, lane)) < due)
			due = due_of(path_of(peer, lane));
	}
	return due;
}

void lanes_tell(struct engine *engine, struct peer *peer, uint64_t now)
{
	if (engine->n_lanes == 1 || !session_is_usable(peer->current, now))
		return;
	send_control(engine, peer->current, 0,
		     &(struct control_wish){
			     .type = CONTROL_PROBE,
			     .size = DATA_OVERHEAD + CONTROL_SIZE + LANE_FILL,
			     .id = peer->probe_id,
			     .fill = LANE_FILL,
		     },
		     now);
}
