/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SipHash-1-3 of one or two 64-bit words: for hash tables whose keys a stranger may choose (MAC
 * addresses, IP addresses). Not for authentication.
 */
#pragma once
#include <stdint.h>

struct siphash_key {
	uint64_t word[2]; /* random, made once per table */
};

static inline uint64_t siphash_turn(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = siphash_turn(v[1], 13) ^ v[0];
	v[0] = siphash_turn(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_turn(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_turn(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_turn(v[1], 17) ^ v[2];
	v[2] = siphash_turn(v[2], 32);
}

static inline uint64_t siphash_words(const struct siphash_key *key, uint64_t first, uint64_t second)
{
	uint64_t v[4] = {
		key->word[0] ^ 0x736f6d6570736575,
		key->word[1] ^ 0x646f72616e646f6d,
		key->word[0] ^ 0x6c7967656e657261,
		key->word[1] ^ 0x7465646279746573,
	};
	const uint64_t in[3] = {first, second, (uint64_t)16 << 56};

	for (int i = 0; i < 3; i++) {
		v[3] ^= in[i];
		siphash_round(v);
		v[0] ^= in[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
