/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A routing domain of its own: what its members send and receive is routed by its table. */
#include <linux/if_link.h>

#include "base/diag.h"
#include "kind/link.h"
#include "model/state.h"

struct vrf {
	struct link link;
	uint32_t table;
};

/* clang-format off */
static const struct field fields[] = {
	{"table", &vtype_u32, FIELD(vrf, table), .attr = IFLA_VRF_TABLE,
	 .flags = FIELD_NEED | FIELD_FIXED, .min = 1, .max = UINT32_MAX,
	 .doc = "number of its routing table"},
};
/* clang-format on */

/* Routes listed under it are of its table. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	const char *table =
		arena_print(state->arena, "%lld", (long long)object_number(object, "table", 254));
	struct object *route;

	for (size_t i = 0;
	     object_has_key(object, "table") && (route = state_next(state, "route", &i));)
		if (text_same(route->ns, object->ns) && !object_has_key(route, "table") &&
		    text_same(object_owner(route), object_name(object)))
			object_set(route, "table", table, state->arena);
}

static const struct kind_ops ops = {.expand = expand};

const struct kind kind_vrf = {
	.name = "vrf",
	.section = "vrfs",
	.word = "vrf",
	.config = "CONFIG_NET_VRF",
	.module = "vrf",
	.summary = "a routing domain: its members are routed by a table of their own",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.size = sizeof(struct vrf),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
