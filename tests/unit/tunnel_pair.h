/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two engines on a wire in memory, and what a test says to them.
 *
 *	a ---- wire (delay, loss, MTU) ---- b
 */
#pragma once
#include "unit/test.h"
#include "unit/tunnel_net.h"

static struct net net;
static struct net_node *a, *b;

/* A net of two, a knowing b's endpoint and b a's if `both`. */
static inline void pair(uint64_t seed, enum control_cipher cipher_a, enum control_cipher cipher_b,
			bool both)
{
	struct engine_config config = {.cipher = cipher_a, .preferred = SUITE_AES, .mtu = 1500};

	net_init(&net, seed);
	a = net_add(&net, &config);
	config.cipher = cipher_b;
	config.preferred = SUITE_CHACHA;
	b = net_add(&net, &config);
	net_introduce(a, b, true);
	net_introduce(b, a, both);
}

static inline void send(struct net_node *from, size_t size, uint8_t source, uint8_t destination,
			uint32_t number)
{
	static uint8_t bytes[20000];

	net_make_frame(bytes, size, source, destination, number);
	net_frame_in(from, bytes, size);
}

/* Did exactly that frame arrive as the n-th? */
static inline bool arrived(const struct net_node *node, int n, size_t size, uint8_t source,
			   uint8_t destination, uint32_t number)
{
	static uint8_t bytes[20000];

	net_make_frame(bytes, size, source, destination, number);
	return n < node->n_frames && node->frames[n].size == size &&
	       memcmp(node->frames[n].bytes, bytes, size) == 0;
}

static inline uint64_t drops(const struct net_node *node, enum drop drop)
{
	return node->engine->drops[drop];
}

static inline uint64_t all_drops(const struct net_node *node)
{
	return engine_account(node->engine).dropped;
}

static inline void finish(void)
{
	for (int i = 0; i < net.n_nodes; i++)
		if (net.nodes[i].engine)
			CHECK(net_balanced(&net.nodes[i]));
	net_fini(&net);
}
