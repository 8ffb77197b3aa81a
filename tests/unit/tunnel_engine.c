/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Engines on a wire in memory: sessions, timers, load, roaming, path MTU.
 *
 *	a ---- wire (delay, loss, MTU) ---- b        c, where there is one, on the same wire
 */
#include "unit/test.h"
#include "unit/tunnel_net.h"

static struct net net;
static struct net_node *a, *b, *c;

/* A net of two, a knowing b's endpoint and b a's if `both`. */
static void pair(uint64_t seed, enum control_cipher cipher_a, enum control_cipher cipher_b,
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

static void send(struct net_node *from, size_t size, uint8_t source, uint8_t destination,
		 uint32_t number)
{
	static uint8_t bytes[20000];

	net_make_frame(bytes, size, source, destination, number);
	net_frame_in(from, bytes, size);
}

/* Did exactly that frame arrive as the n-th? */
static bool arrived(const struct net_node *node, int n, size_t size, uint8_t source,
		    uint8_t destination, uint32_t number)
{
	static uint8_t bytes[20000];

	net_make_frame(bytes, size, source, destination, number);
	return n < node->n_frames && node->frames[n].size == size &&
	       memcmp(node->frames[n].bytes, bytes, size) == 0;
}

static uint64_t drops(const struct net_node *node, enum drop drop)
{
	return node->engine->drops[drop];
}

static uint64_t all_drops(const struct net_node *node)
{
	return engine_account(node->engine).dropped;
}

static void finish(void)
{
	for (int i = 0; i < net.n_nodes; i++)
		if (net.nodes[i].engine)
			CHECK(net_balanced(&net.nodes[i]));
	net_fini(&net);
}

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
	c = net_add(&net, &config);
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
	TEST(peers_roam);
	TEST(restarted_peer_comes_back);
	TEST(restarted_at_once);
	TEST(healed_wire_carries_again);
	TEST(all_sizes_over_all_paths);
	TEST(path_narrows);
	TEST(limits_of_waiting);
	TEST(counters_end);
	TEST(persistent_keepalive);
	TEST(configuration_is_checked);
	return test_done();
}
