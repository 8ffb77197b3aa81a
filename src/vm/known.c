/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of a guest before it runs. What is declared stands in the store. A guest's MAC has
 * to stay, or its leases and its own configuration are lost; so where none is written it is made of
 * a seed that is drawn once and kept where bridges' MACs are, of the guest's name, and of whose
 * guest it is: however many names somebody thinks of, nothing more is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/siphash.h"
#include "lib/lib.h"
#include "vm/vm.h"

#define SEED "guests seed"

static int seed_draw(struct siphash_key *seed, struct err *err)
{
	struct store store;
	const char *kept;
	char text[33];
	int r = store_open(&store, true, err);

	if (r)
		return r;
	kept = store_fixed(&store, SEED); /* somebody drew it meanwhile */
	if (!kept && getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
		r = err_errno(err, -errno, "random bytes for MACs");
	snprintf(text, sizeof(text), "%016llx%016llx", (unsigned long long)seed->word[0],
		 (unsigned long long)seed->word[1]);
	if (!r && !kept)
		r = store_fix(&store, SEED, text, err);
	if (!r && kept && sscanf(kept, "%16lx%16lx", &seed->word[0], &seed->word[1]) != 2)
		r = err_set(err, -EINVAL, "%s/fixed: \"%s\" is no seed", store.lasting, kept);
	store_tidy(&store);
	store_close(&store);
	return r;
}

static int seed_get(struct store *store, struct siphash_key *seed, struct err *err)
{
	const char *kept = store_fixed(store, SEED);

	if (kept && sscanf(kept, "%16lx%16lx", &seed->word[0], &seed->word[1]) == 2)
		return 0;
	return seed_draw(seed, err);
}

/* 48 bits of name and user, from which nobody finds out another's. */
static uint64_t name_hash(const struct siphash_key *seed, const char *name, uid_t uid)
{
	uint64_t hash = siphash_words(seed, uid, strlen(name)), word;
	size_t left = strlen(name);

	while (left) {
		size_t size = left < 8 ? left : 8;

		word = 0;
		memcpy(&word, name, size);
		hash = siphash_words(seed, hash, word);
		name += size;
		left -= size;
	}
	return hash;
}

/* Locally administered (bit 1 of the first byte), unicast (bit 0 clear): IEEE 802-2014, 8.4. */
static void mac_print(uint64_t bits, char mac[18])
{
	snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x",
		 (unsigned int)((bits >> 40 & 0xfc) | 0x02), (unsigned int)(bits >> 32 & 0xff),
		 (unsigned int)(bits >> 24 & 0xff), (unsigned int)(bits >> 16 & 0xff),
		 (unsigned int)(bits >> 8 & 0xff), (unsigned int)(bits & 0xff));
}

/*
 * root's guest web has tap-web; where that is too long, no device's name or another user's, a few
 * letters of it and a number.
 */
static void device_print(const char *name, uid_t uid, uint64_t hash, char device[IFNAMSIZ])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	char start[5] = "", end[6] = "";
	char whole[IFNAMSIZ + 1];
	struct err unused;

	snprintf(whole, sizeof(whole), "tap-%s", name);
	if (uid == 0 && device_name_check(whole, &unused) == 0) {
		memcpy(device, whole, IFNAMSIZ);
		return;
	}
	for (size_t i = 0; i < 4 && name[i]; i++)
		start[i] = strchr(digits, name[i]) ? name[i] : '_';
	for (size_t i = 0; i < 5; i++, hash /= 36)
		end[i] = digits[hash % 36];
	snprintf(device, IFNAMSIZ, "tap-%s-%s", start, end);
}

static void declared_take(const struct object *object, struct arena *arena, struct vm_guest *guest)
{
	struct text text TEXT_CLEANUP = {0};
	int mac = kind_field_find(object->kind, "macaddress");

	if (mac >= 0 && object_has(object, (unsigned int)mac)) {
		object_print(object, (unsigned int)mac, &text);
		snprintf(guest->mac, sizeof(guest->mac), "%s", text_get(&text));
	}
	if (!object_has_key(object, "network"))
		return;
	guest->declared = true;
	guest->network = arena_text(arena, object_text(object, "network"));
	guest->queues = (unsigned int)object_number(object, "queues", 1);
	guest->owner = object_number(object, "owner", -1);
	guest->group = object_number(object, "group", -1);
	snprintf(guest->device, sizeof(guest->device), "%s", object_text(object, "device"));
}

static const struct object *declared_find(const struct store *store, const char *ns,
					  const char *name)
{
	for (size_t i = 0; i < store->len; i++) {
		for (size_t j = 0; j < store->committed[i]->len; j++) {
			const struct object *object = store->committed[i]->entries[j].object;

			if (kind_is(object->kind, "guest") && text_same(object->ns, ns) &&
			    text_same(object_name(object), name))
				return object;
		}
	}
	return NULL;
}

/* "ns1/lab" is in ns1. */
static const char *namespace_of(const struct vm_ask *ask, struct arena *arena)
{
	const char *slash = strrchr(ask->network, '/');

	return slash ? arena_textn(arena, ask->network, (size_t)(slash - ask->network)) : "";
}

int vm_guest_know(const struct vm_ask *ask, struct arena *arena, struct vm_guest *guest,
		  struct err *err)
{
	const struct object *object;
	struct siphash_key seed;
	struct store store;
	uint64_t hash = 0;
	int r = store_open(&store, false, err);

	*guest = (struct vm_guest){.owner = -1, .group = -1};
	if (r)
		return r;
	object = ask->guest ? declared_find(&store, namespace_of(ask, arena), ask->guest) : NULL;
	if (object)
		declared_take(object, arena, guest);
	/* what is declared is the same guest whoever starts it */
	if (ask->guest)
		r = seed_get(&store, &seed, err);
	else if (getrandom(&hash, sizeof(hash), 0) != sizeof(hash))
		r = err_errno(err, -errno, "random bytes for a MAC");
	store_close(&store);
	if (!r && ask->guest)
		hash = name_hash(&seed, ask->guest, object ? 0 : ask->uid);
	if (!r && !guest->mac[0])
		mac_print(hash >> 16, guest->mac);
	if (!r && ask->guest && !guest->device[0])
		device_print(ask->guest, ask->uid, hash, guest->device);
	return r;
}
