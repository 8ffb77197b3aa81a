/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A IPVLAN whose packets a process has: a VM, through a device node. */
#include "kind/ipvlan.h"
#include "model/state.h"

struct ipvtap {
	struct ipvlan ipvlan;
	uint32_t owner, group;
	const char *node;
};

/* clang-format off */
static const struct field fields[] = {
	{"owner", &vtype_user, FIELD(ipvtap, owner), .initial = "0",
	 .doc = "user who may open its device node"},
	{"group", &vtype_group, FIELD(ipvtap, group), .initial = "0",
	 .doc = "group whose members may open it, too"},
	{"node", &vtype_path, FIELD(ipvtap, node), .flags = FIELD_READ,
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

const struct kind kind_ipvtap = {
	.name = "ipvtap",
	.section = "ipvtaps",
	.word = "ipvtap",
	.config = "CONFIG_IPVTAP",
	.module = "ipvtap",
	.summary = "an ipvlan whose packets a process has (a VM), through a device node",
	.base = &kind_ipvlan,
	KIND_FIELDS(fields),
	.size = sizeof(struct ipvtap),
	.rank = RANK_LINK,
	.door = DOOR_NODE,
	.ops = &ops,
};
