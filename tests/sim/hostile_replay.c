/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that two hosts said to each other, said again: forwards, backwards, from elsewhere, at once
 * and later, to the same engines and to such as were started anew. Nothing is delivered.
 *
 *	a ---- wire ---- b	a knows b's endpoint; the test is the wire
 */
#include "sim/hostile.h"
#include "sim/recording.h"

enum order { FORWARDS, BACKWARDS, FROM_ELSEWHERE };

/* quiet: not one message is answered, either. */
static void replay(enum order order, bool quiet)
{
	struct endpoint elsewhere = {.remote = {.family = 4, .address = {8, 8, 8, 8}, .port = 8}};

	for (int i = 0; i < recording.n; i++) {
		int at = order == BACKWARDS ? recording.n - 1 - i : i;
		struct letter letter = recording.letters[at];

		if (order == FROM_ELSEWHERE)
			letter.from = elsewhere;
		struct effect effect = inject(&letter);
		CHECK(effect.frames == 0 && (!quiet || is_refused(effect)));
	}
	int frames_a = a->n_frames, frames_b = b->n_frames;
	net_run(&net, 1);
	CHECK(a->n_frames == frames_a && b->n_frames == frames_b);
}

/* A node whose engine has forgotten everything but its key. */
static void restart(struct net_node *node, struct net_node *other, bool with_endpoint)
{
	struct engine_config config = net_config(node);
	struct err err = {0};

	CHECK(net_balanced(node));
	engine_free(node->engine);
	node->engine = engine_new(&config, net.now, &err);
	net_introduce(node, other, with_endpoint);
}

/* Seven minutes with new keys, frames, pieces and probes, both ways. */
static void record_session(enum suite suite)
{
	pair(1, only[suite], only[suite], false);
	net.mtu = 1400;
	recording_start();
	for (uint32_t i = 0; i < 420; i++) {
		send(a, 60 + i * 37 % 1455, 1, 2, i);
		send(b, 60 + i * 41 % 1455, 2, 1, i);
		net_run(&net, 1);
	}
	net.tap = NULL;
	CHECK(a->n_frames == 420 && b->n_frames == 420);
	CHECK(recording.n_handshakes > 6 && recording.n > 1000);
}

/* Who has heard it all knows that it is old. */
static void replay_to_the_same(void)
{
	struct peer *peer = net_peer_of(b, a);
	uint64_t answered = peer->answered_ns, received = peer->received_ns;

	for (enum order order = FORWARDS; order <= FROM_ELSEWHERE; order++)
		replay(order, true);
	CHECK(endpoint_same(&peer->endpoint, &a->endpoint));
	CHECK(peer->answered_ns == answered && peer->received_ns == received);
	send(a, 100, 1, 2, 1000);
	send(b, 100, 2, 1, 1000);
	net_run(&net, 0.1);
	CHECK(a->n_frames == 421 && b->n_frames == 421);
}

static void a_session_said_again_delivers_nothing(void)
{
	EACH_SUITE(suite)
	{
		record_session(suite);
		replay_to_the_same();
		/* When all of its keys are gone. */
		net_run(&net, 200);
		replay(FORWARDS, true);
		finish();
	}
}

/* It believes old initiations, having forgotten their times, and answers them; that is all. */
static void nor_does_it_to_an_engine_started_anew(void)
{
	EACH_SUITE(suite)
	{
		record_session(suite);
		restart(b, a, false);
		replay(FORWARDS, false);
		restart(a, b, true);
		restart(b, a, false);
		replay(BACKWARDS, false);
		restart(b, a, false);
		replay(FROM_ELSEWHERE, false);
		/* And the true peers find each other again. */
		net_run(&net, 26);
		int frames = b->n_frames;
		send(a, 100, 1, 2, 1000);
		net_run(&net, 0.1);
		CHECK(b->n_frames == frames + 1 && arrived(b, frames, 100, 1, 2, 1000));
		finish();
	}
}

/* Held back and sent from elsewhere, a frame may still arrive; but nobody has moved there. */
static void what_was_held_back_moves_nobody(void)
{
	EACH_SUITE(suite)
	{
		pair(2, only[suite], only[suite], false);
		net_run(&net, 1);
		want_data(b, DATA_OVERHEAD + 64, LETTER_MOST);
		send(a, 100, 1, 2, 1);
		send(a, 100, 1, 2, 2);
		net_run(&net, 0.1);
		CHECK(b->n_frames == 1);
		caught.letter.from.remote.port++;
		CHECK(inject(&caught.letter).frames == 1);
		CHECK(endpoint_same(&net_peer_of(b, a)->endpoint, &a->endpoint));
		/* What is newest is where it comes from. */
		want_data(b, DATA_OVERHEAD + 64, LETTER_MOST);
		send(a, 100, 1, 2, 3);
		net_run(&net, 0.1);
		caught.letter.from.remote.port++;
		CHECK(inject(&caught.letter).frames == 1);
		CHECK(endpoint_same(&net_peer_of(b, a)->endpoint, &caught.letter.from));
		finish();
	}
}

int main(void)
{
	hostile_unused();
	TEST(a_session_said_again_delivers_nothing);
	TEST(nor_does_it_to_an_engine_started_anew);
	TEST(what_was_held_back_moves_nobody);
	free(recording.letters);
	return test_done();
}
