/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Engines on a wire that exists in memory only, under a clock that is a number: what they send is
 * delivered, delayed, lost, doubled or refused as the test says. Everything follows from `seed`.
 */
#pragma once
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tunnel/core.h"

#define NET_NODES 6
#define NET_PACKETS 8192
#define NET_FRAMES 4096
#define NET_SECOND 1000000000ULL
#define NET_ROOM 70000

struct net_packet {
	uint64_t when, order;
	struct endpoint from, to;
	size_t size;
	uint8_t *bytes;
};

struct net_frame {
	uint8_t lane;
	size_t size;
	uint8_t *bytes;
	uint16_t csum_start, csum_offset;
};

struct net;

struct net_node {
	struct net *net;
	struct engine *engine;
	struct endpoint endpoint; /* its address on the wire; lane k's port is k more */
	uint8_t n_lanes;
	uint8_t private_key[KEY_SIZE], public_key[KEY_SIZE];
	uint32_t interface_mtu; /* larger packets get EMSGSIZE */
	bool dead;		/* neither sends nor receives */
	struct net_frame frames[NET_FRAMES];
	int n_frames, connected, lost;
	uint64_t sent; /* datagrams */
	uint64_t lane_sent[LANES_MAX];
	uint8_t room[NET_ROOM];
	uint32_t refused_peer, n_refused;
	size_t refused_size;
};

struct net {
	uint64_t now, order, random;
	struct net_node nodes[NET_NODES];
	int n_nodes;
	struct net_packet packets[NET_PACKETS];
	int n_packets;
	uint64_t delay, jitter;
	uint32_t loss, doubling;				 /* per 1000 */
	uint32_t mtu;						 /* larger packets vanish */
	bool (*tap)(struct net *net, struct net_packet *packet); /* false: swallow it */
	void *context;
	bool gathers; /* engines may deliver late; engine_settle is the test's to call */
};

static inline uint64_t net_random(struct net *net)
{
	net->random ^= net->random << 13;
	net->random ^= net->random >> 7;
	net->random ^= net->random << 17;
	return net->random;
}

static void net_fill(void *context, void *out, size_t size)
{
	struct net_node *node = context;

	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)(net_random(node->net) >> 24);
}

static uint8_t *net_room(void *context, size_t size)
{
	struct net_node *node = context;

	return size <= NET_ROOM ? node->room : NULL;
}

static void net_put(struct net *net, const struct endpoint *from, const struct endpoint *to,
		    const uint8_t *bytes, size_t size, uint64_t when)
{
	if (net->n_packets == NET_PACKETS)
		return;
	struct net_packet *packet = &net->packets[net->n_packets++];
	*packet = (struct net_packet){when, net->order++, *from, *to, size, malloc(size + 1)};
	memcpy(packet->bytes, bytes, size);
}

static void net_send(void *context, const struct endpoint *to, uint8_t *bytes, size_t size,
		     uint32_t peer_id)
{
	struct net_node *node = context;
	struct net *net = node->net;
	size_t packet_size = size + endpoint_overhead(to);

	struct endpoint from = node->endpoint;

	node->sent++;
	node->lane_sent[to->lane]++;
	from.remote.port = (uint16_t)(from.remote.port + to->lane);
	if (packet_size > node->interface_mtu) {
		node->refused_peer = peer_id;
		node->refused_size = size;
		node->n_refused++;
		return;
	}
	if (node->dead || packet_size > net->mtu || net_random(net) % 1000 < net->loss)
		return;
	int copies = net_random(net) % 1000 < net->doubling ? 2 : 1;
	for (int i = 0; i < copies; i++) {
		uint64_t jitter = net->jitter ? net_random(net) % net->jitter : 0;

		net_put(net, &from, to, bytes, size, net->now + net->delay + jitter);
	}
}

static void net_deliver(void *context, struct frame *frame)
{
	struct net_node *node = context;

	if (node->n_frames == NET_FRAMES)
		return;
	struct net_frame *kept = &node->frames[node->n_frames++];
	*kept = (struct net_frame){frame->lane, frame->size, malloc(frame->size), frame->csum_start,
				   frame->csum_offset};
	memcpy(kept->bytes, frame->data, frame->size);
}

static void net_event(void *context, enum engine_event event, const struct peer *peer)
{
	struct net_node *node = context;

	(void)peer;
	if (event == ENGINE_CONNECTED)
		node->connected++;
	else
		node->lost++;
}

static void net_init(struct net *net, uint64_t seed)
{
	memset(net, 0, sizeof(*net));
	net->now = 1000 * NET_SECOND;
	net->random = seed * 0x9e3779b97f4a7c15 + 1;
	net->delay = 1000000;
	net->mtu = 65535;
}

static struct engine_config net_config(struct net_node *node)
{
	struct engine_config config = {
		.cipher = CONTROL_CIPHER_AUTO,
		.preferred = SUITE_CHACHA,
		.mtu = 1500,
		.wall_ns = 1700000000 * NET_SECOND + node->net->now,
		.ops = {node, net_room, net_send, net_deliver, net_fill, net_event},
	};

	memcpy(config.private_key, node->private_key, KEY_SIZE);
	return config;
}

/* A node with a key of its own at 10.0.0.n; config NULL: the usual one. */
static struct net_node *net_add(struct net *net, struct engine_config *given)
{
	struct net_node *node = &net->nodes[net->n_nodes++];
	struct err err = {0};

	node->net = net;
	node->interface_mtu = 65535;
	node->endpoint.remote = (struct control_endpoint){
		.family = 4, .address = {10, 0, 0, (uint8_t)net->n_nodes}, .port = 51821};
	net_fill(node, node->private_key, KEY_SIZE);
	struct engine_config config = net_config(node);
	if (given) {
		config.cipher = given->cipher;
		config.preferred = given->preferred;
		config.mtu = given->mtu;
		config.segment = given->segment;
		config.load_limit = given->load_limit;
		config.lanes = given->lanes;
	}
	node->engine = engine_new(&config, net->now, &err);
	if (!node->engine) {
		printf("Bail out! %s\n", err.message);
		exit(1);
	}
	node->n_lanes = config.lanes ? config.lanes : 1;
	memcpy(node->public_key, engine_public_key(node->engine), KEY_SIZE);
	return node;
}

/* What `node` is told about `other`. */
static struct control_peer net_peer(const struct net_node *other, bool with_endpoint)
{
	struct control_peer peer = {0};

	snprintf(peer.name, sizeof(peer.name), "node%d", other->endpoint.remote.address[3]);
	memcpy(peer.public_key, other->public_key, KEY_SIZE);
	if (with_endpoint)
		peer.endpoint = other->endpoint.remote;
	return peer;
}

static int net_introduce(struct net_node *node, const struct net_node *other, bool with_endpoint)
{
	struct control_peer peer = net_peer(other, with_endpoint);
	struct err err = {0};

	return engine_set_peer(node->engine, &peer, node->net->now, &err);
}

/* Everybody knows everybody, endpoints included. */
static void net_mesh(struct net *net)
{
	for (int i = 0; i < net->n_nodes; i++)
		for (int j = 0; j < net->n_nodes; j++)
			if (i != j)
				net_introduce(&net->nodes[i], &net->nodes[j], true);
}

/* EMSGSIZE is told after the call, as a worker does. */
static void net_tell_refused(struct net_node *node)
{
	while (node->n_refused) {
		node->n_refused = 0;
		engine_too_big(node->engine, node->refused_peer, node->refused_size,
			       node->net->now);
	}
}

static void net_inject(struct net_node *node, const struct endpoint *from, const uint8_t *bytes,
		       size_t size)
{
	/* More than an engine lets wait. */
	static uint8_t buffers[32][FRAME_HEADROOM + NET_ROOM + FRAME_TAILROOM];
	static unsigned next;
	uint8_t *datagram = buffers[next++ % 32] + FRAME_HEADROOM;

	memcpy(datagram, bytes, size);
	if (node->net->gathers)
		engine_gather(node->engine);
	engine_datagram(node->engine, from, datagram, size, node->net->now);
	net_tell_refused(node);
}

/* Is that one of its ports? */
static bool net_is_at(const struct net_node *node, const struct endpoint *to)
{
	return endpoint_same_address(&node->endpoint, to) &&
	       to->remote.port >= node->endpoint.remote.port &&
	       to->remote.port < node->endpoint.remote.port + node->n_lanes;
}

static void net_arrive(struct net *net, struct net_packet packet)
{
	if (!net->tap || net->tap(net, &packet)) {
		for (int i = 0; i < net->n_nodes; i++) {
			struct net_node *node = &net->nodes[i];

			if (!node->dead && node->engine && net_is_at(node, &packet.to))
				net_inject(node, &packet.from, packet.bytes, packet.size);
		}
	}
	free(packet.bytes);
}

/* The packet that arrives next, or -1. */
static int net_first(const struct net *net)
{
	int first = -1;

	for (int i = 0; i < net->n_packets; i++) {
		const struct net_packet *a = &net->packets[i];
		const struct net_packet *b = first < 0 ? NULL : &net->packets[first];

		if (!b || a->when < b->when || (a->when == b->when && a->order < b->order))
			first = i;
	}
	return first;
}

/* Lets time pass until `until`, everything in its order. */
static void net_run_until(struct net *net, uint64_t until)
{
	for (;;) {
		int first = net_first(net);
		uint64_t when = first < 0 ? UINT64_MAX : net->packets[first].when;
		struct net_node *due = NULL;

		for (int i = 0; i < net->n_nodes; i++) {
			struct net_node *node = &net->nodes[i];

			if (node->engine && !node->dead && engine_due(node->engine) < when) {
				when = engine_due(node->engine);
				due = node;
			}
		}
		if (when > until)
			break;
		net->now = when > net->now ? when : net->now;
		if (due) {
			engine_tick(due->engine, net->now);
			net_tell_refused(due);
			continue;
		}
		struct net_packet packet = net->packets[first];
		net->packets[first] = net->packets[--net->n_packets];
		net_arrive(net, packet);
	}
	net->now = until;
}

static void net_run(struct net *net, double seconds)
{
	net_run_until(net, net->now + (uint64_t)(seconds * 1e9));
}

static void net_frame_on(struct net_node *node, uint8_t lane, const uint8_t *bytes, size_t size)
{
	static uint8_t buffer[FRAME_HEADROOM + NET_ROOM + FRAME_TAILROOM];
	struct frame frame = {
		.data = buffer + FRAME_HEADROOM, .size = (uint32_t)size, .lane = lane};

	memcpy(frame.data, bytes, size);
	engine_frame(node->engine, &frame, node->net->now);
	net_tell_refused(node);
}

static void net_frame_in(struct net_node *node, const uint8_t *bytes, size_t size)
{
	net_frame_on(node, 0, bytes, size);
}

static void net_forget_frames(struct net *net)
{
	for (int i = 0; i < net->n_nodes; i++) {
		for (int j = 0; j < net->nodes[i].n_frames; j++)
			free(net->nodes[i].frames[j].bytes);
		net->nodes[i].n_frames = 0;
	}
}

static void net_fini(struct net *net)
{
	net_forget_frames(net);
	for (int i = 0; i < net->n_packets; i++)
		free(net->packets[i].bytes);
	for (int i = 0; i < net->n_nodes; i++)
		engine_free(net->nodes[i].engine);
}

/* A frame of `size` bytes from MAC `source` to `destination` (the last byte of each; 255: to all).
 */
static void net_make_frame(uint8_t *bytes, size_t size, uint8_t source, uint8_t destination,
			   uint32_t number)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 0, 0, 0};

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + number * 13 + (i >> 8));
	memcpy(bytes, mac, 6);
	memcpy(bytes + 6, mac, 6);
	bytes[5] = destination;
	bytes[11] = source;
	if (destination == 255)
		memset(bytes, 255, 6);
	bytes[12] = 0x88;
	bytes[13] = 0xb5;
	if (size >= 18)
		put_be32(bytes + 14, number);
}

static bool net_balanced(const struct net_node *node)
{
	struct engine_account account = engine_account(node->engine);
	bool balanced = account.in == account.out + account.held + account.dropped;

	if (!balanced)
		printf("# in %lu, out %lu, held %lu, dropped %lu\n", account.in, account.out,
		       account.held, account.dropped);
	return balanced;
}

static struct peer *net_peer_of(const struct net_node *node, const struct net_node *other)
{
	return view_find_peer(&node->engine->view, other->public_key);
}

static inline void net_unused(void)
{
	(void)net_mesh, (void)net_fini, (void)net_run, (void)net_frame_in, (void)net_make_frame;
	(void)net_balanced, (void)net_peer_of, (void)net_add, (void)net_init, (void)net_event;
	(void)net_unused;
}
