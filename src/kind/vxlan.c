/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ethernet over UDP (RFC 7348). What the kernel's vxlan_nl2conf refuses to change is FIXED. */
#include <linux/if_link.h>

#include "kind/link.h"

struct vxlan {
	struct link link;
	const char *lower, *ports;
	struct ip local, remote;
	uint32_t id, ageing, limit, flow_label;
	uint16_t port;
	uint8_t ttl, ttl_inherit, tos, df, learning, proxy, rsc, l2miss, l3miss, external, filter;
	uint8_t udp, zero_tx, zero_rx, remote_tx, remote_rx, gbp, gpe;
};

static const char *const fragments[] = {"unset", "set", "inherit", NULL};

/* clang-format off */
#define FLAG(key_, type_, member, attr_, initial_, doc_)                                                  \
	{key_, &vtype_##type_, FIELD(vxlan, member), .attr = IFLA_VXLAN_##attr_,                      \
	 .flags = FIELD_FIXED, .initial = initial_, .doc = doc_}
static const struct field fields[] = {
	{"id", &vtype_u32, FIELD(vxlan, id), .attr = IFLA_VXLAN_ID, .flags = FIELD_FIXED | FIELD_ANEW,
	 .max = 16777215, .doc = "network identifier (VNI); needed, unless external"},
	{"link", &vtype_lower, FIELD(vxlan, lower), .attr = IFLA_VXLAN_LINK,
	 .flags = FIELD_FIXED | FIELD_ANEW, .doc = "the device its packets leave by; a group needs one"},
	{"local", &vtype_ip, FIELD(vxlan, local), .attr = IFLA_VXLAN_LOCAL,
	 .attr6 = IFLA_VXLAN_LOCAL6, .flags = FIELD_ANEW, .doc = "own address of its packets"},
	{"remote", &vtype_ip, FIELD(vxlan, remote), .attr = IFLA_VXLAN_GROUP,
	 .attr6 = IFLA_VXLAN_GROUP6, .flags = FIELD_ANEW, .doc = "the other end, or a multicast group"},
	{"port", &vtype_port, FIELD(vxlan, port), .attr = IFLA_VXLAN_PORT,
	 .flags = FIELD_FIXED | FIELD_SAY, .initial = "4789", .doc = "UDP port of both ends"},
	{"port-range", &vtype_ports, FIELD(vxlan, ports), .attr = IFLA_VXLAN_PORT_RANGE,
	 .flags = FIELD_FIXED, .initial = "0 0", .doc = "UDP ports to send from: [low, high]"},
	{"ttl", &vtype_u8, FIELD(vxlan, ttl), .attr = IFLA_VXLAN_TTL, .initial = "0",
	 .doc = "hops its packets may take; 0: the system's default"},
	FLAG("ttl-inherit", presence, ttl_inherit, TTL_INHERIT, "false", "the TTL is that of the packet inside"),
	{"type-of-service", &vtype_u8, FIELD(vxlan, tos), .attr = IFLA_VXLAN_TOS, .initial = "0",
	 .doc = "TOS byte of its packets; 1: that of the packet inside"},
	{"do-not-fragment", &vtype_word, FIELD(vxlan, df), .attr = IFLA_VXLAN_DF,
	 .words = fragments, .initial = "unset", .doc = "the DF bit of its IPv4 packets"},
	{"flow-label", &vtype_be32, FIELD(vxlan, flow_label), .attr = IFLA_VXLAN_LABEL,
	 .max = 1048575, .initial = "0", .doc = "flow label of its IPv6 packets"},
	{"mac-learning", &vtype_bool, FIELD(vxlan, learning), .attr = IFLA_VXLAN_LEARNING,
	 .initial = "true", .doc = "learns behind whom an address is from its frames"},
	{"ageing", &vtype_u32, FIELD(vxlan, ageing), .attr = IFLA_VXLAN_AGEING, .initial = "300",
	 .doc = "seconds a learned address is kept; 0: for ever"},
	{"limit", &vtype_u32, FIELD(vxlan, limit), .attr = IFLA_VXLAN_LIMIT, .flags = FIELD_FIXED,
	 .initial = "0", .doc = "addresses learned at most; 0: any number"},
	FLAG("arp-proxy", bool, proxy, PROXY, "false", "answers ARP and ND for the far side"),
	FLAG("short-circuit", bool, rsc, RSC, "false", "routes to known hosts by itself (RSC)"),
	FLAG("notifications.l2-miss", bool, l2miss, L2MISS, "false", "tells of unknown MACs"),
	FLAG("notifications.l3-miss", bool, l3miss, L3MISS, "false", "tells of unknown IPs"),
	FLAG("checksums.udp", bool, udp, UDP_CSUM, "true", "IPv4: sends them"),
	FLAG("checksums.zero-udp6-tx", bool, zero_tx, UDP_ZERO_CSUM6_TX, "false", "IPv6: sends none"),
	FLAG("checksums.zero-udp6-rx", bool, zero_rx, UDP_ZERO_CSUM6_RX, "false", "IPv6: needs none"),
	FLAG("checksums.remote-tx", bool, remote_tx, REMCSUM_TX, "false", "the far end makes the inner"),
	FLAG("checksums.remote-rx", bool, remote_rx, REMCSUM_RX, "false", "makes the inner of the far end"),
	FLAG("extensions.group-policy", presence, gbp, GBP, "false", "carries packet marks (GBP)"),
	FLAG("extensions.generic-protocol", presence, gpe, GPE, "false", "carries IP, no Ethernet (GPE)"),
	FLAG("external", bool, external, COLLECT_METADATA, "false", "each packet says id and remote"),
	FLAG("vni-filter", mute_bool, filter, VNIFILTER, "false", "external: takes only ids that are listed"),
};
/* clang-format on */

const struct kind kind_vxlan = {
	.name = "vxlan",
	.section = "tunnels",
	.mode = "vxlan",
	.word = "vxlan",
	.config = "CONFIG_VXLAN",
	.module = "vxlan",
	.summary = "a wire that carries Ethernet in UDP, not encrypted (VXLAN)",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.size = sizeof(struct vxlan),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
};
