/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Engines on a wire in memory: handshakes, timers, load, hostile input, limits.
 *
 *	a ---- wire (delay, loss, MTU) ---- b        c, where there is one, on the same wire
 */
#include "unit/test.h"
#include "unit/tunnel_pair.h"

static void first_frame_passes(enum control_cipher cipher_a, enum control_cipher cipher_b,
			       enum suite want)
{
	pair(1, cipher_a, cipher_b, false);
	send(a, 60, 1, 255, 1);
	CHECK(b->n_frames == 0);
	net_run(&net, 0.01);
	CHECK(arrived(b, 0, 60, 1, 255, 1));
	send(b, 1514, 2, 1, 2);
	net_run(&net, 0.01);
	CHECK(arrived(a, 0, 1514, 2, 1, 2));
	CHECK(net_peer_of(a, b)->current->suite == want);
	CHECK(a->connected == 1 && b->connected == 1);
	CHECK(all_drops(a) == 0 && all_drops(b) == 0);
	finish();
}

static void handshake_in_both_suites(void)
{
	first_frame_passes(CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, SUITE_AES);
	first_frame_passes(CONTROL_CIPHER_CHACHA20POLY1305, CONTROL_CIPHER_AUTO, SUITE_CHACHA);
	first_frame_passes(CONTROL_CIPHER_AES256GCM, CONTROL_CIPHER_AES256GCM, SUITE_AES);
}

static void cipher_policy_is_kept(void)
{
	pair(2, CONTROL_CIPHER_AES256GCM, CONTROL_CIPHER_CHACHA20POLY1305, true);
	net_run(&net, 20);
	CHECK(a->connected == 0 && b->connected == 0);
	CHECK(drops(a, DROP_CIPHER_REFUSED) >= 3 && drops(b, DROP_CIPHER_REFUSED) >= 3);
	finish();
	/* Per peer: another peer accepts ChaCha, this one does not. */
	pair(3, CONTROL_CIPHER_CHACHA20POLY1305, CONTROL_CIPHER_AUTO, false);
	struct engine_config config = {.mtu = 1500};
	struct net_node *c = net_add(&net, &config);
	net_introduce(b, c, true);
	struct control_peer strict = net_peer(a, false);
	struct err err = {0};
	strict.cipher = CONTROL_CIPHER_AES256GCM;
	CHECK(engine_set_peer(b->engine, &strict, net.now, &err) == 0);
	net_run(&net, 11);
	CHECK(a->connected == 0);
	CHECK(net_peer_of(b, a)->drops[DROP_CIPHER_REFUSED] == 3);
	strict.cipher = CONTROL_CIPHER_CHACHA20POLY1305;
	CHECK(engine_set_peer(b->engine, &strict, net.now, &err) == 0);
	net_run(&net, 6);
	CHECK(a->connected == 1);
	finish();
}

/* Both start at the same instant, over and over: connected within two round trips, on one session.
 */
static void both_initiate_at_once(void)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		pair(seed, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
		net.jitter = seed % 3 ? 3000000 : 0;
		send(a, 100, 1, 255, 1);
		send(b, 100, 2, 255, 2);
		net_run(&net, 0.02);
		CHECK(arrived(b, 0, 100, 1, 255, 1) && arrived(a, 0, 100, 2, 255, 2));
		send(a, 100, 1, 2, 3);
		send(b, 100, 2, 1, 4);
		net_run(&net, 0.02);
		CHECK(a->n_frames == 2 && b->n_frames == 2);
		/* One more word of each side, and both are of one mind. */
		net_run(&net, 0.02);
		send(a, 100, 1, 2, 5);
		send(b, 100, 2, 1, 6);
		net_run(&net, 0.02);
		const struct session *one = net_peer_of(a, b)->current;
		const struct session *other = net_peer_of(b, a)->current;
		CHECK(one->local_index == other->remote_index);
		CHECK(one->initiator != other->initiator);
		CHECK(net.jitter ||
		      one->initiator == (memcmp(a->public_key, b->public_key, KEY_SIZE) > 0));
		/* The response to the initiation that did not matter may come too late. */
		CHECK(all_drops(a) == drops(a, DROP_UNKNOWN_INDEX) && all_drops(a) <= 1);
		CHECK(all_drops(b) == drops(b, DROP_UNKNOWN_INDEX) && all_drops(b) <= 1);
		CHECK(!net_peer_of(a, b)->attempt_ns && !net_peer_of(b, a)->attempt_ns);
		net_run(&net, 400);
		send(a, 100, 1, 2, 5);
		net_run(&net, 0.01);
		CHECK(b->n_frames == 4 && a->lost == 0 && b->lost == 0);
		finish();
	}
}

/* Hours with a frame each second and rekeys in between: nothing lost, keys never too old. */
static void rekey_without_loss(void)
{
	pair(5, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	uint32_t indices = 0, last = 0;

	for (uint32_t i = 0; i < 1500; i++) {
		send(a, 200, 1, 2, i);
		send(b, 200, 2, 1, i);
		net_run(&net, 1);
		CHECK(arrived(b, (int)i, 200, 1, 2, i) && arrived(a, (int)i, 200, 2, 1, i));
		const struct session *current = net_peer_of(a, b)->current;
		CHECK(net.now - current->born_ns < REJECT_AFTER_NS - 10 * NET_SECOND);
		indices += current->local_index != last;
		last = current->local_index;
	}
	CHECK(indices >= 12 && indices <= 14);
	finish();
}

/* Idle for hours: kept sessions never end, and cost little. */
static void idle_peers_stay_connected(void)
{
	pair(6, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, false);
	net_run(&net, 1);
	uint64_t sent = a->sent + b->sent;
	net_run(&net, 7200);
	CHECK(a->lost == 0 && b->lost == 0);
	CHECK(a->sent + b->sent - sent < 1500);
	sent = a->sent;
	send(b, 100, 2, 255, 1); /* the side without an endpoint of its own */
	net_run(&net, 0.01);
	CHECK(arrived(a, 0, 100, 2, 255, 1));
	finish();
}

/* Not kept, no traffic: keys are gone when they are old, and come back on demand. */
static void keys_are_erased(void)
{
	pair(7, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	net_run(&net, 1);
	struct control_peer quiet = net_peer(b, false);
	struct err err = {0};
	CHECK(engine_set_peer(a->engine, &quiet, net.now, &err) == 0);
	quiet = net_peer(a, false);
	CHECK(engine_set_peer(b->engine, &quiet, net.now, &err) == 0);
	net_run(&net, 181);
	struct peer *peer = net_peer_of(a, b);
	CHECK(!peer->current && !peer->previous && !peer->next && !peer->handshaking);
	CHECK(a->lost == 1 && !peer_is_connected(peer, net.now));
	send(a, 100, 1, 255, 1);
	net_run(&net, 0.01);
	CHECK(arrived(b, 0, 100, 1, 255, 1));
	finish();
}

/* Whatever was sent once is refused when it comes again, from wherever. */
struct recording {
	struct net_packet packets[600];
	int n;
};

static bool record(struct net *on, struct net_packet *packet)
{
	struct recording *recording = on->context;

	if (recording->n < 600) {
		struct net_packet *kept = &recording->packets[recording->n++];

		*kept = *packet;
		kept->bytes = malloc(packet->size);
		memcpy(kept->bytes, packet->bytes, packet->size);
	}
	return true;
}

static void replayed_sessions_deliver_nothing(void)
{
	static struct recording recording;
	struct endpoint elsewhere = {.remote = {.family = 4, .address = {9, 9, 9, 9}, .port = 9}};

	pair(8, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	recording.n = 0;
	net.tap = record;
	net.context = &recording;
	for (uint32_t i = 0; i < 100; i++) {
		send(a, 60 + i * 14, 1, 2, i);
		send(b, 60 + i * 14, 2, 1, i);
		net_run(&net, 0.1);
	}
	int frames_a = a->n_frames, frames_b = b->n_frames;
	CHECK(frames_a == 100 && frames_b == 100);
	net.tap = NULL;
	for (int again = 0; again < 2; again++) {
		for (int i = 0; i < recording.n; i++) {
			struct net_packet *packet = &recording.packets[i];
			struct net_node *to = endpoint_same(&packet->to, &a->endpoint) ? a : b;

			net_inject(to, again ? &elsewhere : &packet->from, packet->bytes,
				   packet->size);
		}
		net_run(&net, 1);
	}
	CHECK(a->n_frames == frames_a && b->n_frames == frames_b);
	CHECK(drops(a, DROP_REPLAY) > 100 && drops(b, DROP_HANDSHAKE_REPLAY) >= 1);
	CHECK(endpoint_same(&net_peer_of(a, b)->endpoint, &b->endpoint));
	send(a, 100, 1, 2, 1000);
	net_run(&net, 0.1);
	CHECK(b->n_frames == frames_b + 1);
	for (int i = 0; i < recording.n; i++)
		free(recording.packets[i].bytes);
	finish();
}

/* Every bit of a data message, and of every other message, flipped: refused, and harmless. */
static bool flip_each_bit(struct net *on, struct net_packet *packet)
{
	struct net_node *to = endpoint_same(&packet->to, &a->endpoint) ? a : b;
	int type = packet->bytes[0];
	/* mac2 is looked at under load only. */
	size_t size = packet->size - (type <= MESSAGE_RESPONSE ? MAC_SIZE : 0);

	(void)on;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		struct engine_account before = engine_account(to->engine);
		uint64_t sent = to->sent;

		packet->bytes[bit / 8] ^= 1 << bit % 8;
		net_inject(to, &packet->from, packet->bytes, packet->size);
		packet->bytes[bit / 8] ^= 1 << bit % 8;
		CHECK(engine_account(to->engine).dropped == before.dropped + 1);
		CHECK(to->sent == sent);
	}
	return true;
}

static void every_bit_of_every_message(void)
{
	pair(9, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, false);
	net.tap = flip_each_bit;
	send(a, 60, 1, 255, 1);
	send(a, 100, 1, 255, 2);
	net_run(&net, 0.0065);
	CHECK(b->n_frames == 2 && b->connected == 1);
	net.tap = NULL;
	finish();
}

/* A crowd of initiations: cookies are demanded, no Diffie-Hellman is done without, peers get in. */
static void cookies_under_load(void)
{
	struct engine_config config = {.mtu = 1500, .load_limit = 1};

	net_init(&net, 10);
	a = net_add(&net, NULL);
	b = net_add(&net, &config);
	net_introduce(b, a, false);
	/* Strangers who know b's key and nothing else. */
	uint8_t key[KEY_SIZE] = {7}, message[INITIATION_SIZE], timestamp[TIMESTAMP_SIZE] = {1};
	struct noise_self stranger;
	struct noise_peer to;
	struct noise_handshake hs = {0};
	struct cookie_jar jar = {0};
	struct endpoint from = {.remote = {.family = 4, .address = {9, 9, 9, 9}, .port = 9}};

	noise_self_init(&stranger, b->engine->crypto, key);
	noise_peer_init(&to, &stranger, b->public_key, NULL);
	noise_make_initiation(&stranger, &to, &hs, SUITE_CHACHA, 1, key, timestamp, message);
	cookie_put_macs(b->engine->crypto, &jar, SUITE_CHACHA, b->public_key, message,
			INITIATION_SIZE, net.now);
	for (int i = 0; i < 50; i++)
		net_inject(b, &from, message, INITIATION_SIZE);
	CHECK(drops(b, DROP_UNKNOWN_PEER) == 1);
	CHECK(drops(b, DROP_COOKIE_SENT) == 49 && b->sent == 49);
	/* An honest peer: first a cookie, then, after its timer, a session, still under load. */
	net_introduce(a, b, true);
	send(a, 100, 1, 255, 1);
	net_run(&net, 0.1);
	CHECK(a->connected == 0 && drops(b, DROP_COOKIE_SENT) == 50);
	CHECK(net_peer_of(a, b)->jar.born_ns != 0);
	for (int i = 0; i < 12 && !a->connected; i++) {
		net_inject(b, &from, message, INITIATION_SIZE);
		net_inject(b, &from, message, INITIATION_SIZE);
		net_run(&net, 0.5);
	}
	CHECK(a->connected == 1 && arrived(b, 0, 100, 1, 255, 1));
	/* A forged cookie reply is refused, and so is one nobody asked for. */
	uint8_t reply[COOKIE_MESSAGE_SIZE] = {MESSAGE_COOKIE};
	put_le32(reply + 4, net_peer_of(a, b)->current->local_index);
	net_inject(a, &b->endpoint, reply, sizeof(reply));
	CHECK(drops(a, DROP_COOKIE_BAD) == 1);
	noise_wipe(&hs);
	noise_self_fini(&stranger);
	finish();
}

static void strangers_get_nothing(void)
{
	uint8_t noise[200];

	pair(11, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	net_run(&net, 1);
	uint64_t sent = b->sent;
	for (int i = 0; i < 5000; i++) {
		size_t size = net_random(&net) % sizeof(noise);

		for (size_t j = 0; j < size; j++)
			noise[j] = (uint8_t)net_random(&net);
		if (size && i % 2) {
			memset(noise, 0, 4);
			noise[0] = (uint8_t)(1 + i / 2 % 4);
			size = i / 2 % 4 == 0 ? INITIATION_SIZE : size;
		}
		net_inject(b, &a->endpoint, noise, size);
	}
	CHECK(b->sent == sent);
	CHECK(drops(b, DROP_BAD_MAC1) > 100 && drops(b, DROP_MALFORMED) > 100);
	finish();
}

static void limits_of_waiting(void)
{
	pair(16, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	b->dead = true;
	for (uint32_t i = 0; i < 200; i++)
		send(a, 100, 1, 255, i);
	CHECK(engine_account(a->engine).held == PEER_QUEUE);
	CHECK(drops(a, DROP_QUEUE_FULL) == 200 - PEER_QUEUE);
	net_run(&net, 4);
	b->dead = false;
	net_run(&net, 2);
	CHECK(b->n_frames == PEER_QUEUE && arrived(b, 0, 100, 1, 255, 200 - PEER_QUEUE));
	CHECK(arrived(b, PEER_QUEUE - 1, 100, 1, 255, 199));
	CHECK(net_balanced(a));
	finish();
	pair(17, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	b->dead = true;
	send(a, 100, 1, 255, 0);
	net_run(&net, 11);
	CHECK(drops(a, DROP_QUEUE_OLD) == 1 && engine_account(a->engine).held == 0);
	send(a, 100, 1, 255, 0);
	CHECK(drops(a, DROP_NO_SESSION) == 1);
	finish();
}

/* AES sessions end by their messages: new keys in time, and never more than is allowed. */
static void counters_end(void)
{
	pair(18, CONTROL_CIPHER_AES256GCM, CONTROL_CIPHER_AUTO, true);
	net_run(&net, 10);
	struct session *session = net_peer_of(a, b)->current;
	uint32_t index = session->local_index;
	session->lanes[0].counter = (1 << 26) - 1;
	send(a, 100, 1, 255, 1);
	net_run(&net, 0.1);
	CHECK(net_peer_of(a, b)->current->local_index != index && b->n_frames == 1);
	session = net_peer_of(a, b)->current;
	net_run(&net, 6);
	session->lanes[0].counter = (1 << 27) - 1;
	b->dead = true;
	send(a, 100, 1, 255, 2);
	send(a, 100, 1, 255, 3);
	net_run(&net, 1);
	CHECK(session->lanes[0].counter == 1 << 27);
	CHECK(engine_account(a->engine).held == 1);
	b->dead = false;
	net_run(&net, 6);
	CHECK(arrived(b, 1, 100, 1, 255, 3));
	finish();
}

/* What a peer seals that is not as it should be: refused by name, the session unharmed. */
static void authentic_nonsense(void)
{
	static const struct {
		uint8_t head[16];
		size_t size;
		enum drop drop;
	} cases[] = {
		{{3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 99}, 16, DROP_INNER_BAD}, /* another size */
		{{3, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 48}, 16, DROP_CONTROL_UNKNOWN},
		{{9}, 40, DROP_INNER_BAD},
		{{1}, 8 + 1523, DROP_FRAME_LONG},
		{{2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 9, 0}, 100, DROP_PIECE_BAD},
		{{1}, 7, DROP_INNER_BAD},
	};
	static uint8_t inner[2000], message[2100];

	pair(21, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	net_run(&net, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t sent = b->sent, before = drops(b, cases[i].drop);

		memset(inner, 0, sizeof(inner));
		memcpy(inner, cases[i].head, 16);
		CHECK(session_seal(net_peer_of(a, b)->current, 0, inner, cases[i].size, message) ==
		      0);
		net_inject(b, &a->endpoint, message, DATA_OVERHEAD + cases[i].size);
		CHECK(drops(b, cases[i].drop) == before + 1);
		CHECK(b->sent == sent && b->n_frames == 0);
	}
	send(a, 100, 1, 255, 1);
	net_run(&net, 0.1);
	CHECK(b->n_frames == 1);
	finish();
}

/* Nobody says anything, and one end dies: the other knows within the minute. */
static void idle_death_is_noticed(void)
{
	pair(22, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	net_run(&net, 60);
	b->dead = true;
	net_run(&net, 50);
	CHECK(a->lost == 1);
	finish();
}

static void persistent_keepalive(void)
{
	pair(19, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, false);
	struct control_peer peer = net_peer(a, false);
	struct err err = {0};

	peer.keepalive_s = 3;
	CHECK(engine_set_peer(b->engine, &peer, net.now, &err) == 0);
	net_run(&net, 30);
	uint64_t sent = b->sent;
	net_run(&net, 60);
	CHECK(b->sent - sent >= 15 && b->sent - sent <= 30);
	finish();
}

static void configuration_is_checked(void)
{
	pair(20, CONTROL_CIPHER_AUTO, CONTROL_CIPHER_AUTO, true);
	struct control_peer peer = net_peer(b, true);
	struct engine_config config = net_config(a);
	struct err err = {0};

	net_run(&net, 1);
	memcpy(peer.public_key, a->public_key, KEY_SIZE);
	CHECK(engine_check_peer(a->engine, &peer, &err) == -EINVAL);
	CHECK(strstr(err.message, "own") != NULL);
	memset(peer.public_key, 0, KEY_SIZE);
	CHECK(engine_set_peer(a->engine, &peer, net.now, &err) == -EINVAL);
	peer = net_peer(b, true);
	peer.endpoint.port = 0;
	CHECK(engine_set_peer(a->engine, &peer, net.now, &err) == -EINVAL);
	peer = net_peer(b, true);
	peer.cipher = 77;
	CHECK(engine_set_peer(a->engine, &peer, net.now, &err) == -EINVAL);
	config.mtu = 60000;
	CHECK(engine_new(&config, net.now, &err) == NULL);
	config.mtu = 9000;
	CHECK(engine_reconfigure(a->engine, &config, net.now, &err) == 0);
	CHECK(engine_reconfigure(b->engine, &config, net.now, &err) == 0);
	send(a, 9014, 1, 255, 1);
	net_run(&net, 1);
	CHECK(arrived(b, 0, 9014, 1, 255, 1) && a->connected == 1);
	CHECK(engine_remove_peer(a->engine, b->public_key) == 0);
	CHECK(engine_remove_peer(a->engine, b->public_key) == -ENOENT);
	send(a, 100, 1, 255, 1);
	CHECK(drops(a, DROP_NO_PEER) == 1);
	send(b, 100, 2, 255, 1);
	net_run(&net, 0.1);
	CHECK(drops(a, DROP_UNKNOWN_INDEX) == 1);
	finish();
}

int main(void)
{
	TEST(handshake_in_both_suites);
	TEST(cipher_policy_is_kept);
	TEST(both_initiate_at_once);
	TEST(rekey_without_loss);
	TEST(idle_peers_stay_connected);
	TEST(keys_are_erased);
	TEST(replayed_sessions_deliver_nothing);
	TEST(every_bit_of_every_message);
	TEST(cookies_under_load);
	TEST(strangers_get_nothing);
	TEST(limits_of_waiting);
	TEST(counters_end);
	TEST(authentic_nonsense);
	TEST(idle_death_is_noticed);
	TEST(persistent_keepalive);
	TEST(configuration_is_checked);
	return test_done();
}
