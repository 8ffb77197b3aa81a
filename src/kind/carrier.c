/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The carrier of a TAP or TUN that nobody holds open. Made by the key keep-carrier: the keeper
 * holds a queue of the device that takes no packets. The first queue decides what stands before
 * packets, so that is said here.
 */
#include "model/kind.h"

struct carrier {
	const char *name;
	uint8_t vnet_hdr, packet_info;
};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_device, FIELD(carrier, name), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "name of the device"},
	{"vnet-hdr", &vtype_bool, FIELD(carrier, vnet_hdr), .flags = FIELD_INNER,
	 .doc = "whoever opens it reads and writes offload headers"},
	{"packet-info", &vtype_bool, FIELD(carrier, packet_info), .flags = FIELD_INNER,
	 .doc = "whoever opens it reads and writes 4 bytes of protocol"},
};
/* clang-format on */

const struct kind kind_carrier = {
	.name = "carrier",
	.summary = "the carrier of a TAP or TUN that nobody holds, made by its key keep-carrier",
	.device = "tuntap",
	KIND_FIELDS(fields),
	.flags = KIND_HIDDEN,
	.size = sizeof(struct carrier),
	.rank = RANK_TUNNEL,
	.door = DOOR_KEEPER,
};
