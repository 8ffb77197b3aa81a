/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bridge without a MAC of its own takes one from its ports, changes it when they change, and two
 * hosts made from one image may end up with the same. So each gets a random one, drawn once and
 * kept under the name of host and bridge.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/lib.h"

static bool mac_taken(const struct state *state, const struct mac *mac)
{
	for (size_t i = 0; i < state->len; i++) {
		const struct mac *other = object_value(state->objects[i], "macaddress", &vtype_mac);

		if (other && memcmp(other, mac, sizeof(*mac)) == 0)
			return true;
	}
	return false;
}

/* Locally administered (bit 1 of the first byte), unicast (bit 0 clear): IEEE 802-2014, 8.4. */
static int mac_draw(const struct state *desired, char *text, size_t size, struct err *err)
{
	struct mac mac;

	do {
		if (getrandom(mac.bytes, sizeof(mac.bytes), 0) != sizeof(mac.bytes))
			return err_errno(err, -errno, "random bytes for a MAC");
		mac.bytes[0] = (mac.bytes[0] & 0xfe) | 0x02;
	} while (mac_taken(desired, &mac));
	snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac.bytes[0], mac.bytes[1],
		 mac.bytes[2], mac.bytes[3], mac.bytes[4], mac.bytes[5]);
	return 0;
}

/* It is promised already, with no MAC of ours: the one that it has stays. */
static bool promised_bare(const struct visit *visit, const struct object *object)
{
	const struct entry *entry = NULL;

	for (size_t i = 0; i < visit->store.len && !entry; i++)
		entry = committed_find(visit->store.committed[i], object);
	return entry && !object_has_key(entry->object, "macaddress");
}

static int mac_give(struct visit *visit, struct state *desired, struct object *object,
		    const char *host, bool draw, struct err *err)
{
	const char *key = arena_print(&visit->arena, "%s%s%s %s macaddress", host ? host : "",
				      host ? "/" : "", object->kind->name,
				      object_label(object, &visit->arena));
	const char *kept = store_fixed(&visit->store, key);
	char drawn[18];
	int r;

	if (!kept && !draw)
		return 0;
	if (!kept) {
		r = mac_draw(desired, drawn, sizeof(drawn), err);
		if (!r)
			r = store_fix(&visit->store, key, drawn, err);
		if (r)
			return r;
		kept = drawn;
	}
	object_set(object, "macaddress", kept, desired->arena);
	return 0;
}

/* With --adopt somebody's bridge may be taken over: it keeps the address its LAN knows it by. */
static int actual_read(struct visit *visit, const struct state *desired, struct state *actual,
		       struct err *err)
{
	state_init(actual, &visit->arena);
	if (!visit->loom->adopt)
		return 0;
	return visit->world->ops->read(visit->world, desired, actual, err);
}

int fixed_macs(struct visit *visit, struct state *desired, const char *host, bool draw,
	       struct err *err)
{
	struct state actual;
	int r = actual_read(visit, desired, &actual, err);

	for (size_t i = 0; !r && i < desired->len; i++) {
		struct object *object = desired->objects[i];

		if (!(object->kind->flags & KIND_OWN_MAC) || object_has_key(object, "macaddress") ||
		    object_number(object, "existing", 0) || object_number(object, "bare", 0) ||
		    object_has_key(object, "uplink") || promised_bare(visit, object) ||
		    state_find(&actual, object))
			continue;
		r = mac_give(visit, desired, object, host, draw, err);
	}
	return r;
}
