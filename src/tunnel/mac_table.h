/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Behind whom each address lives (doc/protocol.md section 10). All memory is mapped at start and
 * touched as it fills; chains in a dense array, so that ageing walks what is there and no more.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/siphash.h"

#define MAC_AGE_NS 300000000000ULL
#define MAC_HOLD_NS 1000000000ULL
#define MAC_ENTRIES 131072
#define MAC_EXPECT_MAX 32

/* A place an address can live at: a peer, or the own side. Owned by whoever that is. */
struct mac_place {
	uint32_t count, limit;
	uint64_t refused; /* frames whose source was over the limit */
};

struct mac_entry {
	uint64_t key;		    /* frame_mac_key */
	struct mac_place *place;    /* NULL: the entry is free */
	uint32_t seen_ms, since_ms; /* since: learned or moved */
	uint32_t next;		    /* in chain or free list: index plus one; 0 ends */
};

struct mac_table {
	struct siphash_key key;
	struct mac_entry *entries; /* `used` of them were ever taken */
	uint32_t *heads;
	uint32_t capacity, n_heads, used, count, free, cursor;
	uint32_t last; /* that was learned once more; it may be free by now */
	uint64_t moves;
};

enum mac_learned { MAC_KNOWN, MAC_NEW, MAC_MOVED, MAC_HELD, MAC_REFUSED };

/* `capacity` a power of two. -ENOMEM. */
int mac_table_init(struct mac_table *table, uint32_t capacity, const struct siphash_key *key);
void mac_table_fini(struct mac_table *table);

/* Too large for the nearer caches? */
bool mac_table_is_large(const struct mac_table *table);

/*
 * These are going to be looked up, MAC_EXPECT_MAX at most. Of many thousand addresses none is in
 * the caches: this waits for memory once for all.
 */
void mac_table_expect(const struct mac_table *table, const uint64_t *keys, uint32_t n);

/* A frame with that source came from `place`. HELD: it moved less than a second ago. */
enum mac_learned mac_table_learn(struct mac_table *table, uint64_t key, struct mac_place *place,
				 uint64_t now);

/* Where it lives; NULL: nowhere known. */
struct mac_place *mac_table_find(const struct mac_table *table, uint64_t key, uint64_t now);

/* Forgets what has aged, looking at no more than `budget` entries. */
void mac_table_sweep(struct mac_table *table, uint32_t budget, uint64_t now);

/* Forgets everything that lives at `place`. */
void mac_table_forget(struct mac_table *table, struct mac_place *place);
