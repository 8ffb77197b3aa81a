/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every bit of every message turned: refused, each, and its twin without a turned bit accepted.
 *Only mac2's bits are nobody's business as long as nobody is under load.
 *
 *	a ---- wire ---- b	a knows b's endpoint; the test is the wire
 */
#include "sim/hostile.h"

/* Turns each bit from byte `start` to byte `end`, and gives it to whom it was meant for. */
static void refuse_flips(struct letter *letter, size_t start, size_t end)
{
	for (size_t bit = 8 * start; bit < 8 * end; bit++) {
		flip(letter, bit);
		CHECK(is_refused_cheaply(inject(letter)));
		flip(letter, bit);
	}
}

/* The same by somebody who knows the receiver's public key, so that mac1 is right. */
static void refuse_flips_with_mac1(const struct letter *letter, enum suite suite, size_t start)
{
	for (size_t bit = 8 * start; bit < 8 * (letter->size - MACS_SIZE); bit++) {
		struct letter forged = *letter;

		flip(&forged, bit);
		make_mac1(&forged, suite, receiver(letter));
		CHECK(is_refused(inject(&forged)));
	}
}

/* A pair that has just begun: a's initiation is caught. */
static void begin(enum suite suite, uint64_t seed)
{
	limited_pair(suite, seed, UINT32_MAX, UINT32_MAX);
	want(MESSAGE_INITIATION, b);
	wait_for_it(1);
	CHECK(caught.letter.size == INITIATION_SIZE);
}

/* The same up to b's response, which is caught. */
static void begin_and_answer(enum suite suite, uint64_t seed)
{
	begin(suite, seed);
	struct letter initiation = caught.letter;
	want(MESSAGE_RESPONSE, a);
	CHECK(inject(&initiation).sent == 1);
	net_run(&net, 0.01);
	CHECK(caught.letter.size == RESPONSE_SIZE);
}

static void every_bit_of_an_initiation(void)
{
	EACH_SUITE(suite)
	{
		begin(suite, 1);
		refuse_flips(&caught.letter, 0, INITIATION_SIZE - MAC_SIZE);
		/*
		 * The sender's index, in front of that, is guarded by mac1 alone, as in WireGuard:
		 * who makes mac1 anew gets an answer to nobody.
		 */
		refuse_flips_with_mac1(&caught.letter, suite, INITIATION_EPHEMERAL);
		CHECK(!net_peer_of(b, a)->answered_ns);
		struct effect twin = inject(&caught.letter);
		CHECK(twin.dropped == 0 && twin.sent == 1);
		/* Once is enough. */
		CHECK(is_refused(inject(&caught.letter)));
		net_run(&net, 0.01);
		CHECK(a->connected == 1 && b->connected == 1);
		finish();
	}
}

static void every_bit_of_a_response(void)
{
	EACH_SUITE(suite)
	{
		begin_and_answer(suite, 2);
		refuse_flips(&caught.letter, 0, RESPONSE_SIZE - MAC_SIZE);
		refuse_flips_with_mac1(&caught.letter, suite, RESPONSE_RECEIVER);
		CHECK(a->connected == 0);
		CHECK(inject(&caught.letter).dropped == 0 && a->connected == 1);
		CHECK(is_refused(inject(&caught.letter)));
		net_run(&net, 0.01);
		CHECK(b->connected == 1);
		finish();
	}
}

/* Whatever is in it, the message is as good as its twin. */
static void every_bit_of_mac2_is_ignored_without_load(void)
{
	EACH_SUITE(suite)
	{
		for (size_t bit = 0; bit < 8 * MAC_SIZE; bit++) {
			begin(suite, 3);
			flip(&caught.letter, 8 * (INITIATION_SIZE - MAC_SIZE) + bit);
			CHECK(inject(&caught.letter).sent == 1);
			finish();
			begin_and_answer(suite, 4);
			flip(&caught.letter, 8 * (RESPONSE_SIZE - MAC_SIZE) + bit);
			CHECK(inject(&caught.letter).dropped == 0 && a->connected == 1);
			finish();
		}
	}
}

static void every_bit_of_a_cookie_reply(void)
{
	EACH_SUITE(suite)
	{
		limited_pair(suite, 5, 0, 1);
		load(suite, b);
		want(MESSAGE_COOKIE, a);
		net_run(&net, 0.01);
		CHECK(caught.letter.size == COOKIE_MESSAGE_SIZE);
		refuse_flips(&caught.letter, 0, COOKIE_MESSAGE_SIZE);
		CHECK(!net_peer_of(a, b)->jar.born_ns);
		CHECK(inject(&caught.letter).dropped == 0 && net_peer_of(a, b)->jar.born_ns);
		CHECK(is_refused(inject(&caught.letter)));
		finish();
	}
}

/* Under load: what breaks mac1 gets nothing; what breaks mac2 only, a cookie. */
static void refuse_flips_under_load(struct letter *letter, enum suite suite)
{
	size_t mac2 = letter->size - MAC_SIZE;

	load(suite, receiver(letter));
	refuse_flips(letter, 0, mac2);
	for (size_t bit = 8 * mac2; bit < 8 * letter->size; bit++) {
		flip(letter, bit);
		CHECK(is_put_off(inject(letter)));
		flip(letter, bit);
	}
	CHECK(drops(receiver(letter), DROP_COOKIE_SENT) >= 8 * MAC_SIZE);
}

static void every_bit_of_an_initiation_under_load(void)
{
	EACH_SUITE(suite)
	{
		limited_pair(suite, 6, 0, 1);
		load(suite, b);
		net_run(&net, 0.01);
		CHECK(net_peer_of(a, b)->jar.born_ns && !a->connected);
		want(MESSAGE_INITIATION, b);
		net_run(&net, 6);
		CHECK(caught.letter.size == INITIATION_SIZE);
		refuse_flips_under_load(&caught.letter, suite);
		struct effect twin = inject(&caught.letter);
		CHECK(twin.dropped == 0 && twin.sent == 1 && twin.x25519 > 0);
		finish();
	}
}

/* a is under load, so b's first response gets a cookie, and its next one shows it. */
static void every_bit_of_a_response_under_load(void)
{
	EACH_SUITE(suite)
	{
		limited_pair(suite, 7, 1, 0);
		load(suite, a);
		net_run(&net, 0.01);
		CHECK(net_peer_of(b, a)->jar.born_ns && !a->connected);
		want(MESSAGE_RESPONSE, a);
		net_run(&net, 6);
		CHECK(caught.letter.size == RESPONSE_SIZE);
		refuse_flips_under_load(&caught.letter, suite);
		struct effect twin = inject(&caught.letter);
		CHECK(twin.dropped == 0 && twin.x25519 > 0 && a->connected == 1);
		finish();
	}
}

/* The data message to that node, of so many bytes, that comes next; what its twin does. */
static struct effect flips_of_data(struct net_node *to)
{
	wait_for_it(1);
	refuse_flips(&caught.letter, 0, caught.letter.size);
	struct effect twin = inject_at(to, &caught.letter);
	CHECK(twin.dropped == 0);
	CHECK(is_refused_cheaply(inject(&caught.letter)));
	return twin;
}

/* Keepalive, probe and reply. */
static void every_bit_of_what_engines_say(void)
{
	const size_t control = DATA_OVERHEAD + CONTROL_SIZE, probe = 1280 - 28;

	EACH_SUITE(suite)
	{
		pair(8, only[suite], only[suite], false);
		net.mtu = 1300; /* so that one probe gets through */
		want_data(b, DATA_OVERHEAD, DATA_OVERHEAD);
		flips_of_data(b);
		CHECK(b->connected == 1);
		/* Now b asks for its path, and a answers. */
		want_data(a, probe, probe);
		CHECK(flips_of_data(a).sent == 1);
		want_data(b, control, control);
		CHECK(net_peer_of(b, a)->path.value == 576);
		flips_of_data(b);
		CHECK(net_peer_of(b, a)->path.value == 1280);
		finish();
	}
}

static void flips_of_frame(struct net_node *from, struct net_node *to, size_t size)
{
	uint8_t source = from == a ? 1 : 2, destination = from == a ? 2 : 1;
	bool whole = size < 400;

	want_data(to, DATA_OVERHEAD + 64, 576 - 28);
	send(from, size, source, destination, 7);
	net_run(&net, 0.01);
	/* Of several pieces the first is caught. */
	CHECK((engine_account(to->engine).held == 0) == whole);
	CHECK(flips_of_data(to).frames == 1 && engine_account(to->engine).held == 0);
	CHECK(arrived(to, to->n_frames - 1, size, source, destination, 7));
}

/* Whole and in pieces, both ways. */
static void every_bit_of_frames(void)
{
	EACH_SUITE(suite)
	{
		pair(9, only[suite], only[suite], false);
		net.mtu = 576; /* so that what is large goes in pieces */
		net_run(&net, 20);
		flips_of_frame(a, b, 100);
		flips_of_frame(b, a, 100);
		flips_of_frame(a, b, 1514);
		flips_of_frame(b, a, 1514);
		finish();
	}
}

int main(void)
{
	hostile_unused();
	TEST(every_bit_of_an_initiation);
	TEST(every_bit_of_a_response);
	TEST(every_bit_of_mac2_is_ignored_without_load);
	TEST(every_bit_of_a_cookie_reply);
	TEST(every_bit_of_an_initiation_under_load);
	TEST(every_bit_of_a_response_under_load);
	TEST(every_bit_of_what_engines_say);
	TEST(every_bit_of_frames);
	return test_done();
}
