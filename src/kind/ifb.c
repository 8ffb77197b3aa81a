/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device that traffic is led through to be shaped on its way in. */
#include "kind/link.h"
#include "model/object.h"

struct ifb {
	struct link link;
};

/* Its driver takes a MAC address at creation only. */
static uint64_t fixed(const struct object *have, const struct object *want)
{
	return UINT64_C(1) << kind_field_find(want->kind, "macaddress");
}

static const struct kind_ops ops = {.fixed = fixed};

const struct kind kind_ifb = {
	.name = "ifb",
	.section = "ifbs",
	.word = "ifb",
	.config = "CONFIG_IFB",
	.module = "ifb",
	.summary = "a device that traffic is led through to be shaped on its way in",
	.base = &kind_link,
	.size = sizeof(struct ifb),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
