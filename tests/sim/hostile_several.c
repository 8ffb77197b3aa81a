/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same where hosts have several peers, with live sessions side by side: what was said to one is
 * nothing to another, a turned bit may lead to somebody else's session, and one of many who is lied
 * to does not harm the others.
 *
 *	0 --- 1
 *	| \ / |		everybody knows everybody
 *	| / \ |
 *	2 --- 3
 */
#include "sim/hostile.h"
#include "sim/recording.h"

#define NODES 4

static void mesh(enum suite suite, uint64_t seed, uint32_t load_limit)
{
	struct engine_config config = {.cipher = only[suite], .preferred = suite, .mtu = 1500};

	config.load_limit = load_limit;
	net_init(&net, seed);
	for (int i = 0; i < NODES; i++)
		net_add(&net, &config);
	net_mesh(&net);
}

static struct net_node *node(int i)
{
	return &net.nodes[i];
}

static void say(int from, int to, size_t size, uint32_t number)
{
	send(node(from), size, (uint8_t)(from + 1), (uint8_t)(to + 1), number);
}

/* Each hears each other, at once. */
static void check_all_speak(uint32_t number)
{
	for (int from = 0; from < NODES; from++) {
		for (int to = 0; to < NODES; to++) {
			if (from == to)
				continue;
			int n = node(to)->n_frames;
			say(from, to, 100, number);
			net_run(&net, 0.01);
			CHECK(node(to)->n_frames == n + 1 &&
			      arrived(node(to), n, 100, (uint8_t)(from + 1), (uint8_t)(to + 1),
				      number));
		}
	}
}

/* All have sessions and know who lives where. */
static void settle(void)
{
	net_run(&net, 20);
	for (int from = 0; from < NODES; from++) {
		send(node(from), 60, (uint8_t)(from + 1), 255, 0);
		net_run(&net, 0.01);
	}
	for (int i = 0; i < NODES; i++)
		CHECK(node(i)->connected == NODES - 1);
	check_all_speak(1);
}

static int count_endpoints_known(void)
{
	int known = 0;

	for (int i = 0; i < NODES; i++)
		for (int j = 0; j < NODES; j++)
			known += i != j && endpoint_same(&net_peer_of(node(i), node(j))->endpoint,
							 &node(j)->endpoint);
	return known;
}

/* To whom it is not addressed, and from where its sender is not. */
static void refuse_astray(const struct letter *letter)
{
	for (int to = 0; to < NODES; to++)
		if (node(to) != receiver(letter))
			CHECK(is_refused_cheaply(inject_at(node(to), letter)));
}

static void refuse_all_flips(const struct letter *letter)
{
	struct letter forged = *letter;
	size_t size = letter->size;

	if (letter->bytes[0] == MESSAGE_INITIATION || letter->bytes[0] == MESSAGE_RESPONSE)
		size -= MAC_SIZE;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		flip(&forged, bit);
		CHECK(is_refused_cheaply(inject(&forged)));
		flip(&forged, bit);
	}
}

/* The receiver's index of every other live session that the receiver has. */
static void refuse_in_other_sessions(const struct letter *letter)
{
	struct net_node *to = receiver(letter);
	int n = 0;

	for (int i = 0; i < NODES; i++) {
		struct peer *peer = node(i) == to ? NULL : net_peer_of(to, node(i));
		struct letter forged = *letter;

		if (!peer || !peer->current ||
		    peer->current->local_index == get_le32(letter->bytes + INDEX_OFFSET))
			continue;
		put_le32(forged.bytes + INDEX_OFFSET, peer->current->local_index);
		CHECK(is_refused_cheaply(inject(&forged)));
		forged.from = node(i)->endpoint;
		CHECK(is_refused_cheaply(inject(&forged)));
		n++;
	}
	CHECK(n >= NODES - 2);
}

static void a_frame_is_for_one_peer_of_several(void)
{
	EACH_SUITE(suite)
	{
		mesh(suite, 1, UINT32_MAX);
		settle();
		for (int from = 1; from < NODES; from++) {
			want(MESSAGE_DATA, node(0));
			say(from, 0, 100, 2);
			net_run(&net, 0.01);
			CHECK(caught.letter.size == DATA_OVERHEAD + 112);
			refuse_all_flips(&caught.letter);
			refuse_astray(&caught.letter);
			refuse_in_other_sessions(&caught.letter);
			CHECK(inject(&caught.letter).frames == 1);
			CHECK(is_refused_cheaply(inject(&caught.letter)));
		}
		CHECK(count_endpoints_known() == NODES * (NODES - 1));
		net.tap = NULL;
		check_all_speak(3);
		finish();
	}
}

/* While three sessions live, the fourth host's handshake is caught, both of its messages. */
static void a_handshake_beside_sessions(void)
{
	EACH_SUITE(suite)
	{
		mesh(suite, 2, UINT32_MAX);
		struct net_node *late = node(NODES - 1);
		late->dead = true;
		net_run(&net, 20);
		late->dead = false;
		want(MESSAGE_INITIATION, node(0));
		wait_for_it(20);
		CHECK(endpoint_same(&caught.letter.from, &late->endpoint));
		struct letter initiation = caught.letter;
		refuse_all_flips(&initiation);
		refuse_astray(&initiation);
		want(MESSAGE_RESPONSE, late);
		CHECK(inject(&initiation).sent == 1);
		net_run(&net, 0.01);
		CHECK(caught.letter.size == RESPONSE_SIZE);
		struct letter response = caught.letter;
		refuse_all_flips(&response);
		refuse_astray(&response);
		CHECK(inject(&response).dropped == 0);
		net.tap = NULL;
		settle();
		finish();
	}
}

/* Under load with sessions: strangers cost nothing, and those who have a session notice nothing. */
static void sessions_under_load(void)
{
	EACH_SUITE(suite)
	{
		mesh(suite, 3, 8);
		settle();
		uint64_t in = 0, out = 0;
		for (int i = 0; i < 2000; i++) {
			struct letter letter = stranger(suite, node(0), (uint8_t)i);
			struct effect effect = inject(&letter);

			CHECK(i < 8 ? is_refused(effect) : is_put_off(effect));
			in += letter.size;
			out += effect.sent_bytes;
		}
		CHECK(out > 0 && out <= in);
		check_all_speak(2);
		CHECK(count_endpoints_known() == NODES * (NODES - 1));
		finish();
	}
}

static int all_frames(void)
{
	int n = 0;

	for (int i = 0; i < NODES; i++)
		n += node(i)->n_frames;
	return n;
}

/* Three minutes of all with all; then each message again, to everybody, from everywhere. */
static void several_sessions_said_again_deliver_nothing(void)
{
	EACH_SUITE(suite)
	{
		mesh(suite, 4, UINT32_MAX);
		recording_start();
		settle();
		for (uint32_t i = 10; i < 18; i++) {
			check_all_speak(i);
			net_run(&net, 20);
		}
		net.tap = NULL;
		CHECK(recording.n > 300 && recording.n_handshakes >= 4 * NODES * (NODES - 1) / 2);
		int frames = all_frames();
		uint64_t before = n_x25519;
		for (int i = 0; i < recording.n; i++) {
			for (int to = 0; to < NODES; to++) {
				struct letter letter = recording.letters[i];

				CHECK(is_refused(inject_at(node(to), &letter)));
				letter.from = node((to + 1) % NODES)->endpoint;
				CHECK(is_refused(inject_at(node(to), &letter)));
			}
		}
		CHECK(all_frames() == frames);
		/* Only old initiations cost something, and only him to whom they were said. */
		CHECK(n_x25519 - before <= 2 * 2 * (uint64_t)recording.n_handshakes);
		CHECK(count_endpoints_known() == NODES * (NODES - 1));
		check_all_speak(30);
		finish();
	}
}

int main(void)
{
	hostile_unused();
	TEST(a_frame_is_for_one_peer_of_several);
	TEST(a_handshake_beside_sessions);
	TEST(sessions_under_load);
	TEST(several_sessions_said_again_deliver_nothing);
	free(recording.letters);
	return test_done();
}
