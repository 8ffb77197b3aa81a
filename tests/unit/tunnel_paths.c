/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wires that change: endpoints that move, hosts that die, paths that narrow, sizes that do not fit.
 */
#include "unit/test.h"
#include "unit/tunnel_pair.h"

static void peers_roam(void)
{
	pair(12, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, false);
	net_run(&net, 1);
	a->endpoint.remote.address[3] = 77;
	a->endpoint.remote.port = 4000;
	send(a, 100, 1, 255, 1);
	net_run(&net, 0.1);
	CHECK(endpoint_same(&net_peer_of(b, a)->endpoint, &a->endpoint));
	send(b, 1514, 2, 1, 2);
	net_run(&net, 0.1);
	CHECK(arrived(a, 0, 1514, 2, 1, 2));
	/* b moves where a does not look for it: b has no endpoint of its own accord, but knows a.
	 */
	b->endpoint.remote.address[3] = 78;
	send(b, 100, 2, 1, 3);
	net_run(&net, 0.1);
	CHECK(arrived(a, 1, 100, 2, 1, 3));
	send(a, 100, 1, 2, 4);
	net_run(&net, 0.1);
	CHECK(arrived(b, 1, 100, 1, 2, 4));
	/* And back to the configured place, with all sessions lost meanwhile. */
	b->dead = true;
	net_run(&net, 300);
	CHECK(a->lost == 1);
	b->endpoint.remote.address[3] = 2;
	b->dead = false;
	net_run(&net, 22);
	CHECK(a->connected == 2);
	finish();
}

/* A message that was held back and comes from elsewhere is heard, but moves nobody. */
static bool hold_back(struct net *on, struct net_packet *packet)
{
	struct net_packet *held = on->context;

	if (held->bytes || packet->bytes[0] != MESSAGE_DATA)
		return true;
	*held = *packet;
	held->bytes = malloc(packet->size);
	memcpy(held->bytes, packet->bytes, packet->size);
	return false;
}

static void late_messages_move_nobody(void)
{
	struct net_packet held = {0};
	struct endpoint elsewhere = {.remote = {.family = 4, .address = {9, 9, 9, 9}, .port = 9}};

	pair(23, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, false);
	net_run(&net, 1);
	net.context = &held;
	net.tap = hold_back;
	send(a, 100, 1, 255, 1);
	send(a, 100, 1, 255, 2);
	net_run(&net, 0.1);
	CHECK(b->n_frames == 1);
	net_inject(b, &elsewhere, held.bytes, held.size);
	CHECK(b->n_frames == 2);
	CHECK(endpoint_same(&net_peer_of(b, a)->endpoint, &a->endpoint));
	free(held.bytes);
	finish();
}

/* The same configuration once more does not send a peer back to where it was configured. */
static void configuration_leaves_roamed_peers(void)
{
	pair(24, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	net_run(&net, 1);
	struct control_peer same = net_peer(a, true);
	struct err err = {0};

	a->endpoint.remote.port = 4000;
	send(a, 100, 1, 255, 1);
	net_run(&net, 0.1);
	CHECK(net_peer_of(b, a)->endpoint.remote.port == 4000);
	CHECK(engine_set_peer(b->engine, &same, net.now, &err) == 0);
	CHECK(net_peer_of(b, a)->endpoint.remote.port == 4000);
	same.endpoint.port = 4001;
	CHECK(engine_set_peer(b->engine, &same, net.now, &err) == 0);
	CHECK(net_peer_of(b, a)->endpoint.remote.port == 4001);
	finish();
}

/* The other end is started anew, without a memory: traffic again within 26 seconds. */
static void restarted_peer_comes_back(void)
{
	for (int kept = 0; kept < 2; kept++) {
		pair(13, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, kept);
		net_run(&net, 30);
		engine_free(b->engine);
		struct engine_config config = net_config(b);
		struct err err = {0};
		b->engine = engine_new(&config, net.now, &err);
		net_introduce(b, a, kept);
		int before = b->n_frames;
		for (int i = 0; i < 26; i++) {
			send(a, 100, 1, 255, (uint32_t)i);
			net_run(&net, 1);
		}
		CHECK(b->n_frames > before + (kept ? 23 : 5));
		finish();
	}
}

/* Killed as soon as it was connected, and started again: no key order may keep the dead session. */
static void restarted_at_once(void)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		pair(seed, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
		net.jitter = 2000000;
		net_run(&net, 0.02 + (double)(seed % 8) * 0.6);
		CHECK(a->connected == 1);
		engine_free(b->engine);
		b->engine = NULL;
		net_run(&net, 0.1);
		struct engine_config config = net_config(b);
		struct err err = {0};
		b->engine = engine_new(&config, net.now, &err);
		net_introduce(b, a, true);
		net_run(&net, 0.1);
		send(a, 100, 1, 255, 1);
		send(b, 100, 2, 255, 2);
		net_run(&net, 0.1);
		CHECK(a->n_frames == 1 && b->n_frames == 1);
		finish();
	}
}

/* A wire that is cut for minutes and heals. */
static void healed_wire_carries_again(void)
{
	for (double cut = 3; cut < 700; cut *= 2.3) {
		pair((uint64_t)cut, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
		net_run(&net, 5);
		net.loss = 1000;
		for (double t = 0; t < cut; t++) {
			send(a, 100, 1, 255, 1);
			net_run(&net, 1);
		}
		net.loss = 0;
		int before = b->n_frames;
		for (int i = 0; i < 26; i++) {
			send(a, 100, 1, 255, 2);
			net_run(&net, 1);
		}
		CHECK(b->n_frames > before && arrived(b, b->n_frames - 1, 100, 1, 255, 2));
		finish();
	}
}

/* Every size over paths of many MTUs, both families: byte-equal, in order. */
static void sizes_over_paths(uint32_t path, bool ipv6, uint32_t mtu, size_t step)
{
	struct engine_config config = {.mtu = mtu, .preferred = SUITE_AES};

	net_init(&net, path);
	net.mtu = path;
	a = net_add(&net, &config);
	b = net_add(&net, &config);
	for (int i = 0; i < 2 && ipv6; i++)
		net.nodes[i].endpoint.remote.family = 6;
	net_mesh(&net);
	net_run(&net, 60);
	CHECK(net_peer_of(a, b)->path.value <= path);
	CHECK(net_peer_of(a, b)->path.value + 8u >= (path < mtu + 86 ? path : mtu + 86));
	int n = 0;
	for (size_t size = 60; size <= mtu + 14; size += step, n++) {
		send(a, size, 1, 2, (uint32_t)size);
		send(b, size, 2, 1, (uint32_t)size);
		net_run(&net, 0.004);
	}
	CHECK(a->n_frames == n && b->n_frames == n);
	bool right = true;
	n = 0;
	for (size_t size = 60; size <= mtu + 14; size += step, n++)
		right = right && arrived(b, n, size, 1, 2, (uint32_t)size) &&
			arrived(a, n, size, 2, 1, (uint32_t)size);
	CHECK(right);
	CHECK(all_drops(a) == 0 && all_drops(b) == 0);
	finish();
}

static void all_sizes_over_all_paths(void)
{
	for (uint32_t path = 576; path <= 1500; path += 77)
		sizes_over_paths(path, false, 1500, 1 + path % 5);
	sizes_over_paths(1280, false, 1500, 1);
	sizes_over_paths(1500, false, 1500, 1);
	sizes_over_paths(9000, false, 1500, 3);
	sizes_over_paths(1280, true, 1500, 3);
	sizes_over_paths(1500, true, 1500, 3);
	sizes_over_paths(576, false, 9000, 97);
	sizes_over_paths(1500, false, 9000, 97);
	sizes_over_paths(9000, false, 9000, 97);
	sizes_over_paths(9200, true, 9000, 97);
}

/* The path narrows while large frames flow, and the interface's own MTU falls. */
static void path_narrows(void)
{
	pair(15, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	net.mtu = 1500;
	net_run(&net, 20);
	CHECK(net_peer_of(a, b)->path.value == 1500);
	net.mtu = 1300;
	int late = 0;
	for (int i = 0; i < 40; i++) {
		int before = b->n_frames;

		send(a, 1514, 1, 255, 1);
		net_run(&net, 1);
		late = b->n_frames == before ? i : late;
	}
	CHECK(late < 12);
	uint32_t value = net_peer_of(a, b)->path.value;
	CHECK(value <= 1300 && value > 1290);
	a->interface_mtu = 700;
	int before = b->n_frames;
	send(a, 1514, 1, 255, 2); /* lost: it teaches */
	send(a, 1514, 1, 255, 3);
	net_run(&net, 0.1);
	CHECK(b->n_frames == before + 1 && drops(a, DROP_WIRE_TOO_BIG) == 1);
	finish();
}

/* No initiation comes within a minute of another: nothing is wrong with the sessions. */
static bool seldom(struct net *on, struct net_packet *packet)
{
	uint64_t *last = on->context;

	if (packet->bytes[0] != MESSAGE_INITIATION)
		return true;
	CHECK(!*last || on->now - *last > 60 * NET_SECOND);
	*last = on->now;
	return true;
}

/*
 * The path has narrowed unnoticed, and ten minutes after the last time b looks whether it takes
 * more. These probes are lost: they do not tell a, who has more to say, that b lives.
 */
static void lost_probes_are_no_answer(void)
{
	for (uint64_t phase = 0; phase < 4; phase++) {
		uint64_t last = 0;

		pair(24, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
		net.mtu = 1500;
		net_run(&net, 30);
		net.mtu = 700;
		net_run(&net, 560 + (double)phase);
		net.tap = seldom;
		net.context = &last;
		for (uint32_t i = 0; i < 60; i++) {
			send(a, 100, 1, 2, i);
			net_run(&net, 1);
		}
		CHECK(b->n_frames == 60);
		finish();
	}
}

int main(void)
{
	TEST(peers_roam);
	TEST(late_messages_move_nobody);
	TEST(configuration_leaves_roamed_peers);
	TEST(restarted_peer_comes_back);
	TEST(restarted_at_once);
	TEST(healed_wire_carries_again);
	TEST(all_sizes_over_all_paths);
	TEST(path_narrows);
	TEST(lost_probes_are_no_answer);
	return test_done();
}
