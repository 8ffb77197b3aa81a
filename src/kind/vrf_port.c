/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device's place in a VRF. */
#include <linux/if_link.h>

#include "model/kind.h"

struct vrf_port {
	const char *device, *vrf;
};

/* clang-format off */
static const struct field fields[] = {
	{"device", &vtype_ref, FIELD(vrf_port, device), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "the device that is routed there"},
	{"vrf", &vtype_ref, FIELD(vrf_port, vrf), .attr = IFLA_MASTER,
	 .flags = FIELD_OWNER | FIELD_NEED | FIELD_TOP, .doc = "the VRF it belongs to"},
};
/* clang-format on */

const struct kind kind_vrf_port = {
	.name = "vrf-port",
	.config = "CONFIG_NET_VRF",
	.module = "vrf",
	.summary = "a device's place in a VRF",
	.owner = "vrf",
	.listed = "interfaces",
	.listing = LISTING_NAMES,
	KIND_FIELDS(fields),
	.flags = KIND_SLAVE,
	.size = sizeof(struct vrf_port),
	.rank = RANK_PORT,
	.door = DOOR_LINK,
};
