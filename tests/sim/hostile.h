/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody on the wire can do, who sees every message, keeps it, changes it, and sends what he
 * likes from any address; in both suites. One program for each thing he tries:
 *
 *	hostile_bits.c		turns every bit of every message
 *	hostile_load.c		floods: with noise, with initiations of nobody, with old cookies
 *	hostile_replay.c	says again what was said
 *	hostile_several.c	the same where one host has several peers
 *
 * Each X25519 is counted where the engine calls it (linked by --wrap). Other tests of a pair are in
 * tests/unit/tunnel_engine.c; whoever has the keys is tests/fuzz/wire.c.
 */
#pragma once
#include "unit/test.h"
#include "unit/tunnel_pair.h"

#define LETTER_MOST 2000

static const enum control_cipher only[SUITE_COUNT] = {
	[SUITE_CHACHA] = CONTROL_CIPHER_CHACHA20POLY1305,
	[SUITE_AES] = CONTROL_CIPHER_AES256GCM,
};

static uint64_t n_x25519;

/* Where the linker leads the calls, and what the true functions are called then. */
struct keypair *__real_keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE]);
struct keypair *__wrap_keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE]);
int __real_keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
			  uint8_t out[KEY_SIZE]);
int __wrap_keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
			  uint8_t out[KEY_SIZE]);

struct keypair *__wrap_keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE])
{
	n_x25519++;
	return __real_keypair_new(crypto, private_key);
}

int __wrap_keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
			  uint8_t out[KEY_SIZE])
{
	n_x25519++;
	return __real_keypair_derive(pair, public_key, out);
}

/* A message that was taken off the wire, or never was on it. */
struct letter {
	uint8_t bytes[LETTER_MOST];
	size_t size;
	struct endpoint from, to;
};

/* The message that is waited for, and does not get through. */
static struct {
	int type; /* 0: none is wanted */
	const struct net_node *to;
	size_t least, most; /* bytes that it has */
	struct letter letter;
} caught;

static bool catch_wanted(struct net *on, struct net_packet *packet)
{
	struct letter *letter = &caught.letter;

	(void)on;
	if (!caught.type || packet->bytes[0] != caught.type || packet->size < caught.least ||
	    packet->size > caught.most || !endpoint_same(&packet->to, &caught.to->endpoint))
		return true;
	caught.type = 0;
	memcpy(letter->bytes, packet->bytes, packet->size);
	letter->size = packet->size;
	letter->from = packet->from;
	letter->to = packet->to;
	return false;
}

/* The first message of that type to that node is caught from now on, and no other. */
static inline void want(int type, const struct net_node *to)
{
	caught.type = type;
	caught.to = to;
	caught.least = 0;
	caught.most = LETTER_MOST;
	caught.letter.size = 0;
	net.tap = catch_wanted;
}

/* The first data message to that node of so many bytes. */
static inline void want_data(const struct net_node *to, size_t least, size_t most)
{
	want(MESSAGE_DATA, to);
	caught.least = least;
	caught.most = most;
}

/* Lets time pass until what is wanted is caught. */
static inline void wait_for_it(double seconds)
{
	uint64_t end = net.now + (uint64_t)(seconds * 1e9);

	while (caught.type && net.now < end)
		net_run(&net, 0.0001);
	CHECK(!caught.type);
}

static inline struct net_node *receiver(const struct letter *letter)
{
	for (int i = 0; i < net.n_nodes; i++)
		if (endpoint_same(&letter->to, &net.nodes[i].endpoint))
			return &net.nodes[i];
	return NULL;
}

/* What one message did to the node that got it. */
struct effect {
	uint64_t dropped, sent, sent_bytes, x25519;
	int frames;
};

static inline struct effect inject_at(struct net_node *node, const struct letter *letter)
{
	uint64_t dropped = all_drops(node), sent = node->sent, bytes = node->engine->tx_bytes;
	uint64_t x25519 = n_x25519;
	int frames = node->n_frames;

	net_inject(node, &letter->from, letter->bytes, letter->size);
	return (struct effect){all_drops(node) - dropped, node->sent - sent,
			       node->engine->tx_bytes - bytes, n_x25519 - x25519,
			       node->n_frames - frames};
}

static inline struct effect inject(const struct letter *letter)
{
	return inject_at(receiver(letter), letter);
}

/* It was dropped, and nobody is answered. */
static inline bool is_refused(struct effect effect)
{
	return effect.dropped == 1 && effect.sent == 0 && effect.frames == 0;
}

/* Refused before anything dear was done for it. */
static inline bool is_refused_cheaply(struct effect effect)
{
	return is_refused(effect) && effect.x25519 == 0;
}

/* A cookie, and no Diffie-Hellman. */
static inline bool is_put_off(struct effect effect)
{
	return effect.dropped == 1 && effect.sent == 1 && effect.frames == 0 &&
	       effect.x25519 == 0 && effect.sent_bytes == COOKIE_MESSAGE_SIZE;
}

static inline void flip(struct letter *letter, size_t bit)
{
	letter->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

/* Who knows a host's public key can make mac1, whatever stands before it. */
static inline void make_mac1(struct letter *letter, enum suite suite, const struct net_node *to)
{
	struct cookie_jar jar = {0};

	cookie_put_macs(to->engine->crypto, &jar, suite, to->public_key, letter->bytes,
			letter->size, net.now);
}

/* An initiation of somebody whom nobody knows, with a right mac1; `number` is who. */
static inline struct letter stranger(enum suite suite, const struct net_node *to, uint8_t number)
{
	struct letter letter = {.size = INITIATION_SIZE, .to = to->endpoint};
	uint8_t key[KEY_SIZE] = {9, number}, timestamp[TIMESTAMP_SIZE] = {1};
	struct noise_handshake handshake = {0};
	struct noise_self self;
	struct noise_peer peer;

	noise_self_init(&self, to->engine->crypto, key);
	noise_peer_init(&peer, &self, to->public_key, NULL);
	noise_make_initiation(&self, &peer, &handshake, suite, number, key, timestamp,
			      letter.bytes);
	make_mac1(&letter, suite, to);
	letter.from.remote = (struct control_endpoint){
		.family = 4, .address = {192, 0, 2, number}, .port = 1000};
	noise_wipe(&handshake);
	noise_self_fini(&self);
	return letter;
}

/* As `pair`, of one suite; who has a limit wants cookies when more handshake messages come. */
static inline void limited_pair(enum suite suite, uint64_t seed, uint32_t limit_a, uint32_t limit_b)
{
	struct engine_config config = {.cipher = only[suite], .preferred = suite, .mtu = 1500};

	net_init(&net, seed);
	config.load_limit = limit_b;
	b = net_add(&net, &config);
	config.load_limit = limit_a;
	a = net_add(&net, &config);
	net_introduce(a, b, true);
	net_introduce(b, a, false);
}

/* Two strangers come to a node whose limit is 1: it is under load for a second. */
static inline void load(enum suite suite, struct net_node *node)
{
	struct letter crowd = stranger(suite, node, 200);

	inject(&crowd);
	inject(&crowd);
	CHECK(net.now < node->engine->checker.load_until_ns);
}

/* For each suite. */
#define EACH_SUITE(suite) for (enum suite suite = 0; suite < SUITE_COUNT; suite++)

static inline void hostile_unused(void)
{
	net_unused();
	(void)catch_wanted, (void)only;
}
