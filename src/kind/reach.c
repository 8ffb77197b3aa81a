/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another network that one agrees to be reached by and to reach; the other has to agree, too. */
#include "base/diag.h"
#include "model/state.h"

struct reach {
	const char *network, *name;
};

/* clang-format off */
static const struct field fields[] = {
	{"network", &vtype_device, FIELD(reach, network),
	 .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the network that agrees"},
	{"name", &vtype_device, FIELD(reach, name), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "the other network"},
};
/* clang-format on */

static bool answered(const struct object *object, const struct state *state)
{
	const struct object *other;

	for (size_t i = 0; (other = state_next(state, "reach", &i));)
		if (text_same(other->ns, object->ns) &&
		    text_same(object_text(other, "network"), object_name(object)) &&
		    text_same(object_name(other), object_text(object, "network")))
			return true;
	return false;
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const char *other = object_name(object);

	if (!state_named(state, "network", object->ns, other) || answered(object, state))
		return;
	err_hint(diag_warning(diag, object->place, object_label(object, state->arena),
			      "%s does not name %s in its own reach, so they do not reach each "
			      "other",
			      other, object_text(object, "network")),
		 "%s: {reach: [%s]}", other, object_text(object, "network"));
}

static const struct kind_ops ops = {.check = check};

const struct kind kind_reach = {
	.name = "reach",
	.summary = "another network that this one may reach",
	.owner = "network",
	.listed = "reach",
	.listing = LISTING_NAMES,
	KIND_FIELDS(fields),
	.size = sizeof(struct reach),
	.rank = RANK_FACT,
	.door = DOOR_NONE,
	.ops = &ops,
};
