/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The primitives against everybody's vectors. */
#include "unit/test.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include "tunnel/xchacha.h"
#include "unit/tunnel_hex.h"

#define TEXT_MAX 4096

static struct crypto *crypto;

static void x25519(const char *k, const char *u, uint8_t out[KEY_SIZE], int want)
{
	uint8_t private_key[KEY_SIZE], public_key[KEY_SIZE];

	CHECK(hex_read(k, private_key, KEY_SIZE) == KEY_SIZE);
	CHECK(hex_read(u, public_key, KEY_SIZE) == KEY_SIZE);
	struct keypair *pair = keypair_new(crypto, private_key);
	CHECK(keypair_derive(pair, public_key, out) == want);
	keypair_free(pair);
}

static void rfc7748(void)
{
	json_t *root = vectors_load("rfc-vectors.json"), *one;
	const json_t *all = json_object_get(root, "x25519_rfc7748");
	uint8_t k[KEY_SIZE] = {9}, u[KEY_SIZE] = {9}, out[KEY_SIZE];
	size_t i;

	json_array_foreach(json_object_get(all, "scalarmult"), i, one)
	{
		x25519(member(one, "k"), member(one, "u"), out, 0);
		CHECK(hex_same(member(one, "out"), out, KEY_SIZE));
	}
	CHECK(i == 2);
	const json_t *iterated = json_object_get(all, "iterated");
	for (int n = 1; n <= 1000; n++) {
		struct keypair *pair = keypair_new(crypto, k);

		CHECK(keypair_derive(pair, u, out) == 0);
		keypair_free(pair);
		memcpy(u, k, KEY_SIZE);
		memcpy(k, out, KEY_SIZE);
		if (n == 1)
			CHECK(hex_same(member(iterated, "after_1"), k, KEY_SIZE));
	}
	CHECK(hex_same(member(iterated, "after_1000"), k, KEY_SIZE));
	json_decref(root);
}

static void wycheproof_x25519(void)
{
	json_t *root = vectors_load("x25519_test.json"), *group, *one;
	uint8_t out[KEY_SIZE], zero[KEY_SIZE] = {0}, shared[KEY_SIZE];
	int n = 0, n_zero = 0;
	size_t i, j;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, one)
		{
			hex_read(member(one, "shared"), shared, KEY_SIZE);
			bool is_zero = memcmp(shared, zero, KEY_SIZE) == 0;

			x25519(member(one, "private"), member(one, "public"), out,
			       is_zero ? -EBADMSG : 0);
			CHECK(memcmp(out, shared, KEY_SIZE) == 0);
			n++;
			n_zero += is_zero;
		}
	}
	CHECK(n == 518);
	CHECK(n_zero == 31);
	json_decref(root);
}

/* One case of an AEAD: either way must give what the vector says. */
struct aead_case {
	uint8_t key[KEY_SIZE], nonce[XNONCE_SIZE];
	uint8_t aad[TEXT_MAX], plain[TEXT_MAX], sealed[TEXT_MAX];
	size_t aad_size, size;
	bool valid;
};

static int seal(enum suite suite, bool extended, const struct aead_case *c, uint8_t *out)
{
	if (extended)
		return xchacha_seal(crypto, c->key, c->nonce, c->aad, c->aad_size, c->plain,
				    c->size, out);
	struct aead *aead = aead_new(crypto, suite, c->key, true);
	int rc = aead_seal(aead, c->nonce, c->aad, c->aad_size, c->plain, c->size, out);
	aead_free(aead);
	return rc;
}

static int open_sealed(enum suite suite, bool extended, const struct aead_case *c, uint8_t *out)
{
	if (extended)
		return xchacha_open(crypto, c->key, c->nonce, c->aad, c->aad_size, c->sealed,
				    c->size, out);
	struct aead *aead = aead_new(crypto, suite, c->key, false);
	int rc = aead_open(aead, c->nonce, c->aad, c->aad_size, c->sealed, c->size, out);
	aead_free(aead);
	return rc;
}

static void run_case(enum suite suite, bool extended, const struct aead_case *c)
{
	static uint8_t out[TEXT_MAX], in_place[TEXT_MAX];

	if (!c->valid) {
		CHECK(open_sealed(suite, extended, c, out) == -EBADMSG);
		return;
	}
	CHECK(open_sealed(suite, extended, c, out) == 0);
	CHECK(memcmp(out, c->plain, c->size) == 0);
	CHECK(seal(suite, extended, c, out) == 0);
	CHECK(memcmp(out, c->sealed, c->size + TAG_SIZE) == 0);
	if (extended)
		return;
	memcpy(in_place, c->plain, c->size);
	struct aead *aead = aead_new(crypto, suite, c->key, true);
	CHECK(aead_seal(aead, c->nonce, c->aad, c->aad_size, in_place, c->size, in_place) == 0);
	CHECK(memcmp(in_place, c->sealed, c->size + TAG_SIZE) == 0);
	aead_free(aead);
}

static void read_case(const json_t *one, struct aead_case *c)
{
	hex_read(member(one, "key"), c->key, KEY_SIZE);
	hex_read(member(one, "iv"), c->nonce, XNONCE_SIZE);
	c->aad_size = hex_read(member(one, "aad"), c->aad, TEXT_MAX);
	hex_read(member(one, "msg"), c->plain, TEXT_MAX);
	c->size = hex_read(member(one, "ct"), c->sealed, TEXT_MAX - TAG_SIZE);
	CHECK(hex_read(member(one, "tag"), c->sealed + c->size, TAG_SIZE) == TAG_SIZE);
	c->valid = strcmp(member(one, "result"), "invalid") != 0;
}

static int wycheproof_aead(const char *file, enum suite suite, bool extended)
{
	json_t *root = vectors_load(file), *group, *one;
	static struct aead_case c;
	int n = 0;
	size_t i, j;

	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		json_int_t nonce_bits = extended ? 192 : 96;

		/* Other sizes do not exist behind our interface. */
		if (json_integer_value(json_object_get(group, "keySize")) != 256 ||
		    json_integer_value(json_object_get(group, "ivSize")) != nonce_bits ||
		    json_integer_value(json_object_get(group, "tagSize")) != 128)
			continue;
		json_array_foreach(json_object_get(group, "tests"), j, one)
		{
			read_case(one, &c);
			run_case(suite, extended, &c);
			n++;
		}
	}
	json_decref(root);
	return n;
}

static void wycheproof_chacha20_poly1305(void)
{
	CHECK(wycheproof_aead("chacha20_poly1305_test.json", SUITE_CHACHA, false) > 200);
}

static void wycheproof_xchacha20_poly1305(void)
{
	CHECK(wycheproof_aead("xchacha20_poly1305_test.json", SUITE_CHACHA, true) > 200);
}

static void wycheproof_aes_gcm(void)
{
	CHECK(wycheproof_aead("aes_gcm_test.json", SUITE_AES, false) > 50);
}

/* The first run was of what this CPU gets; the other one is for all others. */
static void wycheproof_aes_gcm_by_libcrypto(void)
{
	struct crypto *usual = crypto;
	struct err err = {0};

	printf("# AES-GCM is %s\n", crypto_aes_gcm(usual));
	setenv("LANLOOM_AES_GCM", "openssl", 1);
	crypto = crypto_new(&err);
	CHECK_TEXT(crypto_aes_gcm(crypto), "OpenSSL's");
	wycheproof_aes_gcm();
	crypto_free(crypto);
	unsetenv("LANLOOM_AES_GCM");
	crypto = usual;
}

/* Every size, in a key's and nonce's every bit set or not: two implementations agree. */
static void both_aes_gcm_agree(void)
{
	static uint8_t text[2100], one[2100 + TAG_SIZE], other[2100 + TAG_SIZE];
	struct err err = {0};

	setenv("LANLOOM_AES_GCM", "openssl", 1);
	struct crypto *theirs = crypto_new(&err);
	unsetenv("LANLOOM_AES_GCM");
	for (size_t size = 0; size <= 2100; size++) {
		uint8_t key[KEY_SIZE], nonce[NONCE_SIZE];

		memset(key, (int)size, sizeof(key));
		memset(nonce, (int)~size, sizeof(nonce));
		text[size / 2]++;
		struct aead *a = aead_new(crypto, SUITE_AES, key, true);
		struct aead *b = aead_new(theirs, SUITE_AES, key, true);
		CHECK(aead_seal(a, nonce, text, size % 70, text, size, one) == 0);
		CHECK(aead_seal(b, nonce, text, size % 70, text, size, other) == 0);
		CHECK(memcmp(one, other, size + TAG_SIZE) == 0);
		aead_free(a);
		aead_free(b);
	}
	crypto_free(theirs);
}

static void rfc_aead(const char *name, bool extended)
{
	json_t *root = vectors_load("rfc-vectors.json");
	const json_t *one = json_object_get(root, name);
	static struct aead_case c;

	c.valid = true;
	hex_read(member(one, "key"), c.key, KEY_SIZE);
	hex_read(member(one, "nonce"), c.nonce, XNONCE_SIZE);
	c.aad_size = hex_read(member(one, "aad"), c.aad, TEXT_MAX);
	c.size = hex_read(member(one, "pt"), c.plain, TEXT_MAX);
	CHECK(hex_read(member(one, "ct_tag"), c.sealed, TEXT_MAX) == c.size + TAG_SIZE);
	run_case(SUITE_CHACHA, extended, &c);
	json_decref(root);
}

static void rfc8439_and_xchacha_draft(void)
{
	rfc_aead("chacha20poly1305_rfc8439_2_8_2", false);
	rfc_aead("xchacha20poly1305_draft_A3", true);
}

/* draft-irtf-cfrg-xchacha-03 section 2.2.1 */
static void hchacha20_draft(void)
{
	uint8_t key[KEY_SIZE], nonce[16], out[KEY_SIZE];

	for (int i = 0; i < KEY_SIZE; i++)
		key[i] = (uint8_t)i;
	hex_read("000000090000004a0000000031415927", nonce, 16);
	hchacha20(out, key, nonce);
	CHECK(hex_same("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc", out,
		       KEY_SIZE));
}

static void nonces(void)
{
	uint8_t nonce[NONCE_SIZE];

	aead_nonce(SUITE_CHACHA, 0, 0x0102030405060708, nonce);
	CHECK(hex_same("000000000807060504030201", nonce, NONCE_SIZE));
	aead_nonce(SUITE_AES, 5, 0x0102030405060708, nonce);
	CHECK(hex_same("000000050102030405060708", nonce, NONCE_SIZE));
}

static void blake2s_kat(void)
{
	FILE *file = fopen(SOURCE_ROOT "/tests/vectors/blake2s-kat.txt", "r");
	uint8_t in[512], key[KEY_SIZE], out[HASH_SIZE];
	char line[1024];
	size_t size = 0;
	int n = 0;

	CHECK(file != NULL);
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, '\t');

		if (!value)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "in:", 3) == 0)
			size = hex_read(value + 1, in, sizeof(in));
		else if (strncmp(line, "key:", 4) == 0)
			CHECK(hex_read(value + 1, key, KEY_SIZE) == KEY_SIZE);
		else if (strncmp(line, "hash:", 5) == 0) {
			crypto_mac(crypto, out, HASH_SIZE, key, KEY_SIZE, in, size);
			CHECK(hex_same(value + 1, out, HASH_SIZE));
			n++;
		}
	}
	CHECK(n == 256);
	if (file)
		fclose(file);
}

/*
 * A deliberately plain BLAKE2s (RFC 7693 section 3.2) to compare with: libcrypto gives no unkeyed
 * digests shorter than 32 bytes, which the RFC's self-test in appendix E needs.
 */
static uint32_t turn(uint32_t word, int bits)
{
	return word >> bits | word << (32 - bits);
}

static void plain_mix(uint32_t *v, int a, int b, int c, int d, uint32_t x, uint32_t y)
{
	v[a] += v[b] + x;
	v[d] = turn(v[d] ^ v[a], 16);
	v[c] += v[d];
	v[b] = turn(v[b] ^ v[c], 12);
	v[a] += v[b] + y;
	v[d] = turn(v[d] ^ v[a], 8);
	v[c] += v[d];
	v[b] = turn(v[b] ^ v[c], 7);
}

static const uint32_t plain_iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static void plain_compress(uint32_t h[8], const uint8_t block[64], uint64_t count, bool last)
{
	static const uint8_t sigma[10][16] = {
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
		{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
		{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
		{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
		{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
		{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
		{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
		{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
		{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
	};
	static const uint8_t lanes[8][4] = {{0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14},
					    {3, 7, 11, 15}, {0, 5, 10, 15}, {1, 6, 11, 12},
					    {2, 7, 8, 13},  {3, 4, 9, 14}};
	uint32_t v[16], m[16];

	for (int i = 0; i < 16; i++)
		m[i] = block[4 * i] | block[4 * i + 1] << 8 | block[4 * i + 2] << 16 |
		       (uint32_t)block[4 * i + 3] << 24;
	memcpy(v, h, 32);
	memcpy(v + 8, plain_iv, 32);
	v[12] ^= (uint32_t)count;
	v[13] ^= (uint32_t)(count >> 32);
	v[14] ^= last ? UINT32_MAX : 0;
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 8; i++) {
			int x = sigma[round][2 * i], y = sigma[round][2 * i + 1];

			plain_mix(v, lanes[i][0], lanes[i][1], lanes[i][2], lanes[i][3], m[x],
				  m[y]);
		}
	}
	for (int i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

static void plain_blake2s(uint8_t *out, size_t out_size, const uint8_t *key, size_t key_size,
			  const uint8_t *in, size_t size)
{
	static uint8_t all[64 + 2048 + 64];
	uint32_t h[8];
	size_t total = key_size ? 64 + size : size, at = 0;

	memset(all, 0, sizeof(all));
	memcpy(all, key ? key : in, key_size);
	memcpy(all + (key_size ? 64 : 0), in, size);
	memcpy(h, plain_iv, 32);
	h[0] ^= 0x01010000 ^ (uint32_t)(key_size << 8) ^ (uint32_t)out_size;
	for (; at + 64 < total; at += 64)
		plain_compress(h, all + at, at + 64, false);
	plain_compress(h, all + at, total, true);
	for (size_t i = 0; i < out_size; i++)
		out[i] = (uint8_t)(h[i / 4] >> 8 * (i % 4));
}

/* RFC 7693 appendix E: bytes that anybody can make. */
static void selftest_bytes(uint8_t *out, size_t size, uint32_t seed)
{
	uint32_t a = 0xdead4bad * seed, b = 1;

	for (size_t i = 0; i < size; i++) {
		uint32_t t = a + b;

		a = b;
		b = t;
		out[i] = (uint8_t)(t >> 24);
	}
}

static void rfc7693(void)
{
	static const size_t out_sizes[] = {16, 20, 28, 32}, in_sizes[] = {0, 3, 64, 65, 255, 1024};
	json_t *root = vectors_load("rfc-vectors.json");
	uint8_t in[1024], key[32], plain[32], ours[32], all[24 * 2 * 32];
	size_t gathered = 0;

	crypto_hash(crypto, ours, "abc", 3, NULL, 0);
	CHECK(hex_same(member(json_object_get(root, "blake2s_rfc7693_abc"), "out"), ours, 32));
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 6; j++) {
			size_t out_size = out_sizes[i], size = in_sizes[j];

			selftest_bytes(in, size, (uint32_t)size);
			plain_blake2s(plain, out_size, NULL, 0, in, size);
			memcpy(all + gathered, plain, out_size);
			gathered += out_size;
			if (out_size == HASH_SIZE) {
				crypto_hash(crypto, ours, in, size / 2, in + size / 2,
					    size - size / 2);
				CHECK(memcmp(ours, plain, HASH_SIZE) == 0);
			}
			selftest_bytes(key, out_size, (uint32_t)out_size);
			plain_blake2s(plain, out_size, key, out_size, in, size);
			memcpy(all + gathered, plain, out_size);
			gathered += out_size;
			crypto_mac(crypto, ours, out_size, key, out_size, in, size);
			CHECK(memcmp(ours, plain, out_size) == 0);
		}
	}
	crypto_hash(crypto, ours, all, gathered, NULL, 0);
	CHECK(hex_same(member(json_object_get(root, "blake2s_rfc7693_appendixE"), "grand_hash"),
		       ours, 32));
	json_decref(root);
}

/* Our HMAC against libcrypto's own, which goes another way. */
static void hmac_blake2s(void)
{
	uint8_t key[100], data[300], ours[HASH_SIZE], theirs[HASH_SIZE];
	size_t size;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3);
	memcpy(key, data + 100, sizeof(key));
	for (size_t key_size = 1; key_size <= sizeof(key); key_size += 9) {
		for (size_t n = 0; n < sizeof(data); n += 37) {
			crypto_hmac(crypto, ours, key, key_size, data, n);
			CHECK(EVP_Q_mac(NULL, "HMAC", NULL, "BLAKE2S-256", NULL, key, key_size,
					data, n, theirs, sizeof(theirs), &size) != NULL);
			CHECK(memcmp(ours, theirs, HASH_SIZE) == 0);
		}
	}
}

static void keys_and_comparison(void)
{
	uint8_t bytes[KEY_SIZE] = {1}, other[KEY_SIZE] = {1};

	CHECK(crypto_same(bytes, other, KEY_SIZE));
	other[31] = 1;
	CHECK(!crypto_same(bytes, other, KEY_SIZE));
	crypto_wipe(other, KEY_SIZE);
	CHECK(other[31] == 0);
	CHECK(!crypto_failed(crypto));
	CHECK(strstr(crypto_describe(), "SSL") != NULL);
}

int main(void)
{
	struct err err = {0};

	crypto = crypto_new(&err);
	if (!crypto)
		return 1;
	TEST(rfc7748);
	TEST(wycheproof_x25519);
	TEST(rfc8439_and_xchacha_draft);
	TEST(hchacha20_draft);
	TEST(wycheproof_chacha20_poly1305);
	TEST(wycheproof_xchacha20_poly1305);
	TEST(wycheproof_aes_gcm);
	TEST(wycheproof_aes_gcm_by_libcrypto);
	TEST(both_aes_gcm_agree);
	TEST(nonces);
	TEST(blake2s_kat);
	TEST(rfc7693);
	TEST(hmac_blake2s);
	TEST(keys_and_comparison);
	crypto_free(crypto);
	return test_done();
}
