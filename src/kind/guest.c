/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a machine behind a port: nothing is made of it, rules look at it. */
#include "model/kind.h"

struct guest {
	const char *name;
	struct mac macaddress;
	struct ip address;
};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_text, FIELD(guest, name), .flags = FIELD_KEY | FIELD_NEED, .max = 63,
	 .doc = "name"},
	{"macaddress", &vtype_mac, FIELD(guest, macaddress), .flags = FIELD_FACE,
	 .doc = "hardware address of the guest's own card"},
	{"address", &vtype_ip, FIELD(guest, address), .flags = FIELD_FACE,
	 .doc = "IP address the guest has"},
};
/* clang-format on */

const struct kind kind_guest = {
	.name = "guest",
	.section = "guests",
	.summary = "a machine behind a port; known so that mistakes can be named",
	KIND_FIELDS(fields),
	.size = sizeof(struct guest),
	.rank = RANK_FACT,
	.door = DOOR_NONE,
};
