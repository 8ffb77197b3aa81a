/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealing and opening: by libcrypto, or AES-256-GCM by aes_vaes.c where that can be. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include "tunnel/aes_vaes.h"
#include "tunnel/crypto_inside.h"

#define VAES_CHECK_MAX 1536

/* Either a context of libcrypto, or, behind the struct, an expanded key. */
struct aead {
	EVP_CIPHER_CTX *context; /* NULL: ours */
	struct aes_vaes vaes[];
};

struct aead *aead_new(struct crypto *crypto, enum suite suite, const uint8_t key[KEY_SIZE],
		      bool seals)
{
	bool ours = crypto->vaes && suite == SUITE_AES;
	struct aead *aead = OPENSSL_zalloc(sizeof(*aead) + (ours ? sizeof(aead->vaes[0]) : 0));

	if (!aead)
		return NULL;
	if (ours) {
		aes_vaes_set_key(aead->vaes, key);
		return aead;
	}
	aead->context = EVP_CIPHER_CTX_new();
	if (aead->context &&
	    EVP_CipherInit_ex2(aead->context, crypto->cipher[suite], key, NULL, seals, NULL) == 1)
		return aead;
	EVP_CIPHER_CTX_free(aead->context);
	OPENSSL_free(aead);
	return NULL;
}

void aead_free(struct aead *aead)
{
	if (!aead)
		return;
	if (aead->context)
		EVP_CIPHER_CTX_free(aead->context); /* wipes the key schedule */
	else
		crypto_wipe(aead->vaes, sizeof(aead->vaes[0]));
	OPENSSL_free(aead);
}

void aead_nonce(enum suite suite, uint8_t lane, uint64_t counter, uint8_t nonce[NONCE_SIZE])
{
	memset(nonce, 0, 3);
	nonce[3] = lane;
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(counter >> 8 * (suite == SUITE_AES ? 7 - i : i));
}

/* The part that sealing and opening share: nonce, associated data, text. */
static bool aead_update(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad,
			size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst)
{
	int done;

	if (EVP_CipherInit_ex2(aead->context, NULL, NULL, nonce, -1, NULL) != 1)
		return false;
	if (aad_size && EVP_CipherUpdate(aead->context, NULL, &done, aad, (int)aad_size) != 1)
		return false;
	return !size || EVP_CipherUpdate(aead->context, dst, &done, src, (int)size) == 1;
}

int aead_seal(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad, size_t aad_size,
	      const uint8_t *src, size_t size, uint8_t *dst)
{
	int done;

	if (!aead->context) {
		aes_vaes_seal(aead->vaes, nonce, aad, aad_size, src, size, dst, dst + size);
		return 0;
	}
	if (!aead_update(aead, nonce, aad, aad_size, src, size, dst) ||
	    EVP_CipherFinal_ex(aead->context, dst + size, &done) != 1 ||
	    EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, dst + size) != 1)
		return -EIO;
	return 0;
}

int aead_open(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad, size_t aad_size,
	      const uint8_t *src, size_t size, uint8_t *dst)
{
	uint8_t tag[TAG_SIZE], rest[TAG_SIZE];
	int done;

	if (!aead->context)
		return aes_vaes_open(aead->vaes, nonce, aad, aad_size, src, size, dst, src + size)
			       ? 0
			       : -EBADMSG;
	memcpy(tag, src + size, TAG_SIZE);
	if (!aead_update(aead, nonce, aad, aad_size, src, size, dst) ||
	    EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) != 1 ||
	    EVP_CipherFinal_ex(aead->context, rest, &done) != 1)
		return -EBADMSG;
	return 0;
}

static bool may_use_vaes(void)
{
	const char *wanted = secure_getenv("LANLOOM_AES_GCM");

	return aes_vaes_works() && !(wanted && strcmp(wanted, "openssl") == 0);
}

/* One message by libcrypto and by ours: the same bytes; and no changed one is opened. */
static bool vaes_agrees_on(EVP_CIPHER_CTX *context, const uint8_t key[KEY_SIZE], size_t aad_size,
			   size_t size)
{
	uint8_t text[VAES_CHECK_MAX], theirs[VAES_CHECK_MAX + TAG_SIZE];
	uint8_t ours[VAES_CHECK_MAX + TAG_SIZE];
	struct aead theirs_aead = {.context = context};
	struct aes_vaes expanded;
	const uint8_t *nonce = key + 3, *aad = key;

	for (size_t i = 0; i < size; i++)
		text[i] = (uint8_t)(i * i + size);
	aes_vaes_set_key(&expanded, key);
	aes_vaes_seal(&expanded, nonce, aad, aad_size, text, size, ours, ours + size);
	bool agrees =
		aead_seal(&theirs_aead, nonce, aad, aad_size, text, size, theirs) == 0 &&
		memcmp(ours, theirs, size + TAG_SIZE) == 0 &&
		aes_vaes_open(&expanded, nonce, aad, aad_size, ours, size, ours, ours + size) &&
		memcmp(ours, text, size) == 0;
	theirs[size + 7] ^= 1;
	return agrees &&
	       !aes_vaes_open(&expanded, nonce, aad, aad_size, theirs, size, theirs, theirs + size);
}

/* Before the first use: sizes around every block, register and group. Some 50 microseconds. */
static bool vaes_agrees(struct crypto *crypto)
{
	static const uint16_t sizes[] = {0,   1,   15,	16,  17,  63,  64,  65,	  127,	128,
					 129, 191, 193, 255, 256, 257, 271, 1024, 1424, 1535};
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t key[KEY_SIZE];
	bool agrees = context;

	for (size_t i = 0; agrees && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t j = 0; j < KEY_SIZE; j++)
			key[j] = (uint8_t)(sizes[i] * (j + 1) + j * j);
		agrees = EVP_CipherInit_ex2(context, crypto->cipher[SUITE_AES], key, NULL, 1,
					    NULL) == 1 &&
			 vaes_agrees_on(context, key, i % 3 * 13, sizes[i]);
	}
	EVP_CIPHER_CTX_free(context);
	return agrees;
}

bool aead_can_vaes(struct crypto *crypto)
{
	return may_use_vaes() && vaes_agrees(crypto);
}
