/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network card, or what looks like one: it exists, and is configured or moved. */
#include "kind/link.h"
#include "model/state.h"

struct ethernet {
	struct link link;
	const char *home;
};

/* clang-format off */
static const struct field fields[] = {
	{"home", &vtype_place, FIELD(ethernet, home), .flags = FIELD_INNER | FIELD_ASIDE,
	 .doc = "where it is taken from when it stands in a namespace"},
};
/* clang-format on */

/* A card in a namespace comes from the caller's, and goes back there. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	if (object->ns[0] && !object_has_key(object, "home"))
		object_set(object, "home", arena_print(state->arena, "/%s", object_name(object)),
			   state->arena);
}

static const struct kind_ops ops = {.expand = expand};

const struct kind kind_ethernet = {
	.name = "ethernet",
	.section = "ethernets",
	.summary =
		"a network card that exists; under a namespace it is moved there, and back at down",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.flags = KIND_EXISTING | KIND_MOVES,
	.size = sizeof(struct ethernet),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
