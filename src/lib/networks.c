/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The networks that descriptions here made, and what their guests got: what a network is says the
 * text, its addresses the system, its leases the keeper.
 */
#include <string.h>

#include "lib/lib.h"
#include "model/describe.h"

static json_t *addresses_describe(const struct object *network, const struct state *actual)
{
	json_t *list = json_array(), *one;
	const struct object *address;

	for (size_t i = 0; (address = state_next(actual, "address", &i));) {
		if (address->automatic || !text_same(address->ns, network->ns) ||
		    !text_same(object_owner(address), object_name(network)))
			continue;
		one = json_object();
		describe_fields(address, FIELD_FACE | FIELD_INNER | FIELD_OWNER, one);
		json_array_append_new(list, one);
	}
	return list;
}

/* The committed object of a kind that the forward's name means; NULL: none. */
static const struct object *guest_find(const struct committed *committed, const char *kind,
				       const struct object *forward, const char *name, size_t size)
{
	for (size_t i = 0; i < committed->len; i++) {
		const struct object *object = committed->entries[i].object;

		if (kind_is(object->kind, kind) && text_same(object->ns, forward->ns) &&
		    strlen(object_name(object)) == size &&
		    memcmp(object_name(object), name, size) == 0 &&
		    (!object_owner(object) ||
		     text_same(object_owner(object), object_owner(forward))))
			return object;
	}
	return NULL;
}

/* The MAC by which it is followed, and what the text says it has; what it has a lease of is added
 * when the keeper has answered. */
static json_t *forward_describe(const struct object *forward, const struct committed *committed)
{
	static const char *const keys[] = {"address", "address6"};
	const char *to = object_text(forward, "to") ?: "", *colon = strrchr(to, ':');
	size_t size = colon ? (size_t)(colon - to) : 0;
	const struct object *guest = guest_find(committed, "reservation", forward, to, size)
					     ?: guest_find(committed, "guest", forward, to, size);
	json_t *json = json_object(), *leads = json_array();

	describe_fields(forward, FIELD_INNER | FIELD_OWNER, json);
	for (int i = 0; guest && i < 2; i++)
		if (object_has_key(guest, keys[i])) {
			struct text text TEXT_CLEANUP = {0};

			object_print(guest, (unsigned int)kind_field_find(guest->kind, keys[i]),
				     &text);
			json_array_append_new(leads, json_string(text_get(&text)));
		}
	if (guest && object_has_key(guest, "macaddress")) {
		struct text text TEXT_CLEANUP = {0};

		object_print(guest, (unsigned int)kind_field_find(guest->kind, "macaddress"),
			     &text);
		json_object_set_new(json, "macaddress", json_string(text_get(&text)));
	}
	if (!guest)
		json_array_append_new(leads, json_stringn(to + (to[0] == '['),
							  size - 2 * (size_t)(to[0] == '[')));
	json_object_set_new(json, "addresses", leads);
	return json;
}

static json_t *forwards_describe(const struct object *network, const struct committed *committed)
{
	json_t *list = json_array();

	for (size_t i = 0; i < committed->len; i++) {
		const struct object *object = committed->entries[i].object;

		if (kind_is(object->kind, "forward") && text_same(object->ns, network->ns) &&
		    text_same(object_owner(object), object_name(network)))
			json_array_append_new(list, forward_describe(object, committed));
	}
	return list;
}

/* Where the keeper led those that follow leases. */
static void followed_add(json_t *network)
{
	const json_t *followed = json_object_get(network, "followed");
	json_t *forward, *address;
	size_t i, j;

	json_array_foreach(json_object_get(network, "forwards"), i, forward)
	{
		const char *mac = json_string_value(json_object_get(forward, "macaddress"));

		json_array_foreach(json_object_get(followed, mac ?: ""), j, address)
			json_array_append(json_object_get(forward, "addresses"), address);
	}
	json_object_del(network, "followed");
}

static bool same_network(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "name"), json_object_get(b, "name")) &&
	       json_equal(json_object_get(a, "namespace"), json_object_get(b, "namespace"));
}

/* What the keeper says of it is added: leases, and what is wrong. */
static void running_add(json_t *list, json_t *running)
{
	json_t *one, *network;
	size_t i, j;

	json_array_foreach(running, i, one)
	{
		bool found = false;

		json_array_foreach(list, j, network)
		{
			if (same_network(one, network)) {
				json_object_update_missing(network, one);
				found = true;
			}
		}
		/* who may not read the store may still be one whom the keeper answers */
		if (!found)
			json_array_append(list, one);
	}
	json_array_foreach(list, j, network)
	{
		if (!json_object_get(network, "leases"))
			json_object_set_new(network, "leases", json_array());
		followed_add(network);
	}
}

static json_t *network_describe(const struct object *network, const struct committed *committed,
				const struct state *actual)
{
	bool bridge = state_named(actual, "bridge", network->ns, object_name(network));
	json_t *to = json_object();

	json_object_set_new(to, "name", describe_text(object_name(network)));
	json_object_set_new(to, "namespace", describe_text(network->ns));
	describe_fields(network, FIELD_INNER, to);
	json_object_set_new(to, "bridge",
			    bridge ? describe_text(object_name(network)) : json_null());
	json_object_set_new(to, "description", describe_text(committed->name));
	json_object_set_new(to, "addresses", addresses_describe(network, actual));
	json_object_set_new(to, "forwards", forwards_describe(network, committed));
	return to;
}

json_t *networks_describe(const struct store *store, const struct state *actual, json_t *running)
{
	json_t *list = json_array();

	for (size_t i = 0; i < store->len; i++)
		for (size_t j = 0; j < store->committed[i]->len; j++) {
			const struct object *object = store->committed[i]->entries[j].object;

			if (kind_is(object->kind, "network"))
				json_array_append_new(
					list,
					network_describe(object, store->committed[i], actual));
		}
	running_add(list, running);
	return list;
}

void networks_hindered(const struct store *store, struct arena *arena, struct diag *diag)
{
	struct state state;

	for (size_t i = 0; i < store->len; i++) {
		const struct committed *committed = store->committed[i];

		state_init(&state, arena);
		for (size_t j = 0; j < committed->len; j++)
			state_add(&state, committed->entries[j].object);
		state_sort(&state);
		hindered_tell(&state, diag);
	}
}
