/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/crypto.h"
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <string.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#include "base/vault.h"
#include "tunnel/crypto_inside.h"

#define HASH_BLOCK 64

struct keypair {
	EVP_PKEY *pkey;
	uint8_t public_key[KEY_SIZE];
};

static const char *const cipher_names[] = {
	[SUITE_CHACHA] = "ChaCha20-Poly1305",
	[SUITE_AES] = "AES-256-GCM",
};
_Static_assert(sizeof(cipher_names) / sizeof(cipher_names[0]) == SUITE_COUNT, "a name each");

struct crypto *crypto_new(struct err *err)
{
	struct crypto *crypto = OPENSSL_zalloc(sizeof(*crypto));

	if (!crypto) {
		err_set(err, -ENOMEM, "no memory for cryptography");
		return NULL;
	}
	crypto->blake2s = EVP_MD_fetch(NULL, "BLAKE2S-256", NULL);
	crypto->blake2s_mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
	crypto->hash = EVP_MD_CTX_new();
	crypto->mac = crypto->blake2s_mac ? EVP_MAC_CTX_new(crypto->blake2s_mac) : NULL;
	bool whole = crypto->blake2s && crypto->hash && crypto->mac;
	for (int i = 0; i < SUITE_COUNT; i++) {
		crypto->cipher[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
		whole = whole && crypto->cipher[i];
	}
	if (whole) {
		crypto->vaes = aead_can_vaes(crypto);
		return crypto;
	}
	err_set(err, -ENOSYS, "this libcrypto (%s) lacks BLAKE2s, ChaCha20-Poly1305 or AES-GCM",
		crypto_describe());
	crypto_free(crypto);
	return NULL;
}

void crypto_free(struct crypto *crypto)
{
	if (!crypto)
		return;
	EVP_MD_CTX_free(crypto->hash);
	EVP_MAC_CTX_free(crypto->mac);
	EVP_MD_free(crypto->blake2s);
	EVP_MAC_free(crypto->blake2s_mac);
	for (int i = 0; i < SUITE_COUNT; i++)
		EVP_CIPHER_free(crypto->cipher[i]);
	OPENSSL_free(crypto);
}

const char *crypto_aes_gcm(const struct crypto *crypto)
{
	return crypto->vaes ? "lanloom's (VAES)" : "OpenSSL's";
}

bool crypto_failed(const struct crypto *crypto)
{
	return crypto->failed;
}

const char *crypto_describe(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

enum suite crypto_preferred(void)
{
#if defined(__x86_64__) || defined(__i386__)
	bool fast = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	unsigned long caps = getauxval(AT_HWCAP);
	bool fast = (caps & HWCAP_AES) && (caps & HWCAP_PMULL);
#else
	bool fast = false;
#endif
	return fast ? SUITE_AES : SUITE_CHACHA;
}

void crypto_wipe(void *bytes, size_t size)
{
	OPENSSL_cleanse(bytes, size);
}

bool crypto_same(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

void crypto_hash(struct crypto *crypto, uint8_t out[HASH_SIZE], const void *a, size_t a_size,
		 const void *b, size_t b_size)
{
	if (EVP_DigestInit_ex2(crypto->hash, crypto->blake2s, NULL) != 1 ||
	    EVP_DigestUpdate(crypto->hash, a, a_size) != 1 ||
	    EVP_DigestUpdate(crypto->hash, b, b_size) != 1 ||
	    EVP_DigestFinal_ex(crypto->hash, out, NULL) != 1) {
		crypto->failed = true;
		memset(out, 0, HASH_SIZE);
	}
}

void crypto_mac(struct crypto *crypto, uint8_t *out, size_t out_size, const uint8_t *key,
		size_t key_size, const void *data, size_t size)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &out_size),
		OSSL_PARAM_construct_end(),
	};
	size_t written;

	if (EVP_MAC_init(crypto->mac, key, key_size, params) != 1 ||
	    EVP_MAC_update(crypto->mac, data, size) != 1 ||
	    EVP_MAC_final(crypto->mac, out, &written, out_size) != 1) {
		crypto->failed = true;
		memset(out, 0, out_size);
	}
}

void crypto_hmac(struct crypto *crypto, uint8_t out[HASH_SIZE], const uint8_t *key, size_t key_size,
		 const void *data, size_t size)
{
	uint8_t inner[HASH_BLOCK] = {0}, outer[HASH_BLOCK], digest[HASH_SIZE];

	if (key_size > HASH_BLOCK)
		crypto_hash(crypto, inner, key, key_size, NULL, 0);
	else
		memcpy(inner, key, key_size);
	for (int i = 0; i < HASH_BLOCK; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	crypto_hash(crypto, digest, inner, sizeof(inner), data, size);
	crypto_hash(crypto, out, outer, sizeof(outer), digest, sizeof(digest));
	crypto_wipe(inner, sizeof(inner));
	crypto_wipe(outer, sizeof(outer));
	crypto_wipe(digest, sizeof(digest));
}

struct keypair *keypair_new(struct crypto *crypto, const uint8_t private_key[KEY_SIZE])
{
	struct keypair *pair = OPENSSL_zalloc(sizeof(*pair));
	size_t size = KEY_SIZE;

	if (!pair)
		return NULL;
	pair->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key, KEY_SIZE);
	if (pair->pkey && EVP_PKEY_get_raw_public_key(pair->pkey, pair->public_key, &size) == 1)
		return pair;
	keypair_free(pair);
	return NULL;
}

void keypair_free(struct keypair *pair)
{
	if (!pair)
		return;
	EVP_PKEY_free(pair->pkey);
	OPENSSL_free(pair);
}

const uint8_t *keypair_public(const struct keypair *pair)
{
	return pair->public_key;
}

int keypair_derive(const struct keypair *pair, const uint8_t public_key[KEY_SIZE],
		   uint8_t out[KEY_SIZE])
{
	static const uint8_t zero[KEY_SIZE];
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, KEY_SIZE);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pair->pkey, NULL);
	size_t size = KEY_SIZE;
	bool derived = peer && context && EVP_PKEY_derive_init(context) == 1 &&
		       EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 &&
		       EVP_PKEY_derive(context, out, &size) == 1 && size == KEY_SIZE;

	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
	/* libcrypto refuses the all-zero result itself; whoever replaces it may not. */
	if (derived && !crypto_same(out, zero, KEY_SIZE))
		return 0;
	crypto_wipe(out, KEY_SIZE);
	return -EBADMSG;
}

static void *guarded_new(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return vault_new(size);
}

static void *guarded_resize(void *block, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return vault_resize(block, size);
}

static void guarded_free(void *block, const char *file, int line)
{
	(void)file, (void)line;
	vault_free(block);
}

int crypto_guard(struct err *err)
{
	if (CRYPTO_set_mem_functions(guarded_new, guarded_resize, guarded_free) != 1)
		return err_set(err, -EBUSY, "libcrypto's memory cannot be guarded any more");
	/* its tidying up at the end would make calls that nothing else needs */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
		return err_set(err, -ENOSYS, "libcrypto does not begin");
	return 0;
}

/* Seals, opens, and refuses what was changed. */
static bool warm_aead(struct crypto *crypto, enum suite suite, const uint8_t key[KEY_SIZE])
{
	struct aead *seal = aead_new(crypto, suite, key, true);
	struct aead *open = aead_new(crypto, suite, key, false);
	uint8_t text[KEY_SIZE + TAG_SIZE] = {0}, nonce[NONCE_SIZE] = {0};
	bool works =
		seal && open && aead_seal(seal, nonce, key, KEY_SIZE, text, KEY_SIZE, text) == 0;

	text[0] ^= 1;
	works = works && aead_open(open, nonce, key, KEY_SIZE, text, KEY_SIZE, text) == -EBADMSG;
	aead_free(seal);
	aead_free(open);
	return works;
}

int crypto_warm(struct err *err)
{
	static const uint8_t key[KEY_SIZE] = {9}, low_order[KEY_SIZE];
	struct crypto *crypto = crypto_new(err);
	uint8_t out[HASH_SIZE];

	if (!crypto)
		return err->code;
	struct keypair *pair = keypair_new(crypto, key);
	bool works = pair && keypair_derive(pair, key, out) == 0 &&
		     keypair_derive(pair, low_order, out) == -EBADMSG;
	for (enum suite suite = 0; suite < SUITE_COUNT; suite++)
		works = warm_aead(crypto, suite, key) && works;
	crypto_mac(crypto, out, MAC_SIZE, key, KEY_SIZE, key, KEY_SIZE);
	crypto_hmac(crypto, out, key, KEY_SIZE, key, KEY_SIZE);
	works = works && !crypto->failed;
	keypair_free(pair);
	crypto_free(crypto);
	ERR_clear_error();
	return works ? 0 : err_set(err, -ENOSYS, "libcrypto does not work");
}
