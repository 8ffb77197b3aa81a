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
	uint32_t forward_delay, hello_time, max_age, ageing_time; /* s/100 */
	uint8_t stp, vlan_filtering, multicast_snooping, multicast_querier;
	uint16_t priority, vlan_default_pvid, group_forward_mask;
};

/* clang-format off */
static const struct field fields[] = {
	/* the kernel has this one truth in 32 bits */
	{"parameters.stp", &vtype_bool, FIELD(bridge, stp), .attr = IFLA_BR_STP_STATE,
	 .max = UINT32_MAX, .initial = "false", .doc = "spanning tree protocol"},
	{"parameters.forward-delay", &vtype_seconds, FIELD(bridge, forward_delay),
	 .attr = IFLA_BR_FORWARD_DELAY, .flags = FIELD_SAY, .min = 0, .max = 30, .initial = "0",
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
	{"parameters.vlan-filtering", &vtype_bool, FIELD(bridge, vlan_filtering),
	 .attr = IFLA_BR_VLAN_FILTERING, .initial = "false", .doc = "forward by VLAN tag too"},
	{"parameters.vlan-default-pvid", &vtype_u16, FIELD(bridge, vlan_default_pvid),
	 .attr = IFLA_BR_VLAN_DEFAULT_PVID, .min = 0, .max = 4094, .initial = "1",
	 .doc = "VLAN of untagged frames on new ports; 0: none"},
	{"parameters.multicast-snooping", &vtype_bool, FIELD(bridge, multicast_snooping),
	 .attr = IFLA_BR_MCAST_SNOOPING, .initial = "true",
	 .doc = "send multicast only where IGMP or MLD asked for it"},
	{"parameters.multicast-querier", &vtype_bool, FIELD(bridge, multicast_querier),
	 .attr = IFLA_BR_MCAST_QUERIER, .initial = "false", .doc = "ask who listens to multicast"},
	/* BR_GROUPFWD_RESTRICTED: STP, PAUSE and LACP (bits 0 to 2) are never forwarded */
	{"parameters.group-forward-mask", &vtype_u16, FIELD(bridge, group_forward_mask),
	 .attr = IFLA_BR_GROUP_FWD_MASK, .min = 0, .max = 65528, .initial = "0",
	 .doc = "which of 01:80:c2:00:00:0X are forwarded, one bit each; bits 0 to 2 cannot be"},
};
/* clang-format on */

/* With STP the kernel would raise 0 by itself to 2 s; the standard's own default is 15 s. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	if (object_number(object, "parameters.stp", 0) &&
	    !object_has_key(object, "parameters.forward-delay"))
		object_set(object, "parameters.forward-delay", "15", state->arena);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct bridge *bridge = object->data;

	if (object_number(object, "parameters.stp", 0) && bridge->forward_delay < 200)
		diag_error(diag, object_place_of(object, "parameters.forward-delay"),
			   object_label(object, state->arena),
			   "forward-delay is below 2 seconds; expected 2 to 30 while stp is on");
	if (bridge->group_forward_mask & 7)
		diag_error(
			diag, object_place_of(object, "parameters.group-forward-mask"),
			object_label(object, state->arena),
			"group-forward-mask has bits 0 to 2; expected none of them: STP, PAUSE and "
			"LACP frames are never forwarded");
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
		struct text told TEXT_CLEANUP = {0};
		const char *tunnel;

		far = object_value(other, "macaddress", &vtype_mac);
		if (!far || memcmp(mac, far, sizeof(*mac)) != 0)
			continue;
		tunnel = shared_tunnel(here->state, bridge, there->state, other);
		if (!tunnel)
			continue;
		object_print(bridge, (unsigned int)i_mac, &told);
		err_hint(diag_error(diag, object_place_of(other, "macaddress"),
				    object_label(other, there->state->arena),
				    "host %s: the bridge has the macaddress %s of %s on host %s "
				    "(line %u), and the tunnel %s makes them one LAN: guests would "
				    "reach each other but not the far host",
				    there->name, text_get(&told), object_name(bridge), here->name,
				    place.line, tunnel),
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
