/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/mac_table.h"
#include <errno.h>
#include <sys/mman.h>

#define MS_NS 1000000
#define CACHED 2048 /* so many entries stay in the nearer caches by themselves */

/* Zero bytes that cost nothing until they are written. */
static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int mac_table_init(struct mac_table *table, uint32_t capacity, const struct siphash_key *key)
{
	*table = (struct mac_table){.key = *key, .capacity = capacity, .n_heads = 2 * capacity};
	table->entries = map(capacity * sizeof(*table->entries));
	table->heads = map(table->n_heads * sizeof(*table->heads));
	if (table->entries && table->heads)
		return 0;
	mac_table_fini(table);
	return -ENOMEM;
}

void mac_table_fini(struct mac_table *table)
{
	if (table->entries)
		munmap(table->entries, table->capacity * sizeof(*table->entries));
	if (table->heads)
		munmap(table->heads, table->n_heads * sizeof(*table->heads));
	*table = (struct mac_table){0};
}

static uint32_t *head_of(const struct mac_table *table, uint64_t key)
{
	return &table->heads[siphash_words(&table->key, key, 0) & (table->n_heads - 1)];
}

/* The link that leads to the entry of `key`, or the chain's end. */
static uint32_t *link_to(const struct mac_table *table, uint64_t key)
{
	uint32_t *link = head_of(table, key);

	while (*link && table->entries[*link - 1].key != key)
		link = &table->entries[*link - 1].next;
	return link;
}

bool mac_table_is_large(const struct mac_table *table)
{
	return table->count >= CACHED;
}

void mac_table_expect(const struct mac_table *table, const uint64_t *keys, uint32_t n)
{
	const uint32_t *heads[MAC_EXPECT_MAX];

	if (!mac_table_is_large(table))
		return;
	for (uint32_t i = 0; i < n; i++) {
		heads[i] = head_of(table, keys[i]);
		__builtin_prefetch(heads[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		if (*heads[i])
			__builtin_prefetch(&table->entries[*heads[i] - 1]);
}

/* Milliseconds wrap after 49 days; entries live for minutes. */
static uint32_t to_ms(uint64_t ns)
{
	return (uint32_t)(ns / MS_NS);
}

static bool is_aged(const struct mac_entry *entry, uint32_t now_ms)
{
	return now_ms - entry->seen_ms >= (uint32_t)(MAC_AGE_NS / MS_NS);
}

static void forget(struct mac_table *table, uint32_t *link)
{
	uint32_t number = *link;
	struct mac_entry *entry = &table->entries[number - 1];

	*link = entry->next;
	entry->place->count--;
	entry->place = NULL;
	entry->next = table->free;
	table->free = number;
	table->count--;
}

static enum mac_learned add(struct mac_table *table, uint64_t key, struct mac_place *place,
			    uint32_t now_ms)
{
	uint32_t number = table->free;

	if (place->count >= place->limit || (!number && table->used == table->capacity)) {
		place->refused++;
		return MAC_REFUSED;
	}
	if (number)
		table->free = table->entries[number - 1].next;
	else
		number = ++table->used;
	uint32_t *head = head_of(table, key);
	table->entries[number - 1] = (struct mac_entry){
		.key = key, .place = place, .seen_ms = now_ms, .since_ms = now_ms, .next = *head};
	*head = number;
	place->count++;
	table->count++;
	return MAC_NEW;
}

static enum mac_learned see(struct mac_entry *entry, uint32_t now_ms)
{
	/* Not for nothing: the line would have to go back to memory. */
	if (entry->seen_ms != now_ms)
		entry->seen_ms = now_ms;
	return MAC_KNOWN;
}

enum mac_learned mac_table_learn(struct mac_table *table, uint64_t key, struct mac_place *place,
				 uint64_t now)
{
	uint32_t now_ms = to_ms(now);

	/* Frames of one source come in rows. */
	struct mac_entry *entry = &table->entries[table->last];
	if (entry->key == key && entry->place == place)
		return see(entry, now_ms);
	uint32_t *link = link_to(table, key);
	if (!*link)
		return add(table, key, place, now_ms);
	entry = &table->entries[*link - 1];
	if (entry->place == place) {
		table->last = *link - 1;
		return see(entry, now_ms);
	}
	if (is_aged(entry, now_ms)) {
		forget(table, link);
		return add(table, key, place, now_ms);
	}
	if (now_ms - entry->since_ms < (uint32_t)(MAC_HOLD_NS / MS_NS))
		return MAC_HELD;
	/* It moves: off the old place's account, and onto the new one's if that has room. */
	forget(table, link);
	table->moves++;
	return add(table, key, place, now_ms) == MAC_NEW ? MAC_MOVED : MAC_REFUSED;
}

struct mac_place *mac_table_find(const struct mac_table *table, uint64_t key, uint64_t now)
{
	uint32_t number = *link_to(table, key);

	if (!number || is_aged(&table->entries[number - 1], to_ms(now)))
		return NULL;
	return table->entries[number - 1].place;
}

void mac_table_sweep(struct mac_table *table, uint32_t budget, uint64_t now)
{
	uint32_t now_ms = to_ms(now);

	if (budget > table->used)
		budget = table->used;
	for (uint32_t i = 0; i < budget; i++) {
		struct mac_entry *entry = &table->entries[table->cursor];

		if (entry->place && is_aged(entry, now_ms))
			forget(table, link_to(table, entry->key));
		table->cursor = (table->cursor + 1) % table->used;
	}
}

void mac_table_forget(struct mac_table *table, struct mac_place *place)
{
	for (uint32_t i = 0; i < table->used && place->count; i++) {
		struct mac_entry *entry = &table->entries[i];

		if (entry->place == place)
			forget(table, link_to(table, entry->key));
	}
}
