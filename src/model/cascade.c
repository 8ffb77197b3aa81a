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

static bool is_peer(const struct object *object, const struct object *other)
{
	const char *peer = object_text(object, "peer");
	struct device_place place;

	if (!peer || !(object->kind->flags & KIND_PAIR))
		return false;
	place = device_place_get(peer, object->ns);
	return text_same(place.ns, other->ns) && text_same(place.name, object_name(other));
}

/* Some key of `object` names `device` as what it cannot do without. */
static bool stands_on(const struct object *object, const char *device)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);
		bool owner = field->flags & FIELD_OWNER;

		if (!object_has(object, i) || !field->type->text ||
		    !(owner || (field->type->device && field->flags & FIELD_NEED)))
			continue;
		if (text_same(*(const char **)object_at(object, i), device))
			return true;
	}
	return false;
}

bool object_dies_with(const struct object *object, const struct object *gone)
{
	const char *name = object_name(gone);

	if (!name || object == gone)
		return false;
	if (gone->kind->door == DOOR_NETNS)
		return text_same(object->ns, name);
	if (is_peer(object, gone) || is_peer(gone, object))
		return true;
	if (!text_same(object->ns, gone->ns))
		return false;
	if (object->kind->device && text_same(object_name(object), name))
		return kind_is(gone->kind, "link");
	if (kind_is(gone->kind, "link"))
		return kind_root(object->kind)->rank != RANK_PEER && stands_on(object, name);
	return object->kind->owner && kind_is(gone->kind, object->kind->owner) &&
	       stands_on(object, name);
}

bool object_is_ipv6(const struct object *object)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);

		if (object_has(object, i) &&
		    (field->type == &vtype_prefix || field->type == &vtype_target))
			return ip_bits(&((const struct prefix *)object_at(object, i))->ip) == 128;
	}
	return false;
}

bool link_admits(const struct object *link, const struct object *object)
{
	enum rank rank = kind_root(object->kind)->rank;

	if (rank == RANK_ROUTE && !object_number(link, "up", 1))
		return false;
	if (rank != RANK_ADDRESS && rank != RANK_ROUTE)
		return true;
	return !object_is_ipv6(object) || object_number(link, "mtu", 1500) >= 1280;
}

void state_cascade(struct state *state, const struct object *gone, struct state *taken)
{
	size_t kept = 0, found = 0;
	struct object **dying = arena_alloc(state->arena, state->len * sizeof(*dying) + 1);

	for (size_t i = 0; i < state->len; i++) {
		struct object *object = state->objects[i];

		if (object == gone || object_order(object, gone) == 0) {
			if (taken)
				state_add(taken, object);
		} else if (object_dies_with(object, gone)) {
			dying[found++] = object;
			state->objects[kept++] = object; /* its own turn comes below */
		} else {
			state->objects[kept++] = object;
		}
	}
	state->len = kept;
	for (size_t i = 0; i < found; i++)
		if (state_find(state, dying[i]) == dying[i])
			state_cascade(state, dying[i], taken);
}
