/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. Counters of 16 blocks are encrypted at a time, four to a register, and
 * xored to the text. GHASH takes 16 blocks at a time as well: (A + C1) H^16 + C2 H^15 + … + C16 H,
 * whose products are summed unreduced and reduced once (the "aggregated reduction" of Gueron and
 * Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM
 * Mode"). The processor overlaps one group's hashing with the next one's encryption by itself.
 *
 * GHASH's bits are numbered the other way round than the multiplier's: blocks are byte-swapped, and
 * powers of H carry a factor x, so that a product of 255 bits ends where 256 would (there, section
 * "bit-reflection"). Reducing modulo x^128 + x^127 + x^126 + x^121 + 1 folds 64 bits twice.
 *
 * Numbers in comments are of NIST SP 800-38D. No branch and no address depends on key or text:
 * only on sizes.
 */
#include "tunnel/aes_vaes.h"
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define VAES                                                                                       \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,vaes,vpclmulqdq,aes,pclmul,"     \
			      "sse4.1,ssse3")))
#define INLINE static inline __attribute__((always_inline)) VAES

/* Values in arrays stay in registers only where the loops over them are gone. */
#define UNROLL _Pragma("GCC unroll 16")

#define ROUNDS 14
#define GROUP 256 /* bytes: four registers of four blocks */

/* What a message needs of its key, spread over the registers. */
struct spread {
	__m512i keys[ROUNDS + 1];
};

/* An unreduced sum of products, in four lanes. */
struct product {
	__m512i low, middle, high;
};

/*
 * The compiler's own question also asks whether the system saves the wide registers. Some compilers
 * (clang 14) do not know the words "vaes" and "vpclmulqdq"; CPUID leaf 7 has them in ECX.
 */
bool aes_vaes_works(void)
{
	const unsigned int wanted = 1 << 9 | 1 << 10; /* VAES, VPCLMULQDQ */
	unsigned int eax, ebx, ecx, edx;

	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
	       __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ecx & wanted) == wanted;
}

INLINE __m128i load(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

INLINE void store(uint8_t *at, __m128i block)
{
	_mm_storeu_si128((__m128i *)at, block);
}

INLINE __m128i swap_mask(void)
{
	return _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

INLINE __m512i swap4(__m512i blocks)
{
	return _mm512_shuffle_epi8(blocks, _mm512_broadcast_i32x4(swap_mask()));
}

/* x^128 = x^127 + x^126 + x^121 + 1, reflected. */
INLINE __m128i polynomial(void)
{
	return _mm_set_epi64x((long long)0xc200000000000000ULL, 1);
}

INLINE void product_add(struct product *sum, __m512i a, __m512i b)
{
	__m512i middle = _mm512_xor_si512(_mm512_clmulepi64_epi128(a, b, 0x01),
					  _mm512_clmulepi64_epi128(a, b, 0x10));

	sum->low = _mm512_xor_si512(sum->low, _mm512_clmulepi64_epi128(a, b, 0x00));
	sum->middle = _mm512_xor_si512(sum->middle, middle);
	sum->high = _mm512_xor_si512(sum->high, _mm512_clmulepi64_epi128(a, b, 0x11));
}

INLINE __m128i lanes_xor(__m512i lanes)
{
	__m256i two = _mm256_xor_si256(_mm512_castsi512_si256(lanes),
				       _mm512_extracti64x4_epi64(lanes, 1));

	return _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

/* Folds the low half into the middle, and that into the high half. */
INLINE __m128i reduce(__m128i low, __m128i middle, __m128i high)
{
	__m128i poly = polynomial();

	middle = _mm_xor_si128(middle, _mm_shuffle_epi32(low, 0x4e));
	middle = _mm_xor_si128(middle, _mm_clmulepi64_si128(poly, low, 0x01));
	high = _mm_xor_si128(high, _mm_shuffle_epi32(middle, 0x4e));
	return _mm_xor_si128(high, _mm_clmulepi64_si128(poly, middle, 0x01));
}

INLINE __m128i product_reduce(const struct product *sum)
{
	return reduce(lanes_xor(sum->low), lanes_xor(sum->middle), lanes_xor(sum->high));
}

INLINE __m128i multiply(__m128i a, __m128i b)
{
	__m128i middle =
		_mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));

	return reduce(_mm_clmulepi64_si128(a, b, 0x00), middle, _mm_clmulepi64_si128(a, b, 0x11));
}

/* The factor x: a shift by one bit, and the polynomial where a bit falls out. */
INLINE __m128i times_x(__m128i h)
{
	__m128i carries = _mm_srli_epi64(h, 63);
	__m128i out = _mm_shuffle_epi32(_mm_srai_epi32(h, 31), 0xff);

	h = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(carries, 8));
	return _mm_xor_si128(h, _mm_and_si128(out, polynomial()));
}

INLINE __m128i expand(__m128i key, __m128i word)
{
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
	return _mm_xor_si128(key, word);
}

/* FIPS 197, section 5.2, for Nk = 8; the round constant is part of the instruction. */
#define EXPAND_TWO(i, constant)                                                                    \
	do {                                                                                       \
		even = expand(even,                                                                \
			      _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, constant), 0xff));  \
		store(key->round_keys[i], even);                                                   \
		odd = expand(odd, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));    \
		store(key->round_keys[(i) + 1], odd);                                              \
	} while (0)

VAES static void expand_key(struct aes_vaes *key, const uint8_t bytes[32])
{
	__m128i even = load(bytes), odd = load(bytes + 16);

	store(key->round_keys[0], even);
	store(key->round_keys[1], odd);
	EXPAND_TWO(2, 0x01);
	EXPAND_TWO(4, 0x02);
	EXPAND_TWO(6, 0x04);
	EXPAND_TWO(8, 0x08);
	EXPAND_TWO(10, 0x10);
	EXPAND_TWO(12, 0x20);
	even = expand(even, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, 0x40), 0xff));
	store(key->round_keys[ROUNDS], even);
}

VAES void aes_vaes_set_key(struct aes_vaes *key, const uint8_t bytes[32])
{
	__m128i block = _mm_setzero_si128();

	memset(key, 0, sizeof(*key));
	expand_key(key, bytes);
	block = _mm_xor_si128(block, load(key->round_keys[0]));
	for (int i = 1; i < ROUNDS; i++)
		block = _mm_aesenc_si128(block, load(key->round_keys[i]));
	block = _mm_aesenclast_si128(block, load(key->round_keys[ROUNDS]));
	__m128i h = times_x(_mm_shuffle_epi8(block, swap_mask())), power = h;
	for (int i = AES_VAES_POWERS; i-- > 0;) {
		store(key->powers[i], power);
		power = multiply(power, h);
	}
}

INLINE __m512i powers(const struct aes_vaes *key, size_t first)
{
	return _mm512_loadu_si512(key->powers[first]);
}

INLINE __m128i hash_block(const struct aes_vaes *key, __m128i hash, __m128i block)
{
	hash = _mm_xor_si128(hash, _mm_shuffle_epi8(block, swap_mask()));
	return multiply(hash, load(key->powers[AES_VAES_POWERS - 1]));
}

/* Associated data is short, or there is none. */
INLINE __m128i hash_aad(const struct aes_vaes *key, const uint8_t *aad, size_t size)
{
	__m128i hash = _mm_setzero_si128();

	for (; size >= 16; aad += 16, size -= 16)
		hash = hash_block(key, hash, load(aad));
	if (size)
		hash = hash_block(key, hash,
				  _mm_maskz_loadu_epi8((__mmask16)((1u << size) - 1), aad));
	return hash;
}

INLINE void spread_keys(struct spread *spread, const struct aes_vaes *key)
{
	UNROLL for (int i = 0; i <= ROUNDS; i++) spread->keys[i] =
		_mm512_broadcast_i32x4(load(key->round_keys[i]));
}

/* Four registers at once: as many as keep the unit busy while each waits for its own result. */
INLINE void encrypt_group(const struct spread *spread, __m512i x[4])
{
	UNROLL for (int j = 0; j < 4; j++) x[j] = _mm512_xor_si512(swap4(x[j]), spread->keys[0]);
	UNROLL for (int i = 1; i < ROUNDS; i++) UNROLL for (int j = 0; j < 4; j++) x[j] =
		_mm512_aesenc_epi128(x[j], spread->keys[i]);
	UNROLL for (int j = 0; j < 4; j++) x[j] =
		_mm512_aesenclast_epi128(x[j], spread->keys[ROUNDS]);
}

INLINE __m512i encrypt_four(const struct spread *spread, __m512i x)
{
	x = _mm512_xor_si512(swap4(x), spread->keys[0]);
	UNROLL for (int i = 1; i < ROUNDS; i++) x = _mm512_aesenc_epi128(x, spread->keys[i]);
	return _mm512_aesenclast_epi128(x, spread->keys[ROUNDS]);
}

/* Counter blocks byte-swapped: the counter is the lowest 32 bits. */
INLINE __m512i counters_add(__m512i counters, int n)
{
	return _mm512_add_epi32(counters,
				_mm512_set_epi32(0, 0, 0, n, 0, 0, 0, n, 0, 0, 0, n, 0, 0, 0, n));
}

INLINE __m512i counters_first(const uint8_t nonce[12])
{
	uint8_t block[16] = {[15] = 1};

	memcpy(block, nonce, 12);
	__m512i all = _mm512_broadcast_i32x4(_mm_shuffle_epi8(load(block), swap_mask()));
	return _mm512_add_epi32(all,
				_mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0));
}

INLINE __m128i hash_group(const struct aes_vaes *key, __m128i hash, const __m512i sealed[4])
{
	struct product sum = {_mm512_setzero_si512(), _mm512_setzero_si512(),
			      _mm512_setzero_si512()};

	UNROLL for (int j = 0; j < 4; j++)
	{
		__m512i blocks = swap4(sealed[j]);

		if (j == 0)
			blocks = _mm512_xor_si512(blocks, _mm512_zextsi128_si512(hash));
		product_add(&sum, blocks, powers(key, 4 * (size_t)j));
	}
	return product_reduce(&sum);
}

/* A message on its way. */
struct state {
	struct spread spread;
	__m512i counters; /* the next four */
	__m128i hash;
};

INLINE void crypt_groups(const struct aes_vaes *key, struct state *state, const uint8_t **src,
			 size_t *size, uint8_t **dst, bool seals)
{
	for (; *size >= GROUP; *src += GROUP, *dst += GROUP, *size -= GROUP) {
		__m512i x[4], sealed[4];

		UNROLL for (int j = 0; j < 4; j++)
		{
			x[j] = state->counters;
			state->counters = counters_add(state->counters, 4);
		}
		encrypt_group(&state->spread, x);
		UNROLL for (int j = 0; j < 4; j++)
		{
			__m512i text = _mm512_loadu_si512(*src + 64 * j);

			x[j] = _mm512_xor_si512(x[j], text);
			sealed[j] = seals ? x[j] : text;
			_mm512_storeu_si512(*dst + 64 * j, x[j]);
		}
		state->hash = hash_group(key, state->hash, sealed);
	}
}

/* The last 1…255 bytes: powers are chosen so that the last block meets H. */
INLINE void crypt_rest(const struct aes_vaes *key, struct state *state, const uint8_t *src,
		       size_t size, uint8_t *dst, bool seals)
{
	struct product sum = {_mm512_setzero_si512(), _mm512_setzero_si512(),
			      _mm512_setzero_si512()};
	size_t power = AES_VAES_POWERS - (size + 15) / 16;
	__m512i hash = _mm512_zextsi128_si512(state->hash);

	for (; size; power += 4) {
		size_t n = size < 64 ? size : 64;
		__mmask64 mask = ~(__mmask64)0 >> (64 - n);
		__m512i text = _mm512_maskz_loadu_epi8(mask, src);
		__m512i x = encrypt_four(&state->spread, state->counters);

		x = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(x, text));
		_mm512_mask_storeu_epi8(dst, mask, x);
		product_add(&sum, _mm512_xor_si512(swap4(seals ? x : text), hash),
			    powers(key, power));
		hash = _mm512_setzero_si512();
		state->counters = counters_add(state->counters, 4);
		src += n;
		dst += n;
		size -= n;
	}
	state->hash = product_reduce(&sum);
}

/* Algorithms 4 and 5, up to the tag. */
INLINE __m128i crypt(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
		     size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst, bool seals)
{
	struct state state;
	__m128i lengths = _mm_set_epi64x((long long)aad_size * 8, (long long)size * 8);

	spread_keys(&state.spread, key);
	state.counters = counters_first(nonce);
	/* The first counter is the tag's; its register's others are of no use. */
	__m128i mask = _mm512_castsi512_si128(encrypt_four(&state.spread, state.counters));
	state.counters = counters_add(state.counters, 1);
	state.hash = hash_aad(key, aad, aad_size);
	crypt_groups(key, &state, &src, &size, &dst, seals);
	if (size)
		crypt_rest(key, &state, src, size, dst, seals);
	state.hash = multiply(_mm_xor_si128(state.hash, lengths),
			      load(key->powers[AES_VAES_POWERS - 1]));
	return _mm_xor_si128(_mm_shuffle_epi8(state.hash, swap_mask()), mask);
}

VAES void aes_vaes_seal(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
			size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst,
			uint8_t *tag)
{
	store(tag, crypt(key, nonce, aad, aad_size, src, size, dst, true));
}

VAES bool aes_vaes_open(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
			size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst,
			const uint8_t *tag)
{
	/* Taken before dst is written, of which it may be part. */
	__m128i given = load(tag);
	__m128i differs =
		_mm_xor_si128(given, crypt(key, nonce, aad, aad_size, src, size, dst, false));

	/* All bits at once: where a wrong tag differs does not show in the time. */
	if (_mm_testz_si128(differs, differs))
		return true;
	memset(dst, 0, size);
	return false;
}

#else

bool aes_vaes_works(void)
{
	return false;
}

void aes_vaes_set_key(struct aes_vaes *key, const uint8_t bytes[32])
{
	(void)key, (void)bytes;
}

void aes_vaes_seal(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
		   size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst, uint8_t *tag)
{
	(void)key, (void)nonce, (void)aad, (void)aad_size, (void)src, (void)size, (void)dst;
	(void)tag;
}

bool aes_vaes_open(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
		   size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst,
		   const uint8_t *tag)
{
	(void)key, (void)nonce, (void)aad, (void)aad_size, (void)src, (void)size, (void)dst;
	(void)tag;
	return false;
}

#endif
