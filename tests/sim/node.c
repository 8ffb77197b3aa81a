/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One host: an engine that is started and stopped, and what its worker would do for it. */
#include "sim/sim.h"

uint64_t node_now(const struct node *node)
{
	return node->frozen ? node->stood_ns : node->world->now - node->lag_ns;
}

bool node_runs(const struct node *node)
{
	return node->engine && !node->frozen && !node->stalled;
}

struct control_endpoint node_address(const struct node *node, bool away)
{
	struct control_endpoint at = {.family = 4, .port = SIM_PORT};
	uint8_t last = (uint8_t)(node->index + 1 + (away ? 100 : 0));

	if (!node->world->scenario->ipv6) {
		memcpy(at.address, (uint8_t[]){10, 0, 0, last}, 4);
		return at;
	}
	at.family = 6;
	memcpy(at.address, (uint8_t[]){0xfd, 0}, 2);
	at.address[15] = last;
	return at;
}

static void fill(void *context, void *out, size_t size)
{
	struct node *node = context;
	uint8_t *bytes = out;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(sim_random(&node->random) >> 32);
}

static uint8_t *room(void *context, size_t size)
{
	struct node *node = context;

	return size <= 20000 ? node->room + FRAME_HEADROOM : NULL;
}

static void send(void *context, const struct endpoint *to, uint8_t *datagram, size_t size,
		 uint32_t peer_id)
{
	struct node *node = context;

	hooks_check_datagram(node, datagram, size);
	channel_send(node, to, datagram, size, peer_id);
}

static void deliver(void *context, struct frame *frame)
{
	watch_delivered(context, frame);
}

static void report(void *context, enum engine_event event, const struct peer *peer)
{
	struct node *node = context;

	world_trace(node->world, "node %d: %s %s", node->index, engine_peer_name(peer),
		    event == ENGINE_CONNECTED ? "is connected" : "is lost");
}

static struct control_peer peer_for(const struct node *node, const struct node *other)
{
	const struct scenario *scenario = node->world->scenario;
	struct control_peer peer = {.has_preshared_key = scenario->psk};

	snprintf(peer.name, sizeof(peer.name), "node%d", other->index);
	memcpy(peer.public_key, other->public_key, KEY_SIZE);
	memset(peer.preshared_key, 0x5a, KEY_SIZE);
	if (scenario_knows(scenario, node->index, other->index)) {
		peer.endpoint = node_address(other, false);
		peer.keepalive_s = scenario->keepalive_s;
	}
	peer.relay = scenario->shape == SHAPE_STAR && node->index == 1;
	return peer;
}

/* After a call of the engine: what the system refused meanwhile, and whether the account is right.
 */
static void settle(struct node *node)
{
	while (node->n_refused) {
		int n = --node->n_refused;

		engine_too_big(node->engine, node->refused[n].peer_id, node->refused[n].size,
			       node_now(node));
	}
	hooks_node = NULL;
}

void node_init(struct node *node, struct world *world, int index)
{
	node->world = world;
	node->index = index;
	node->random = world->scenario->seed * 7 + (uint64_t)index * 1000003;
	fill(node, node->private_key, KEY_SIZE);
}

void node_start(struct node *node)
{
	struct world *world = node->world;
	const struct scenario *scenario = world->scenario;
	struct engine_config config = {
		.cipher = scenario->cipher[node->index],
		.preferred = scenario->preferred[node->index],
		.mtu = scenario->mtu,
		.wall_ns = SIM_WALL + (world->now - SIM_START) + (uint64_t)node->wall_ns,
		.load_limit = scenario->load_limit,
		.lanes = scenario->lanes[node->index],
		.ops = {node, room, send, deliver, fill, report},
	};
	struct err err = {0};

	memcpy(config.private_key, node->private_key, KEY_SIZE);
	node->epoch++;
	node->fed = node->delivered = 0;
	if (node->marks_size)
		memset(node->marks, 0, node->marks_size);
	hooks_node = node;
	node->engine = engine_new(&config, node_now(node), &err);
	if (!node->engine) {
		printf("Bail out! %s\n", err.message);
		exit(1);
	}
	memcpy(node->public_key, engine_public_key(node->engine), KEY_SIZE);
	hooks_node = NULL;
}

void node_introduce(struct node *node)
{
	struct world *world = node->world;
	struct err err = {0};

	hooks_node = node;
	for (int i = 0; i < world->scenario->n_nodes; i++) {
		struct control_peer peer = peer_for(node, &world->nodes[i]);

		if (scenario_peers(world->scenario, node->index, i) &&
		    engine_set_peer(node->engine, &peer, node_now(node), &err))
			world_fail(world, "node %d refuses its peer: %s", node->index, err.message);
	}
	settle(node);
}

void node_stop(struct node *node, bool at_end)
{
	if (!node->engine)
		return;
	watch_account(node, at_end);
	engine_free(node->engine);
	node->engine = NULL;
	for (int i = 0; i < node->n_waiting; i++)
		free(node->waiting[i]);
	node->n_waiting = node->n_late_frames = 0;
}

void node_tick(struct node *node)
{
	hooks_node = node;
	engine_tick(node->engine, node_now(node));
	settle(node);
}

static bool session_is_up(const struct node *node, const struct packet *packet)
{
	uint8_t lane;

	if (packet->size < DATA_OVERHEAD || packet->bytes[0] != MESSAGE_DATA)
		return false;
	const struct slot *slot =
		view_find_slot(&node->engine->view, get_le32(packet->bytes + INDEX_OFFSET), &lane);
	return slot && slot->session && node_now(node) - slot->session->born_ns < REJECT_AFTER_NS;
}

/* What this engine did with a datagram or its copies. */
static uint8_t *mark_of(struct node *node, uint32_t serial)
{
	if (serial >= node->marks_size) {
		size_t size = 2 * serial + 4096;

		node->marks = realloc(node->marks, size);
		memset(node->marks + node->marks_size, 0, size - node->marks_size);
		node->marks_size = size;
	}
	return &node->marks[serial];
}

/*
 * A copy that comes in good times, of a message that got lost: that is the message, far too late,
 * and would prolong a dead session's life. Good times are those without.
 */
static bool is_untimely(struct node *node, const struct packet *packet)
{
	const struct calm *calm = &node->world->calms[node->world->calm_at];

	return packet->copy && packet->bytes[0] == MESSAGE_DATA && node->world->now >= calm->from &&
	       !(*mark_of(node, packet->serial) & MARK_SEEN);
}

void node_give(struct node *node, const struct packet *packet)
{
	static uint8_t buffer[FRAME_HEADROOM + 20000 + FRAME_TAILROOM];
	struct world *world = node->world;
	uint8_t *mark = mark_of(node, packet->serial);
	uint64_t n_responses = node->n_responses;

	if (is_untimely(node, packet))
		return;
	if (!packet->corrupt)
		*mark |= MARK_SEEN;
	watch_arrival(node, packet, session_is_up(node, packet));
	memcpy(buffer + FRAME_HEADROOM, packet->bytes, packet->size);
	node->delivered_number = 0;
	hooks_node = node;
	engine_datagram(node->engine, &packet->from, buffer + FRAME_HEADROOM, packet->size,
			node_now(node));
	settle(node);
	if (packet->corrupt && node->delivered_number)
		world_fail(world, "node %d delivered frame %u of a damaged datagram", node->index,
			   node->delivered_number);
	if (node->n_responses == n_responses)
		return;
	if (*mark & MARK_ANSWERED)
		world_fail(world, "node %d answers the same initiation twice", node->index);
	*mark |= MARK_ANSWERED;
}

void node_resume(struct node *node)
{
	bool timers_first = sim_random(&node->random) & 1;

	if (timers_first)
		node_tick(node);
	for (int i = 0; i < node->n_late_frames; i++)
		node_feed(node, node->late_frames[i].to, node->late_frames[i].size);
	node->n_late_frames = 0;
	for (int i = 0; i < node->n_waiting; i++) {
		node_give(node, node->waiting[i]);
		free(node->waiting[i]);
	}
	node->n_waiting = 0;
}

void node_feed(struct node *node, uint8_t to, uint32_t size)
{
	static uint8_t buffer[FRAME_HEADROOM + 20000 + FRAME_TAILROOM];
	struct world *world = node->world;
	struct frame frame = {.data = buffer + FRAME_HEADROOM, .size = size};

	if (node->engine && !node->frozen && node->stalled && node->n_late_frames < 64)
		node->late_frames[node->n_late_frames++] = (struct late_frame){to, size};
	if (!node_runs(node))
		return;
	if (world->n_sent == world->sent_len) {
		world->sent_len = world->sent_len ? 2 * world->sent_len : 4096;
		world->sent = realloc(world->sent, world->sent_len * sizeof(*world->sent));
	}
	const struct calm *calm = &world->calms[world->calm_at];
	struct sent *sent = &world->sent[world->n_sent];
	*sent = (struct sent){
		.when = world->now, .size = (uint16_t)size, .from = (uint8_t)node->index, .to = to};
	sent->strict = world->calm_at < world->n_calms && world->now >= calm->strict_from &&
		       world->now + SIM_LATE_NS < calm->until;
	traffic_make((uint32_t)world->n_sent++, sent->from, to, &frame);
	frame.lane = (uint8_t)(world->n_sent % world->scenario->lanes[node->index]);
	node->fed++;
	world->tally.frames++;
	hooks_node = node;
	engine_frame(node->engine, &frame, node_now(node));
	settle(node);
}
