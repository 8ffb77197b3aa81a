/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pair of devices joined by a wire. Each end is an object; expansion makes the one that is not
 * declared, and writes into both where the other is, in one spelling: bare within a namespace,
 * else "namespace/device" or "/device".
 */
#include <string.h>

#include "base/diag.h"
#include "kind/link.h"
#include "model/cascade.h"
#include "model/state.h"

struct veth {
	struct link link;
	const char *peer;
};

/* clang-format off */
static const struct field fields[] = {
	{"peer", &vtype_place, FIELD(veth, peer), .flags = FIELD_FIXED,
	 .doc = "the other end: device, namespace/device, or /device in the caller's namespace"},
};
/* clang-format on */

static const char *spelling(const struct object *from, const char *ns, const char *name,
			    struct arena *arena)
{
	if (text_same(from->ns, ns))
		return name;
	return arena_print(arena, "%s/%s", ns, name);
}

static bool meant(const struct object *end, const struct object *other)
{
	const char *peer = object_text(end, "peer");
	struct device_place place;

	if (!peer)
		return true;
	place = device_place_get(peer, end->ns);
	return text_same(place.ns, other->ns) && text_same(place.name, object_name(other));
}

static void join(struct object *end, struct object *other, struct state *state, struct diag *diag)
{
	struct place place = object_place_of(other, "peer");

	if (other == end || !kind_is(other->kind, "veth")) {
		diag_error(diag, object_place_of(end, "peer"), object_label(end, state->arena),
			   "peer %s is %s; expected the name of another virtual-ethernet",
			   object_text(end, "peer"), other == end ? "itself" : other->kind->name);
		return;
	}
	if (!meant(other, end)) {
		diag_error(diag, object_place_of(end, "peer"), object_label(end, state->arena),
			   "peer %s names %s as its own peer (line %u); expected both ends to name "
			   "each other",
			   object_text(end, "peer"), object_text(other, "peer"), place.line);
		return;
	}
	object_set(other, "peer", spelling(other, end->ns, object_name(end), state->arena),
		   state->arena);
}

static void expand(struct object *object, struct state *state, struct diag *diag)
{
	const char *peer = object_text(object, "peer");
	struct place where = object_place_of(object, "peer");
	struct device_place place;
	struct object *other;

	if (!peer)
		return; /* the other end may name this one; check sees whether it did */
	place = device_place_get(peer, object->ns);
	other = state_link(state, place.ns, place.name);
	if (!other) {
		other = object_make(state->arena, object->kind, place.ns);
		other->place = where;
		object_set(other, "name", place.name, state->arena);
		object_set(other, "up", "true", state->arena);
		state_add(state, other);
	}
	join(object, other, state, diag);
	((struct veth *)object->data)->peer =
		arena_text(state->arena, spelling(object, place.ns, place.name, state->arena));
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	if (!object_has_key(object, "peer") && !object_number(object, "existing", 0))
		err_hint(diag_error(diag, object->place, object_label(object, state->arena),
				    "has no other end; expected a peer here, or there"),
			 "peer: %s-peer", object_name(object));
}

static const struct kind_ops ops = {.expand = expand, .check = check};

const struct kind kind_veth = {
	.name = "veth",
	.section = "virtual-ethernets",
	.word = "veth",
	.config = "CONFIG_VETH",
	.module = "veth",
	.summary = "one end of a virtual wire; the other is made with it",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.flags = KIND_PAIR | KIND_HIGH_MAC,
	.size = sizeof(struct veth),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
