/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device that leads nowhere: a place for addresses. */
#include "kind/link.h"

struct dummy {
	struct link link;
};

const struct kind kind_dummy = {
	.name = "dummy",
	.section = "dummy-devices",
	.word = "dummy",
	.config = "CONFIG_DUMMY",
	.module = "dummy",
	.summary = "a device that leads nowhere: a place for addresses",
	.base = &kind_link,
	.size = sizeof(struct dummy),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
};
