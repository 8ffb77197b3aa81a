/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device's place in a bond. */
#include <linux/if_link.h>

#include "model/kind.h"

struct bond_port {
	const char *device, *bond;
	uint32_t priority;
	uint16_t queue;
	uint8_t state, carrier;
};

static const char *const states[] = {"active", "backup", NULL};
static const char *const carriers[] = {"up", "going-down", "down", "coming-back", NULL};

/* clang-format off */
static const struct field fields[] = {
	{"device", &vtype_ref, FIELD(bond_port, device), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "the device that is one of several"},
	{"bond", &vtype_ref, FIELD(bond_port, bond), .attr = IFLA_MASTER,
	 .flags = FIELD_OWNER | FIELD_NEED | FIELD_TOP, .doc = "the bond it belongs to"},
	{"priority", &vtype_u32, FIELD(bond_port, priority), .attr = IFLA_BOND_SLAVE_PRIO,
	 .max = INT32_MAX, .initial = "0", .doc = "the highest is used next"},
	{"queue", &vtype_u16, FIELD(bond_port, queue), .attr = IFLA_BOND_SLAVE_QUEUE_ID,
	 .initial = "0", .doc = "packets of this queue leave by it"},
	{"state", &vtype_word, FIELD(bond_port, state), .attr = IFLA_BOND_SLAVE_STATE,
	 .flags = FIELD_READ | FIELD_COUNTS, .words = states, .doc = "whether it is used now"},
	{"monitored", &vtype_word, FIELD(bond_port, carrier), .attr = IFLA_BOND_SLAVE_MII_STATUS,
	 .flags = FIELD_READ | FIELD_COUNTS, .words = carriers, .doc = "what the monitor says"},
};
/* clang-format on */

const struct kind kind_bond_port = {
	.name = "bond-port",
	.summary = "a device's place in a bond",
	.config = "CONFIG_BONDING",
	.module = "bonding",
	.owner = "bond",
	.listed = "interfaces",
	.listed_map = "ports",
	.listing = LISTING_NAMES,
	KIND_FIELDS(fields),
	.flags = KIND_SLAVE | KIND_ENTERS_DOWN,
	.size = sizeof(struct bond_port),
	.rank = RANK_PORT,
	.door = DOOR_LINK,
};
