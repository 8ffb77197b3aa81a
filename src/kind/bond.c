/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several devices as one. FIXED: what the kernel takes only while a bond is empty or down. */
#include <linux/if_link.h>

#include "kind/link.h"

struct bond {
	struct link link;
	const char *primary, *targets, *targets6;
	struct mac system;
	uint32_t monitor, up_delay, down_delay, notify_delay, arp_interval, min_links, igmp,
		packets;
	uint32_t learn;
	uint16_t system_priority, key;
	uint8_t mode, carrier, validate, all_targets, missed, reselect, mac_policy, hash, grat;
	uint8_t all_active, lacp, rate, select, dynamic;
};

static const char *const modes[] = {"balance-rr", "active-backup", "balance-xor", "broadcast",
				    "802.3ad",	  "balance-tlb",   "balance-alb", NULL};
static const char *const validates[] = {"none",	  "active",	   "backup",	    "all",
					"filter", "filter-active", "filter-backup", NULL};
static const char *const any_all[] = {"any", "all", NULL};
static const char *const reselects[] = {"always", "better", "failure", NULL};
static const char *const macs[] = {"none", "active", "follow", NULL};
static const char *const hashes[] = {"layer2",	 "layer3+4",	"layer2+3", "encap2+3",
				     "encap3+4", "vlan+srcmac", NULL};
static const char *const rates[] = {"slow", "fast", NULL};
static const char *const selects[] = {"stable", "bandwidth", "count", NULL};

/* clang-format off */
#define B(key_, type_, member, attr_, flags_, words_, max_, initial_, doc_)                        \
	{"parameters." key_, &vtype_##type_, FIELD(bond, member), .attr = IFLA_BOND_##attr_,       \
	 .flags = flags_, .words = words_, .max = max_, .initial = initial_, .doc = doc_}
static const struct field fields[] = {
	B("mode", word, mode, MODE, FIELD_FIXED, modes, 0, "balance-rr", "how frames are spread"),
	B("mii-monitor-interval", u32, monitor, MIIMON, 0, NULL, INT32_MAX, "0", "ms between looks at carriers; 0: none"),
	B("use-carrier", bool, carrier, USE_CARRIER, 0, NULL, 0, "true", "the driver says whether there is carrier"),
	B("up-delay", u32, up_delay, UPDELAY, FIELD_ANEW, NULL, INT32_MAX, "0", "ms until a port that came up is used"),
	B("down-delay", u32, down_delay, DOWNDELAY, FIELD_ANEW, NULL, INT32_MAX, "0", "ms until one that went down is not"),
	B("peer-notify-delay", u32, notify_delay, PEER_NOTIF_DELAY, FIELD_ANEW, NULL, 300000, "0", "ms between notices of a failover"),
	B("arp-interval", u32, arp_interval, ARP_INTERVAL, 0, NULL, INT32_MAX, "0", "ms between ARP probes; 0: none"),
	B("arp-ip-targets", ips, targets, ARP_IP_TARGET, 0, NULL, 4, "", "IPv4 addresses that are probed, 16 at most"),
	B("ns-ip6-targets", ips, targets6, NS_IP6_TARGET, 0, NULL, 6, "", "IPv6 addresses that are probed, 16 at most"),
	B("arp-validate", word, validate, ARP_VALIDATE, 0, validates, UINT32_MAX, "none", "which answers count"),
	B("arp-all-targets", word, all_targets, ARP_ALL_TARGETS, 0, any_all, UINT32_MAX, "any", "how many have to answer"),
	B("arp-missed-max", u8, missed, MISSED_MAX, 0, NULL, 255, "2", "probes without answer that end a port"),
	B("primary", ref, primary, PRIMARY, 0, NULL, 0, "", "the port that is preferred"),
	B("primary-reselect-policy", word, reselect, PRIMARY_RESELECT, 0, reselects, 0, "always", "when it takes over again"),
	B("fail-over-mac-policy", word, mac_policy, FAIL_OVER_MAC, FIELD_FIXED, macs, 0, "none", "whose MAC address it has"),
	B("transmit-hash-policy", word, hash, XMIT_HASH_POLICY, 0, hashes, 0, "layer2", "what chooses the port"),
	B("resend-igmp", u32, igmp, RESEND_IGMP, 0, NULL, 255, "1", "IGMP reports after a failover"),
	B("gratuitous-arp", u8, grat, NUM_PEER_NOTIF, 0, NULL, 255, "1", "notices after a failover"),
	B("all-members-active", bool, all_active, ALL_SLAVES_ACTIVE, 0, NULL, 0, "false", "takes frames from unused ports, too"),
	B("min-links", u32, min_links, MIN_LINKS, 0, NULL, INT32_MAX, "0", "ports up that carrier needs"),
	B("learn-packet-interval", u32, learn, LP_INTERVAL, 0, NULL, INT32_MAX, "1", "seconds between learning frames"),
	B("packets-per-member", u32, packets, PACKETS_PER_SLAVE, 0, NULL, 65535, "1", "balance-rr: packets before the next port; 0: random"),
	B("lacp-active", bool, lacp, AD_LACP_ACTIVE, FIELD_FIXED, NULL, 0, "true", "802.3ad: begins to speak LACP"),
	B("lacp-rate", word, rate, AD_LACP_RATE, FIELD_FIXED, rates, 0, "slow", "802.3ad: LACP frames every 30 or 1 seconds"),
	B("ad-select", word, select, AD_SELECT, FIELD_FIXED, selects, 0, "stable", "802.3ad: which aggregate is used"),
	B("ad-actor-system-priority", u16, system_priority, AD_ACTOR_SYS_PRIO, 0, NULL, 65535, "65535", "802.3ad: system priority"),
	B("ad-actor-system", mac, system, AD_ACTOR_SYSTEM, FIELD_ANEW, NULL, 0, NULL, "802.3ad: system address"),
	B("ad-user-port-key", u16, key, AD_USER_PORT_KEY, FIELD_FIXED, NULL, 1023, "0", "802.3ad: upper part of port keys"),
	B("dynamic-load-balance", bool, dynamic, TLB_DYNAMIC_LB, FIELD_FIXED, NULL, 0, "true", "balance-tlb: by load, not by hash"),
};
/* clang-format on */

const struct kind kind_bond = {
	.name = "bond",
	.section = "bonds",
	.word = "bond",
	.config = "CONFIG_BONDING",
	.module = "bonding",
	.summary = "several devices as one, for more capacity or against failure",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.size = sizeof(struct bond),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
};
