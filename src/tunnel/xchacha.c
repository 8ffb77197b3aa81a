/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/xchacha.h"
#include <errno.h>
#include <string.h>
#include "tunnel/wire.h"

static uint32_t turn(uint32_t word, int bits)
{
	return word << bits | word >> (32 - bits);
}

/* RFC 8439 section 2.1 */
static void quarter_round(uint32_t x[16], int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = turn(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = turn(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = turn(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = turn(x[b] ^ x[c], 7);
}

void hchacha20(uint8_t out[KEY_SIZE], const uint8_t key[KEY_SIZE], const uint8_t nonce[16])
{
	uint32_t x[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	for (int i = 0; i < 8; i++)
		x[4 + i] = get_le32(key + 4 * i);
	for (int i = 0; i < 4; i++)
		x[12 + i] = get_le32(nonce + 4 * i);
	for (int i = 0; i < 10; i++) {
		quarter_round(x, 0, 4, 8, 12);
		quarter_round(x, 1, 5, 9, 13);
		quarter_round(x, 2, 6, 10, 14);
		quarter_round(x, 3, 7, 11, 15);
		quarter_round(x, 0, 5, 10, 15);
		quarter_round(x, 1, 6, 11, 12);
		quarter_round(x, 2, 7, 8, 13);
		quarter_round(x, 3, 4, 9, 14);
	}
	for (int i = 0; i < 4; i++) {
		put_le32(out + 4 * i, x[i]);
		put_le32(out + 16 + 4 * i, x[12 + i]);
	}
	crypto_wipe(x, sizeof(x));
}

/* The inner cipher: ChaCha20-Poly1305 under the subkey, with the rest of the nonce. */
static struct aead *subkey_cipher(struct crypto *crypto, const uint8_t key[KEY_SIZE],
				  const uint8_t nonce[XNONCE_SIZE], bool seals,
				  uint8_t short_nonce[NONCE_SIZE])
{
	uint8_t subkey[KEY_SIZE];

	hchacha20(subkey, key, nonce);
	memset(short_nonce, 0, 4);
	memcpy(short_nonce + 4, nonce + 16, 8);
	struct aead *aead = aead_new(crypto, SUITE_CHACHA, subkey, seals);
	crypto_wipe(subkey, sizeof(subkey));
	return aead;
}

int xchacha_seal(struct crypto *crypto, const uint8_t key[KEY_SIZE],
		 const uint8_t nonce[XNONCE_SIZE], const void *aad, size_t aad_size,
		 const uint8_t *src, size_t size, uint8_t *dst)
{
	uint8_t short_nonce[NONCE_SIZE];
	struct aead *aead = subkey_cipher(crypto, key, nonce, true, short_nonce);

	if (!aead)
		return -ENOMEM;
	int rc = aead_seal(aead, short_nonce, aad, aad_size, src, size, dst);
	aead_free(aead);
	return rc;
}

int xchacha_open(struct crypto *crypto, const uint8_t key[KEY_SIZE],
		 const uint8_t nonce[XNONCE_SIZE], const void *aad, size_t aad_size,
		 const uint8_t *src, size_t size, uint8_t *dst)
{
	uint8_t short_nonce[NONCE_SIZE];
	struct aead *aead = subkey_cipher(crypto, key, nonce, false, short_nonce);

	if (!aead)
		return -ENOMEM;
	int rc = aead_open(aead, short_nonce, aad, aad_size, src, size, dst);
	aead_free(aead);
	return rc;
}
