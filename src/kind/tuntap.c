/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base of TAP and TUN: devices whose other end is a process. */
#include "kind/tuntap.h"

#include <linux/if_link.h>

#include "model/state.h"

/* clang-format off */
static const struct field fields[] = {
	{"owner", &vtype_user, FIELD(tuntap, owner), .attr = IFLA_TUN_OWNER,
	 .flags = FIELD_ANEW, .initial = "0",
	 .doc = "user who may open it; root, unless owner or group is said"},
	{"group", &vtype_group, FIELD(tuntap, group), .attr = IFLA_TUN_GROUP,
	 .flags = FIELD_ANEW,
	 .doc = "group whose members may open it (with owner: only that user in that group)"},
	{"multi-queue", &vtype_bool, FIELD(tuntap, multi_queue), .attr = IFLA_TUN_MULTI_QUEUE,
	 .flags = FIELD_FIXED, .initial = "false",
	 .doc = "may be opened several times; QEMU's ifname= then needs queues="},
	{"vnet-hdr", &vtype_bool, FIELD(tuntap, vnet_hdr), .attr = IFLA_TUN_VNET_HDR,
	 .flags = FIELD_ASIDE, .initial = "false",
	 .doc = "packets carry offload headers; whoever opens it decides anew"},
	{"packet-info", &vtype_bool, FIELD(tuntap, packet_info), .attr = IFLA_TUN_PI,
	 .flags = FIELD_ASIDE, .initial = "false",
	 .doc = "packets carry 4 bytes of protocol; whoever opens it decides anew"},
	{"persistent", &vtype_bool, FIELD(tuntap, persistent), .attr = IFLA_TUN_PERSIST,
	 .flags = FIELD_READ, .doc = "stays when nobody holds it open"},
};
/* clang-format on */

/*
 * A persistent device with neither owner nor group may be opened by everybody who may open
 * /dev/net/tun, and Debian lets everybody: so it is root's unless the text says whose.
 */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	if (!object_has_key(object, "owner") && !object_has_key(object, "group") &&
	    !object_number(object, "existing", 0) && !object_number(object, "bare", 0))
		object_set(object, "owner", "0", state->arena);
}

static const struct kind_ops ops = {.expand = expand};

const struct kind kind_tuntap = {
	.name = "tuntap",
	.summary = "what TAP and TUN devices have in common",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.flags = KIND_HIDDEN,
	.size = sizeof(struct tuntap),
	.rank = RANK_LINK,
	.door = DOOR_TUN,
	.ops = &ops,
};
