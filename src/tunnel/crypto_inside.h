/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What crypto.c and aead.c share; nobody else includes it, nor OpenSSL's headers. */
#pragma once
#include <openssl/evp.h>
#include "tunnel/crypto.h"

struct crypto {
	EVP_MD *blake2s;
	EVP_MAC *blake2s_mac;
	EVP_CIPHER *cipher[SUITE_COUNT];
	EVP_MD_CTX *hash;
	EVP_MAC_CTX *mac;
	bool failed;
	bool vaes; /* AES-256-GCM is ours */
};

/*
 * Has this CPU what aes_vaes.c takes, does that agree with libcrypto, and does nobody forbid it
 * (LANLOOM_AES_GCM=openssl)?
 */
bool aead_can_vaes(struct crypto *crypto);
