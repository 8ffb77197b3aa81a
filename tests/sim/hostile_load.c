/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Floods. Nothing is answered without a right mac1; under load nothing dear is done without a
 * cookie; and never does more go out than came in from somebody who has proved nothing.
 *
 *	a ---- wire ---- b	a knows b's endpoint; the test is the wire
 */
#include "sim/hostile.h"

/* With a wrong mac2 each: a cookie for each, to wherever they say they are. */
static void crowd_without_cookies(enum suite suite, int n)
{
	struct letter letter = stranger(suite, b, 1);

	for (int i = 0; i < n; i++) {
		for (size_t j = 1; j <= MAC_SIZE; j++)
			letter.bytes[INITIATION_SIZE - j] = (uint8_t)net_random(&net);
		letter.from.remote.address[3] = (uint8_t)i;
		letter.from.remote.address[2] = (uint8_t)(i >> 8);
		CHECK(is_put_off(inject(&letter)));
	}
}

/* Nothing without a cookie: not by the thousand, not with a cookie of elsewhere or of long ago. */
static void no_diffie_hellman_without_a_cookie(void)
{
	EACH_SUITE(suite)
	{
		limited_pair(suite, 1, 0, 1);
		load(suite, b);
		crowd_without_cookies(suite, 1000);
		/* The honest a gets a cookie. From another port it is worth nothing, */
		net_run(&net, 0.01);
		want(MESSAGE_INITIATION, b);
		net_run(&net, 6);
		CHECK(caught.letter.size == INITIATION_SIZE);
		load(suite, b);
		caught.letter.from.remote.port++;
		CHECK(is_put_off(inject(&caught.letter)));
		caught.letter.from.remote.port--;
		caught.letter.from.remote.address[3]++;
		CHECK(is_put_off(inject(&caught.letter)));
		caught.letter.from.remote.address[3]--;
		/* and four minutes later nothing either, though no other cookie was made since. */
		net_run(&net, 241);
		struct letter crowd = stranger(suite, b, 200);
		CHECK(is_refused(inject(&crowd)) && b->engine->checker.load_until_ns < net.now);
		CHECK(is_put_off(inject(&caught.letter)));
		finish();
	}
}

/* A cookie is for what a host says itself, so it is good for responses and initiations alike. */
static void responses_need_a_cookie_too(void)
{
	EACH_SUITE(suite)
	{
		limited_pair(suite, 2, 1, 0);
		want(MESSAGE_RESPONSE, a);
		net_run(&net, 0.01);
		CHECK(caught.letter.size == RESPONSE_SIZE);
		load(suite, a);
		for (int i = 0; i < 1000; i++)
			CHECK(is_put_off(inject(&caught.letter)));
		CHECK(a->connected == 0);
		/* The load is over: the same message is welcome. */
		net.now += 2 * NET_SECOND;
		struct effect effect = inject(&caught.letter);
		CHECK(effect.dropped == 0 && effect.x25519 > 0 && a->connected == 1);
		finish();
	}
}

/* Unless a test says otherwise: 256 in a second are served, whoever they are, and no more. */
static void load_begins_where_it_is_said_to(void)
{
	limited_pair(SUITE_AES, 3, 0, 0);
	struct letter letter = stranger(SUITE_AES, b, 1);
	for (int i = 0; i < 256; i++)
		CHECK(inject(&letter).x25519 > 0);
	for (int i = 0; i < 1000; i++)
		CHECK(is_put_off(inject(&letter)));
	net.now += 2 * NET_SECOND;
	CHECK(inject(&letter).x25519 > 0);
	finish();
}

/* One address that has a cookie may ask for some Diffie-Hellman, not for much. */
static void an_address_has_a_limit(void)
{
	limited_pair(SUITE_CHACHA, 4, 0, 1);
	load(SUITE_CHACHA, b);
	net_run(&net, 0.01);
	want(MESSAGE_INITIATION, b);
	net_run(&net, 6);
	load(SUITE_CHACHA, b);
	uint64_t before = n_x25519;
	for (int i = 0; i < 1000; i++)
		inject(&caught.letter);
	/* Five at once: the first is answered, the others cost opening the static key. */
	CHECK(drops(b, DROP_RATE_LIMIT) == 995);
	CHECK(n_x25519 - before <= 5 * 4);
	finish();
}

static struct letter noise(void)
{
	static const size_t sizes[] = {INITIATION_SIZE, RESPONSE_SIZE, COOKIE_MESSAGE_SIZE,
				       DATA_OVERHEAD};
	struct letter letter = {.from.remote = {.family = 4, .address = {9, 9, 9, 9}, .port = 9},
				.to = b->endpoint};

	letter.size = net_random(&net) % 300;
	for (size_t i = 0; i < letter.size; i++)
		letter.bytes[i] = (uint8_t)net_random(&net);
	/* Most are of a type that there is, and as long as they should be. */
	if (net_random(&net) % 4) {
		uint64_t type = net_random(&net) % 4;

		put_le32(letter.bytes, (uint32_t)type + 1);
		letter.size = sizes[type];
	}
	return letter;
}

/* 4000 messages of nobody, an eighth of them with a right mac1; how many bytes they are. */
static uint64_t hurl(bool with_mac1)
{
	uint64_t in = 0;

	for (int i = 0; i < 4000; i++) {
		bool good = with_mac1 && i % 8 == 0;
		struct letter letter = good ? stranger(SUITE_AES, b, (uint8_t)i) : noise();
		struct effect effect = inject(&letter);

		CHECK(effect.sent_bytes <= letter.size);
		CHECK(good || is_refused_cheaply(effect));
		in += letter.size;
	}
	return in;
}

/* What b sends in all, of a minute at whose beginning it is hurled at, or not; *in: how much. */
static uint64_t bytes_of_a_minute(uint32_t limit, bool hurled, bool with_mac1, uint64_t *in)
{
	limited_pair(SUITE_AES, 5, 0, limit);
	net_run(&net, 1);
	CHECK(b->connected == 1);
	uint64_t before = b->engine->tx_bytes;
	*in = hurled ? hurl(with_mac1) : 0;
	CHECK(!hurled || (drops(b, DROP_BAD_MAC1) > 1000 && drops(b, DROP_MALFORMED) > 500));
	CHECK((drops(b, DROP_COOKIE_SENT) > 0) == (hurled && with_mac1 && limit == 1));
	/* Who has proved who he is is still heard. */
	send(a, 100, 1, 255, 1);
	net_run(&net, 60);
	CHECK(b->n_frames == 1);
	uint64_t sent = b->engine->tx_bytes - before;
	finish();
	return sent;
}

/* Neither at once nor, by a timer, later. */
static void never_more_goes_out_than_came_in(void)
{
	uint64_t in, nothing = bytes_of_a_minute(0, false, false, &in);

	CHECK(bytes_of_a_minute(0, true, false, &in) == nothing);
	CHECK(bytes_of_a_minute(1, true, false, &in) == nothing);
	CHECK(bytes_of_a_minute(UINT32_MAX, true, true, &in) == nothing);
	uint64_t loaded = bytes_of_a_minute(1, true, true, &in);
	CHECK(loaded > nothing && loaded - nothing <= in);
}

/* A right mac1 is one for this host: what is meant for another one is not answered. */
static void a_mac1_is_for_one_host(void)
{
	EACH_SUITE(suite)
	{
		limited_pair(suite, 6, 1, 1);
		load(suite, b);
		for (uint8_t i = 0; i < 100; i++) {
			struct letter letter = stranger(suite, a, i);

			CHECK(is_refused_cheaply(inject_at(b, &letter)));
			/* Nor one of the other suite, which nobody here speaks. */
			letter = stranger(suite == SUITE_AES ? SUITE_CHACHA : SUITE_AES, b, i);
			CHECK(is_refused_cheaply(inject(&letter)));
		}
		CHECK(drops(b, DROP_BAD_MAC1) == 100 && drops(b, DROP_CIPHER_REFUSED) == 100);
		finish();
	}
}

int main(void)
{
	hostile_unused();
	TEST(no_diffie_hellman_without_a_cookie);
	TEST(responses_need_a_cookie_too);
	TEST(load_begins_where_it_is_said_to);
	TEST(an_address_has_a_limit);
	TEST(never_more_goes_out_than_came_in);
	TEST(a_mac1_is_for_one_host);
	return test_done();
}
