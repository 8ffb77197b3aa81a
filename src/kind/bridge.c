/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bridge. Limits of the timers are those of IEEE 802.1D-1998 table 8-3, which the kernel keeps
 * to (net/bridge/br_private_stp.h); with STP off the forward delay may be 0 and is so unless said
 * otherwise, where the kernel's own 15 s would make every new port deaf for half a minute.
 */
#include <linux/if_link.h>
#include <string.h>

#include "base/diag.h"
#include "kind/link.h"
#include "model/state.h"

struct bridge {
	struct link link;
	const char *uplink;
	uint16_t pvid;
	uint8_t pvid_tagged;
	uint32_t forward_delay, hello_time, max_age, ageing_time; /* s/100 */
	uint32_t last_member_interval, membership_interval, querier_interval;
	uint32_t query_interval, query_response_interval, startup_query_interval; /* s/100 */
	uint32_t hash_max, last_member_count, startup_query_count;
	uint16_t priority, vlan_default_pvid, group_forward_mask;
	struct mac group_address;
	uint8_t stp, vlan_filtering, vlan_protocol, vlan_stats, vlan_stats_per_port;
	uint8_t multicast_snooping, multicast_querier, multicast_router, query_use_address;
	uint8_t multicast_stats, igmp_version, mld_version;
	uint8_t link_local_learning_off, multicast_vlan_snooping;
	uint8_t call_iptables, call_ip6tables, call_arptables;
};

/* MDB_RTR_TYPE_* of linux/if_bridge.h */
static const char *const routers[] = {"never", "auto", "always", NULL};

/* clang-format off */
static const struct field fields[] = {
	{"uplink", &vtype_ref, FIELD(bridge, uplink), .flags = FIELD_FACE,
	 .doc = "joins as a port, with its addresses, routes and MAC, which go back at down"},
	{"pvid", &vtype_u16, FIELD(bridge, pvid), .flags = FIELD_FACE, .max = 4094,
	 .doc = "VLAN that the host itself is in without a tag, 0: none"},
	{"pvid-tagged", &vtype_bool, FIELD(bridge, pvid_tagged), .flags = FIELD_FACE,
	 .initial = "false", .doc = "frames of the pvid reach the host with a tag all the same"},
	/* the kernel has this one truth in 32 bits */
	{"parameters.stp", &vtype_bool, FIELD(bridge, stp), .attr = IFLA_BR_STP_STATE,
	 .max = UINT32_MAX, .initial = "false", .doc = "spanning tree protocol"},
	{"parameters.forward-delay", &vtype_seconds, FIELD(bridge, forward_delay),
	 .attr = IFLA_BR_FORWARD_DELAY, .flags = FIELD_SAY, .min = 0, .max = 30, .initial = "0",
	 .native = "15",
	 .doc = "seconds a new port listens and learns before it forwards; with STP 2 to 30, else 0"},
	{"parameters.hello-time", &vtype_seconds, FIELD(bridge, hello_time),
	 .attr = IFLA_BR_HELLO_TIME, .min = 1, .max = 10, .initial = "2",
	 .doc = "seconds between STP hellos"},
	{"parameters.max-age", &vtype_seconds, FIELD(bridge, max_age), .attr = IFLA_BR_MAX_AGE,
	 .min = 6, .max = 40, .initial = "20", .doc = "seconds after which STP news are stale"},
	{"parameters.ageing-time", &vtype_seconds, FIELD(bridge, ageing_time),
	 .attr = IFLA_BR_AGEING_TIME, .min = 0, .max = 1000000, .initial = "300",
	 .doc = "seconds a learned address is kept; 0 floods every frame"},
	{"parameters.priority", &vtype_u16, FIELD(bridge, priority), .attr = IFLA_BR_PRIORITY,
	 .min = 0, .max = 65535, .initial = "32768", .doc = "STP priority; the lowest becomes root"},
	/* br_netlink.c takes 01:80:c2:00:00:0X but 1, 2 and 3 */
	{"parameters.group-address", &vtype_group_mac, FIELD(bridge, group_address),
	 .attr = IFLA_BR_GROUP_ADDR, .initial = "01:80:c2:00:00:00",
	 .doc = "where STP frames are sent to: 01:80:c2:00:00:0X, X none of 1, 2, 3"},
	/* BR_GROUPFWD_RESTRICTED: STP, PAUSE and LACP (bits 0 to 2) are never forwarded */
	{"parameters.group-forward-mask", &vtype_u16, FIELD(bridge, group_forward_mask),
	 .attr = IFLA_BR_GROUP_FWD_MASK, .min = 0, .max = 65528, .initial = "0",
	 .doc = "which of 01:80:c2:00:00:0X are forwarded, one bit each; bits 0 to 2 cannot be"},
	{"parameters.vlan-filtering", &vtype_bool, FIELD(bridge, vlan_filtering),
	 .attr = IFLA_BR_VLAN_FILTERING, .initial = "false", .doc = "forward by VLAN tag too"},
	{"parameters.vlan-protocol", &vtype_vlan_protocol, FIELD(bridge, vlan_protocol),
	 .attr = IFLA_BR_VLAN_PROTOCOL, .initial = "802.1q", .doc = "which tags are VLANs"},
	{"parameters.vlan-default-pvid", &vtype_u16, FIELD(bridge, vlan_default_pvid),
	 .attr = IFLA_BR_VLAN_DEFAULT_PVID, .min = 0, .max = 4094, .initial = "1",
	 .doc = "VLAN of untagged frames on new ports; 0: none"},
	{"parameters.vlan-stats", &vtype_bool, FIELD(bridge, vlan_stats),
	 .attr = IFLA_BR_VLAN_STATS_ENABLED, .initial = "false", .doc = "count by VLAN"},
	{"parameters.vlan-stats-per-port", &vtype_bool, FIELD(bridge, vlan_stats_per_port),
	 .attr = IFLA_BR_VLAN_STATS_PER_PORT, .initial = "false",
	 .doc = "count by VLAN and port; fixed once a port has a VLAN"},
	{"parameters.multicast-snooping", &vtype_bool, FIELD(bridge, multicast_snooping),
	 .attr = IFLA_BR_MCAST_SNOOPING, .initial = "true",
	 .doc = "send multicast only where IGMP or MLD asked for it"},
	/* bits 0 and 1: enum br_boolopt_id of linux/if_bridge.h */
	{"parameters.no-link-local-learning", &vtype_bit, FIELD(bridge, link_local_learning_off),
	 .attr = IFLA_BR_MULTI_BOOLOPT, .min = 0, .initial = "false",
	 .doc = "learn nothing from frames to 01:80:c2:00:00:0X"},
	{"parameters.multicast-vlan-snooping", &vtype_bit, FIELD(bridge, multicast_vlan_snooping),
	 .attr = IFLA_BR_MULTI_BOOLOPT, .min = 1, .initial = "false",
	 .doc = "snoop each VLAN for itself; needs vlan-filtering"},
	{"parameters.multicast-router", &vtype_word, FIELD(bridge, multicast_router),
	 .attr = IFLA_BR_MCAST_ROUTER, .words = routers, .initial = "auto",
	 .doc = "whether this host gets all multicast, as a router of it"},
	{"parameters.multicast-querier", &vtype_bool, FIELD(bridge, multicast_querier),
	 .attr = IFLA_BR_MCAST_QUERIER, .initial = "false", .doc = "ask who listens to multicast"},
	{"parameters.multicast-query-use-address", &vtype_bool, FIELD(bridge, query_use_address),
	 .attr = IFLA_BR_MCAST_QUERY_USE_IFADDR, .initial = "false",
	 .doc = "ask with the bridge's own address instead of 0.0.0.0"},
	{"parameters.multicast-hash-max", &vtype_u32, FIELD(bridge, hash_max),
	 .attr = IFLA_BR_MCAST_HASH_MAX, .min = 1, .max = 1 << 30, .initial = "4096",
	 .doc = "how many groups are kept; a power of two"},
	{"parameters.multicast-last-member-count", &vtype_u32, FIELD(bridge, last_member_count),
	 .attr = IFLA_BR_MCAST_LAST_MEMBER_CNT, .initial = "2",
	 .doc = "questions after a leave before the group ends"},
	{"parameters.multicast-startup-query-count", &vtype_u32, FIELD(bridge, startup_query_count),
	 .attr = IFLA_BR_MCAST_STARTUP_QUERY_CNT, .initial = "2",
	 .doc = "questions that a new querier asks in a row"},
	{"parameters.multicast-last-member-interval", &vtype_interval,
	 FIELD(bridge, last_member_interval), .attr = IFLA_BR_MCAST_LAST_MEMBER_INTVL,
	 .initial = "1", .doc = "seconds between questions after a leave"},
	{"parameters.multicast-membership-interval", &vtype_interval,
	 FIELD(bridge, membership_interval), .attr = IFLA_BR_MCAST_MEMBERSHIP_INTVL,
	 .initial = "260", .doc = "seconds a listener is kept without news of it"},
	{"parameters.multicast-querier-interval", &vtype_interval, FIELD(bridge, querier_interval),
	 .attr = IFLA_BR_MCAST_QUERIER_INTVL, .initial = "255",
	 .doc = "seconds without another's question until this one asks"},
	/* at least 1 s: BR_MULTICAST_QUERY_INTVL_MIN of br_private.h */
	{"parameters.multicast-query-interval", &vtype_interval, FIELD(bridge, query_interval),
	 .attr = IFLA_BR_MCAST_QUERY_INTVL, .min = 1, .max = 1000000, .initial = "125",
	 .doc = "seconds between questions"},
	{"parameters.multicast-query-response-interval", &vtype_interval,
	 FIELD(bridge, query_response_interval), .attr = IFLA_BR_MCAST_QUERY_RESPONSE_INTVL,
	 .initial = "10", .doc = "seconds that listeners have for the answer"},
	{"parameters.multicast-startup-query-interval", &vtype_interval,
	 FIELD(bridge, startup_query_interval), .attr = IFLA_BR_MCAST_STARTUP_QUERY_INTVL,
	 .min = 1, .max = 1000000, .initial = "31.25",
	 .doc = "seconds between a new querier's questions"},
	{"parameters.multicast-stats", &vtype_bool, FIELD(bridge, multicast_stats),
	 .attr = IFLA_BR_MCAST_STATS_ENABLED, .initial = "false", .doc = "count IGMP and MLD"},
	{"parameters.multicast-igmp-version", &vtype_u8, FIELD(bridge, igmp_version),
	 .attr = IFLA_BR_MCAST_IGMP_VERSION, .min = 2, .max = 3, .initial = "2",
	 .doc = "version of IGMP that it asks in"},
	{"parameters.multicast-mld-version", &vtype_u8, FIELD(bridge, mld_version),
	 .attr = IFLA_BR_MCAST_MLD_VERSION, .min = 1, .max = 2, .initial = "1",
	 .doc = "version of MLD that it asks in"},
	{"parameters.call-iptables", &vtype_bool, FIELD(bridge, call_iptables),
	 .attr = IFLA_BR_NF_CALL_IPTABLES, .initial = "false",
	 .doc = "bridged IPv4 passes the host's packet filter too"},
	{"parameters.call-ip6tables", &vtype_bool, FIELD(bridge, call_ip6tables),
	 .attr = IFLA_BR_NF_CALL_IP6TABLES, .initial = "false",
	 .doc = "bridged IPv6 passes the host's packet filter too"},
	{"parameters.call-arptables", &vtype_bool, FIELD(bridge, call_arptables),
	 .attr = IFLA_BR_NF_CALL_ARPTABLES, .initial = "false",
	 .doc = "bridged ARP passes the host's packet filter too"},
};
/* clang-format on */

static void port_add(struct object *object, struct state *state)
{
	const char *uplink = ((struct bridge *)object->data)->uplink;
	struct object *port = state_named(state, "port", object->ns, uplink);

	if (port)
		return; /* its keys stand under `ports`; another bridge's is told by check */
	port = object_make(state->arena, kind_find("port"), object->ns);
	port->place = object_place_of(object, "uplink");
	object_set(port, "device", uplink, state->arena);
	object_set(port, "bridge", object_name(object), state->arena);
	state_add(state, port);
}

/* With STP the kernel would raise 0 by itself to 2 s; the standard's own default is 15 s. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	if (object_number(object, "parameters.stp", 0) && !object_number(object, "bare", 0) &&
	    !object_has_key(object, "parameters.forward-delay"))
		object_set(object, "parameters.forward-delay", "15", state->arena);
	if (object_has_key(object, "uplink"))
		port_add(object, state);
	state_want_pvid(state, object, object_name(object), true);
}

/* A VLAN of this bridge's, of a port or its own. NULL: nobody speaks of one. */
static const struct object *vlan_of(const struct object *bridge, const struct state *state)
{
	static const char *const kinds_of[] = {"pvid", "portvlan"};
	const struct object *vlan, *port;

	for (size_t k = 0; k < sizeof(kinds_of) / sizeof(kinds_of[0]); k++)
		for (size_t i = 0; (vlan = state_next(state, kinds_of[k], &i));) {
			port = state_named(state, "port", bridge->ns, object_owner(vlan));
			if (text_same(vlan->ns, bridge->ns) &&
			    text_same(port ? object_owner(port) : object_owner(vlan),
				      object_name(bridge)))
				return vlan;
		}
	return NULL;
}

static void check_vlans(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct object *vlan;

	if (object_number(object, "existing", 0) ||
	    object_number(object, "parameters.vlan-filtering", 0))
		return;
	vlan = vlan_of(object, state);
	if (vlan)
		err_hint(diag_error(diag, vlan->place, object_label(vlan, state->arena),
				    "%s does not look at VLANs; expected vlan-filtering",
				    object_name(object)),
			 "%s: {parameters: {vlan-filtering: true}}", object_name(object));
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct bridge *bridge = object->data;

	if (object_number(object, "parameters.stp", 0) && bridge->forward_delay < 200 &&
	    (object_has_key(object, "parameters.forward-delay") ||
	     !object_number(object, "bare", 0)))
		diag_error(diag, object_place_of(object, "parameters.forward-delay"),
			   object_label(object, state->arena),
			   "forward-delay is below 2 seconds; expected 2 to 30 while stp is on");
	if (bridge->group_forward_mask & 7)
		diag_error(
			diag, object_place_of(object, "parameters.group-forward-mask"),
			object_label(object, state->arena),
			"group-forward-mask has bits 0 to 2; expected none of them: STP, PAUSE and "
			"LACP frames are never forwarded");
	check_vlans(object, state, diag);
}

/* A tunnel that is a port of both bridges: they are one LAN. NULL: there is none. */
static const char *shared_tunnel(const struct state *a, const struct object *bridge,
				 const struct state *b, const struct object *other)
{
	const struct object *port, *far;
	const char *name;

	for (size_t i = 0; (port = state_next(a, "port", &i));) {
		name = object_text(port, "device");
		if (!text_same(port->ns, bridge->ns) ||
		    !text_same(object_owner(port), object_name(bridge)) ||
		    !state_named(a, "tunnel", bridge->ns, name) ||
		    !state_named(b, "tunnel", other->ns, name))
			continue;
		for (size_t j = 0; (far = state_next(b, "port", &j));)
			if (text_same(far->ns, other->ns) &&
			    text_same(object_text(far, "device"), name) &&
			    text_same(object_owner(far), object_name(other)))
				return name;
	}
	return NULL;
}

static const struct prefix *segment_next(const struct state *state, const struct object *bridge,
					 size_t *i)
{
	const struct object *address;

	while ((address = state_next(state, "address", i)))
		if (text_same(address->ns, bridge->ns) &&
		    text_same(object_owner(address), object_name(bridge)))
			return object_value(address, "address", &vtype_prefix);
	return NULL;
}

/* Both are in one network: whatever wire is between them, they are meant to be one LAN. */
static const struct prefix *shared_segment(const struct state *a, const struct object *bridge,
					   const struct state *b, const struct object *other)
{
	const struct prefix *one, *far;

	for (size_t i = 0; (one = segment_next(a, bridge, &i));)
		for (size_t j = 0; (far = segment_next(b, other, &j));)
			if (one->len == far->len && prefix_covers(one, &far->ip))
				return one;
	return NULL;
}

static void segment_tell(const struct prefix *segment, struct text *why)
{
	text_add(why, "both are in the network of ");
	ip_print(&segment->ip, why);
	text_add(why, "/%u", segment->len);
}

struct host {
	const struct state *state;
	const char *name;
};

static void compare(const struct host *here, const struct object *bridge, const struct host *there,
		    struct diag *diag)
{
	const struct mac *mac = object_value(bridge, "macaddress", &vtype_mac), *far;
	const struct object *other;

	for (size_t i = 0; mac && (other = state_next(there->state, "bridge", &i));) {
		int i_mac = kind_field_find(bridge->kind, "macaddress");
		struct place place = object_place(bridge, (unsigned int)i_mac);
		struct text told TEXT_CLEANUP = {0}, why TEXT_CLEANUP = {0};
		const struct prefix *segment;
		const char *tunnel;

		far = object_value(other, "macaddress", &vtype_mac);
		if (!far || memcmp(mac, far, sizeof(*mac)) != 0)
			continue;
		tunnel = shared_tunnel(here->state, bridge, there->state, other);
		segment = shared_segment(here->state, bridge, there->state, other);
		if (!tunnel && !segment)
			continue;
		if (tunnel)
			text_add(&why, "the tunnel %s makes them one LAN", tunnel);
		else
			segment_tell(segment, &why);
		object_print(bridge, (unsigned int)i_mac, &told);
		err_hint(diag_error(diag, object_place_of(other, "macaddress"),
				    object_label(other, there->state->arena),
				    "host %s: the bridge has the macaddress %s of %s on host %s "
				    "(line %u), and %s: guests would "
				    "reach each other but not the far host",
				    there->name, text_get(&told), object_name(bridge), here->name,
				    place.line, text_get(&why)),
			 "leave macaddress out: each host's bridge gets its own, and keeps it");
	}
}

static void check_hosts(const struct state *const *hosts, const char *const *names, size_t count,
			struct diag *diag)
{
	for (size_t a = 0; a < count; a++) {
		const struct host here = {hosts[a], names[a]};
		const struct object *bridge;

		for (size_t i = 0; (bridge = state_next(hosts[a], "bridge", &i));)
			for (size_t b = a + 1; b < count; b++)
				compare(&here, bridge, &(struct host){hosts[b], names[b]}, diag);
	}
}

static const struct kind_ops ops = {.expand = expand, .check = check, .check_hosts = check_hosts};

const struct kind kind_bridge = {
	.name = "bridge",
	.section = "bridges",
	.word = "bridge",
	.config = "CONFIG_BRIDGE",
	.module = "bridge",
	.summary = "an Ethernet switch in the kernel",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.flags = KIND_OWN_MAC | KIND_PINS_MTU,
	.size = sizeof(struct bridge),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
