/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/state.h"

#include <stdlib.h>
#include <string.h>

#include "model/cascade.h"

void state_init(struct state *state, struct arena *arena)
{
	*state = (struct state){.arena = arena};
}

void state_add(struct state *state, struct object *object)
{
	state->objects = arena_room(state->arena, state->objects, state->len, sizeof(object));
	state->objects[state->len++] = object;
	state->sorted = false;
}

static int by_order(const void *a, const void *b)
{
	return object_order(*(struct object *const *)a, *(struct object *const *)b);
}

static bool is_sorted(const struct state *state)
{
	for (size_t i = 1; i < state->len; i++)
		if (object_order(state->objects[i - 1], state->objects[i]) > 0)
			return false;
	return true;
}

void state_sort(struct state *state)
{
	if (!is_sorted(state))
		qsort(state->objects, state->len, sizeof(*state->objects), by_order);
	state->sorted = true;
}

/* The first place whose object is not before `like`. */
static size_t lower(const struct state *state, const struct object *like)
{
	size_t low = 0, high = state->len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (object_order(state->objects[middle], like) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct object *state_find(const struct state *state, const struct object *like)
{
	size_t at = lower(state, like);

	if (at < state->len && object_order(state->objects[at], like) == 0)
		return state->objects[at];
	return NULL;
}

void state_put(struct state *state, struct object *object)
{
	size_t at = lower(state, object);

	if (at < state->len && object_order(state->objects[at], object) == 0) {
		state->objects[at] = object;
		return;
	}
	state_add(state, object);
	state->sorted = true;
	memmove(state->objects + at + 1, state->objects + at,
		(state->len - 1 - at) * sizeof(*state->objects));
	state->objects[at] = object;
}

void state_remove(struct state *state, const struct object *like)
{
	size_t at = lower(state, like);

	if (at >= state->len || object_order(state->objects[at], like) != 0)
		return;
	state->len--;
	memmove(state->objects + at, state->objects + at + 1,
		(state->len - at) * sizeof(*state->objects));
}

void state_forget(struct state *state, const struct object *object)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->len; i++)
		if (state->objects[i] != object)
			state->objects[kept++] = state->objects[i];
	state->len = kept;
}

struct object *state_named(const struct state *state, const char *kind, const char *ns,
			   const char *name)
{
	struct object *object;

	for (size_t i = 0; (object = state_next(state, kind, &i));)
		if (text_same(object->ns, ns) && text_same(object_title(object), name))
			return object;
	return NULL;
}

static int named_order(const struct object *object, const char *ns, const struct kind *root,
		       const char *name)
{
	const struct kind *its = kind_root(object->kind);
	int order = text_compare(object->ns, ns);

	if (!order)
		order = (its->rank > root->rank) - (its->rank < root->rank);
	if (!order && its != root)
		order = strcmp(its->name, root->name);
	return order ? order : text_compare(object_title(object), name);
}

struct object *state_at(const struct state *state, const char *ns, const struct kind *root,
			const char *name)
{
	for (size_t low = 0, high = state->len; low < high;) {
		size_t middle = (low + high) / 2;
		int order = named_order(state->objects[middle], ns, root, name);

		if (!order)
			return state->objects[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct object *state_link(const struct state *state, const char *ns, const char *name)
{
	if (!state->sorted)
		return state_named(state, "link", ns, name);
	return state_at(state, ns, kind_find("link"), name);
}

struct object *state_owner(const struct state *state, const struct object *object)
{
	const char *owner = object_owner(object), *kind = object->kind->owner;
	struct object *found;

	if (!owner)
		return NULL;
	found = state_link(state, object->ns, owner);
	if (kind && !(found && kind_is(found->kind, kind)) && strcmp(kind, "link") != 0)
		found = state_named(state, kind, object->ns, owner);
	/* the kernel may have another kind of device under that name */
	return found ? found : state_link(state, object->ns, owner);
}

struct object *state_numbered(const struct state *state, const struct object *like)
{
	int ident = kind_field_find(like->kind, "ifindex");

	if (ident < 0 || !kind_is(like->kind, "link") || !object_has(like, (unsigned int)ident))
		return NULL;
	for (size_t i = 0; i < state->len; i++) {
		struct object *object = state->objects[i];

		if (object->kind == like->kind && text_same(object->ns, like->ns) &&
		    object_has(object, (unsigned int)ident) && !object_other(object, like))
			return object;
	}
	return NULL;
}

struct object *state_next(const struct state *state, const char *kind, size_t *i)
{
	while (*i < state->len) {
		struct object *object = state->objects[(*i)++];

		if (kind_is(object->kind, kind))
			return object;
	}
	return NULL;
}

void state_copy(struct state *to, const struct state *from)
{
	for (size_t i = 0; i < from->len; i++)
		state_add(to, object_copy(to->arena, from->objects[i]));
}

static void name_add(struct arena *arena, const char ***names, size_t *len, const char *name)
{
	for (size_t i = 0; i < *len; i++)
		if (text_same((*names)[i], name))
			return;
	*names = arena_room(arena, *names, *len, sizeof(name));
	(*names)[(*len)++] = name;
}

size_t state_namespaces(const struct state *state, struct arena *arena, const char ***names)
{
	size_t len = 0;

	*names = NULL;
	name_add(arena, names, &len, "");
	for (size_t i = 0; i < state->len; i++) {
		const struct object *object = state->objects[i];

		name_add(arena, names, &len, object->ns);
		for (unsigned int f = 0; f < kind_field_count(object->kind); f++)
			if (object_has(object, f) && kind_field(object->kind, f)->type->device)
				name_add(arena, names, &len,
					 arena_text(arena, device_place_of(object, f).ns));
		if (object->kind->door == DOOR_NETNS)
			name_add(arena, names, &len, object_name(object));
	}
	return len;
}

void state_want_value(struct state *state, const char *ns, const char *name, const char *value,
		      struct place place)
{
	struct object *object;

	if (state_named(state, "sysctl", ns, name))
		return;
	object = object_make(state->arena, kind_find("sysctl"), ns);
	object->place = place;
	object_set(object, "name", name, state->arena);
	object_set(object, "value", value, state->arena);
	state_add(state, object);
}

void state_want_own_values(struct state *state, const struct object *device)
{
	char *name = arena_text(state->arena, object_name(device));
	struct object *object = object_make(state->arena, kind_find("sysctl"), device->ns);

	for (char *c = name; *c; c++)
		*c = *c == '.' ? '/' : *c;
	object_set(object, "name", arena_print(state->arena, "net.ipv6.conf.%s", name),
		   state->arena);
	object_set(object, "device", object_name(device), state->arena);
	object_set(object, "others", STATE_OWN_VALUES, state->arena);
	state_add(state, object);
}

void state_want_pvid(struct state *state, const struct object *from, const char *device, bool self)
{
	bool tagged = object_number(from, "pvid-tagged", 0);
	struct object *object;

	if (!object_has_key(from, "pvid") || state_named(state, "pvid", from->ns, device))
		return;
	object = object_make(state->arena, kind_find("pvid"), from->ns);
	object->place = object_place_of(from, "pvid");
	object_set(object, "device", device, state->arena);
	object_set(object, "id",
		   arena_print(state->arena, "%u", (unsigned int)object_number(from, "pvid", 0)),
		   state->arena);
	object_set(object, "tagged", tagged ? "true" : "false", state->arena);
	object_set(object, "self", self ? "true" : "false", state->arena);
	state_add(state, object);
}
