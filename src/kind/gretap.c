/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ethernet over GRE (RFC 2784, 2890). A change resets what it does not say (ipgre_changelink). */
#include <linux/if_link.h>
#include <linux/if_tunnel.h>

#include "kind/link.h"

struct gretap {
	struct link link;
	const char *lower;
	struct ip local, remote;
	uint32_t input, output, mark;
	uint16_t source, destination;
	uint8_t ttl, tos, pmtu, ignore, external;
	uint8_t in_csum, out_csum, in_seq, out_seq, csum, csum6, remcsum, encap;
};

/* Bits of IFLA_GRE_IFLAGS and OFLAGS (GRE_CSUM, GRE_SEQ), and of IFLA_GRE_ENCAP_FLAGS. */
enum { CSUM = 0x8000, SEQ = 0x1000, OUTER_CSUM = 1, OUTER_CSUM6 = 2, REMCSUM = 4 };

static const char *const encaps[] = {"none", "fou", "gue", NULL};

/* clang-format off */
#define G(key_, type_, member, attr_, min_, max_, initial_, doc_)                                  \
	{key_, &vtype_##type_, FIELD(gretap, member), .attr = IFLA_GRE_##attr_, .min = min_,       \
	 .max = max_, .initial = initial_, .doc = doc_}
static const struct field fields[] = {
	{"link", &vtype_ref, FIELD(gretap, lower), .attr = IFLA_GRE_LINK,
	 .flags = FIELD_FIXED | FIELD_ANEW, .doc = "the device its packets leave by"},
	{"local", &vtype_ip, FIELD(gretap, local), .attr = IFLA_GRE_LOCAL, .max = 4,
	 .flags = FIELD_ANEW, .doc = "own address of its packets, IPv4"},
	{"remote", &vtype_ip, FIELD(gretap, remote), .attr = IFLA_GRE_REMOTE, .max = 4,
	 .flags = FIELD_ANEW, .doc = "the other end, or a multicast group, IPv4"},
	G("keys.input", gre_key, input, IKEY, 0, 0, "0", "key of packets that come; 0: none"),
	G("keys.output", gre_key, output, OKEY, 0, 0, "0", "key of packets that go; 0: none"),
	G("checksums.input", bit_be16, in_csum, IFLAGS, CSUM, 0, "false", "packets that come need one"),
	G("checksums.output", bit_be16, out_csum, OFLAGS, CSUM, 0, "false", "packets that go have one"),
	G("sequence.input", bit_be16, in_seq, IFLAGS, SEQ, 0, "false", "packets that come are in order"),
	G("sequence.output", bit_be16, out_seq, OFLAGS, SEQ, 0, "false", "packets that go are numbered"),
	G("ttl", u8, ttl, TTL, 0, 0, "0", "hops its packets may take; 0: as the packet inside"),
	G("type-of-service", u8, tos, TOS, 0, 0, "0", "TOS byte; 1: that of the packet inside"),
	G("path-mtu-discovery", bool, pmtu, PMTUDISC, 0, 0, "true", "its packets are not cut"),
	G("ignore-df", bool, ignore, IGNORE_DF, 0, 0, "false", "cuts what forbids it; no discovery then"),
	G("mark", u32, mark, FWMARK, 0, 0, "0", "mark that its packets are routed by"),
	{"encapsulation.type", &vtype_word, FIELD(gretap, encap), .attr = IFLA_GRE_ENCAP_TYPE,
	 .max = UINT16_MAX, .words = encaps, .initial = "none", .doc = "carried in UDP: FOU or GUE"},
	G("encapsulation.source-port", port, source, ENCAP_SPORT, 0, 65535, "0", "0: by flow"),
	G("encapsulation.port", port, destination, ENCAP_DPORT, 0, 65535, "0", "UDP port of the far end"),
	G("encapsulation.checksum", bit16, csum, ENCAP_FLAGS, OUTER_CSUM, 0, "false", "of UDP over IPv4"),
	G("encapsulation.checksum6", bit16, csum6, ENCAP_FLAGS, OUTER_CSUM6, 0, "false", "of UDP over IPv6"),
	G("encapsulation.remote-checksum", bit16, remcsum, ENCAP_FLAGS, REMCSUM, 0, "false", "GUE: made there"),
	{"external", &vtype_presence, FIELD(gretap, external), .attr = IFLA_GRE_COLLECT_METADATA,
	 .flags = FIELD_FIXED, .initial = "false", .doc = "each packet says key and remote"},
};
/* clang-format on */

const struct kind kind_gretap = {
	.name = "gretap",
	.section = "tunnels",
	.mode = "gretap",
	.word = "gretap",
	.config = "CONFIG_NET_IPGRE",
	.module = "ip_gre",
	.summary = "a wire that carries Ethernet in GRE over IPv4, not encrypted",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.flags = KIND_WHOLE,
	.size = sizeof(struct gretap),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
};
