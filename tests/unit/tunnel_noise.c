/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handshake by itself, and the vectors of doc/protocol.md section 12: made here from fixed
 * keys and compared with what stands there. `unit-tunnel_noise --print` prints them for the page.
 */
#include "unit/test.h"
#include <errno.h>
#include "tunnel/cookie.h"
#include "tunnel/session.h"
#include "unit/tunnel_hex.h"

#define INDEX_I 0x01020310
#define INDEX_R 0x0a0b0c20

static struct crypto *crypto;
static struct noise_self self_i, self_r;
static struct noise_peer peer_i, peer_r; /* peer_i: what the responder knows of the initiator */
static bool printing;
static char *page; /* doc/protocol.md */

static void bytes_of(uint8_t *out, uint8_t value, size_t size)
{
	memset(out, value, size);
}

static void start(bool with_psk)
{
	uint8_t key[KEY_SIZE], psk[KEY_SIZE];

	bytes_of(psk, 0x55, KEY_SIZE);
	bytes_of(key, 0x11, KEY_SIZE);
	CHECK(noise_self_init(&self_i, crypto, key) == 0);
	bytes_of(key, 0x22, KEY_SIZE);
	CHECK(noise_self_init(&self_r, crypto, key) == 0);
	CHECK(noise_peer_init(&peer_r, &self_i, self_r.public_key, with_psk ? psk : NULL) == 0);
	CHECK(noise_peer_init(&peer_i, &self_r, self_i.public_key, with_psk ? psk : NULL) == 0);
}

static void stop(void)
{
	noise_self_fini(&self_i);
	noise_self_fini(&self_r);
}

/* One line of the page. */
static void vector(const char *name, const uint8_t *bytes, size_t size)
{
	static char line[4096];
	int n = snprintf(line, sizeof(line), "    %s = ", name);

	hex_write(line + n, bytes, size);
	strcat(line, "\n");
	if (printing)
		fputs(line, stdout);
	else if (!page || !strstr(page, line)) {
		printf("# doc/protocol.md lacks:\n# %s", line);
		CHECK(!"the line stands in the page");
	}
}

static void heading(const char *text)
{
	if (printing)
		printf("\n%s\n\n", text);
}

static void fill_nonce(void *context, void *out, size_t size)
{
	(void)context;
	memset(out, 0x66, size);
}

static const struct entropy fixed = {fill_nonce, NULL};

static void inner_vectors(struct session *from, struct session *to)
{
	static const uint8_t frame[18] = {2, 0, 0,    0,    0,	  0x0b, 2,   0,	  0,
					  0, 0, 0x0a, 0x88, 0xb5, 'l',	'o', 'o', 'm'};
	uint8_t inner[64] = {0}, message[128];
	struct inner head = {.kind = INNER_FRAME};
	bool greatest;

	size_t at = wire_put_header(inner, &head, 6);
	memcpy(inner + at, frame, sizeof(frame));
	vector("frame inner", inner, 32);
	CHECK(session_seal(from, 0, inner, 32, message) == 0);
	vector("frame message", message, 64);
	CHECK(session_open(to, 0, message, 64, 1, &greatest) == 0 && greatest);
	CHECK(memcmp(message + DATA_HEADER, inner, 32) == 0);
	memset(inner, 0, sizeof(inner));
	head = (struct inner){.kind = INNER_PIECE, .id = 7, .offset = 16, .total = 18};
	at = wire_put_header(inner, &head, 14);
	memcpy(inner + at, frame + 16, 2);
	vector("piece inner", inner, 32);
	CHECK(session_seal(from, 0, inner, 32, message) == 0);
	vector("piece message", message, 64);
	memset(inner, 0, sizeof(inner));
	head = (struct inner){.kind = INNER_CONTROL,
			      .type = CONTROL_PROBE,
			      .lanes = 1,
			      .probe_size = 64,
			      .id = 0x01020304};
	wire_put_header(inner, &head, 0);
	vector("probe inner", inner, 32);
	CHECK(session_seal(from, 0, inner, 32, message) == 0);
	vector("probe message", message, 64);
	head.type = CONTROL_REPLY;
	wire_put_header(inner, &head, 0);
	vector("reply inner", inner, 16);
	CHECK(session_seal(to, 0, inner, 16, message) == 0);
	vector("reply message", message, 48);
}

/* The cookie that the responder would have sent for the initiation, and the next initiation. */
static void cookie_vectors(enum suite suite, const uint8_t initiation[INITIATION_SIZE])
{
	static struct cookie_checker checker;
	struct endpoint from = {.remote = {.family = 4, .address = {192, 0, 2, 1}, .port = 51821}};
	uint8_t reply[COOKIE_MESSAGE_SIZE], again[INITIATION_SIZE];
	struct cookie_jar jar = {.asked = true};

	cookie_checker_init(&checker, crypto, self_r.public_key, &fixed);
	bytes_of(checker.secret[0], 0x77, KEY_SIZE);
	checker.secret_ns = 1;
	CHECK(cookie_make_reply(&checker, suite, initiation, INITIATION_SIZE, &from, &fixed, 2,
				reply) == 0);
	vector("cookie reply", reply, sizeof(reply));
	memcpy(jar.last_mac1, initiation + INITIATION_SIZE - MACS_SIZE, MAC_SIZE);
	CHECK(cookie_read_reply(crypto, &jar, suite, self_r.public_key, reply, 3) == 0);
	vector("cookie value", jar.cookie, COOKIE_SIZE);
	CHECK(cookie_read_reply(crypto, &jar, suite, self_r.public_key, reply, 3) == -EBADMSG);
	memcpy(again, initiation, sizeof(again));
	cookie_put_macs(crypto, &jar, suite, self_r.public_key, again, INITIATION_SIZE, 4);
	vector("mac2 of that initiation", again + INITIATION_SIZE - MAC_SIZE, MAC_SIZE);
	CHECK(cookie_check_mac2(&checker, again, INITIATION_SIZE, &from, 5));
	from.remote.port++;
	CHECK(!cookie_check_mac2(&checker, again, INITIATION_SIZE, &from, 5));
	cookie_checker_fini(&checker);
}

static void handshake_vectors(enum suite suite)
{
	struct noise_handshake hs_i = {0}, hs_r = {0};
	uint8_t ephemeral[KEY_SIZE], timestamp[TIMESTAMP_SIZE], key[KEY_SIZE];
	uint8_t initiation[INITIATION_SIZE], response[RESPONSE_SIZE], message[64];
	struct cookie_jar jar = {0};
	bool greatest;

	hex_read("400000006500000a00000000", timestamp, TIMESTAMP_SIZE);
	bytes_of(ephemeral, 0x33, KEY_SIZE);
	CHECK(noise_make_initiation(&self_i, &peer_r, &hs_i, suite, INDEX_I, ephemeral, timestamp,
				    initiation) == 0);
	cookie_put_macs(crypto, &jar, suite, self_r.public_key, initiation, INITIATION_SIZE, 1);
	vector("initiation", initiation, sizeof(initiation));
	CHECK(noise_read_static(&self_r, &hs_r, suite, initiation, key) == 0);
	CHECK(memcmp(key, self_i.public_key, KEY_SIZE) == 0);
	CHECK(noise_read_timestamp(&self_r, &peer_i, &hs_r, initiation, timestamp) == 0);
	CHECK(hex_same("400000006500000a00000000", timestamp, TIMESTAMP_SIZE));
	cookie_vectors(suite, initiation);
	bytes_of(ephemeral, 0x44, KEY_SIZE);
	CHECK(noise_make_response(&self_r, &peer_i, &hs_r, INDEX_R, ephemeral, response) == 0);
	cookie_put_macs(crypto, &jar, suite, self_i.public_key, response, RESPONSE_SIZE, 1);
	vector("response", response, sizeof(response));
	CHECK(noise_read_response(&self_i, &peer_r, &hs_i, response) == 0);
	struct noise_handshake copy = hs_i;
	uint8_t from_initiator[KEY_SIZE], from_responder[KEY_SIZE];
	copy.ephemeral = NULL;
	CHECK(noise_split(&self_i, &copy, from_initiator, from_responder) == 0);
	vector("T_i", from_initiator, KEY_SIZE);
	vector("T_r", from_responder, KEY_SIZE);
	struct session *session_i = session_new(&self_i, &hs_i, true, 1, 1);
	struct session *session_r = session_new(&self_r, &hs_r, false, 1, 1);
	CHECK(session_i->remote_index == INDEX_R && session_r->remote_index == INDEX_I);
	CHECK(session_seal(session_i, 0, message, 0, message) == 0);
	vector("keepalive", message, DATA_OVERHEAD);
	CHECK(session_open(session_r, 0, message, DATA_OVERHEAD, 1, &greatest) == 0);
	CHECK(session_open(session_r, 0, message, DATA_OVERHEAD, 1, &greatest) == -EALREADY);
	inner_vectors(session_i, session_r);
	session_free(session_i);
	session_free(session_r);
}

static void vectors_of_chacha(void)
{
	start(true);
	heading("### ChaCha");
	vector("S_i.pub", self_i.public_key, KEY_SIZE);
	vector("S_r.pub", self_r.public_key, KEY_SIZE);
	handshake_vectors(SUITE_CHACHA);
	stop();
}

static void vectors_of_aes(void)
{
	start(true);
	heading("### AES");
	handshake_vectors(SUITE_AES);
	stop();
}

/* Every bit of both messages counts: a flip is refused, the original accepted. */
static void every_bit_counts(void)
{
	uint8_t ephemeral[KEY_SIZE] = {3}, timestamp[TIMESTAMP_SIZE] = {4}, key[KEY_SIZE];
	uint8_t initiation[INITIATION_SIZE], response[RESPONSE_SIZE];
	struct noise_handshake hs_i = {0}, hs_r = {0};
	struct cookie_checker checker;
	struct cookie_jar jar = {0};

	start(false);
	cookie_checker_init(&checker, crypto, self_r.public_key, &fixed);
	noise_make_initiation(&self_i, &peer_r, &hs_i, SUITE_AES, INDEX_I, ephemeral, timestamp,
			      initiation);
	cookie_put_macs(crypto, &jar, SUITE_AES, self_r.public_key, initiation, INITIATION_SIZE, 1);
	for (size_t bit = 0; bit < 8 * (INITIATION_SIZE - MAC_SIZE); bit++) {
		initiation[bit / 8] ^= 1 << bit % 8;
		CHECK(cookie_find_suite(&checker, initiation, INITIATION_SIZE) == SUITE_COUNT);
		initiation[bit / 8] ^= 1 << bit % 8;
	}
	CHECK(cookie_find_suite(&checker, initiation, INITIATION_SIZE) == SUITE_AES);
	CHECK(noise_read_static(&self_r, &hs_r, SUITE_CHACHA, initiation, key) == -EBADMSG);
	noise_wipe(&hs_r);
	CHECK(noise_read_static(&self_r, &hs_r, SUITE_AES, initiation, key) == 0);
	CHECK(noise_read_timestamp(&self_r, &peer_i, &hs_r, initiation, timestamp) == 0);
	CHECK(noise_make_response(&self_r, &peer_i, &hs_r, INDEX_R, ephemeral, response) == 0);
	for (size_t at = RESPONSE_EPHEMERAL; at < RESPONSE_SIZE - MACS_SIZE; at++) {
		response[at] ^= 0x10;
		CHECK(noise_read_response(&self_i, &peer_r, &hs_i, response) == -EBADMSG);
		response[at] ^= 0x10;
	}
	CHECK(noise_read_response(&self_i, &peer_r, &hs_i, response) == 0);
	noise_wipe(&hs_i);
	noise_wipe(&hs_r);
	cookie_checker_fini(&checker);
	stop();
}

/* Another pre-shared key on one side: everything goes well until the response is read. */
static void preshared_keys_must_agree(void)
{
	uint8_t ephemeral[KEY_SIZE] = {3}, timestamp[TIMESTAMP_SIZE] = {4}, key[KEY_SIZE];
	uint8_t initiation[INITIATION_SIZE], response[RESPONSE_SIZE];
	struct noise_handshake hs_i = {0}, hs_r = {0};

	start(true);
	peer_r.psk[0] ^= 1;
	noise_make_initiation(&self_i, &peer_r, &hs_i, SUITE_CHACHA, 1, ephemeral, timestamp,
			      initiation);
	CHECK(noise_read_static(&self_r, &hs_r, SUITE_CHACHA, initiation, key) == 0);
	CHECK(noise_read_timestamp(&self_r, &peer_i, &hs_r, initiation, timestamp) == 0);
	CHECK(noise_make_response(&self_r, &peer_i, &hs_r, 2, ephemeral, response) == 0);
	CHECK(noise_read_response(&self_i, &peer_r, &hs_i, response) == -EBADMSG);
	peer_r.psk[0] ^= 1;
	CHECK(noise_read_response(&self_i, &peer_r, &hs_i, response) == 0);
	noise_wipe(&hs_i);
	noise_wipe(&hs_r);
	stop();
}

static void weak_keys_are_refused(void)
{
	struct noise_peer peer;
	uint8_t zero[KEY_SIZE] = {0};

	start(false);
	CHECK(noise_peer_init(&peer, &self_i, zero, NULL) == -EBADMSG);
	CHECK(noise_peer_init(&peer, &self_i, self_i.public_key, NULL) == -EBADMSG);
	stop();
}

/* A lane has its own counter and window, and its number is in the nonce. */
static void lanes_are_apart(void)
{
	struct noise_handshake hs_i = {0}, hs_r = {0};
	uint8_t ephemeral[KEY_SIZE] = {3}, timestamp[TIMESTAMP_SIZE] = {4}, key[KEY_SIZE];
	uint8_t initiation[INITIATION_SIZE], response[RESPONSE_SIZE], inner[16] = {1}, message[48];
	bool greatest;

	start(false);
	noise_make_initiation(&self_i, &peer_r, &hs_i, SUITE_AES, INDEX_I, ephemeral, timestamp,
			      initiation);
	noise_read_static(&self_r, &hs_r, SUITE_AES, initiation, key);
	noise_read_timestamp(&self_r, &peer_i, &hs_r, initiation, timestamp);
	noise_make_response(&self_r, &peer_i, &hs_r, INDEX_R, ephemeral, response);
	CHECK(noise_read_response(&self_i, &peer_r, &hs_i, response) == 0);
	struct session *from = session_new(&self_i, &hs_i, true, 4, 1);
	struct session *to = session_new(&self_r, &hs_r, false, 4, 1);
	for (uint8_t lane = 0; lane < 4; lane++) {
		CHECK(session_seal(from, lane, inner, 16, message) == 0);
		CHECK(get_le32(message + INDEX_OFFSET) == (uint32_t)INDEX_R + lane);
		CHECK(get_le64(message + DATA_COUNTER) == 0);
		uint8_t copy[48];
		memcpy(copy, message, sizeof(copy));
		CHECK(session_open(to, (lane + 1) % 4, copy, 48, 1, &greatest) ==
		      (lane < 3 ? -EBADMSG : -EALREADY));
		CHECK(session_open(to, lane, message, 48, 1, &greatest) == 0 && greatest);
		CHECK(memcmp(message + DATA_HEADER, inner, 16) == 0);
	}
	from->lanes[1].counter = (1 << 27) / 4;
	CHECK(session_seal(from, 1, inner, 16, message) == -ENOBUFS);
	CHECK(session_seal(from, 2, inner, 16, message) == 0);
	session_free(from);
	session_free(to);
	stop();
}

static void timestamps(void)
{
	uint8_t one[TIMESTAMP_SIZE], two[TIMESTAMP_SIZE];

	noise_timestamp(one, 1694498816ULL * 1000000000 + 999999999);
	CHECK(hex_same("400000006500000a3b000000", one, TIMESTAMP_SIZE));
	noise_timestamp(two, 1694498817ULL * 1000000000);
	CHECK(memcmp(one, two, TIMESTAMP_SIZE) < 0);
}

static void rates(void)
{
	static struct cookie_checker checker;
	struct endpoint from = {.remote = {.family = 4, .address = {192, 0, 2, 1}, .port = 1}};
	uint64_t now = 1000000000000;
	int passed = 0;

	cookie_checker_init(&checker, crypto, (const uint8_t[KEY_SIZE]){1}, &fixed);
	for (int i = 0; i < 100; i++)
		passed += cookie_take_token(&checker, &from, now);
	CHECK(passed == 5);
	for (int i = 0; i < 1000; i++)
		passed += cookie_take_token(&checker, &from, now + i * 10000000ULL);
	CHECK(passed >= 200 && passed <= 206);
	for (int i = 0; i < COOKIE_LOAD_LIMIT; i++)
		CHECK(!cookie_under_load(&checker, now));
	CHECK(cookie_under_load(&checker, now));
	CHECK(cookie_under_load(&checker, now + 999999999));
	CHECK(!cookie_under_load(&checker, now + 2100000000));
	cookie_checker_fini(&checker);
}

static void read_page(void)
{
	FILE *file = fopen(SOURCE_ROOT "/doc/protocol.md", "r");

	page = calloc(1, 1 << 20);
	if (file && page) {
		size_t n = fread(page, 1, (1 << 20) - 1, file);

		page[n] = '\0';
		fclose(file);
	}
}

int main(int argc, char **argv)
{
	struct err err = {0};

	crypto = crypto_new(&err);
	if (!crypto)
		return 1;
	printing = argc > 1 && strcmp(argv[1], "--print") == 0;
	read_page();
	if (printing) {
		vectors_of_chacha();
		vectors_of_aes();
		return test_bad != 0;
	}
	TEST(vectors_of_chacha);
	TEST(vectors_of_aes);
	TEST(every_bit_counts);
	TEST(preshared_keys_must_agree);
	TEST(weak_keys_are_refused);
	TEST(lanes_are_apart);
	TEST(timestamps);
	TEST(rates);
	free(page);
	crypto_free(crypto);
	return test_done();
}
