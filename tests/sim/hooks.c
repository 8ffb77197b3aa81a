/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the engine and its ciphers: the linker leads these calls through here (--wrap), so it is
 * the keys themselves that are watched, whatever the engine believes of its sessions. Of every key
 * there ever was it is known since when it is sealed with, and how far its counters have come.
 */
#include "sim/sim.h"

#define AEADS 256
#define BUCKETS 4096
#define OPENED 2048 /* counters of a key that are watched for coming twice */

struct key {
	uint64_t id;
	uint32_t next_key;	       /* in the bucket, plus one */
	uint64_t seal_born, open_born; /* by the clocks of those who hold it; 0: not so */
	uint64_t n_sealed, next[LANES_MAX];
	uint8_t opened[SIM_LANES][OPENED / 8];
};

/* A cipher that is alive, and its key. */
struct held {
	const struct aead *aead;
	enum suite suite;
	uint32_t key;
};

struct keys {
	struct key *keys;
	uint32_t n, len;
	uint32_t buckets[BUCKETS];
	struct held held[AEADS];
	uint64_t last_counter; /* of the last message sealed */
};

struct node *hooks_node;
static struct keys *keys;
static struct identity lowered[SUITE_COUNT];
static bool is_lowered;

/* Where the linker leads the calls, and what the true functions are called then. */
struct aead *__real_aead_new(struct crypto *crypto, enum suite suite, const uint8_t key[KEY_SIZE],
			     bool seals);
struct aead *__wrap_aead_new(struct crypto *crypto, enum suite suite, const uint8_t key[KEY_SIZE],
			     bool seals);
void __real_aead_free(struct aead *aead);
void __wrap_aead_free(struct aead *aead);
int __real_aead_seal(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad,
		     size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst);
int __wrap_aead_seal(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad,
		     size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst);
int __real_session_seal(struct session *session, uint8_t lane, const uint8_t *inner, size_t size,
			uint8_t *message);
int __wrap_session_seal(struct session *session, uint8_t lane, const uint8_t *inner, size_t size,
			uint8_t *message);
int __real_session_open(struct session *session, uint8_t lane, uint8_t *message, size_t size,
			uint64_t now, bool *greatest);
int __wrap_session_open(struct session *session, uint8_t lane, uint8_t *message, size_t size,
			uint64_t now, bool *greatest);
const struct identity *__real_identity_of(enum suite suite);
const struct identity *__wrap_identity_of(enum suite suite);

void hooks_init(struct world *world)
{
	const struct scenario *scenario = world->scenario;

	keys = calloc(1, sizeof(*keys));
	is_lowered = scenario->rekey_messages != 0;
	for (enum suite suite = 0; suite < SUITE_COUNT; suite++) {
		lowered[suite] = *__real_identity_of(suite);
		lowered[suite].rekey_after_messages = scenario->rekey_messages;
		lowered[suite].reject_after_messages = scenario->refuse_messages;
	}
}

void hooks_fini(struct world *world)
{
	world->tally.keys = keys->n;
	free(keys->keys);
	free(keys);
	keys = NULL;
	is_lowered = false;
}

const struct identity *__wrap_identity_of(enum suite suite)
{
	return is_lowered ? &lowered[suite] : __real_identity_of(suite);
}

/* The number of the key with these bytes, known or new. */
static uint32_t key_number(const uint8_t bytes[KEY_SIZE])
{
	uint64_t id = get_le64(bytes) ^ get_le64(bytes + 8) * 3 ^ get_le64(bytes + 16) * 5;
	uint32_t *bucket = &keys->buckets[id % BUCKETS];

	for (uint32_t at = *bucket; at; at = keys->keys[at - 1].next_key)
		if (keys->keys[at - 1].id == id)
			return at - 1;
	if (keys->n == keys->len) {
		keys->len = keys->len ? 2 * keys->len : 1024;
		keys->keys = realloc(keys->keys, keys->len * sizeof(*keys->keys));
	}
	keys->keys[keys->n] = (struct key){.id = id, .next_key = *bucket};
	*bucket = ++keys->n;
	return keys->n - 1;
}

/* The place of that cipher; of NULL: a free one. */
static struct held *find(const struct aead *aead, const struct aead *near)
{
	size_t start = (uintptr_t)near / 16;

	for (size_t i = start; keys && i < start + AEADS; i++)
		if (keys->held[i % AEADS].aead == aead)
			return &keys->held[i % AEADS];
	return NULL;
}

struct aead *__wrap_aead_new(struct crypto *crypto, enum suite suite, const uint8_t key[KEY_SIZE],
			     bool seals)
{
	struct aead *aead = __real_aead_new(crypto, suite, key, seals);
	struct node *node = hooks_node;
	struct held *held = aead && node ? find(NULL, aead) : NULL;

	if (!held) {
		if (aead && node)
			world_fail(node->world, "node %d does not free its ciphers", node->index);
		return aead;
	}
	*held = (struct held){aead, suite, key_number(key)};
	struct key *known = &keys->keys[held->key];
	if (seals && known->seal_born)
		world_fail(node->world, "node %d seals with a key that was sealed with before",
			   node->index);
	if (seals)
		known->seal_born = node_now(node);
	else if (!known->open_born)
		known->open_born = node_now(node);
	return aead;
}

void __wrap_aead_free(struct aead *aead)
{
	struct held *held = aead ? find(aead, aead) : NULL;

	if (held)
		*held = (struct held){0};
	__real_aead_free(aead);
}

static uint64_t counter_of(enum suite suite, const uint8_t nonce[NONCE_SIZE])
{
	uint64_t counter = 0;

	for (int i = 0; i < 8; i++)
		counter = counter << 8 | nonce[suite == SUITE_AES ? 4 + i : 11 - i];
	return counter;
}

/* No (key, lane, counter) twice; no key over its age or number of messages. */
static void check_seal(struct node *node, const struct held *held, uint64_t counter, uint8_t lane)
{
	struct world *world = node->world;
	const struct scenario *scenario = world->scenario;
	struct key *key = &keys->keys[held->key];
	uint64_t most = scenario->refuse_messages ? scenario->refuse_messages : 1ULL << 27;
	uint64_t age = node_now(node) - key->seal_born;

	if (strcmp(world->sabotage, "reuse") == 0 && key->n_sealed == 50)
		counter--;
	if (strcmp(world->sabotage, "old") == 0)
		age += 59 * SECOND_NS;
	if (lane >= LANES_MAX || counter < key->next[lane])
		world_fail(world, "node %d seals with counter %lu of lane %d again", node->index,
			   counter, lane);
	else
		key->next[lane] = counter + 1;
	if (age >= REJECT_AFTER_NS)
		world_fail(world, "node %d seals with a key %.3f s old", node->index,
			   (double)age / 1e9);
	if (++key->n_sealed > most && held->suite == SUITE_AES)
		world_fail(world, "node %d seals more than %lu messages with one key", node->index,
			   most);
	keys->last_counter = counter;
}

int __wrap_aead_seal(struct aead *aead, const uint8_t nonce[NONCE_SIZE], const void *aad,
		     size_t aad_size, const uint8_t *src, size_t size, uint8_t *dst)
{
	struct node *node = hooks_node;
	struct held *held = node ? find(aead, aead) : NULL;

	if (held)
		check_seal(node, held, counter_of(held->suite, nonce), nonce[3]);
	else if (node)
		world_fail(node->world, "node %d seals with a cipher it has freed", node->index);
	return __real_aead_seal(aead, nonce, aad, aad_size, src, size, dst);
}

/* Which frame is in it, and how much of that? */
static void note_inner(struct node *node, const uint8_t *inner, size_t size)
{
	node->seal_number = node->seal_share = 0;
	if (size < INNER_HEADER)
		return;
	size_t pad = inner[1] & 15;
	if (inner[0] == INNER_FRAME && size >= INNER_HEADER + 18 + pad) {
		node->seal_number = get_be32(inner + INNER_HEADER + 14) + 1;
		node->seal_share = (uint32_t)(size - INNER_HEADER - pad);
	} else if (inner[0] == INNER_PIECE && size >= PIECE_HEADER + pad) {
		if (get_be16(inner + 12) == 0)
			node->piece_number = get_be32(inner + PIECE_HEADER + 14) + 1;
		node->seal_number = node->piece_number;
		node->seal_share = (uint32_t)(size - PIECE_HEADER - pad);
	}
}

int __wrap_session_seal(struct session *session, uint8_t lane, const uint8_t *inner, size_t size,
			uint8_t *message)
{
	if (hooks_node)
		note_inner(hooks_node, inner, size);
	return __real_session_seal(session, lane, inner, size, message);
}

int __wrap_session_open(struct session *session, uint8_t lane, uint8_t *message, size_t size,
			uint64_t now, bool *greatest)
{
	struct node *node = hooks_node;
	uint64_t counter = get_le64(message + DATA_COUNTER);
	int rc = __real_session_open(session, lane, message, size, now, greatest);
	struct held *held = rc == 0 && node ? find(session->open, session->open) : NULL;

	if (!held)
		return rc;
	struct key *key = &keys->keys[held->key];
	uint8_t bit = (uint8_t)(1 << counter % 8);
	if (node_now(node) - key->open_born >= REJECT_AFTER_NS)
		world_fail(node->world, "node %d opens with a key %.3f s old", node->index,
			   (double)(node_now(node) - key->open_born) / 1e9);
	if (counter >= OPENED)
		return rc;
	if (key->opened[lane][counter / 8] & bit)
		world_fail(node->world, "node %d takes message %lu of a session twice", node->index,
			   counter);
	key->opened[lane][counter / 8] |= bit;
	return rc;
}

void hooks_check_datagram(struct node *node, const uint8_t *bytes, size_t size)
{
	if (size < DATA_OVERHEAD || bytes[0] != MESSAGE_DATA)
		return;
	if (get_le64(bytes + DATA_COUNTER) != keys->last_counter)
		world_fail(node->world, "node %d sends counter %lu, and sealed with %lu",
			   node->index, get_le64(bytes + DATA_COUNTER), keys->last_counter);
}
