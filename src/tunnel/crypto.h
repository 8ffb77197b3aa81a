/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The primitives of doc/protocol.md section 1, by OpenSSL's libcrypto: algorithms are fetched once,
 * contexts are kept. AES-256-GCM is a routine of ours where the CPU has VAES
 * (doc/design/crypto.md). No other file of the tunnel knows whose code does the work.
 *
 * One struct crypto serves one thread. Hash functions cannot refuse; should libcrypto ever fail
 * in one (no memory), the result is zeroed and crypto_failed() says so until the crypto is freed:
 * whoever computes keys asks it last and throws all away.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define KEY_SIZE 32
#define HASH_SIZE 32
#define MAC_SIZE 16
#define TAG_SIZE 16
#define NONCE_SIZE 12
#define XNONCE_SIZE 24

enum suite { SUITE_CHACHA, SUITE_AES, SUITE_COUNT };

struct crypto;

struct crypto *crypto_new(struct err *err);
void crypto_free(struct crypto *crypto);
bool crypto_failed(const struct crypto *crypto);

/* The library, for people: "OpenSSL 3.0.11". Static. */
const char *crypto_describe(void);

/* Whose AES-256-GCM it is, for people: "lanloom's (VAES)" or "OpenSSL's". Static. */
const char *crypto_aes_gcm(const struct crypto *crypto);

/*
 * For a process that does nothing else: all of libcrypto's memory comes from the vault from now
 * on, since keys are anywhere in it. Before its first use. -EBUSY: it has been used.
 */
int crypto_guard(struct err *err);

/*
 * Uses everything once, so that libcrypto has read its files and found its algorithms before the
 * process loses the right to open files.
 */
int crypto_warm(struct err *err);

/* The suite this CPU does faster. */
enum suite crypto_preferred(void);

/* Overwrites secrets; never optimised away. */
void crypto_wipe(void *bytes, size_t size);

/* Same bytes? In a time that depends on `size` alone. */
bool crypto_same(const void *a, const void *b, size_t size);

/* HASH(a || b), unkeyed BLAKE2s-256; b may be NULL with size 0. `out` may be one of the inputs. */
void crypto_hash(struct crypto *crypto, uint8_t out[HASH_SIZE], const void *a, size_t a_size,
		 const void *b, size_t b_size);

/* MAC(key, data): BLAKE2s with a key of 1…32 bytes, `out_size` 1…32 bytes out. */
void crypto_mac(struct crypto *crypto, uint8_t *out, size_t out_size, const uint8_t *key,
		size_t key_size, const void *data, size_t size);

/* HMAC over BLAKE2s-256. `out` may be the key. */
void crypto_hmac(struct crypto *crypto, uint8_t out[HASH_SIZE], const uint8_t *key, size_t key_size,
		 const void *data, size_t size);

/* An X25519 pair; libcrypto keeps the private half and wipes it when it is freed. */
struct keypair;

/* From 32 private bytes (clamped inside). NULL: no memory. */
struct keypair *keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE]);
void keypair_free(struct keypair *pair);
const uint8_t *keypair_public(const struct keypair *pair);

/* The shared secret; -EBADMSG if it is all zero (a public key of low order). */
int keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
		   uint8_t out[KEY_SIZE]);

/* One direction of a session: a cipher with its key set. */
struct aead;

struct aead *aead_new(struct crypto *crypto, enum suite suite, const uint8_t key[KEY_SIZE],
		      bool seals);
void aead_free(struct aead *aead);

/* The nonce of doc/protocol.md section 2. */
void aead_nonce(enum suite suite, uint8_t lane, uint64_t counter, uint8_t nonce[NONCE_SIZE]);

/*
 * dst gets `size` bytes and the tag; dst may be src, otherwise they must not overlap. At most
 * INT_MAX bytes. 0, or -EIO if libcrypto refuses.
 */
int aead_seal(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad, size_t aad_size,
	      const uint8_t *src, size_t size, uint8_t *dst);

/* `size` without the tag that follows it. -EBADMSG, and dst is worthless, if it is not authentic.
 */
int aead_open(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad, size_t aad_size,
	      const uint8_t *src, size_t size, uint8_t *dst);
