/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XChaCha20-Poly1305 for cookies: HChaCha20 is ours, libcrypto has none. */
#pragma once
#include "tunnel/crypto.h"

/* draft-irtf-cfrg-xchacha-03 section 2.2: a subkey from key and 16 bytes of nonce. */
void hchacha20(uint8_t out[KEY_SIZE], const uint8_t key[KEY_SIZE], const uint8_t nonce[16]);

/* As aead_seal and aead_open, with a key for this one message. */
int xchacha_seal(struct crypto *crypto, const uint8_t key[KEY_SIZE],
		 const uint8_t nonce[XNONCE_SIZE], const void *aad, size_t aad_size,
		 const uint8_t *src, size_t size, uint8_t *dst);
int xchacha_open(struct crypto *crypto, const uint8_t key[KEY_SIZE],
		 const uint8_t nonce[XNONCE_SIZE], const void *aad, size_t aad_size,
		 const uint8_t *src, size_t size, uint8_t *dst);
