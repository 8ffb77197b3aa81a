/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AES-256-GCM in one call per message, for CPUs with VAES and VPCLMULQDQ on 512-bit registers.
 * crypto.c alone uses it, and only after aes_vaes_works() and a comparison with libcrypto; why it
 * takes the same time whatever key and text are stands in doc/design/crypto.md.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AES_VAES_POWERS 33

/* A key, expanded. Secret: whoever has it wipes it. */
struct aes_vaes {
	uint8_t round_keys[15][16];
	/* H^33 … H^1, then zeros, so that four may be read from anywhere. */
	uint8_t powers[AES_VAES_POWERS + 4][16];
	uint8_t folded[AES_VAES_POWERS + 4][16]; /* the sum of both halves of each, twice */
};

/* Has this machine what it takes? False on every other architecture: nothing else may be called. */
bool aes_vaes_works(void);

void aes_vaes_set_key(struct aes_vaes *key, const uint8_t bytes[32]);

/*
 * Sizes below 2^32 bytes. dst gets `size` bytes and is src, or does not overlap it; the tag goes to
 * tag[16], which may follow dst.
 */
void aes_vaes_seal(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
		   size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst, uint8_t *tag);

/* False: the tag is wrong, and dst is zeroed. */
bool aes_vaes_open(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
		   size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst,
		   const uint8_t *tag);
