/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device that carries one VLAN of another. */
#include <linux/if_link.h>

#include "kind/link.h"

struct vlan {
	struct link link;
	const char *lower, *ingress, *egress;
	uint16_t id;
	uint8_t protocol, reorder, gvrp, mvrp, loose, bound;
};

/* Bits of IFLA_VLAN_FLAGS, by number (linux/if_vlan.h has them by value). */
enum { REORDER, GVRP, LOOSE, MVRP, BOUND };

/* clang-format off */
static const struct field fields[] = {
	{"link", &vtype_lower, FIELD(vlan, lower), .attr = IFLA_LINK,
	 .flags = FIELD_TOP | FIELD_NEED | FIELD_FIXED, .doc = "the device whose VLAN it is"},
	{"id", &vtype_u16, FIELD(vlan, id), .attr = IFLA_VLAN_ID,
	 .flags = FIELD_NEED | FIELD_FIXED, .min = 0, .max = 4094,
	 .doc = "number of the VLAN; 0 is for frames that have a priority only"},
	{"protocol", &vtype_vlan_protocol, FIELD(vlan, protocol), .attr = IFLA_VLAN_PROTOCOL,
	 .flags = FIELD_FIXED,
	 .initial = "802.1q", .doc = "802.1q: a customer's tag; 802.1ad: a provider's (QinQ)"},
	{"reorder-header", &vtype_bit, FIELD(vlan, reorder), .attr = IFLA_VLAN_FLAGS,
	 .min = REORDER, .initial = "true",
	 .doc = "taps on this device see frames without the tag"},
	{"gvrp", &vtype_bit, FIELD(vlan, gvrp), .attr = IFLA_VLAN_FLAGS, .min = GVRP,
	 .initial = "false", .doc = "the switch is told of the VLAN by GVRP"},
	{"mvrp", &vtype_bit, FIELD(vlan, mvrp), .attr = IFLA_VLAN_FLAGS, .min = MVRP,
	 .initial = "false", .doc = "the switch is told of the VLAN by MVRP"},
	{"loose-binding", &vtype_bit, FIELD(vlan, loose), .attr = IFLA_VLAN_FLAGS,
	 .min = LOOSE, .initial = "false",
	 .doc = "stays up when the device below goes down"},
	{"bridge-binding", &vtype_bit, FIELD(vlan, bound), .attr = IFLA_VLAN_FLAGS,
	 .min = BOUND, .initial = "false",
	 .doc = "on a bridge: has carrier while a port of that VLAN has"},
	{"ingress-qos-map", &vtype_map, FIELD(vlan, ingress), .attr = IFLA_VLAN_INGRESS_QOS,
	 .min = 7, .max = UINT32_MAX, .initial = "",
	 .doc = "priority of the tag to that of the packet"},
	{"egress-qos-map", &vtype_map, FIELD(vlan, egress), .attr = IFLA_VLAN_EGRESS_QOS, .max = 7,
	 .initial = "", .doc = "priority of the packet to that of the tag"},
};
/* clang-format on */

const struct kind kind_vlan = {
	.name = "vlan",
	.section = "vlans",
	.word = "vlan",
	.config = "CONFIG_VLAN_8021Q",
	.module = "8021q",
	.summary = "a device that carries one VLAN of another, by its tag",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.size = sizeof(struct vlan),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
};
