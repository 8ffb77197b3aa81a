/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network namespace with a name, as ip-netns keeps them: machine-wide, under /run/netns. */
#include "model/kind.h"

struct namespace
{
	const char *name;
	uint8_t existing;
	uint64_t cookie;
};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_nsname, FIELD(namespace, name), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "name, the same on the whole machine"},
	{"existing", &vtype_bool, FIELD(namespace, existing), .flags = FIELD_FACE,
	 .initial = "false", .doc = "made by others: never created or deleted"},
	{"cookie", &vtype_u64, FIELD(namespace, cookie), .flags = FIELD_READ | FIELD_IDENT,
	 .doc = "the kernel's number of the namespace, never used twice"},
};
/* clang-format on */

const struct kind kind_namespace = {
	.name = "namespace",
	.section = "namespaces",
	.config = "CONFIG_NET_NS",
	.summary = "a network of its own on this machine: devices, addresses, routes, rules",
	KIND_FIELDS(fields),
	.size = sizeof(struct namespace),
	.rank = RANK_NAMESPACE,
	.door = DOOR_NETNS,
};
