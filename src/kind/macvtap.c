/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A MACVLAN whose packets a process has: a VM, through a device node. */
#include "kind/macvlan.h"
#include "model/state.h"

struct macvtap {
	struct macvlan macvlan;
	uint32_t owner, group;
	const char *node;
};

/* clang-format off */
static const struct field fields[] = {
	{"owner", &vtype_user, FIELD(macvtap, owner), .initial = "0",
	 .doc = "user who may open its device node"},
	{"group", &vtype_group, FIELD(macvtap, group), .initial = "0",
	 .doc = "group whose members may open it, too"},
	{"node", &vtype_path, FIELD(macvtap, node), .flags = FIELD_READ,
	 .doc = "its device node (/dev/tapN may be that of another namespace's)"},
};
/* clang-format on */

/* It is root's unless the text says whose. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	if (!object_has_key(object, "owner") && !object_number(object, "existing", 0))
		object_set(object, "owner", "0", state->arena);
}

static const struct kind_ops ops = {.expand = expand};

const struct kind kind_macvtap = {
	.name = "macvtap",
	.section = "macvtaps",
	.word = "macvtap",
	.config = "CONFIG_MACVTAP",
	.module = "macvtap",
	.summary = "a macvlan whose packets a process has (a VM), through a device node",
	.base = &kind_macvlan,
	KIND_FIELDS(fields),
	.size = sizeof(struct macvtap),
	.rank = RANK_LINK,
	.door = DOOR_NODE,
	.ops = &ops,
};
