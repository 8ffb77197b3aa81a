/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noise_IKpsk2 as WireGuard uses it (doc/protocol.md section 3), without I/O, time or randomness:
 * ephemeral keys, indices and timestamps are arguments. mac1 and mac2 are cookie.h's business.
 *
 * The letters are the specification's: C the chaining key, H the hash, S static, E ephemeral.
 */
#pragma once
#include "tunnel/crypto.h"
#include "tunnel/wire.h"

#define TAI64N_BASE 0x400000000000000aULL

/* What distinguishes a suite, beside its AEAD. */
struct identity {
	const char *construction, *identifier, *label_mac1, *label_cookie;
	const char *name; /* the description's word for it */
	uint64_t rekey_after_messages, reject_after_messages;
};

const struct identity *identity_of(enum suite suite);

/* This host's side, made once per static key. */
struct noise_self {
	struct crypto *crypto;
	struct keypair *keys;
	uint8_t public_key[KEY_SIZE];
	uint8_t C[SUITE_COUNT][HASH_SIZE]; /* HASH(CONSTRUCTION) */
	uint8_t H[SUITE_COUNT][HASH_SIZE]; /* HASH(C || IDENTIFIER) */
};

/* What is known of a peer, made once per peer and own key. */
struct noise_peer {
	uint8_t public_key[KEY_SIZE];
	uint8_t psk[KEY_SIZE];
	uint8_t static_static[KEY_SIZE]; /* DH(S, S of the peer) */
};

/* A handshake under way. Wiped by noise_wipe, whatever became of it. */
struct noise_handshake {
	enum suite suite;
	uint8_t C[HASH_SIZE], H[HASH_SIZE];
	struct keypair *ephemeral;	    /* of the initiator, until the response is there */
	uint8_t remote_ephemeral[KEY_SIZE]; /* what the responder answers to */
	uint32_t local_index, remote_index;
};

/* -EINVAL for a key that yields no public half, -ENOMEM. noise_self_fini wipes. */
int noise_self_init(struct noise_self *self, struct crypto *crypto,
		    const uint8_t private_key[KEY_SIZE]);
void noise_self_fini(struct noise_self *self);

/* psk NULL: none. -EBADMSG for a public key of low order, or our own. */
int noise_peer_init(struct noise_peer *peer, const struct noise_self *self,
		    const uint8_t public_key[KEY_SIZE], const uint8_t *psk);

/* Seconds and nanoseconds since 1970 as TAI64N, the low 24 bits of the nanoseconds cleared. */
void noise_timestamp(uint8_t out[TIMESTAMP_SIZE], uint64_t wall_ns);

/* All of these: 0 or -errno; afterwards `handshake` needs noise_wipe. MACs are not filled in. */
int noise_make_initiation(const struct noise_self *self, const struct noise_peer *peer,
			  struct noise_handshake *handshake, enum suite suite, uint32_t index,
			  const uint8_t ephemeral[KEY_SIZE],
			  const uint8_t timestamp[TIMESTAMP_SIZE], uint8_t out[INITIATION_SIZE]);

/* First half of reading an initiation: who is it? -EBADMSG: nobody who can say so. */
int noise_read_static(const struct noise_self *self, struct noise_handshake *handshake,
		      enum suite suite, const uint8_t message[INITIATION_SIZE],
		      uint8_t public_key[KEY_SIZE]);

/* Second half: the peer being known. */
int noise_read_timestamp(const struct noise_self *self, const struct noise_peer *peer,
			 struct noise_handshake *handshake, const uint8_t message[INITIATION_SIZE],
			 uint8_t timestamp[TIMESTAMP_SIZE]);

int noise_make_response(const struct noise_self *self, const struct noise_peer *peer,
			struct noise_handshake *handshake, uint32_t index,
			const uint8_t ephemeral[KEY_SIZE], uint8_t out[RESPONSE_SIZE]);

/* -EBADMSG leaves the handshake as it was: the true response may still come. */
int noise_read_response(const struct noise_self *self, const struct noise_peer *peer,
			struct noise_handshake *handshake, const uint8_t message[RESPONSE_SIZE]);

/* The session's keys: initiator to responder, responder to initiator. Wipes the handshake. */
int noise_split(const struct noise_self *self, struct noise_handshake *handshake,
		uint8_t from_initiator[KEY_SIZE], uint8_t from_responder[KEY_SIZE]);

void noise_wipe(struct noise_handshake *handshake);
