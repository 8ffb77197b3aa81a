/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tunnel's messages, by somebody who has the keys: two engines, n0 and n1, on a wire that an
 * input controls. It is a program of acts, each a byte and what follows it: frames, datagrams that
 * are delivered, lost, doubled or changed, forged handshakes with keys of our own, inner messages
 * of any content sealed in a true session, time, configuration. After each act the account of both
 * engines has to balance, and what is delivered has to be a frame.
 *
 *	n0 ---- queue of datagrams ---- n1
 *
 * Both are made once; every input gets new peers and sessions, and a clock ten minutes on.
 *
 * covers: src/tunnel/engine.c src/tunnel/receive.c src/tunnel/send.c src/tunnel/handshake.c
 * covers: src/tunnel/noise.c src/tunnel/cookie.c src/tunnel/wire.c src/tunnel/pieces.c
 * covers: src/tunnel/session.c src/tunnel/forward.c src/tunnel/timers.c src/tunnel/pathmtu.c
 * covers: src/tunnel/mac_table.c src/tunnel/view.c src/tunnel/pool.c src/tunnel/offload.c
 * covers: src/tunnel/status.c src/tunnel/peer.c src/tunnel/lanes.c
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/wire_net.h"

const char fuzz_name[] = "wire";
const unsigned int fuzz_sample = 1500;
const size_t fuzz_most = 1024;

#define ACTS_MOST 48

/* A frame of the own side: its head is the input's, the rest a pattern. */
static void act_frame(struct input *input, struct node *node)
{
	static uint8_t room[FRAME_HEADROOM + ROOM + FRAME_TAILROOM];
	struct frame frame = {.data = room + FRAME_HEADROOM, .size = input_u16(input) % 2000};
	uint8_t flags = input_u8(input);
	size_t head = flags & 31;
	const uint8_t *bytes = input_bytes(input, &head);

	memset(frame.data, 0x5a, frame.size);
	memcpy(frame.data, bytes, head < frame.size ? head : frame.size);
	if (flags & 32) {
		frame.csum_start = input_u16(input);
		frame.csum_offset = input_u16(input);
	}
	if (flags & 64)
		frame.gso_type = input_u8(input);
	frame.lane = flags >> 7;
	engine_frame(node->engine, &frame, now);
}

/* What the input says is changed in a message. */
static void tamper(struct input *input, uint8_t *bytes, size_t size)
{
	for (uint8_t n = input_u8(input) % 8; n--;) {
		size_t at = input_u16(input);

		if (size)
			bytes[at % size] ^= input_u8(input);
	}
}

/* mac1 (and mac2) made right again, so that what was changed is looked at. */
static void put_macs(struct node *to, uint8_t *message, size_t size, enum suite suite)
{
	struct cookie_jar jar = {0};

	if (size == INITIATION_SIZE || size == RESPONSE_SIZE)
		cookie_put_macs(to->engine->crypto, &jar, suite, to->engine->self.public_key,
				message, size, now);
}

enum {
	DELIVER_CHANGED = 1,
	DELIVER_MACS = 2,
	DELIVER_KEPT = 4,
	DELIVER_OTHER = 8,
	DELIVER_FROM = 16,
	DELIVER_CUT = 32,
	DELIVER_AES = 64,
	DELIVER_LANE = 128, /* the second */
};

/* One of the queue arrives, as it is or not, once or to be delivered again. */
static void act_deliver(struct input *input)
{
	uint8_t flags = input_u8(input);
	size_t i = input_u8(input);
	struct packet packet;
	struct node *to;

	if (!queue_len)
		return;
	i %= queue_len;
	packet = queue[i];
	to = &nodes[packet.to ^ (flags & DELIVER_OTHER ? 1 : 0)];
	packet.bytes = malloc(packet.size + 1);
	FUZZ_CHECK(packet.bytes);
	memcpy(packet.bytes, queue[i].bytes, packet.size);
	if (flags & DELIVER_CHANGED)
		tamper(input, packet.bytes, packet.size);
	if (flags & DELIVER_MACS)
		put_macs(to, packet.bytes, packet.size,
			 flags & DELIVER_AES ? SUITE_AES : SUITE_CHACHA);
	if (flags & DELIVER_CUT)
		packet.size = packet.size ? input_u16(input) % packet.size : 0;
	deliver(to, packet.bytes, packet.size, flags & DELIVER_FROM ? input_u8(input) : 0);
	free(packet.bytes);
	if (!(flags & DELIVER_KEPT))
		queue_remove(i);
}

/* Inner bytes sealed by one end as the other's peer would; then perhaps changed. */
static void seal_and_deliver(struct input *input, struct node *from, uint8_t *inner, size_t size)
{
	static uint8_t message[DATA_OVERHEAD + ROOM];
	struct session *session = from->peer ? from->peer->current : NULL;
	uint8_t flags = input_u8(input);

	if (!session || session_seal(session, flags & DELIVER_LANE ? 1 : 0, inner, size, message))
		return;
	if (flags & DELIVER_CHANGED)
		tamper(input, message, DATA_OVERHEAD + size);
	deliver(&nodes[from == &nodes[0]], message, DATA_OVERHEAD + size,
		flags & DELIVER_FROM ? input_u8(input) : 0);
	if (flags & DELIVER_KEPT)
		deliver(&nodes[from == &nodes[0]], message, DATA_OVERHEAD + size, 0);
}

static void act_inner_bytes(struct input *input, struct node *from)
{
	uint8_t inner[256];
	size_t size = input_u8(input);
	const uint8_t *bytes = input_bytes(input, &size);

	memcpy(inner, bytes, size);
	seal_and_deliver(input, from, inner, size);
}

/* An inner message that is nearly right: a header, and a body of any size. */
static void act_inner(struct input *input, struct node *from)
{
	static uint8_t bytes[ROOM];
	uint8_t kind = input_u8(input) % 5, hop = input_u8(input) % 4;
	uint8_t flags = input_u8(input), pad = flags & 15;
	struct inner inner = {.kind = kind, .hop = hop};
	size_t at, size = input_u16(input) % 9100, head = input_u8(input) % 20;
	const uint8_t *start;

	inner.csum_start = flags & 16 ? input_u8(input) : 0;
	inner.csum_offset = flags & 16 ? input_u8(input) : 0;
	inner.segment = flags & 32 ? input_u32(input) : from->engine->segment;
	inner.id = input_u8(input);
	if (inner.kind == INNER_CONTROL) {
		inner.type = input_u8(input) % 4;
		inner.lanes = input_u8(input) % 18;
		inner.probe_size = flags & 64 ? input_u16(input)
					      : (uint16_t)(DATA_OVERHEAD + CONTROL_SIZE + size);
		if (flags & 128)
			inner.id = from->peer ? from->peer->probe_id : 0;
	} else {
		inner.offset = input_u16(input) % 9100;
		inner.total = flags & 128 ? (uint16_t)(inner.offset + size) : input_u16(input);
	}
	at = inner.kind >= INNER_FRAME && inner.kind <= INNER_CONTROL
		     ? wire_put_header(bytes, &inner, pad)
		     : 0;
	start = input_bytes(input, &head);
	memset(bytes + at, inner.kind == INNER_CONTROL ? 0 : 0xa5, size + pad);
	memcpy(bytes + at, start, head < size ? head : size);
	memset(bytes + at + size, 0, pad);
	seal_and_deliver(input, from, bytes, at + size + pad);
}

/* An initiation by our own hand, with the static key of the other end, or one nobody knows. */
static void act_initiation(struct input *input, struct node *from)
{
	struct node *to = &nodes[from == &nodes[0]];
	struct noise_handshake handshake = {0};
	uint8_t message[INITIATION_SIZE], timestamp[TIMESTAMP_SIZE], ephemeral[KEY_SIZE] = {1};
	uint8_t flags = input_u8(input);
	enum suite suite = flags & DELIVER_AES ? SUITE_AES : SUITE_CHACHA;
	struct noise_self *self = flags & DELIVER_OTHER ? &stranger : &from->engine->self;
	struct noise_peer peer;

	noise_timestamp(timestamp, wall_ns + now + input_u16(input));
	ephemeral[1] = input_u8(input);
	if (flags & DELIVER_CHANGED)
		tamper(input, timestamp, sizeof(timestamp));
	if (noise_peer_init(&peer, self, to->engine->self.public_key, NULL) ||
	    noise_make_initiation(self, &peer, &handshake, suite, input_u32(input), ephemeral,
				  timestamp, message) == 0) {
		if (flags & DELIVER_CUT)
			tamper(input, message, sizeof(message));
		put_macs(to, message, sizeof(message), suite);
		if (flags & DELIVER_MACS)
			tamper(input, message, sizeof(message));
		deliver(to, message, sizeof(message), flags & DELIVER_FROM ? input_u8(input) : 0);
	}
	noise_wipe(&handshake);
}

/* A cookie reply for the last handshake message of the queue. */
static void act_cookie(struct input *input)
{
	uint8_t reply[COOKIE_MESSAGE_SIZE], flags = input_u8(input);
	struct endpoint from = endpoint_of(0, 0);
	struct packet *packet = NULL;
	struct node *by;

	for (size_t i = 0; i < queue_len; i++)
		if (queue[i].size == INITIATION_SIZE || queue[i].size == RESPONSE_SIZE)
			packet = &queue[i];
	if (!packet)
		return;
	by = &nodes[packet->to];
	if (cookie_make_reply(&by->engine->checker, flags & DELIVER_AES ? SUITE_AES : SUITE_CHACHA,
			      packet->bytes, packet->size, &from, &by->engine->entropy, now, reply))
		return;
	if (flags & DELIVER_CHANGED)
		tamper(input, reply, sizeof(reply));
	deliver(&nodes[packet->to ^ 1], reply, sizeof(reply), 0);
}

static void act_raw(struct input *input, struct node *to)
{
	size_t size = input_u8(input);
	uint8_t copy[256];
	const uint8_t *bytes = input_bytes(input, &size);

	memcpy(copy, bytes, size);
	deliver(to, copy, size, input_u8(input));
}

static void act_peer(struct input *input, struct node *node)
{
	struct control_peer config = peer_config(node);
	struct err err = {0};

	config.cipher = input_u8(input) % (CONTROL_CIPHER_COUNT + 1);
	config.relay = input_u8(input) % 2;
	config.has_preshared_key = input_u8(input) % 8 == 0;
	config.preshared_key[0] = 1;
	config.keepalive_s = input_u16(input);
	config.mac_limit = input_u8(input);
	config.storm_limit = input_u8(input);
	config.endpoint.family = (const uint8_t[]){4, 6, 0, 5}[input_u8(input) % 4];
	config.endpoint.port = input_u8(input);
	if (engine_set_peer(node->engine, &config, now, &err))
		check_err(&err);
	node->peer = view_find_peer(&node->engine->view, config.public_key);
}

static void act_configure(struct input *input, struct node *node)
{
	struct engine_config config = {.cipher = input_u8(input) % (CONTROL_CIPHER_COUNT + 1)};
	struct err err = {0};

	config.mtu = input_u16(input) % 16100;
	config.segment = input_u8(input) % 3;
	node->engine->checker.load_limit = input_u8(input) % 4 ? COOKIE_LOAD_LIMIT : 1;
	if (engine_reconfigure(node->engine, &config, now, &err))
		check_err(&err);
}

/* The session's messages are nearly used up, or its receiver has seen a far counter. */
static void act_counter(struct input *input, struct node *node)
{
	struct session *session = node->peer ? node->peer->current : NULL;
	uint8_t how = input_u8(input);

	if (session && how & 1)
		session->lanes[0].counter =
			identity_of(session->suite)->reject_after_messages / session->n_lanes -
			how % 8;
	else if (session)
		session->lanes[0].counter += how * 64u;
}

static void act_time(struct input *input)
{
	static const uint64_t units[] = {1, 1000000, SECOND_NS, 10 * SECOND_NS};
	uint64_t unit = units[input_u8(input) % 4];

	now += unit * input_u8(input) + 1;
	for (int i = 0; i < 2; i++)
		if (engine_due(nodes[i].engine) <= now)
			engine_tick(nodes[i].engine, now);
}

static void act_status(struct node *node)
{
	struct control_tunnel_status tunnel = {0};
	struct control_peer_status peer = {0};

	engine_status(node->engine, &tunnel, now);
	for (uint32_t i = 0; engine_peer_status(node->engine, i, &peer, now); i++)
		FUZZ_CHECK(peer.path_mtu <= 65535 && peer.lanes <= node->engine->n_lanes);
}

static void act(struct input *input)
{
	uint8_t byte = input_u8(input);
	struct node *node = &nodes[byte >> 7];

	switch (byte & 15) {
	case 0:
		act_time(input);
		break;
	case 1:
		act_frame(input, node);
		break;
	case 2:
	case 3:
		act_deliver(input);
		break;
	case 4:
		act_inner_bytes(input, node);
		break;
	case 5:
	case 6:
		act_inner(input, node);
		break;
	case 7:
		act_initiation(input, node);
		break;
	case 8:
		act_cookie(input);
		break;
	case 9:
		act_raw(input, node);
		break;
	case 10:
		act_peer(input, node);
		break;
	case 11:
		act_configure(input, node);
		break;
	case 12:
		act_counter(input, node);
		break;
	case 13:
		engine_too_big(node->engine, node->peer ? node->peer->id : 0, input_u16(input),
			       now);
		break;
	case 14:
		act_status(node);
		break;
	case 15:
		node_peer_remove(node);
		break;
	}
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};
	uint8_t how = input_u8(&input);

	net_begin(how);
	for (int i = 0; i < ACTS_MOST && input_left(&input); i++) {
		act(&input);
		net_check();
	}
	net_end();
}

struct written {
	uint8_t bytes[1024];
	size_t size;
};

static void put(struct written *written, size_t size, const uint8_t *bytes)
{
	memcpy(written->bytes + written->size, bytes, size);
	written->size += size;
}
#define PUT(written, ...)                                                                          \
	put(written, sizeof((const uint8_t[]){__VA_ARGS__}), (const uint8_t[]){__VA_ARGS__})

/* A true handshake, frames both ways, some in pieces, and all that is delivered as it was sent. */
static void seed_talk(struct seeds *seeds, uint8_t how)
{
	struct written text = {0};

	PUT(&text, how);
	PUT(&text, 0, 1, 10);
	for (int i = 0; i < 4; i++)
		PUT(&text, 2, 0, 0);
	PUT(&text, 1, 100, 0, 14, 0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1, 8, 0);
	PUT(&text, 2, 0, 0);
	PUT(&text, 129, 0xea, 5, 14, 0x52, 0x54, 0, 0, 0, 1, 0x52, 0x54, 0, 0, 0, 2, 8, 0);
	for (int i = 0; i < 4; i++)
		PUT(&text, 2, 0, 0);
	PUT(&text, 0, 2, 12);
	for (int i = 0; i < 6; i++)
		PUT(&text, 2, 0, 0);
	PUT(&text, 14, 142, 0, 3, 12, 14);
	seed_add(seeds, text.bytes, text.size);
}

/* All kinds of inner messages, whole, in pieces that join, and in such that do not. */
static void seed_inner(struct seeds *seeds, uint8_t how)
{
	struct written text = {0};

	PUT(&text, how);
	PUT(&text, 5, 1, 0, 4, 60, 0, 14, 1, 255, 255, 255, 255, 255, 255, 0x52, 0x54, 0, 0, 0, 1,
	    8, 0, 0);
	for (uint8_t at = 0; at < 3; at++)
		PUT(&text, 5, 2, 0, 0, 32, 0, 0, 7, (uint8_t)(at * 32), 0, 96, 0, 0);
	PUT(&text, 5, 2, 0, 128, 32, 0, 0, 8, 0, 1, 0);
	PUT(&text, 5, 3, 0, 0, 0, 0, 0, 1, 1, 1, 0);
	PUT(&text, 5, 3, 0, 128, 0, 0, 0, 1, 2, 1, 0);
	PUT(&text, 4, 12, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0);
	PUT(&text, 4, 0, 0);
	seed_add(seeds, text.bytes, text.size);
}

static void seed_forged(struct seeds *seeds, uint8_t how)
{
	for (unsigned int flags = 0; flags < 128; flags += 7) {
		struct written text = {0};

		PUT(&text, how);
		PUT(&text, 7, (uint8_t)flags, 1, 0, 9, 1, 2, 3, 4, 0, 0);
		PUT(&text, 2, 0, 0, 2, 2, 0, 11, 0, 5, 220, 0, 0);
		PUT(&text, 7, (uint8_t)flags, 9, 0, 9, 1, 2, 3, 4, 0, 0);
		PUT(&text, 8, (uint8_t)flags, 0, 0, 2, 6, 2, 0, 0);
		seed_add(seeds, text.bytes, text.size);
	}
}

void fuzz_seeds(struct seeds *seeds)
{
	for (unsigned int how = 0; how < 16; how++) {
		seed_talk(seeds, (uint8_t)how);
		seed_inner(seeds, (uint8_t)how);
	}
	seed_forged(seeds, 0);
	seed_forged(seeds, 9);
	for (unsigned int byte = 0; byte < 16; byte++) {
		uint8_t bytes[64] = {1};

		for (size_t i = 1; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i % 3 ? i : byte);
		seed_add(seeds, bytes, sizeof(bytes));
	}
}
