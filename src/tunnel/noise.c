/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/noise.h"
#include <errno.h>
#include <string.h>

static const struct identity identities[] = {
	[SUITE_CHACHA] =
		{
			.construction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
			.identifier = "lanloom lan v1 chacha20poly1305",
			.label_mac1 = "mac1-l2c",
			.label_cookie = "cook-l2c",
			.name = "chacha20poly1305",
			.rekey_after_messages = 1ULL << 60,
			.reject_after_messages = UINT64_MAX - (1 << 13),
		},
	[SUITE_AES] =
		{
			.construction = "Noise_IKpsk2_25519_AESGCM_BLAKE2s",
			.identifier = "lanloom lan v1 aes256gcm",
			.label_mac1 = "mac1-l2a",
			.label_cookie = "cook-l2a",
			.name = "aes256gcm",
			.rekey_after_messages = 1ULL << 26,
			.reject_after_messages = 1ULL << 27,
		},
};
_Static_assert(sizeof(identities) / sizeof(identities[0]) == SUITE_COUNT, "an identity each");

const struct identity *identity_of(enum suite suite)
{
	return &identities[suite];
}

/* KDF of section 1; outputs beyond the first may be NULL. */
static void kdf(struct crypto *crypto, const uint8_t key[HASH_SIZE], const void *data, size_t size,
		uint8_t *t1, uint8_t *t2, uint8_t *t3)
{
	uint8_t t0[HASH_SIZE], chain[HASH_SIZE + 1] = {0};

	crypto_hmac(crypto, t0, key, HASH_SIZE, data, size);
	chain[0] = 1;
	crypto_hmac(crypto, t1, t0, HASH_SIZE, chain, 1);
	if (t2) {
		memcpy(chain, t1, HASH_SIZE);
		chain[HASH_SIZE] = 2;
		crypto_hmac(crypto, t2, t0, HASH_SIZE, chain, sizeof(chain));
	}
	if (t3) {
		memcpy(chain, t2, HASH_SIZE);
		chain[HASH_SIZE] = 3;
		crypto_hmac(crypto, t3, t0, HASH_SIZE, chain, sizeof(chain));
	}
	crypto_wipe(t0, sizeof(t0));
	crypto_wipe(chain, sizeof(chain));
}

/* H = HASH(H || data) */
static void mix_hash(struct crypto *crypto, struct noise_handshake *hs, const void *data,
		     size_t size)
{
	crypto_hash(crypto, hs->H, hs->H, HASH_SIZE, data, size);
}

/* C = KDF1(C, data), and k = the second of KDF2 if k is asked for. */
static void mix_key(struct crypto *crypto, struct noise_handshake *hs, const uint8_t *data,
		    uint8_t *k)
{
	kdf(crypto, hs->C, data, KEY_SIZE, hs->C, k, NULL);
}

/* C, k = KDF(C, DH(pair, peer)) */
static int mix_dh(struct crypto *crypto, struct noise_handshake *hs, const struct keypair *pair,
		  const uint8_t peer[KEY_SIZE], uint8_t *k)
{
	uint8_t shared[KEY_SIZE];
	int rc = keypair_derive(pair, peer, shared);

	if (rc == 0)
		mix_key(crypto, hs, shared, k);
	crypto_wipe(shared, sizeof(shared));
	return rc;
}

/* SEAL(k, 0, 0, plain, H), and mixes the result into H. */
static int seal_and_mix(struct crypto *crypto, struct noise_handshake *hs,
			const uint8_t k[KEY_SIZE], const uint8_t *plain, size_t size, uint8_t *out)
{
	static const uint8_t nonce[NONCE_SIZE];
	struct aead *aead = aead_new(crypto, hs->suite, k, true);

	if (!aead)
		return -ENOMEM;
	int rc = aead_seal(aead, nonce, hs->H, HASH_SIZE, plain, size, out);
	aead_free(aead);
	mix_hash(crypto, hs, out, size + TAG_SIZE);
	return rc;
}

static int open_and_mix(struct crypto *crypto, struct noise_handshake *hs,
			const uint8_t k[KEY_SIZE], const uint8_t *sealed, size_t size, uint8_t *out)
{
	static const uint8_t nonce[NONCE_SIZE];
	struct aead *aead = aead_new(crypto, hs->suite, k, false);

	if (!aead)
		return -ENOMEM;
	int rc = aead_open(aead, nonce, hs->H, HASH_SIZE, sealed, size, out);
	aead_free(aead);
	mix_hash(crypto, hs, sealed, size + TAG_SIZE);
	return rc;
}

int noise_self_init(struct noise_self *self, struct crypto *crypto,
		    const uint8_t private_key[KEY_SIZE])
{
	self->crypto = crypto;
	self->keys = keypair_new(crypto, private_key);
	if (!self->keys)
		return -ENOMEM;
	memcpy(self->public_key, keypair_public(self->keys), KEY_SIZE);
	for (int i = 0; i < SUITE_COUNT; i++) {
		const struct identity *id = identity_of(i);

		crypto_hash(crypto, self->C[i], id->construction, strlen(id->construction), NULL,
			    0);
		crypto_hash(crypto, self->H[i], self->C[i], HASH_SIZE, id->identifier,
			    strlen(id->identifier));
	}
	return crypto_failed(crypto) ? -EIO : 0;
}

void noise_self_fini(struct noise_self *self)
{
	keypair_free(self->keys);
	self->keys = NULL;
}

int noise_peer_init(struct noise_peer *peer, const struct noise_self *self,
		    const uint8_t public_key[KEY_SIZE], const uint8_t *psk)
{
	if (crypto_same(public_key, self->public_key, KEY_SIZE))
		return -EBADMSG;
	memcpy(peer->public_key, public_key, KEY_SIZE);
	if (psk)
		memcpy(peer->psk, psk, KEY_SIZE);
	else
		memset(peer->psk, 0, KEY_SIZE);
	return keypair_derive(self->keys, public_key, peer->static_static);
}

void noise_timestamp(uint8_t out[TIMESTAMP_SIZE], uint64_t wall_ns)
{
	uint64_t seconds = TAI64N_BASE + wall_ns / 1000000000;

	put_be32(out, (uint32_t)(seconds >> 32));
	put_be32(out + 4, (uint32_t)seconds);
	put_be32(out + 8, (uint32_t)(wall_ns % 1000000000) & 0xff000000);
}

/* The start of both sides: C, H, and the responder's static key in H. */
static void start(const struct noise_self *self, struct noise_handshake *hs, enum suite suite,
		  const uint8_t responder[KEY_SIZE])
{
	*hs = (struct noise_handshake){.suite = suite};
	memcpy(hs->C, self->C[suite], HASH_SIZE);
	memcpy(hs->H, self->H[suite], HASH_SIZE);
	mix_hash(self->crypto, hs, responder, KEY_SIZE);
}

int noise_make_initiation(const struct noise_self *self, const struct noise_peer *peer,
			  struct noise_handshake *hs, enum suite suite, uint32_t index,
			  const uint8_t ephemeral[KEY_SIZE],
			  const uint8_t timestamp[TIMESTAMP_SIZE], uint8_t out[INITIATION_SIZE])
{
	struct crypto *crypto = self->crypto;
	uint8_t k[KEY_SIZE];

	start(self, hs, suite, peer->public_key);
	hs->ephemeral = keypair_new(crypto, ephemeral);
	if (!hs->ephemeral)
		return -ENOMEM;
	hs->local_index = index;
	memset(out, 0, INITIATION_SIZE);
	put_le32(out, MESSAGE_INITIATION);
	put_le32(out + INDEX_OFFSET, index);
	memcpy(out + INITIATION_EPHEMERAL, keypair_public(hs->ephemeral), KEY_SIZE);
	mix_key(crypto, hs, out + INITIATION_EPHEMERAL, NULL);
	mix_hash(crypto, hs, out + INITIATION_EPHEMERAL, KEY_SIZE);
	int rc = mix_dh(crypto, hs, hs->ephemeral, peer->public_key, k);
	if (rc == 0)
		rc = seal_and_mix(crypto, hs, k, self->public_key, KEY_SIZE,
				  out + INITIATION_STATIC);
	if (rc == 0) {
		mix_key(crypto, hs, peer->static_static, k);
		rc = seal_and_mix(crypto, hs, k, timestamp, TIMESTAMP_SIZE,
				  out + INITIATION_TIMESTAMP);
	}
	crypto_wipe(k, sizeof(k));
	return rc == 0 && crypto_failed(crypto) ? -EIO : rc;
}

int noise_read_static(const struct noise_self *self, struct noise_handshake *hs, enum suite suite,
		      const uint8_t message[INITIATION_SIZE], uint8_t public_key[KEY_SIZE])
{
	struct crypto *crypto = self->crypto;
	uint8_t k[KEY_SIZE];

	start(self, hs, suite, self->public_key);
	hs->remote_index = get_le32(message + INDEX_OFFSET);
	memcpy(hs->remote_ephemeral, message + INITIATION_EPHEMERAL, KEY_SIZE);
	mix_key(crypto, hs, hs->remote_ephemeral, NULL);
	mix_hash(crypto, hs, hs->remote_ephemeral, KEY_SIZE);
	int rc = mix_dh(crypto, hs, self->keys, hs->remote_ephemeral, k);
	if (rc == 0)
		rc = open_and_mix(crypto, hs, k, message + INITIATION_STATIC, KEY_SIZE, public_key);
	crypto_wipe(k, sizeof(k));
	return rc;
}

int noise_read_timestamp(const struct noise_self *self, const struct noise_peer *peer,
			 struct noise_handshake *hs, const uint8_t message[INITIATION_SIZE],
			 uint8_t timestamp[TIMESTAMP_SIZE])
{
	uint8_t k[KEY_SIZE];

	mix_key(self->crypto, hs, peer->static_static, k);
	int rc = open_and_mix(self->crypto, hs, k, message + INITIATION_TIMESTAMP, TIMESTAMP_SIZE,
			      timestamp);
	crypto_wipe(k, sizeof(k));
	return rc;
}

/* C, t, k = KDF3(C, psk); H = HASH(H || t) */
static void mix_psk(struct crypto *crypto, struct noise_handshake *hs, const uint8_t psk[KEY_SIZE],
		    uint8_t k[KEY_SIZE])
{
	uint8_t t[HASH_SIZE];

	kdf(crypto, hs->C, psk, KEY_SIZE, hs->C, t, k);
	mix_hash(crypto, hs, t, HASH_SIZE);
	crypto_wipe(t, sizeof(t));
}

int noise_make_response(const struct noise_self *self, const struct noise_peer *peer,
			struct noise_handshake *hs, uint32_t index,
			const uint8_t ephemeral[KEY_SIZE], uint8_t out[RESPONSE_SIZE])
{
	struct crypto *crypto = self->crypto;
	struct keypair *pair = keypair_new(crypto, ephemeral);
	uint8_t k[KEY_SIZE];

	if (!pair)
		return -ENOMEM;
	hs->local_index = index;
	memset(out, 0, RESPONSE_SIZE);
	put_le32(out, MESSAGE_RESPONSE);
	put_le32(out + INDEX_OFFSET, index);
	put_le32(out + RESPONSE_RECEIVER, hs->remote_index);
	memcpy(out + RESPONSE_EPHEMERAL, keypair_public(pair), KEY_SIZE);
	mix_key(crypto, hs, out + RESPONSE_EPHEMERAL, NULL);
	mix_hash(crypto, hs, out + RESPONSE_EPHEMERAL, KEY_SIZE);
	int rc = mix_dh(crypto, hs, pair, hs->remote_ephemeral, NULL);
	if (rc == 0)
		rc = mix_dh(crypto, hs, pair, peer->public_key, NULL);
	keypair_free(pair);
	if (rc == 0) {
		mix_psk(crypto, hs, peer->psk, k);
		rc = seal_and_mix(crypto, hs, k, NULL, 0, out + RESPONSE_EMPTY);
		crypto_wipe(k, sizeof(k));
	}
	return rc == 0 && crypto_failed(crypto) ? -EIO : rc;
}

int noise_read_response(const struct noise_self *self, const struct noise_peer *peer,
			struct noise_handshake *handshake, const uint8_t message[RESPONSE_SIZE])
{
	struct crypto *crypto = self->crypto;
	struct noise_handshake trial = *handshake;
	const uint8_t *ephemeral = message + RESPONSE_EPHEMERAL;
	uint8_t k[KEY_SIZE], empty[TAG_SIZE];

	mix_key(crypto, &trial, ephemeral, NULL);
	mix_hash(crypto, &trial, ephemeral, KEY_SIZE);
	int rc = mix_dh(crypto, &trial, trial.ephemeral, ephemeral, NULL);
	if (rc == 0)
		rc = mix_dh(crypto, &trial, self->keys, ephemeral, NULL);
	if (rc == 0) {
		mix_psk(crypto, &trial, peer->psk, k);
		rc = open_and_mix(crypto, &trial, k, message + RESPONSE_EMPTY, 0, empty);
		crypto_wipe(k, sizeof(k));
	}
	if (rc == 0) {
		trial.remote_index = get_le32(message + INDEX_OFFSET);
		*handshake = trial;
	}
	crypto_wipe(&trial, sizeof(trial));
	return rc;
}

int noise_split(const struct noise_self *self, struct noise_handshake *hs,
		uint8_t from_initiator[KEY_SIZE], uint8_t from_responder[KEY_SIZE])
{
	kdf(self->crypto, hs->C, NULL, 0, from_initiator, from_responder, NULL);
	noise_wipe(hs);
	return crypto_failed(self->crypto) ? -EIO : 0;
}

void noise_wipe(struct noise_handshake *hs)
{
	keypair_free(hs->ephemeral);
	crypto_wipe(hs, sizeof(*hs));
}
