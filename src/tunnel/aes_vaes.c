/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation. Counters of 16 blocks are encrypted at a time, four to a register, and
 * xored to the text. GHASH takes 16 blocks at a time as well: (A + C1) H^16 + C2 H^15 + … + C16 H,
 * whose products are summed unreduced and reduced once (the "aggregated reduction" of Gueron and
 * Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM
 * Mode"). A group is multiplied between the rounds of the next one's encryption: the multiplier is
 * a unit of its own, and a processor that meets 12 multiplications in a row does not look far
 * enough ahead to keep both at work. The last group's go with the rest of the message, under one
 * sum with it.
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
#define GROUP 256     /* bytes: four registers of four blocks */
#define OWED_STEPS 12 /* multiplications of a group: three a register */

/* What a message needs of its key, spread over the registers. */
struct spread {
	__m512i keys[ROUNDS + 1];
};

/* An unreduced sum of products, in four lanes; `middle` holds low and high once more. */
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

INLINE struct product nothing(void)
{
	return (struct product){_mm512_setzero_si512(), _mm512_setzero_si512(),
				_mm512_setzero_si512()};
}

INLINE __m512i fold(__m512i a)
{
	return _mm512_xor_si512(a, _mm512_shuffle_epi32(a, 0x4e));
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
	__m128i low = lanes_xor(sum->low), high = lanes_xor(sum->high);

	return reduce(low, _mm_xor_si128(lanes_xor(sum->middle), _mm_xor_si128(low, high)), high);
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
		store(key->folded[i], _mm_xor_si128(power, _mm_shuffle_epi32(power, 0x4e)));
		power = multiply(power, h);
	}
}

/* One of the three multiplications of four blocks, of which the first meets powers[power]. */
INLINE void product_step(struct product *sum, __m512i a, const struct aes_vaes *key, size_t power,
			 int step)
{
	__m512i b = _mm512_loadu_si512(step == 1 ? key->folded[power] : key->powers[power]);

	switch (step) {
	case 0:
		sum->low = _mm512_xor_si512(sum->low, _mm512_clmulepi64_epi128(a, b, 0x00));
		break;
	case 1:
		sum->middle =
			_mm512_xor_si512(sum->middle, _mm512_clmulepi64_epi128(fold(a), b, 0x00));
		break;
	default:
		sum->high = _mm512_xor_si512(sum->high, _mm512_clmulepi64_epi128(a, b, 0x11));
	}
}

INLINE void product_add(struct product *sum, __m512i a, const struct aes_vaes *key, size_t power)
{
	UNROLL for (int step = 0; step < 3; step++) product_step(sum, a, key, power, step);
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

/* A group that is encrypted already and still to be multiplied, between others' rounds. */
struct owed {
	__m512i blocks[4]; /* byte-swapped, the hash so far in the first of them */
	size_t power;	   /* which that one meets */
	struct product sum;
};

INLINE struct owed owe(const __m512i sealed[4], __m128i hash, size_t power)
{
	struct owed owed = {.power = power, .sum = nothing()};

	UNROLL for (int j = 0; j < 4; j++) owed.blocks[j] = swap4(sealed[j]);
	owed.blocks[0] = _mm512_xor_si512(owed.blocks[0], _mm512_zextsi128_si512(hash));
	return owed;
}

/*
 * n registers side by side: four keep the unit busy while each waits for its own result. What is
 * owed, if anything is, is paid.
 */
INLINE void encrypt(const struct spread *spread, __m512i *x, int n, const struct aes_vaes *key,
		    struct owed *owed)
{
	UNROLL for (int j = 0; j < n; j++) x[j] = _mm512_xor_si512(swap4(x[j]), spread->keys[0]);
	UNROLL for (int i = 0; i < ROUNDS - 1; i++)
	{
		UNROLL for (int j = 0; j < n; j++) x[j] =
			_mm512_aesenc_epi128(x[j], spread->keys[i + 1]);
		if (owed && i < OWED_STEPS)
			product_step(&owed->sum, owed->blocks[i / 3], key,
				     owed->power + 4 * (size_t)(i / 3), i % 3);
	}
	UNROLL for (int j = 0; j < n; j++) x[j] =
		_mm512_aesenclast_epi128(x[j], spread->keys[ROUNDS]);
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

/* A message on its way. */
struct state {
	struct spread spread;
	__m512i counters; /* the next four */
	__m128i hash;
	__m512i sealed[4]; /* the last group, not in the hash yet */
	bool owes;	   /* is there one? */
};

INLINE void counters_take(struct state *state, __m512i x[4])
{
	UNROLL for (int j = 0; j < 4; j++)
	{
		x[j] = state->counters;
		state->counters = counters_add(state->counters, 4);
	}
}

INLINE void crypt_group(const struct aes_vaes *key, struct state *state, const uint8_t *src,
			uint8_t *dst, bool seals)
{
	struct owed owed;
	__m512i x[4];

	counters_take(state, x);
	if (state->owes) {
		owed = owe(state->sealed, state->hash, AES_VAES_POWERS - 16);
		encrypt(&state->spread, x, 4, key, &owed);
		state->hash = product_reduce(&owed.sum);
	} else {
		encrypt(&state->spread, x, 4, key, NULL);
	}
	UNROLL for (int j = 0; j < 4; j++)
	{
		__m512i text = _mm512_loadu_si512(src + 64 * j);

		x[j] = _mm512_xor_si512(x[j], text);
		state->sealed[j] = seals ? x[j] : text;
		_mm512_storeu_si512(dst + 64 * j, x[j]);
	}
	state->owes = true;
}

/* Up to 64 bytes. Returns them sealed, with zeros behind. */
INLINE __m512i crypt_masked(__m512i x, const uint8_t *src, size_t size, uint8_t *dst, bool seals)
{
	__mmask64 mask = ~(__mmask64)0 >> (64 - size);
	__m512i text = _mm512_maskz_loadu_epi8(mask, src);

	x = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(x, text));
	_mm512_mask_storeu_epi8(dst, mask, x);
	return seals ? x : text;
}

/*
 * The last 0…255 bytes, the lengths, and what the hash is masked with (from the first counter), all
 * side by side. Powers are chosen so that the lengths meet H. Returns the tag.
 */
INLINE __m128i crypt_rest(const struct aes_vaes *key, struct state *state, __m512i first,
			  __m128i lengths, const uint8_t *src, size_t size, uint8_t *dst,
			  bool seals)
{
	size_t power = AES_VAES_POWERS - 1 - (size + 15) / 16;
	__m512i hash = _mm512_zextsi128_si512(state->hash), x[5] = {first};
	struct owed owed = {.sum = nothing()};

	counters_take(state, x + 1);
	if (state->owes) {
		owed = owe(state->sealed, state->hash, power - 16);
		hash = _mm512_setzero_si512();
		encrypt(&state->spread, x, 5, key, &owed);
	} else if (size <= 128) {
		encrypt(&state->spread, x, 3, key, NULL);
	} else {
		encrypt(&state->spread, x, 5, key, NULL);
	}
	UNROLL for (int j = 0; j < 4; j++)
	{
		if (size > 64 * (size_t)j) {
			size_t left = size - 64 * (size_t)j;
			__m512i sealed = crypt_masked(x[j + 1], src + 64 * j, left < 64 ? left : 64,
						      dst + 64 * j, seals);

			product_add(&owed.sum, _mm512_xor_si512(swap4(sealed), hash), key,
				    power + 4 * (size_t)j);
			hash = _mm512_setzero_si512();
		}
	}
	product_add(&owed.sum, _mm512_xor_si512(_mm512_zextsi128_si512(lengths), hash), key,
		    AES_VAES_POWERS - 1);
	return _mm_xor_si128(_mm_shuffle_epi8(product_reduce(&owed.sum), swap_mask()),
			     _mm512_castsi512_si128(x[0]));
}

/* Algorithms 4 and 5, up to the tag. */
INLINE __m128i crypt(const struct aes_vaes *key, const uint8_t nonce[12], const uint8_t *aad,
		     size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst, bool seals)
{
	struct state state = {.owes = false};
	__m128i lengths = _mm_set_epi64x((long long)aad_size * 8, (long long)size * 8);
	/* The first counter is the tag's; its register's others are of no use. */
	__m512i first = counters_first(nonce);
	size_t end = size - size % GROUP;

	spread_keys(&state.spread, key);
	state.counters = counters_add(first, 1);
	state.hash = hash_aad(key, aad, aad_size);
	for (size_t at = 0; at < end; at += GROUP)
		crypt_group(key, &state, src + at, dst + at, seals);
	return crypt_rest(key, &state, first, lengths, src + end, size - end, dst + end, seals);
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
