/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ethernet over UDP with options (RFC 8926). FIXED is what geneve_nl2info refuses to change; and
 * `remote`, with which it resets the checksums.
 */
#include <linux/if_link.h>

#include "kind/link.h"

struct geneve {
	struct link link;
	struct ip remote;
	uint32_t id, flow_label;
	uint16_t port;
	uint8_t ttl, inherit, tos, df, external, udp, zero_tx, zero_rx, inner;
};

static const char *const fragments[] = {"unset", "set", "inherit", NULL};

/* clang-format off */
#define FLAG(key_, type_, member, attr_, initial_, doc_)                                           \
	{key_, &vtype_##type_, FIELD(geneve, member), .attr = IFLA_GENEVE_##attr_,                 \
	 .flags = FIELD_FIXED, .initial = initial_, .doc = doc_}
static const struct field fields[] = {
	{"id", &vtype_u32, FIELD(geneve, id), .attr = IFLA_GENEVE_ID,
	 .flags = FIELD_FIXED | FIELD_ANEW, .max = 16777215,
	 .doc = "network identifier (VNI); needed, unless external"},
	{"remote", &vtype_ip, FIELD(geneve, remote), .attr = IFLA_GENEVE_REMOTE,
	 .attr6 = IFLA_GENEVE_REMOTE6, .flags = FIELD_FIXED | FIELD_ANEW, .doc = "the other end"},
	{"port", &vtype_port, FIELD(geneve, port), .attr = IFLA_GENEVE_PORT,
	 .flags = FIELD_FIXED, .initial = "6081", .doc = "UDP port of both ends"},
	{"ttl", &vtype_u8, FIELD(geneve, ttl), .attr = IFLA_GENEVE_TTL, .initial = "0",
	 .doc = "hops its packets may take; 0: the system's default"},
	{"ttl-inherit", &vtype_bool, FIELD(geneve, inherit), .attr = IFLA_GENEVE_TTL_INHERIT,
	 .initial = "false", .doc = "the TTL is that of the packet inside"},
	{"type-of-service", &vtype_u8, FIELD(geneve, tos), .attr = IFLA_GENEVE_TOS, .initial = "0",
	 .doc = "TOS byte of its packets; 1: that of the packet inside"},
	{"do-not-fragment", &vtype_word, FIELD(geneve, df), .attr = IFLA_GENEVE_DF,
	 .words = fragments, .initial = "unset", .doc = "the DF bit of its IPv4 packets"},
	{"flow-label", &vtype_be32, FIELD(geneve, flow_label), .attr = IFLA_GENEVE_LABEL,
	 .max = 1048575, .initial = "0", .doc = "flow label of its IPv6 packets"},
	FLAG("checksums.udp", bool, udp, UDP_CSUM, "true", "IPv4: sends them"),
	FLAG("checksums.zero-udp6-tx", bool, zero_tx, UDP_ZERO_CSUM6_TX, "false", "IPv6: sends none"),
	FLAG("checksums.zero-udp6-rx", bool, zero_rx, UDP_ZERO_CSUM6_RX, "false", "IPv6: needs none"),
	FLAG("external", presence, external, COLLECT_METADATA, "false", "each packet says id and remote"),
	FLAG("inner-protocol", presence, inner, INNER_PROTO_INHERIT, "false", "carries IP, no Ethernet"),
};
/* clang-format on */

const struct kind kind_geneve = {
	.name = "geneve",
	.section = "tunnels",
	.mode = "geneve",
	.word = "geneve",
	.config = "CONFIG_GENEVE",
	.module = "geneve",
	.summary = "a wire that carries Ethernet in UDP with options, not encrypted (GENEVE)",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.size = sizeof(struct geneve),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
};
