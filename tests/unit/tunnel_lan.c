/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The LAN that several engines make: who gets what, once; and the account under all faults.
 *
 *	n0 ---+---+---+--- …	a mesh: everybody knows everybody
 *
 *	n1 ---+
 *	      n0 (relay)	a star: n1, n2, n3 know n0 only
 *	n2 ---+--- n3
 */
#include "unit/test.h"
#include "unit/tunnel_net.h"

static struct net net;
static struct net_node *const n0 = &net.nodes[0], *const n1 = &net.nodes[1],
			      *const n2 = &net.nodes[2], *const n3 = &net.nodes[3];

static void mesh(uint64_t seed, int n)
{
	net_init(&net, seed);
	for (int i = 0; i < n; i++)
		net_add(&net, NULL);
	net_mesh(&net);
}

static void send(struct net_node *from, size_t size, uint8_t source, uint8_t destination,
		 uint32_t number)
{
	static uint8_t bytes[20000];

	net_make_frame(bytes, size, source, destination, number);
	net_frame_in(from, bytes, size);
}

static uint64_t drops(const struct net_node *node, enum drop drop)
{
	return node->engine->drops[drop];
}

static void finish(void)
{
	for (int i = 0; i < net.n_nodes; i++)
		CHECK(net_balanced(&net.nodes[i]));
	net_fini(&net);
}

static int all_frames(void)
{
	int n = 0;

	for (int i = 0; i < net.n_nodes; i++)
		n += net.nodes[i].n_frames;
	return n;
}

/* Also the very first one, with no session anywhere. */
static void broadcast_reaches_each_once(void)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		mesh(seed, 4);
		net.jitter = 5000000;
		for (int round = 0; round < 3; round++) {
			net_forget_frames(&net);
			send(n0, 100, 1, 255, 1);
			net_run(&net, 0.1);
			CHECK(n0->n_frames == 0 && n1->n_frames == 1 && n2->n_frames == 1 &&
			      n3->n_frames == 1);
			/* An answer goes where the question came from, and nowhere else. */
			send(n2, 100, 3, 1, 2);
			net_run(&net, 0.1);
			CHECK(n0->n_frames == 1 && all_frames() == 4);
		}
		finish();
	}
}

static void unknown_goes_to_all_and_known_to_one(void)
{
	mesh(2, 4);
	net_run(&net, 1);
	send(n1, 100, 2, 4, 1);
	net_run(&net, 0.1);
	CHECK(n0->n_frames == 1 && n2->n_frames == 1 && n3->n_frames == 1);
	send(n3, 100, 4, 2, 2);
	net_run(&net, 0.1);
	CHECK(n1->n_frames == 1 && all_frames() == 4);
	net_forget_frames(&net);
	send(n1, 100, 2, 4, 3);
	net_run(&net, 0.1);
	CHECK(n3->n_frames == 1 && all_frames() == 1);
	/* After 300 s of silence nobody knows any more. */
	net_run(&net, 301);
	net_forget_frames(&net);
	send(n1, 100, 2, 4, 4);
	net_run(&net, 0.1);
	CHECK(all_frames() == 3);
	finish();
}

/* What came from a peer never goes to a peer, whatever is known or not. */
static void split_horizon(void)
{
	net_init(&net, 3);
	for (int i = 0; i < 3; i++)
		net_add(&net, NULL);
	net_introduce(n0, n1, true);
	net_introduce(n0, n2, true);
	net_introduce(n1, n0, true);
	net_introduce(n2, n0, true);
	net_run(&net, 1);
	send(n1, 100, 2, 255, 1);
	send(n1, 100, 2, 9, 2);
	send(n2, 100, 3, 255, 3);
	send(n2, 100, 3, 2, 4);
	net_run(&net, 0.1);
	CHECK(n0->n_frames == 4 && n1->n_frames == 0 && n2->n_frames == 0);
	finish();
}

static void star(uint64_t seed)
{
	struct err err = {0};

	net_init(&net, seed);
	for (int i = 0; i < 4; i++)
		net_add(&net, NULL);
	for (int i = 1; i < 4; i++) {
		struct control_peer spoke = net_peer(&net.nodes[i], false);

		spoke.relay = true;
		CHECK(engine_set_peer(n0->engine, &spoke, net.now, &err) == 0);
		net_introduce(&net.nodes[i], n0, true);
	}
	net_run(&net, 1);
}

static void relay_serves_its_peers(void)
{
	star(4);
	send(n1, 1514, 2, 255, 1);
	net_run(&net, 0.1);
	CHECK(n0->n_frames == 1 && n1->n_frames == 0 && n2->n_frames == 1 && n3->n_frames == 1);
	CHECK(n3->frames[0].size == 1514 &&
	      memcmp(n3->frames[0].bytes, n0->frames[0].bytes, 1514) == 0);
	net_forget_frames(&net);
	send(n3, 100, 4, 2, 2);
	net_run(&net, 0.1);
	CHECK(n1->n_frames == 1 && all_frames() == 1);
	finish();
}

/* A frame says how often it was relayed; after three times it is not any more. */
static void hops_are_counted(void)
{
	static uint8_t inner[132], message[200];

	star(13);
	for (uint8_t hop = 0; hop <= HOP_MAX; hop++) {
		struct inner head = {.kind = INNER_FRAME, .hop = hop};
		struct peer *hub = net_peer_of(n1, n0);

		net_forget_frames(&net);
		wire_put_header(inner, &head, 0);
		net_make_frame(inner + INNER_HEADER, 100, 2, 255, hop);
		CHECK(session_seal(hub->current, 0, inner, 108, message) == 0);
		net_inject(n0, &n1->endpoint, message, DATA_OVERHEAD + 108);
		net_run(&net, 0.1);
		CHECK(n0->n_frames == 1);
		CHECK(drops(n2, DROP_INNER_BAD) == 0);
		CHECK(n2->n_frames == (hop < HOP_MAX) && n3->n_frames == (hop < HOP_MAX));
	}
	finish();
}

/* Relays in a ring, which the manual forbids: three hops, then it ends. */
static void relayed_frames_do_not_circle(void)
{
	struct err err = {0};

	mesh(5, 3);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			struct control_peer peer = net_peer(&net.nodes[j], true);

			peer.relay = true;
			if (i != j)
				CHECK(engine_set_peer(net.nodes[i].engine, &peer, net.now, &err) ==
				      0);
		}
	net_run(&net, 1);
	uint64_t sent = n0->sent + n1->sent + n2->sent;
	send(n0, 100, 1, 255, 1);
	net_run(&net, 5);
	CHECK(n0->sent + n1->sent + n2->sent - sent < 100);
	CHECK(drops(n0, DROP_MAC_HOLD) + drops(n1, DROP_MAC_HOLD) + drops(n2, DROP_MAC_HOLD) > 0);
	finish();
}

static void addresses_move_and_loops_are_seen(void)
{
	mesh(6, 3);
	net_run(&net, 1);
	send(n1, 100, 7, 255, 1);
	net_run(&net, 2);
	/* The guest moves to another host: at once, with its first frame. */
	net_forget_frames(&net);
	send(n2, 100, 7, 255, 2);
	net_run(&net, 0.1);
	send(n0, 100, 1, 7, 3);
	net_run(&net, 0.1);
	CHECK(n2->n_frames == 1 && n1->n_frames == 1);
	/* The same address from two places: counted, dropped, at most one move a second. */
	for (int i = 0; i < 100; i++) {
		send(n1, 100, 7, 255, 4);
		send(n2, 100, 7, 255, 5);
		net_run(&net, 0.01);
	}
	/* Also by the hosts themselves, which know the address elsewhere. */
	uint64_t held =
		drops(n0, DROP_MAC_HOLD) + drops(n1, DROP_MAC_HOLD) + drops(n2, DROP_MAC_HOLD);
	CHECK(held > 90);
	CHECK(n0->engine->macs.moves <= 4);
	/* Our own guest's frames come back through a peer: a loop. */
	send(n0, 100, 1, 255, 6);
	net_run(&net, 0.1);
	send(n1, 100, 1, 255, 6);
	net_run(&net, 0.1);
	CHECK(drops(n0, DROP_MAC_HOLD) + drops(n1, DROP_MAC_HOLD) + drops(n2, DROP_MAC_HOLD) >
	      held);
	finish();
}

static void vlans_are_apart(void)
{
	static const uint8_t tag[] = {0x81, 0, 0x20, 100};
	uint8_t bytes[100];

	mesh(7, 3);
	net_run(&net, 1);
	send(n1, 100, 2, 255, 1);
	net_make_frame(bytes, sizeof(bytes), 2, 255, 2);
	memcpy(bytes + 12, tag, 4);
	net_frame_in(n2, bytes, sizeof(bytes)); /* the same address, in VLAN 100, elsewhere */
	net_run(&net, 0.1);
	net_forget_frames(&net);
	send(n0, 100, 1, 2, 3);
	net_make_frame(bytes, sizeof(bytes), 1, 2, 4);
	memcpy(bytes + 12, tag, 4);
	net_frame_in(n0, bytes, sizeof(bytes));
	net_run(&net, 0.1);
	CHECK(n1->n_frames == 1 && n2->n_frames == 1 && n0->engine->macs.moves == 0);
	finish();
}

static void limits_per_peer(void)
{
	struct control_peer peer;
	struct err err = {0};

	mesh(8, 3);
	peer = net_peer(n1, true);
	peer.mac_limit = 5;
	peer.storm_limit = 50;
	CHECK(engine_set_peer(n0->engine, &peer, net.now, &err) == 0);
	net_run(&net, 1);
	for (uint8_t mac = 10; mac < 30; mac++)
		send(n1, 100, mac, 1, mac);
	net_run(&net, 0.1);
	CHECK(n0->n_frames == 20); /* delivered all the same */
	CHECK(net_peer_of(n0, n1)->place.count == 5 && net_peer_of(n0, n1)->place.refused == 15);
	CHECK(net_peer_of(n2, n1)->place.count == 20);
	net_forget_frames(&net);
	for (int i = 0; i < 200; i++)
		send(n1, 100, 10, 255, (uint32_t)i);
	net_run(&net, 0.1);
	CHECK(n0->n_frames >= 50 && n0->n_frames <= 60);
	CHECK(net_peer_of(n0, n1)->drops[DROP_STORM] == 200 - (uint64_t)n0->n_frames);
	CHECK(n2->n_frames == 200);
	send(n1, 100, 10, 1, 1); /* for one: no storm */
	net_run(&net, 0.1);
	CHECK(n0->n_frames >= 51);
	CHECK(engine_remove_peer(n0->engine, n1->public_key) == 0);
	CHECK(n0->engine->macs.count == 0);
	finish();
}

static void frames_that_are_none(void)
{
	uint8_t bytes[2000];
	struct frame frame = {.data = bytes + FRAME_HEADROOM, .size = 100};

	mesh(9, 2);
	net_run(&net, 1);
	send(n0, 13, 1, 255, 1);
	CHECK(drops(n0, DROP_FRAME_SHORT) == 1);
	send(n0, 1523, 1, 255, 1);
	CHECK(drops(n0, DROP_FRAME_LONG) == 1);
	send(n0, 1522, 1, 255, 1);
	net_run(&net, 0.1);
	CHECK(n1->n_frames == 1);
	net_make_frame(frame.data, 100, 1, 255, 1);
	frame.gso_type = 1;
	engine_frame(n0->engine, &frame, net.now);
	CHECK(drops(n0, DROP_FRAME_OFFLOAD) == 1);
	frame.gso_type = 0;
	frame.csum_start = 90;
	frame.csum_offset = 9;
	engine_frame(n0->engine, &frame, net.now);
	CHECK(drops(n0, DROP_FRAME_OFFLOAD) == 2);
	frame.data[6] |= 1;
	frame.csum_start = 0;
	frame.csum_offset = 0;
	engine_frame(n0->engine, &frame, net.now);
	CHECK(drops(n0, DROP_SOURCE_GROUP) == 1);
	finish();
}

/* Partial checksums travel as such, whole and in pieces; those too far in are completed. */
static void partial_checksums_travel(void)
{
	static uint8_t bytes[FRAME_HEADROOM + 1514 + FRAME_TAILROOM];
	struct frame frame = {.data = bytes + FRAME_HEADROOM};

	mesh(10, 2);
	net.mtu = 1500;
	net_run(&net, 30);
	for (uint32_t size = 100; size <= 1514; size += 1414) {
		net_make_frame(frame.data, size, 1, 255, 1);
		frame.size = size;
		frame.csum_start = 34;
		frame.csum_offset = 16;
		engine_frame(n0->engine, &frame, net.now);
	}
	frame.csum_start = 300;
	frame.csum_offset = 6;
	engine_frame(n0->engine, &frame, net.now);
	net_run(&net, 0.1);
	CHECK(n1->n_frames == 3);
	CHECK(n1->frames[0].csum_start == 34 && n1->frames[0].csum_offset == 16);
	CHECK(n1->frames[1].csum_start == 34 && n1->frames[1].size == 1514);
	CHECK(n1->frames[2].csum_start == 0);
	CHECK(memcmp(n1->frames[2].bytes, frame.data, 1514) == 0);
	finish();
}

static void segments_are_apart(void)
{
	struct engine_config config = {.mtu = 1500, .segment = 7};

	net_init(&net, 11);
	net_add(&net, NULL);
	net_add(&net, &config);
	net_mesh(&net);
	net_run(&net, 1);
	send(n0, 100, 1, 255, 1);
	net_run(&net, 0.1);
	CHECK(n1->n_frames == 0 && drops(n1, DROP_SEGMENT_OTHER) == 1);
	CHECK(n0->connected == 1);
	finish();
}

/* Consecutive segments of one flow, in trains: all of them, in their order. */
static void trains_keep_their_order(void)
{
	mesh(12, 2);
	net.mtu = 1500;
	net_run(&net, 10);
	for (uint32_t i = 0; i < 600; i++)
		send(n0, i % 7 ? 1514 : 90 + i, 1, 2, i);
	net_run(&net, 1);
	CHECK(n1->n_frames == 600);
	bool ordered = true;
	for (uint32_t i = 0; i < 600 && i < (uint32_t)n1->n_frames; i++)
		ordered = ordered && get_be32(n1->frames[i].bytes + 14) == i;
	CHECK(ordered);
	finish();
}

/* A frame from the n-th of many sources. */
static void send_from(uint32_t source, size_t size, uint32_t number)
{
	static uint8_t bytes[2000];

	net_make_frame(bytes, size, 0, 2, number);
	put_be16(bytes + 9, (uint16_t)source);
	net_frame_in(n0, bytes, size);
}

/* Of many addresses several are looked up at once: nothing else is different. */
static void many_addresses(void)
{
	mesh(13, 2);
	net.mtu = 1500;
	net_run(&net, 10);
	for (uint32_t i = 0; i < 3000; i++) {
		send_from(i, 60, i);
		net_run(&net, 0.001);
	}
	CHECK(n1->n_frames == 3000 && n1->engine->macs.count == 3000);
	net_forget_frames(&net);
	net.gathers = true;
	for (uint32_t i = 0; i < 1000; i++)
		send_from(i * 7 % 3100, i % 5 ? 60 + i : 1514, i);
	net_run(&net, 1);
	CHECK(n1->engine->gathers && n1->n_frames < 1000 && n1->n_frames >= 1000 - LATE_LEN);
	engine_settle(n1->engine, net.now);
	CHECK(n1->n_frames == 1000);
	bool ordered = true;
	for (uint32_t i = 0; i < (uint32_t)n1->n_frames; i++)
		ordered = ordered && get_be32(n1->frames[i].bytes + 14) == i &&
			  n1->frames[i].size == (i % 5 ? 60 + i : 1514);
	CHECK(ordered);
	net.gathers = false;
	finish();
}

/* A bad wire: loss, doubling, disorder. No frame twice, none altered; pieces are not left over. */
static void bad_wire(uint64_t seed)
{
	static uint8_t want[1600], seen[4][4000];
	uint64_t sent = 0, got = 0;

	mesh(seed, 3);
	memset(seen, 0, sizeof(seen));
	net.mtu = 1500 - seed % 3 * 200;
	net.loss = 20;
	net.doubling = 50;
	net.jitter = 4000000;
	net_run(&net, 30);
	for (uint32_t i = 0; i < 1200; i++) {
		struct net_node *from = &net.nodes[net_random(&net) % 3];
		size_t size = 60 + net_random(&net) % 1455;

		send(from, size, (uint8_t)(from - net.nodes + 1), 255, i);
		sent += 2;
		net_run(&net, 0.003);
	}
	net_run(&net, 2);
	for (int n = 0; n < 3; n++) {
		for (int i = 0; i < net.nodes[n].n_frames; i++) {
			const struct net_frame *frame = &net.nodes[n].frames[i];
			uint32_t number = get_be32(frame->bytes + 14);

			CHECK(number < 1200 && !seen[n][number]++);
			net_make_frame(want, frame->size, frame->bytes[11], 255, number);
			CHECK(memcmp(want, frame->bytes, frame->size) == 0);
			got++;
		}
		CHECK(engine_account(net.nodes[n].engine).held == 0);
	}
	/* Two of 100 lost, of frames in two pieces four. */
	CHECK(got > sent * 94 / 100);
	finish();
}

static void bad_wires(void)
{
	for (uint64_t seed = 100; seed < 106; seed++)
		bad_wire(seed);
}

int main(void)
{
	TEST(broadcast_reaches_each_once);
	TEST(unknown_goes_to_all_and_known_to_one);
	TEST(split_horizon);
	TEST(relay_serves_its_peers);
	TEST(hops_are_counted);
	TEST(relayed_frames_do_not_circle);
	TEST(addresses_move_and_loops_are_seen);
	TEST(vlans_are_apart);
	TEST(limits_per_peer);
	TEST(frames_that_are_none);
	TEST(partial_checksums_travel);
	TEST(segments_are_apart);
	TEST(trains_keep_their_order);
	TEST(many_addresses);
	TEST(bad_wires);
	return test_done();
}
