/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device that traffic is led through to be shaped on its way in. */
#include "kind/link.h"

struct ifb {
	struct link link;
};

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
};
