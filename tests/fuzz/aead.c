/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AES-256-GCM of ours against libcrypto's: what the one seals the other makes the same of and
 * opens, in place or not, with any associated data; what was changed by a bit neither opens.
 * Without VAES both are libcrypto's.
 *
 * covers: src/tunnel/aes_vaes.c src/tunnel/aead.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "tunnel/crypto.h"

const char fuzz_name[] = "aead";
const unsigned int fuzz_sample = 20000;
const size_t fuzz_most = 4096;

#define SIZE_MAX_HERE 9216

static struct crypto *ours, *theirs;

static void begin(void)
{
	struct err err = {0};

	if (ours)
		return;
	ours = crypto_new(&err);
	setenv("LANLOOM_AES_GCM", "openssl", 1);
	theirs = crypto_new(&err);
	FUZZ_CHECK(ours && theirs);
	FUZZ_CHECK(strcmp(crypto_aes_gcm(theirs), "OpenSSL's") == 0);
}

struct message {
	uint8_t key[KEY_SIZE], nonce[NONCE_SIZE], aad[256];
	size_t aad_size, size;
	uint8_t text[SIZE_MAX_HERE];
};

/* What is missing of an input is drawn from what is there. */
static void message_make(struct message *message, struct input *input)
{
	size_t size = sizeof(message->key) + sizeof(message->nonce);
	uint32_t random = input_u32(input);

	message->size = input_u16(input) % (random & 1 ? 400 : SIZE_MAX_HERE);
	message->aad_size = random & 2 ? 0 : input_u8(input);
	const uint8_t *bytes = input_bytes(input, &size);
	memset(message, (int)(random >> 24), sizeof(message->key) + sizeof(message->nonce));
	memcpy(message, bytes, size);
	for (size_t i = 0; i < sizeof(message->aad); i++)
		message->aad[i] = (uint8_t)(random >> i % 13);
	size = message->size;
	bytes = input_bytes(input, &size);
	for (size_t i = 0; i < message->size; i++)
		message->text[i] = (uint8_t)((random = random * 1103515245 + 12345) >> 16);
	memcpy(message->text, bytes, size);
}

static void seal(struct crypto *crypto, const struct message *message, bool in_place, uint8_t *out)
{
	struct aead *aead = aead_new(crypto, SUITE_AES, message->key, true);

	FUZZ_CHECK(aead);
	if (in_place)
		memcpy(out, message->text, message->size);
	FUZZ_CHECK(aead_seal(aead, message->nonce, message->aad, message->aad_size,
			     in_place ? out : message->text, message->size, out) == 0);
	aead_free(aead);
}

static int open_sealed(struct crypto *crypto, const struct message *message, uint8_t *sealed,
		       uint8_t *out)
{
	struct aead *aead = aead_new(crypto, SUITE_AES, message->key, false);
	int rc;

	FUZZ_CHECK(aead);
	rc = aead_open(aead, message->nonce, message->aad, message->aad_size, sealed, message->size,
		       out);
	aead_free(aead);
	return rc;
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct input input = {bytes, bytes + size};
	static struct message message;

	begin();
	message_make(&message, &input);
	/* On the heap and of just that size, so that a sanitizer sees the ends. */
	uint8_t *one = malloc(message.size + TAG_SIZE), *other = malloc(message.size + TAG_SIZE);
	FUZZ_CHECK(one && other);
	seal(ours, &message, size & 1, one);
	seal(theirs, &message, false, other);
	FUZZ_CHECK(memcmp(one, other, message.size + TAG_SIZE) == 0);
	FUZZ_CHECK(open_sealed(ours, &message, other, size & 2 ? other : one) == 0);
	FUZZ_CHECK(memcmp(size & 2 ? other : one, message.text, message.size) == 0);
	seal(ours, &message, true, one);
	one[input_u16(&input) % (message.size + TAG_SIZE)] ^= (uint8_t)(1 << size % 8);
	memcpy(other, one, message.size + TAG_SIZE);
	FUZZ_CHECK(open_sealed(ours, &message, one, one) == -EBADMSG);
	FUZZ_CHECK(open_sealed(theirs, &message, other, other) == -EBADMSG);
	free(one);
	free(other);
}

void fuzz_seeds(struct seeds *seeds)
{
	uint8_t bytes[2048];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 11);
	for (size_t size = 1; size <= sizeof(bytes); size *= 2)
		seed_add(seeds, bytes, size);
}
