/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VLAN in which a filtering bridge hands frames to the host itself: to a VLAN device over it. */
#include "kind/portvlan.h"

static const struct kind_ops ops = {.apply = portvlan_apply};

const struct kind kind_selfvlan = {
	.name = "selfvlan",
	.config = "CONFIG_BRIDGE_VLAN_FILTERING",
	.summary = "a VLAN of a bridge that the host itself is in",
	.base = &kind_portvlan,
	.owner = "bridge",
	.listed = "vlans",
	.listing = LISTING_NAMES,
	.size = sizeof(struct portvlan),
	.rank = RANK_PORT,
	.door = DOOR_OWN,
	.ops = &ops,
};
