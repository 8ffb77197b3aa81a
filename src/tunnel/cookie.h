/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mac1, mac2 and cookies (doc/protocol.md section 4), and the judgement "under load": who asks us
 * to do a Diffie-Hellman must first know our public key, and under load own its address.
 */
#pragma once
#include "base/siphash.h"
#include "tunnel/endpoint.h"
#include "tunnel/noise.h"

#define COOKIE_LIFE_NS 120000000000ULL
#define COOKIE_LOAD_LIMIT 256 /* handshake messages a second; more is load */
#define RATE_SLOTS 1024

/* Tokens of one source address; addresses that share a slot share its tokens. */
struct rate_slot {
	uint64_t full_ns; /* when it will have all its tokens again */
};

/* The receiver's side, one per tunnel. */
struct cookie_checker {
	struct crypto *crypto;
	uint8_t mac1_key[SUITE_COUNT][HASH_SIZE];
	uint8_t cookie_key[SUITE_COUNT][HASH_SIZE];
	uint8_t secret[2][KEY_SIZE]; /* R, and the one before */
	uint64_t secret_ns;	     /* when R was made; 0: never */
	bool secret_before;
	uint32_t load_limit, load_count;
	uint64_t load_second_ns, load_until_ns;
	struct siphash_key rate_key;
	struct rate_slot rates[RATE_SLOTS];
};

/* The sender's side, one per peer. */
struct cookie_jar {
	uint8_t cookie[COOKIE_SIZE];
	uint64_t born_ns; /* 0: none */
	uint8_t last_mac1[MAC_SIZE];
	bool asked; /* last_mac1 has not had its cookie reply yet */
};

/* A source of random bytes. */
struct entropy {
	void (*fill)(void *context, void *out, size_t size);
	void *context;
};

void cookie_checker_init(struct cookie_checker *checker, struct crypto *crypto,
			 const uint8_t public_key[KEY_SIZE], const struct entropy *entropy);
void cookie_checker_fini(struct cookie_checker *checker);

/* Which suite's mac1 does the handshake message (with its MACs) carry? SUITE_COUNT: none. */
enum suite cookie_find_suite(struct cookie_checker *checker, const uint8_t *message, size_t size);

/* Counts a message with a valid mac1; true while cookies are demanded. */
bool cookie_under_load(struct cookie_checker *checker, uint64_t now);

/* True if a cookie of ours for that address made mac2. */
bool cookie_check_mac2(struct cookie_checker *checker, const uint8_t *message, size_t size,
		       const struct endpoint *from, uint64_t now);

/* Has the address tokens left (20 a second, 5 at once)? Takes one. */
bool cookie_take_token(struct cookie_checker *checker, const struct endpoint *from, uint64_t now);

/* A reply to the handshake message. */
int cookie_make_reply(struct cookie_checker *checker, enum suite suite, const uint8_t *message,
		      size_t size, const struct endpoint *from, const struct entropy *entropy,
		      uint64_t now, uint8_t out[COOKIE_MESSAGE_SIZE]);

/* Fills mac1, and mac2 if a cookie is at hand, into a handshake message to `public_key`. */
void cookie_put_macs(struct crypto *crypto, struct cookie_jar *jar, enum suite suite,
		     const uint8_t public_key[KEY_SIZE], uint8_t *message, size_t size,
		     uint64_t now);

/* Takes in a reply of the host with `public_key`. -EBADMSG: not asked for, or forged. */
int cookie_read_reply(struct crypto *crypto, struct cookie_jar *jar, enum suite suite,
		      const uint8_t public_key[KEY_SIZE],
		      const uint8_t message[COOKIE_MESSAGE_SIZE], uint64_t now);
