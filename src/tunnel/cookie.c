/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/cookie.h"
#include <errno.h>
#include <string.h>
#include "tunnel/xchacha.h"

#define SECOND_NS 1000000000ULL
#define TOKEN_NS (SECOND_NS / 20)
#define TOKENS 5

/* HASH(label || public key) */
static void labelled_key(struct crypto *crypto, uint8_t out[HASH_SIZE], const char *label,
			 const uint8_t public_key[KEY_SIZE])
{
	crypto_hash(crypto, out, label, strlen(label), public_key, KEY_SIZE);
}

void cookie_checker_init(struct cookie_checker *checker, struct crypto *crypto,
			 const uint8_t public_key[KEY_SIZE], const struct entropy *entropy)
{
	*checker = (struct cookie_checker){.crypto = crypto, .load_limit = COOKIE_LOAD_LIMIT};
	for (int i = 0; i < SUITE_COUNT; i++) {
		const struct identity *id = identity_of(i);

		labelled_key(crypto, checker->mac1_key[i], id->label_mac1, public_key);
		labelled_key(crypto, checker->cookie_key[i], id->label_cookie, public_key);
	}
	entropy->fill(entropy->context, &checker->rate_key, sizeof(checker->rate_key));
}

void cookie_checker_fini(struct cookie_checker *checker)
{
	crypto_wipe(checker, sizeof(*checker));
}

enum suite cookie_find_suite(struct cookie_checker *checker, const uint8_t *message, size_t size)
{
	size_t at = size - MACS_SIZE;
	enum suite found = SUITE_COUNT;

	for (enum suite suite = 0; suite < SUITE_COUNT && found == SUITE_COUNT; suite++) {
		uint8_t mac1[MAC_SIZE];

		crypto_mac(checker->crypto, mac1, MAC_SIZE, checker->mac1_key[suite], HASH_SIZE,
			   message, at);
		if (crypto_same(mac1, message + at, MAC_SIZE))
			found = suite;
	}
	return crypto_failed(checker->crypto) ? SUITE_COUNT : found;
}

bool cookie_under_load(struct cookie_checker *checker, uint64_t now)
{
	if (now - checker->load_second_ns >= SECOND_NS) {
		checker->load_second_ns = now;
		checker->load_count = 0;
	}
	if (++checker->load_count > checker->load_limit)
		checker->load_until_ns = now + SECOND_NS;
	return now < checker->load_until_ns;
}

/* MAC(R, address || port) */
static void cookie_value(struct cookie_checker *checker, const uint8_t secret[KEY_SIZE],
			 const struct endpoint *from, uint8_t out[COOKIE_SIZE])
{
	size_t size = from->remote.family == 6 ? 16 : 4;
	uint8_t source[18];

	memcpy(source, from->remote.address, size);
	put_be16(source + size, from->remote.port);
	crypto_mac(checker->crypto, out, COOKIE_SIZE, secret, KEY_SIZE, source, size + 2);
}

bool cookie_check_mac2(struct cookie_checker *checker, const uint8_t *message, size_t size,
		       const struct endpoint *from, uint64_t now)
{
	size_t at = size - MAC_SIZE;
	uint64_t age = now - checker->secret_ns;
	bool good = false;

	/* R serves for 120 s, then as the one before for as long again. */
	if (!checker->secret_ns || age >= 2 * COOKIE_LIFE_NS)
		return false;
	bool renewed = age >= COOKIE_LIFE_NS; /* R is due for renewal: it is "the one before" */
	int candidates = checker->secret_before && !renewed ? 2 : 1;
	for (int i = 0; i < candidates; i++) {
		uint8_t cookie[COOKIE_SIZE], mac2[MAC_SIZE];

		cookie_value(checker, checker->secret[i], from, cookie);
		crypto_mac(checker->crypto, mac2, MAC_SIZE, cookie, COOKIE_SIZE, message, at);
		good |= crypto_same(mac2, message + at, MAC_SIZE);
	}
	return good && !crypto_failed(checker->crypto);
}

bool cookie_take_token(struct cookie_checker *checker, const struct endpoint *from, uint64_t now)
{
	uint64_t first = 0, second = from->remote.family;

	memcpy(&first, from->remote.address, from->remote.family == 6 ? 8 : 4);
	uint64_t hash = siphash_words(&checker->rate_key, first, second);
	struct rate_slot *slot = &checker->rates[hash % RATE_SLOTS];
	uint64_t full = slot->full_ns > now ? slot->full_ns : now;

	if (full - now > (TOKENS - 1) * TOKEN_NS)
		return false;
	slot->full_ns = full + TOKEN_NS;
	return true;
}

static void renew_secret(struct cookie_checker *checker, const struct entropy *entropy,
			 uint64_t now)
{
	uint64_t age = now - checker->secret_ns;

	if (checker->secret_ns && age < COOKIE_LIFE_NS)
		return;
	checker->secret_before = checker->secret_ns && age < 2 * COOKIE_LIFE_NS;
	memcpy(checker->secret[1], checker->secret[0], KEY_SIZE);
	entropy->fill(entropy->context, checker->secret[0], KEY_SIZE);
	checker->secret_ns = now ? now : 1;
}

int cookie_make_reply(struct cookie_checker *checker, enum suite suite, const uint8_t *message,
		      size_t size, const struct endpoint *from, const struct entropy *entropy,
		      uint64_t now, uint8_t out[COOKIE_MESSAGE_SIZE])
{
	uint8_t cookie[COOKIE_SIZE];

	renew_secret(checker, entropy, now);
	cookie_value(checker, checker->secret[0], from, cookie);
	put_le32(out, MESSAGE_COOKIE);
	memcpy(out + INDEX_OFFSET, message + INDEX_OFFSET, 4);
	entropy->fill(entropy->context, out + COOKIE_NONCE, XNONCE_SIZE);
	int rc = xchacha_seal(checker->crypto, checker->cookie_key[suite], out + COOKIE_NONCE,
			      message + size - MACS_SIZE, MAC_SIZE, cookie, COOKIE_SIZE,
			      out + COOKIE_SEALED);
	return rc == 0 && crypto_failed(checker->crypto) ? -EIO : rc;
}

void cookie_put_macs(struct crypto *crypto, struct cookie_jar *jar, enum suite suite,
		     const uint8_t public_key[KEY_SIZE], uint8_t *message, size_t size,
		     uint64_t now)
{
	uint8_t *mac1 = message + size - MACS_SIZE, *mac2 = mac1 + MAC_SIZE;
	uint8_t key[HASH_SIZE];

	labelled_key(crypto, key, identity_of(suite)->label_mac1, public_key);
	crypto_mac(crypto, mac1, MAC_SIZE, key, HASH_SIZE, message, (size_t)(mac1 - message));
	memcpy(jar->last_mac1, mac1, MAC_SIZE);
	jar->asked = true;
	if (jar->born_ns && now - jar->born_ns < COOKIE_LIFE_NS)
		crypto_mac(crypto, mac2, MAC_SIZE, jar->cookie, COOKIE_SIZE, message,
			   (size_t)(mac2 - message));
	else
		memset(mac2, 0, MAC_SIZE);
}

int cookie_read_reply(struct crypto *crypto, struct cookie_jar *jar, enum suite suite,
		      const uint8_t public_key[KEY_SIZE],
		      const uint8_t message[COOKIE_MESSAGE_SIZE], uint64_t now)
{
	uint8_t key[HASH_SIZE], cookie[COOKIE_SIZE];

	if (!jar->asked)
		return -EBADMSG;
	labelled_key(crypto, key, identity_of(suite)->label_cookie, public_key);
	int rc = xchacha_open(crypto, key, message + COOKIE_NONCE, jar->last_mac1, MAC_SIZE,
			      message + COOKIE_SEALED, COOKIE_SIZE, cookie);
	if (rc)
		return rc;
	memcpy(jar->cookie, cookie, COOKIE_SIZE);
	jar->born_ns = now ? now : 1;
	jar->asked = false;
	return 0;
}
