/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Workers with a thread for each of several lanes, all of which carry at once, while the keeper
 * asks, changes and hands over devices. Built with the thread sanitizer as well, which is what
 * looks for races (tests/unit/meson.build); here no frame may be lost, doubled or out of order.
 *
 *	LANES sockets with frames == worker a ==== 127.0.0.1 ==== worker b == LANES sockets
 */
#include "unit/tunnel_side.h"

#define LANES 3
#define WINDOW 16 /* frames of a lane under way at once */
#define SIZE 900

/* A socket pair in place of a TAP queue, and a socket with a port of its own, for each lane. */
static int prepare_lanes(struct side *side, uint8_t seed, uint8_t n_lanes)
{
	int rc = prepare(side, seed, AF_INET), listening = side->socket;

	side->n_lanes = n_lanes;
	side->config.n_lanes = n_lanes;
	side->config.lanes = side->lanes;
	side->lane_frames[0] = side->frames;
	struct control_endpoint endpoint = side->endpoint;
	for (uint8_t lane = 1; lane < n_lanes && rc == 0; lane++) {
		struct control_config kept = side->config;
		int tap = open_frames(side);

		side->lane_frames[lane] = side->frames;
		rc = bind_socket(side, AF_INET);
		side->lanes[lane - 1] = (struct control_lane){tap, side->socket, -1};
		side->config = kept;
	}
	side->socket = listening;
	side->endpoint = endpoint;
	side->frames = side->lane_frames[0];
	return rc;
}

static void configure(struct side *side)
{
	send_config(side, 0);
	for (uint8_t lane = 1; lane < side->n_lanes; lane++) {
		close(side->lanes[lane - 1].tap_fd);
		close(side->lanes[lane - 1].udp4_fd);
	}
	side->config.lanes = NULL;
}

static bool stop(struct side *side)
{
	for (uint8_t lane = 1; lane < side->n_lanes; lane++)
		close(side->lane_frames[lane]);
	return stop_worker(side);
}

static void begin(uint8_t lanes_a, uint8_t lanes_b)
{
	CHECK(prepare_lanes(&a, 1, lanes_a) == 0 && prepare_lanes(&b, 2, lanes_b) == 0);
	introduce(&a, &b, 2);
	introduce(&b, &a, 1);
	start_worker(&a);
	start_worker(&b);
	configure(&a);
	configure(&b);
	CHECK(passes(&a, &b, 60, 1, 255));
	CHECK(passes(&b, &a, 60, 2, 1));
}

static bool await_lanes(struct side *side, uint32_t want)
{
	for (int i = 0; i < 500; i++) {
		if (peer_status(side, 1).lanes == want)
			return true;
		usleep(10000);
	}
	return false;
}

/* What goes from one side to the other on a lane, and what has come. */
struct flow {
	struct side *from, *to;
	uint8_t lane, out; /* where it comes out */
	uint32_t sent, came;
};

static void feed(struct flow *flow, uint32_t count)
{
	uint8_t bytes[HEADER + SIZE] = {0}, *frame = bytes + HEADER;

	while (flow->sent < count && flow->sent - flow->came < WINDOW) {
		make_frame(frame, SIZE, flow->from == &a ? 1 : 2, flow->from == &a ? 2 : 1);
		frame[14] = flow->lane;
		put_be32(frame + 15, flow->sent++);
		CHECK(send(flow->from->lane_frames[flow->lane], bytes, sizeof(bytes), 0) ==
		      (ssize_t)sizeof(bytes));
	}
}

/* Takes what came out of a lane: it belongs to one of the flows, and is its next. */
static bool drain(struct side *to, uint8_t out, struct flow *flows, int n)
{
	uint8_t bytes[HEADER + SIZE + 1];
	ssize_t size;
	bool well = true;

	while ((size = recv(to->lane_frames[out], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		const uint8_t *frame = bytes + HEADER;
		bool found = false;

		for (int i = 0; i < n; i++) {
			struct flow *flow = &flows[i];

			if (flow->to != to || flow->lane != frame[14])
				continue;
			found = true;
			well = well && size == HEADER + SIZE && flow->out == out &&
			       get_be32(frame + 15) == flow->came++;
		}
		well = well && found;
	}
	return well;
}

/* All lanes of both sides at once, `count` frames each; something else happens now and then. */
static void carry_all(uint32_t count, uint8_t common, void (*now_and_then)(void))
{
	struct flow flows[2 * LANES];
	bool done = false, well = true;
	int n = 0, idle = 0, turn = 0;

	for (uint8_t lane = 0; lane < LANES; lane++) {
		uint8_t out = lane < common ? lane : 0;

		if (lane < a.n_lanes)
			flows[n++] = (struct flow){&a, &b, lane, out, 0, 0};
		if (lane < b.n_lanes)
			flows[n++] = (struct flow){&b, &a, lane, out, 0, 0};
	}
	while (!done && well && idle < 20000) {
		uint32_t before = 0, after = 0;

		done = true;
		for (int i = 0; i < n; i++) {
			before += flows[i].came;
			feed(&flows[i], count);
		}
		for (uint8_t lane = 0; lane < LANES; lane++) {
			well = well && (lane >= a.n_lanes || drain(&a, lane, flows, n));
			well = well && (lane >= b.n_lanes || drain(&b, lane, flows, n));
		}
		for (int i = 0; i < n; i++) {
			after += flows[i].came;
			done = done && flows[i].came == count;
		}
		idle = after == before ? idle + 1 : 0;
		if (after == before)
			usleep(500);
		if (now_and_then && turn++ % 40 == 0)
			now_and_then();
	}
	CHECK(well && done);
	for (int i = 0; i < n && !(well && done); i++)
		printf("# lane %d: %u of %u came\n", flows[i].lane, flows[i].came, flows[i].sent);
}

static void ask_and_change(void)
{
	static uint32_t seconds;
	struct control_peer peer = a.peers[0];
	struct err err = {0};

	CHECK(peer_status(&a, 1).connected && peer_status(&b, 1).connected);
	peer.keepalive_s = 20 + ++seconds % 2;
	CHECK(control_set_peer(a.control, &peer, &err) == 0);
	a.config.segment = 0;
	send_config(&a, 0);
}

static void all_lanes_carry_at_once(void)
{
	begin(LANES, LANES);
	CHECK(await_lanes(&a, LANES) && await_lanes(&b, LANES));
	carry_all(1500, LANES, ask_and_change);
	struct control_tunnel_status tunnel;
	struct err err = {0};
	CHECK(control_read_status(b.control, &tunnel, NULL, 0, &err) == 0);
	CHECK(tunnel.lanes == LANES && tunnel.drops[DROP_REPLAY] == 0 &&
	      tunnel.drops[DROP_DATA_BAD] == 0);
	CHECK(tunnel.tx_frames == LANES * 1500 + 1 && tunnel.rx_frames == LANES * 1500 + 1);
	CHECK(stop(&a));
	CHECK(stop(&b));
}

static void fewer_on_one_side(void)
{
	begin(LANES, 1);
	usleep(50000);
	CHECK(peer_status(&a, 1).lanes == 1);
	carry_all(300, 1, ask_and_change);
	CHECK(stop(&a));
	CHECK(stop(&b));
}

/* The device was made anew: all queues are other ones. */
static void queues_are_exchanged(void)
{
	struct err err = {0};

	begin(2, 2);
	CHECK(await_lanes(&a, 2) && await_lanes(&b, 2));
	carry_all(50, 2, NULL);
	for (uint32_t lane = 0; lane < 2; lane++) {
		int tap;

		close(a.lane_frames[lane]);
		tap = open_frames(&a);
		a.lane_frames[lane] = a.frames;
		CHECK(control_send_tap(a.control, lane, tap, &err) == 0);
		close(tap);
	}
	a.frames = a.lane_frames[0];
	carry_all(50, 2, NULL);
	CHECK(stop(&a));
	CHECK(stop(&b));
}

/* More lanes than it was started for, lanes that are none: refused, and it ends for nonsense. */
static void lanes_it_was_not_started_for(void)
{
	struct control_message message = {.magic = CONTROL_MAGIC, .type = CONTROL_LANE, .lane = 1};

	begin(1, 1);
	a.config.n_lanes = 2;
	send_config(&a, -EINVAL);
	CHECK(passes(&a, &b, 100, 1, 2));
	control_message_send(a.control, &message, NULL);
	struct pollfd ended = {.fd = a.control, .events = POLLIN};
	CHECK(poll(&ended, 1, 5000) == 1);
	CHECK(stop(&a));
	CHECK(stop(&b));
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TEST(all_lanes_carry_at_once);
	TEST(fewer_on_one_side);
	TEST(queues_are_exchanged);
	TEST(lanes_it_was_not_started_for);
	return test_done();
}
