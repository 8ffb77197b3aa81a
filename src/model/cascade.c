/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/cascade.h"

#include <stdio.h>
#include <string.h>

struct device_place device_place_get(const char *text, const char *ns)
{
	const char *slash = strrchr(text, '/');
	struct device_place place;

	snprintf(place.name, sizeof(place.name), "%s", slash ? slash + 1 : text);
	if (slash)
		snprintf(place.ns, sizeof(place.ns), "%.*s", (int)(slash - text), text);
	else
		snprintf(place.ns, sizeof(place.ns), "%s", ns);
	return place;
}

struct device_place device_place_of(const struct object *object, unsigned int i)
{
	return device_place_get(*(const char *const *)object_at(object, i), object->ns);
}

static bool is_peer(const struct object *object, const struct object *other)
{
	const char *peer = object_text(object, "peer");
	struct device_place place;

	if (!peer || !(object->kind->flags & KIND_PAIR))
		return false;
	place = device_place_get(peer, object->ns);
	return text_same(place.ns, other->ns) && text_same(place.name, object_name(other));
}

/* It cannot do without what this key names: it is in it, or made on it. */
static bool is_vital(const struct field *field)
{
	return field->flags & FIELD_OWNER || field->type == &vtype_lower ||
	       (field->type->device && field->flags & FIELD_NEED);
}

/* Some key of `object` names `device` as what it cannot do without. */
static bool stands_on(const struct object *object, const char *ns, const char *device)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);
		struct device_place place;

		if (!object_has(object, i) || !field->type->text || field->flags & FIELD_FACE ||
		    !is_vital(field))
			continue;
		place = device_place_of(object, i);
		if (text_same(place.ns, ns) && text_same(place.name, device))
			return true;
	}
	return false;
}

/* What the master of its device holds for it (an entry of a bridge's table). */
static bool in_master(const struct object *object)
{
	return object->kind->flags & KIND_IN_MASTER && object_number(object, "master", 0);
}

bool object_dies_with(const struct object *object, const struct object *gone)
{
	const char *name = object_title(gone);

	if (!name || object == gone)
		return false;
	if (gone->kind->door == DOOR_NETNS)
		return text_same(object->ns, name);
	if (is_peer(object, gone) || is_peer(gone, object))
		return true;
	if (kind_is(gone->kind, "link") && kind_root(object->kind)->rank != RANK_PEER &&
	    stands_on(object, gone->ns, name))
		return true;
	if (!text_same(object->ns, gone->ns))
		return false;
	if (object->kind->device && text_same(object_name(object), name))
		return kind_is(gone->kind, "link");
	if (gone->kind->flags & KIND_SLAVE && in_master(object))
		return stands_on(object, gone->ns, name);
	return !kind_is(gone->kind, "link") && object->kind->owner &&
	       kind_is(gone->kind, object->kind->owner) && stands_on(object, gone->ns, name);
}

bool object_is_ipv6(const struct object *object)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);

		if (object_has(object, i) && field->type == &vtype_ip && field->flags & FIELD_KEY)
			return ip_bits(object_at(object, i)) == 128;
		if (object_has(object, i) &&
		    (field->type == &vtype_prefix || field->type == &vtype_target))
			return ip_bits(&((const struct prefix *)object_at(object, i))->ip) == 128;
	}
	return false;
}

bool object_is_ipv6_value(const struct object *object)
{
	/* other values (a port's VLAN, a queue) need have no name */
	const char *name = object->kind->flags & KIND_VALUE ? object_name(object) : NULL;

	return name && text_starts(name, "net.ipv6.");
}

bool link_admits(const struct object *link, const struct object *object)
{
	enum rank rank = kind_root(object->kind)->rank;
	bool hangs = rank == RANK_ADDRESS || rank == RANK_ROUTE || rank == RANK_NEIGHBOUR;

	if (rank == RANK_ROUTE && !object_number(link, "up", 1))
		return false;
	if (!object_is_ipv6_value(object) && !(hangs && object_is_ipv6(object)))
		return true;
	return object_number(link, "mtu", 1500) >= LINK_IPV6_MTU;
}

static struct object *killer_named(const struct state *gone, const struct object *object,
				   const struct kind *root, const char *ns, const char *name)
{
	struct object *found = state_at(gone, ns, root, name);

	return found && object_dies_with(object, found) ? found : NULL;
}

/* The device, or the owner of another sort, that a key of `object` cannot do without. */
static struct object *killer_in_keys(const struct state *gone, const struct object *object,
				     const struct kind *link)
{
	const struct kind *owner = object->kind->owner ? kind_find(object->kind->owner) : NULL;
	struct object *found = NULL;

	for (unsigned int i = 0; !found && i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);
		struct device_place place;

		if (!object_has(object, i) || !field->type->text || field->flags & FIELD_FACE ||
		    !(field->flags & FIELD_NEED || is_vital(field)))
			continue;
		place = device_place_of(object, i);
		found = killer_named(gone, object, link, place.ns, place.name);
		if (!found && owner && field->flags & FIELD_OWNER)
			found = killer_named(gone, object, kind_root(owner), place.ns, place.name);
	}
	return found;
}

/* The place under a master, of the device whose entry in the master's table it is. */
static struct object *killer_slave(const struct state *gone, const struct object *object)
{
	struct object *found = NULL;

	for (size_t i = 0; !found && kinds[i]; i++)
		if (kinds[i]->flags & KIND_SLAVE)
			found = killer_named(gone, object, kinds[i], object->ns,
					     object_owner(object));
	return found;
}

struct object *state_killer(const struct state *gone, const struct object *object)
{
	const struct kind *link = kind_find("link"), *space = kind_find("namespace");
	const char *peer = object->kind->flags & KIND_PAIR ? object_text(object, "peer") : NULL;
	struct object *found = NULL;

	if (object->ns[0])
		found = killer_named(gone, object, space, "", object->ns);
	if (!found && peer) {
		struct device_place place = device_place_get(peer, object->ns);

		found = killer_named(gone, object, link, place.ns, place.name);
	}
	if (!found && object->kind->device)
		found = killer_named(gone, object, link, object->ns, object_name(object));
	if (!found && in_master(object))
		found = killer_slave(gone, object);
	return found ? found : killer_in_keys(gone, object, link);
}

void state_cascade_all(struct state *state, struct state *going, struct state *taken)
{
	size_t before;

	do {
		size_t kept = 0;

		before = going->len;
		for (size_t i = 0; i < state->len; i++) {
			struct object *object = state->objects[i];

			if (!state_find(going, object) && !state_killer(going, object)) {
				state->objects[kept++] = object;
				continue;
			}
			state_put(going, object);
			if (taken)
				state_add(taken, object);
		}
		state->len = kept;
	} while (going->len != before);
}

void state_cascade(struct state *state, const struct object *gone, struct state *taken)
{
	struct state going;

	state_init(&going, state->arena);
	state_put(&going, (struct object *)gone);
	if (taken)
		state_add(taken, (struct object *)gone);
	state_remove(state, gone);
	state_cascade_all(state, &going, taken);
}
