/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two engines of wire.c, the queue between them, and what must hold of them. */
#pragma once
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "tunnel/core.h"

#define ROOM 70000
#define QUEUE_MOST 24
#define PAUSE_NS (600 * SECOND_NS) /* between inputs */

struct node {
	struct engine *engine;
	struct peer *peer; /* the other node; NULL: removed */
	uint8_t room[ROOM];
};

struct packet {
	uint8_t to; /* node */
	size_t size;
	uint8_t *bytes;
};

/*
 * A Diffie-Hellman costs more than all else of an input, and a public key nearly as much; what was
 * computed once is remembered. Inputs draw the same ephemeral keys, so most have been. A pair is
 * memory of its own each time, so that one which is freed twice, too early or never is seen.
 */
#define KNOWN_MOST 8192

struct keypair {
	uint8_t private_key[KEY_SIZE], public_key[KEY_SIZE];
	struct crypto *crypto;
};

struct keypair *__wrap_keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE]);
struct keypair *__real_keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE]);
void __wrap_keypair_free(struct keypair *pair);
void __real_keypair_free(struct keypair *pair);
const uint8_t *__wrap_keypair_public(const struct keypair *pair);
const uint8_t *__real_keypair_public(const struct keypair *pair);
int __wrap_keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
			  uint8_t out[KEY_SIZE]);
int __real_keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
			  uint8_t out[KEY_SIZE]);

/* Of a private key and another's public one (derived), or alone (its public one). */
struct known {
	uint8_t keys[2][KEY_SIZE], result[KEY_SIZE];
	int code;
	bool set;
};

static struct known publics[KNOWN_MOST], shared[KNOWN_MOST];

/* The place for it; what is not set there is to be computed. */
static struct known *known_find(struct known *table, const uint8_t private_key[KEY_SIZE],
				const uint8_t public_key[KEY_SIZE])
{
	struct known *at = &table[(get_le32(private_key) ^ get_le32(public_key) * 31) % KNOWN_MOST];

	if (at->set && memcmp(at->keys[0], private_key, KEY_SIZE) == 0 &&
	    memcmp(at->keys[1], public_key, KEY_SIZE) == 0)
		return at;
	*at = (struct known){0};
	memcpy(at->keys[0], private_key, KEY_SIZE);
	memcpy(at->keys[1], public_key, KEY_SIZE);
	return at;
}

struct keypair *__wrap_keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE])
{
	struct known *at = known_find(publics, private_key, (const uint8_t[KEY_SIZE]){0});
	struct keypair *pair = malloc(sizeof(*pair)), *real;

	FUZZ_CHECK(pair);
	if (!at->set) {
		real = __real_keypair_new(crypto, private_key);
		FUZZ_CHECK(real);
		memcpy(at->result, __real_keypair_public(real), KEY_SIZE);
		__real_keypair_free(real);
		at->set = true;
	}
	memcpy(pair->private_key, private_key, KEY_SIZE);
	memcpy(pair->public_key, at->result, KEY_SIZE);
	pair->crypto = crypto;
	return pair;
}

void __wrap_keypair_free(struct keypair *pair)
{
	free(pair);
}

const uint8_t *__wrap_keypair_public(const struct keypair *pair)
{
	return pair->public_key;
}

int __wrap_keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
			  uint8_t out[KEY_SIZE])
{
	struct known *at = known_find(shared, pair->private_key, public_key);
	struct keypair *real;

	if (!at->set) {
		real = __real_keypair_new(pair->crypto, pair->private_key);
		FUZZ_CHECK(real);
		at->code = __real_keypair_derive(real, public_key, at->result);
		__real_keypair_free(real);
		at->set = true;
	}
	memcpy(out, at->result, KEY_SIZE);
	return at->code;
}

static struct node nodes[2];
static struct noise_self stranger; /* a key that nobody configured */
static struct packet queue[QUEUE_MOST];
static size_t queue_len;
static uint64_t now = 1000 * SECOND_NS, random_state;
static const uint64_t wall_ns = 1700000000 * SECOND_NS;

static void fill(void *context, void *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
		((uint8_t *)out)[i] = (uint8_t)(random_state >> 33);
	}
}

/* How a node is seen; `other`: from elsewhere, by a port of that number. */
static struct endpoint endpoint_of(unsigned int node, uint8_t other)
{
	struct endpoint endpoint = {.remote = {.family = 4, .port = 51821}};

	endpoint.remote.address[0] = 10;
	endpoint.remote.address[3] = (uint8_t)(node + 1);
	if (other & 1)
		endpoint.remote.port = other;
	if (other & 2) {
		endpoint.remote.family = 6;
		endpoint.remote.address[15] = other;
	}
	return endpoint;
}

static void queue_remove(size_t i)
{
	free(queue[i].bytes);
	memmove(queue + i, queue + i + 1, (--queue_len - i) * sizeof(*queue));
}

static uint8_t *room(void *context, size_t size)
{
	struct node *node = context;

	return size <= ROOM ? node->room : NULL;
}

static void send(void *context, const struct endpoint *to, uint8_t *bytes, size_t size,
		 uint32_t peer_id)
{
	struct node *node = context;

	FUZZ_CHECK(endpoint_exists(to) && to->lane < node->engine->n_lanes);
	FUZZ_CHECK(size >= 32 && size <= 65535);
	FUZZ_CHECK(wire_type(bytes, size));
	if (queue_len == QUEUE_MOST)
		queue_remove(0);
	queue[queue_len] = (struct packet){node == &nodes[0], size, malloc(size)};
	FUZZ_CHECK(queue[queue_len].bytes);
	memcpy(queue[queue_len++].bytes, bytes, size);
}

/* What comes out is a frame that the own side can take. */
static void take(void *context, struct frame *frame)
{
	struct node *node = context;
	volatile uint8_t sum = 0;

	FUZZ_CHECK(frame->size >= ETHERNET_HEADER && frame->size <= node->engine->frame_max);
	FUZZ_CHECK(!frame->csum_start ||
		   (frame->csum_start >= ETHERNET_HEADER &&
		    (uint32_t)frame->csum_start + frame->csum_offset + 2 <= frame->size));
	FUZZ_CHECK(!frame_is_group(frame->data + 6));
	for (uint32_t i = 0; i < frame->size; i++)
		sum = (uint8_t)(sum + frame->data[i]);
}

static void event(void *context, enum engine_event what, const struct peer *peer)
{
	FUZZ_CHECK(engine_peer_name(peer)[0] == 'n');
}

static void node_make(unsigned int i)
{
	struct engine_config config = {
		.cipher = CONTROL_CIPHER_AUTO,
		.preferred = SUITE_CHACHA,
		.mtu = 1500,
		.lanes = i ? 4 : 2,
		.wall_ns = wall_ns + now,
		.ops = {&nodes[i], room, send, take, fill, event},
	};
	struct err err;

	memset(config.private_key, (int)(0x11 * (i + 1)), KEY_SIZE);
	nodes[i].engine = engine_new(&config, now, &err);
	FUZZ_CHECK(nodes[i].engine);
}

/* What `node` is told about the other. */
static struct control_peer peer_config(const struct node *node)
{
	unsigned int other = node == &nodes[0];
	struct control_peer config = {.name = "n"};

	memcpy(config.public_key, nodes[other].engine->self.public_key, KEY_SIZE);
	config.endpoint = endpoint_of(other, 0).remote;
	return config;
}

static void node_peer_remove(struct node *node)
{
	struct control_peer config = peer_config(node);

	engine_remove_peer(node->engine, config.public_key);
	node->peer = NULL;
}

/* Half of a session whose keys both ends have without any Diffie-Hellman. */
static void session_plant(struct node *node, enum suite suite, bool initiator,
			  uint32_t remote_index, uint32_t *index)
{
	struct noise_handshake handshake = {.suite = suite, .C = {42}};
	struct engine *engine = node->engine;
	struct session *session;
	uint8_t lane;

	FUZZ_CHECK(view_reserve(&engine->view, node->peer, initiator, index));
	handshake.local_index = *index;
	handshake.remote_index = remote_index;
	session = session_new(&engine->self, &handshake, initiator, engine->n_lanes, now);
	FUZZ_CHECK(session);
	session->peer = node->peer;
	view_find_slot(&engine->view, *index, &lane)->session = session;
	node->peer->current = session;
	/* whoever has a session has heard from somewhere */
	engine_learn_endpoint(engine, node->peer,
			      &(struct endpoint){endpoint_of(node == &nodes[0], 0).remote}, now);
}

static void sessions_plant(enum suite suite)
{
	uint32_t first, second;

	session_plant(&nodes[0], suite, true, 0, &first);
	session_plant(&nodes[1], suite, false, first, &second);
	nodes[0].peer->current->remote_index = second;
}

/* how: bit 0 sessions there already, bit 1 AES, bit 2 n1 knows no endpoint, bit 3 relays. */
static void net_begin(uint8_t how)
{
	struct engine_config usual = {.cipher = CONTROL_CIPHER_AUTO, .mtu = 1500};
	struct err err;

	if (!nodes[0].engine) {
		node_make(0);
		node_make(1);
		FUZZ_CHECK(noise_self_init(&stranger, nodes[0].engine->crypto,
					   (const uint8_t[KEY_SIZE]){77}) == 0);
	}
	now += PAUSE_NS;
	random_state = how;
	for (unsigned int i = 0; i < 2; i++) {
		struct control_peer config = peer_config(&nodes[i]);
		struct engine *engine = nodes[i].engine;

		usual.cipher = how & 2 ? CONTROL_CIPHER_AES256GCM : CONTROL_CIPHER_AUTO;
		config.relay = how & 8;
		if (i && how & 4)
			config.endpoint.family = 0;
		engine->checker.load_limit = COOKIE_LOAD_LIMIT;
		engine->checker.load_until_ns = 0;
		FUZZ_CHECK(engine_reconfigure(engine, &usual, now, &err) == 0);
		FUZZ_CHECK(engine_set_peer(engine, &config, now, &err) == 0);
		nodes[i].peer = view_find_peer(&engine->view, config.public_key);
	}
	if (how & 1)
		sessions_plant(how & 2 ? SUITE_AES : SUITE_CHACHA);
}

static void net_check(void)
{
	for (int i = 0; i < 2; i++) {
		struct engine_account account = engine_account(nodes[i].engine);

		FUZZ_CHECK(account.in == account.out + account.held + account.dropped);
		FUZZ_CHECK(!crypto_failed(nodes[i].engine->crypto));
	}
}

static void net_end(void)
{
	while (queue_len)
		queue_remove(queue_len - 1);
	for (int i = 0; i < 2; i++) {
		node_peer_remove(&nodes[i]);
		FUZZ_CHECK(nodes[i].engine->view.n_peers == 0);
		FUZZ_CHECK(engine_account(nodes[i].engine).held == 0);
	}
}

/* A datagram reaches `to` from the other node, or from elsewhere. */
static void deliver(struct node *to, const uint8_t *bytes, size_t size, uint8_t other)
{
	uint8_t *copy = calloc(1, FRAME_HEADROOM + size + FRAME_TAILROOM);
	struct endpoint from = endpoint_of(to == &nodes[0], other);

	FUZZ_CHECK(copy);
	memcpy(copy + FRAME_HEADROOM, bytes, size);
	engine_datagram(to->engine, &from, copy + FRAME_HEADROOM, size, now);
	free(copy);
}
