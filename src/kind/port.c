/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device's place in a bridge, with what the bridge holds for it. */
#include <linux/if_link.h>

#include "base/diag.h"
#include "base/text.h"
#include "model/state.h"

struct port {
	const char *device, *bridge, *backup_port;
	uint32_t cost;
	uint16_t priority, group_forward_mask, pvid;
	uint8_t isolated, hairpin, learning, flood, multicast_flood, broadcast_flood, fast_leave;
	uint8_t pvid_tagged, multicast_to_unicast, neighbour_suppression, proxy_arp, guard,
		root_block, state, source_guard;
	uint8_t proxy_arp_wifi, multicast_router, vlan_tunnel, locked;
};

static const char *const states[] = {
	"disabled", "listening", "learning", "forwarding", "blocking", NULL,
};

/* MDB_RTR_TYPE_* of linux/if_bridge.h */
static const char *const routers[] = {"never", "auto", "always", "for-now", NULL};

/* clang-format off */
static const struct field fields[] = {
	{"device", &vtype_ref, FIELD(port, device), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "the device that is plugged in"},
	{"bridge", &vtype_ref, FIELD(port, bridge), .attr = IFLA_MASTER,
	 .flags = FIELD_OWNER | FIELD_NEED | FIELD_TOP, .doc = "the bridge it is plugged into"},
	/* 1…65535: BR_MAX_PATH_COST, and 0…63: BR_MAX_PORT_PRIORITY (br_private_stp.h) */
	{"cost", &vtype_u32, FIELD(port, cost), .attr = IFLA_BRPORT_COST, .min = 1, .max = 65535,
	 .flags = FIELD_ANEW, .spread = "parameters.path-cost",
	 .doc = "STP cost of the path through it; without one, by the speed of the device"},
	{"priority", &vtype_u16, FIELD(port, priority), .attr = IFLA_BRPORT_PRIORITY, .min = 0,
	 .max = 63, .initial = "32", .spread = "parameters.port-priority", .doc = "STP priority"},
	{"pvid", &vtype_u16, FIELD(port, pvid), .flags = FIELD_FACE, .max = 4094,
	 .doc = "VLAN of frames without a tag, 0: none; without it, the bridge's vlan-default-pvid"},
	{"pvid-tagged", &vtype_bool, FIELD(port, pvid_tagged), .flags = FIELD_FACE,
	 .initial = "false", .doc = "frames of the pvid leave with a tag all the same"},
	{"isolated", &vtype_bool, FIELD(port, isolated), .attr = IFLA_BRPORT_ISOLATED,
	 .initial = "false", .doc = "no frames from or to other isolated ports"},
	{"hairpin", &vtype_bool, FIELD(port, hairpin), .attr = IFLA_BRPORT_MODE,
	 .initial = "false", .doc = "frames may leave where they came in"},
	{"learning", &vtype_bool, FIELD(port, learning), .attr = IFLA_BRPORT_LEARNING,
	 .initial = "true", .doc = "learn addresses from its frames"},
	{"flood", &vtype_bool, FIELD(port, flood), .attr = IFLA_BRPORT_UNICAST_FLOOD,
	 .initial = "true", .doc = "gets frames to unknown addresses"},
	{"multicast-flood", &vtype_bool, FIELD(port, multicast_flood),
	 .attr = IFLA_BRPORT_MCAST_FLOOD, .initial = "true", .doc = "gets unasked multicast"},
	{"broadcast-flood", &vtype_bool, FIELD(port, broadcast_flood),
	 .attr = IFLA_BRPORT_BCAST_FLOOD, .initial = "true", .doc = "gets broadcasts"},
	{"multicast-to-unicast", &vtype_bool, FIELD(port, multicast_to_unicast),
	 .attr = IFLA_BRPORT_MCAST_TO_UCAST, .initial = "false",
	 .doc = "multicast is sent to each listener's own address"},
	{"fast-leave", &vtype_bool, FIELD(port, fast_leave), .attr = IFLA_BRPORT_FAST_LEAVE,
	 .initial = "false", .doc = "multicast stops at the first leave"},
	{"neighbour-suppression", &vtype_bool, FIELD(port, neighbour_suppression),
	 .attr = IFLA_BRPORT_NEIGH_SUPPRESS, .initial = "false",
	 .doc = "the bridge answers ARP and ND for hosts behind it where it knows them"},
	{"proxy-arp", &vtype_bool, FIELD(port, proxy_arp), .attr = IFLA_BRPORT_PROXYARP,
	 .initial = "false", .doc = "the bridge answers ARP for hosts behind it"},
	{"proxy-arp-wifi", &vtype_bool, FIELD(port, proxy_arp_wifi),
	 .attr = IFLA_BRPORT_PROXYARP_WIFI, .initial = "false",
	 .doc = "the same also towards ports that have it (IEEE 802.11 proxy ARP)"},
	{"guard", &vtype_bool, FIELD(port, guard), .attr = IFLA_BRPORT_GUARD, .initial = "false",
	 .doc = "the port is closed when an STP frame comes in"},
	{"source-guard", &vtype_bool, FIELD(port, source_guard), .flags = FIELD_FACE,
	 .doc = "what is behind it cannot pretend to be others (on where the network gives leases)"},
	{"root-block", &vtype_bool, FIELD(port, root_block), .attr = IFLA_BRPORT_PROTECT,
	 .initial = "false", .doc = "never becomes the STP root port"},
	{"group-forward-mask", &vtype_u16, FIELD(port, group_forward_mask),
	 .attr = IFLA_BRPORT_GROUP_FWD_MASK, .min = 0, .max = 65535, .initial = "0",
	 .doc = "which of 01:80:c2:00:00:0X are forwarded, one bit each"},
	{"multicast-router", &vtype_word, FIELD(port, multicast_router),
	 .attr = IFLA_BRPORT_MULTICAST_ROUTER, .words = routers, .initial = "auto",
	 .doc = "whether a router of multicast is behind it, which gets it all"},
	{"vlan-tunnel", &vtype_bool, FIELD(port, vlan_tunnel), .attr = IFLA_BRPORT_VLAN_TUNNEL,
	 .initial = "false", .doc = "VLANs become tunnel ids, as the VLANs' table has them"},
	{"locked", &vtype_bool, FIELD(port, locked), .attr = IFLA_BRPORT_LOCKED,
	 .initial = "false", .doc = "frames only from addresses that an fdb entry allows here"},
	{"backup-port", &vtype_ref, FIELD(port, backup_port), .attr = IFLA_BRPORT_BACKUP_PORT,
	 .flags = FIELD_LATER, .initial = "", .doc = "port that gets its frames while it has no carrier"},
	{"state", &vtype_word, FIELD(port, state), .attr = IFLA_BRPORT_STATE,
	 .flags = FIELD_READ | FIELD_COUNTS, .words = states, .doc = "what STP makes of it now"},
};
/* clang-format on */

static void expand(struct object *object, struct state *state, struct diag *diag)
{
	const struct port *port = object->data;

	state_want_pvid(state, object, port->device, false);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct port *port = object->data;

	if (port->device && text_same(port->device, port->bridge))
		diag_error(diag, object->place, object_label(object, state->arena),
			   "is the bridge itself; expected other devices");
}

static const struct kind_ops ops = {.expand = expand, .check = check};

const struct kind kind_port = {
	.name = "port",
	.summary = "a device's place in a bridge",
	.owner = "bridge",
	.listed = "interfaces",
	.listed_map = "ports",
	.listing = LISTING_NAMES,
	KIND_FIELDS(fields),
	.flags = KIND_SLAVE,
	.size = sizeof(struct port),
	.rank = RANK_PORT,
	.door = DOOR_LINK,
	.ops = &ops,
};
