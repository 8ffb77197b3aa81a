/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Engines with several lanes on a wire in memory: lane k of each has a port of its own.
 *
 *	a ==== wire (ports may be closed) ==== b
 */
#include "unit/test.h"
#include "unit/tunnel_pair.h"

static uint16_t closed_port; /* of b; 0: none */

static bool lets_through(struct net *on, struct net_packet *packet)
{
	(void)on;
	return !closed_port || packet->to.remote.port != closed_port ||
	       !endpoint_same_address(&packet->to, &b->endpoint);
}

static void lanes(uint64_t seed, uint8_t lanes_a, uint8_t lanes_b)
{
	struct engine_config config = {.preferred = SUITE_AES, .mtu = 1500, .lanes = lanes_a};

	closed_port = 0;
	net_init(&net, seed);
	net.tap = lets_through;
	a = net_add(&net, &config);
	config.lanes = lanes_b;
	b = net_add(&net, &config);
	net_introduce(a, b, true);
	net_introduce(b, a, true);
	net_run(&net, 0.1);
}

static void send_on(struct net_node *from, uint8_t lane, size_t size, uint8_t source,
		    uint8_t destination, uint32_t number)
{
	static uint8_t bytes[20000];

	net_make_frame(bytes, size, source, destination, number);
	net_frame_on(from, lane, bytes, size);
}

static uint8_t n_open(const struct net_node *node, const struct net_node *other)
{
	return lanes_count_open(net_peer_of(node, other));
}

/* Frame by frame on every lane of `from`: each arrives, on that lane if `common` is more. */
static bool each_lane_carries(struct net_node *from, struct net_node *to, uint8_t common)
{
	bool well = true;

	net_forget_frames(&net);
	for (uint8_t lane = 0; lane < from->n_lanes; lane++) {
		uint8_t want = lane < common ? lane : 0;
		uint64_t sent = from->lane_sent[want];
		int n = to->n_frames;

		send_on(from, lane, 200, from == a ? 1 : 2, from == a ? 2 : 1, lane);
		well = well && from->lane_sent[want] == sent + 1;
		net_run(&net, 0.01);
		well = well && to->n_frames == n + 1 && to->frames[n].lane == want;
	}
	return well;
}

static void lanes_open_by_themselves(void)
{
	lanes(1, 4, 4);
	CHECK(n_open(a, b) == 4 && n_open(b, a) == 4);
	CHECK(each_lane_carries(a, b, 4) && each_lane_carries(b, a, 4));
	for (uint8_t lane = 1; lane < 4; lane++) {
		const struct endpoint *to = lanes_endpoint(net_peer_of(a, b), lane);

		CHECK(to->remote.port == b->endpoint.remote.port + lane && to->lane == lane);
		CHECK(net_peer_of(a, b)->current->lanes[lane].counter > 0);
	}
	CHECK(all_drops(a) == 0 && all_drops(b) == 0);
	finish();
}

static void fewer_against_more(void)
{
	static const uint8_t pairs[][2] = {{1, 4}, {4, 1}, {2, 4}, {4, 2}, {16, 3}, {1, 1}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		uint8_t common = pairs[i][0] < pairs[i][1] ? pairs[i][0] : pairs[i][1];

		lanes(2 + i, pairs[i][0], pairs[i][1]);
		CHECK(n_open(a, b) == common && n_open(b, a) == common);
		CHECK(each_lane_carries(a, b, common) && each_lane_carries(b, a, common));
		CHECK(all_drops(a) == 0 && all_drops(b) == 0);
		finish();
	}
}

/* A firewall before b lets the first port in, and nothing else. */
static void closed_ports_cost_nothing(void)
{
	struct engine_config config = {.preferred = SUITE_AES, .mtu = 1500, .lanes = 2};
	net_init(&net, 11);
	net.tap = lets_through;
	a = net_add(&net, &config);
	b = net_add(&net, &config);
	closed_port = (uint16_t)(b->endpoint.remote.port + 1);
	net_introduce(a, b, true);
	net_introduce(b, a, true);
	net_run(&net, 60);
	CHECK(n_open(a, b) == 1 && n_open(b, a) == 1);
	CHECK(each_lane_carries(a, b, 1) && each_lane_carries(b, a, 1));
	/* Seldom asked, and no reason to begin handshakes. */
	uint64_t asked = a->lane_sent[1];
	net_run(&net, 300);
	CHECK(a->lane_sent[1] - asked >= 8 && a->lane_sent[1] - asked <= 25);
	CHECK(a->lost == 0 && b->lost == 0 && a->connected == 1);
	closed_port = 0;
	net_run(&net, 35);
	CHECK(n_open(a, b) == 2 && n_open(b, a) == 2);
	CHECK(each_lane_carries(a, b, 2) && each_lane_carries(b, a, 2));
	finish();
}

static void a_lane_that_dies_is_left(void)
{
	lanes(12, 3, 3);
	CHECK(n_open(a, b) == 3);
	closed_port = (uint16_t)(b->endpoint.remote.port + 2);
	net_run(&net, 9);
	CHECK(n_open(a, b) == 2);
	CHECK(each_lane_carries(a, b, 2));
	closed_port = 0;
	net_run(&net, 35);
	CHECK(n_open(a, b) == 3 && n_open(b, a) == 3);
	finish();
}

/* The other one is at a new address: known by the first message of any lane. */
static void roaming_takes_all_lanes_along(void)
{
	lanes(13, 3, 3);
	b->endpoint.remote.address[3] = 77;
	send_on(b, 0, 100, 2, 255, 1);
	net_run(&net, 0.05);
	CHECK(endpoint_same(&net_peer_of(a, b)->endpoint, &b->endpoint));
	CHECK(n_open(a, b) == 3 && n_open(b, a) == 3);
	CHECK(lanes_endpoint(net_peer_of(a, b), 2)->remote.address[3] == 77);
	CHECK(each_lane_carries(a, b, 3) && each_lane_carries(b, a, 3));
	/* Lane 1 speaks first: it alone is elsewhere, so it stays closed until lane 0 follows. */
	b->endpoint.remote.address[3] = 78;
	send_on(b, 1, 100, 2, 255, 2);
	net_run(&net, 0.05);
	CHECK(n_open(a, b) == 2);
	send_on(b, 0, 100, 2, 255, 3);
	net_run(&net, 0.05);
	CHECK(n_open(a, b) == 3 && each_lane_carries(a, b, 3));
	finish();
}

static void restart(struct net_node *node, struct net_node *other, uint8_t n_lanes)
{
	struct engine_config config = net_config(node);
	struct err err = {0};

	engine_free(node->engine);
	config.lanes = n_lanes;
	node->n_lanes = n_lanes;
	node->engine = engine_new(&config, net.now, &err);
	net_introduce(node, other, true);
}

static void started_anew_with_others(void)
{
	lanes(14, 4, 4);
	restart(b, a, 2);
	net_run(&net, 0.1);
	CHECK(n_open(a, b) == 2 && n_open(b, a) == 2);
	CHECK(each_lane_carries(a, b, 2) && each_lane_carries(b, a, 2));
	restart(b, a, 1);
	net_run(&net, 0.1);
	CHECK(n_open(a, b) == 1 && each_lane_carries(a, b, 1) && each_lane_carries(b, a, 1));
	restart(b, a, 4);
	b->endpoint.remote.port = 51821;
	net_run(&net, 0.1);
	CHECK(n_open(a, b) == 4 && each_lane_carries(a, b, 4) && each_lane_carries(b, a, 4));
	finish();
}

/* Ten minutes, five sessions, three lanes: no frame is lost, doubled or out of order in its lane.
 */
static void order_stays_over_sessions(void)
{
	uint32_t number = 0;

	lanes(15, 3, 3);
	net.delay = 30000000;
	net_run(&net, 1);
	send_on(b, 0, 100, 2, 255, 0);
	net_run(&net, 1);
	net_forget_frames(&net);
	for (int i = 0; i < 1200; i++) {
		for (uint8_t lane = 0; lane < 3; lane++)
			send_on(a, lane, 100 + lane, 1, 2, ++number);
		net_run(&net, 0.5);
	}
	CHECK(b->n_frames == 3600);
	uint32_t last[3] = {0};
	for (int i = 0; i < b->n_frames; i++) {
		uint32_t n = get_be32(b->frames[i].bytes + 14), lane = (n - 1) % 3;

		CHECK(n > last[lane] && b->frames[i].lane == lane);
		last[lane] = n;
	}
	CHECK(all_drops(a) == 0 && all_drops(b) == 0);
	finish();
}

static uint32_t n_pieces, lanes_seen;

static bool note_lane(struct net *on, struct net_packet *packet)
{
	(void)on;
	if (packet->bytes[0] == MESSAGE_DATA && packet->size > 500) {
		n_pieces++;
		lanes_seen |= 1u << (packet->from.remote.port - 51821);
	}
	return true;
}

static void pieces_stay_together(void)
{
	lanes(16, 2, 2);
	net.mtu = 1280;
	engine_reset_path(a->engine, net_peer_of(a, b), net.now);
	net_run(&net, 60);
	CHECK(net_peer_of(a, b)->path.value <= 1280 && n_open(a, b) == 2);
	n_pieces = lanes_seen = 0;
	net.tap = note_lane;
	net_forget_frames(&net);
	send_on(a, 1, 1514, 1, 2, 5);
	net_run(&net, 0.1);
	CHECK(n_pieces == 2 && lanes_seen == 2);
	CHECK(arrived(b, 0, 1514, 1, 2, 5) && b->frames[0].lane == 1);
	finish();
}

/* The same counter on two lanes is two messages; twice on one lane is a replay. */
static void windows_are_apart(void)
{
	struct net_packet kept[3];

	lanes(17, 2, 2);
	struct session *session = net_peer_of(a, b)->current;
	session->lanes[0].counter = session->lanes[1].counter = 1000;
	net_run(&net, 0.1);
	net_forget_frames(&net);
	send_on(a, 0, 100, 1, 2, 1);
	send_on(a, 1, 100, 1, 2, 2);
	CHECK(net.n_packets == 2);
	for (int i = 0; i < 2; i++) {
		kept[i] = net.packets[i];
		kept[i].bytes = malloc(kept[i].size);
		memcpy(kept[i].bytes, net.packets[i].bytes, kept[i].size);
		CHECK(get_le64(kept[i].bytes + DATA_COUNTER) == 1000);
	}
	net_run(&net, 0.1);
	CHECK(b->n_frames == 2 && all_drops(b) == 0);
	for (int i = 0; i < 2; i++)
		net_inject(b, &kept[i].from, kept[i].bytes, kept[i].size);
	CHECK(b->n_frames == 2 && drops(b, DROP_REPLAY) == 2);
	/* Taken for another lane's it does not open; of a lane that is not there it is nobody's. */
	put_le32(kept[0].bytes + INDEX_OFFSET, get_le32(kept[0].bytes + INDEX_OFFSET) + 1);
	put_le64(kept[0].bytes + DATA_COUNTER, 5000);
	net_inject(b, &kept[0].from, kept[0].bytes, kept[0].size);
	CHECK(drops(b, DROP_DATA_BAD) == 1 && n_open(b, a) == 2);
	put_le32(kept[0].bytes + INDEX_OFFSET, get_le32(kept[0].bytes + INDEX_OFFSET) + 1);
	net_inject(b, &kept[0].from, kept[0].bytes, kept[0].size);
	CHECK(drops(b, DROP_UNKNOWN_INDEX) == 1);
	free(kept[0].bytes);
	free(kept[1].bytes);
	finish();
}

/* Each lane may use its part of a key's messages: new keys come when one has. */
static void messages_are_shared_out(void)
{
	lanes(18, 4, 4);
	struct peer *peer = net_peer_of(a, b);
	struct session *first = peer->current;

	CHECK(first->suite == SUITE_AES);
	net_run(&net, 6);
	first->lanes[2].counter = (1ULL << 26) / 4 - 1;
	send_on(a, 2, 100, 1, 2, 1);
	send_on(a, 2, 100, 1, 2, 2);
	net_run(&net, 6);
	CHECK(peer->current != first && peer->current->lanes[2].counter < 100);
	CHECK(n_open(a, b) == 4);
	/* One that is used up is used no more, and what it cannot carry waits for new keys. */
	struct session *second = peer->current;
	second->lanes[1].counter = (1ULL << 27) / 4;
	net_run(&net, 6);
	net_forget_frames(&net);
	send_on(a, 1, 100, 1, 2, 3);
	CHECK(second->lanes[1].counter == (1ULL << 27) / 4);
	net_run(&net, 6);
	CHECK(peer->current != second && arrived(b, 0, 100, 1, 2, 3));
	finish();
}

static void more_than_sixteen_is_refused(void)
{
	struct err err = {0};

	lanes(19, 16, 16);
	CHECK(n_open(a, b) == 16);
	struct engine_config config = net_config(a);
	config.lanes = 17;
	CHECK(!engine_new(&config, net.now, &err) && err.code == -EINVAL);
	finish();
}

/* A frame that came in on a lane is relayed on that lane, where it is open. */
static void relayed_on_its_lane(void)
{
	struct engine_config config = {.preferred = SUITE_AES, .mtu = 1500, .lanes = 3};

	lanes(20, 3, 2);
	struct net_node *c = net_add(&net, &config);
	struct control_peer peer = net_peer(c, true);
	struct err err = {0};

	peer.relay = true;
	CHECK(engine_set_peer(b->engine, &peer, net.now, &err) == 0);
	net_introduce(c, b, true);
	net_run(&net, 0.1);
	CHECK(n_open(b, c) == 2);
	net_forget_frames(&net);
	send_on(c, 2, 100, 3, 255, 1);
	send_on(c, 1, 100, 3, 255, 2);
	net_run(&net, 0.1);
	CHECK(a->n_frames == 2 && a->frames[0].lane + a->frames[1].lane == 1);
	finish();
}

int main(void)
{
	TEST(lanes_open_by_themselves);
	TEST(fewer_against_more);
	TEST(closed_ports_cost_nothing);
	TEST(a_lane_that_dies_is_left);
	TEST(roaming_takes_all_lanes_along);
	TEST(started_anew_with_others);
	TEST(order_stays_over_sessions);
	TEST(pieces_stay_together);
	TEST(windows_are_apart);
	TEST(messages_are_shared_out);
	TEST(more_than_sixteen_is_refused);
	TEST(relayed_on_its_lane);
	return test_done();
}
