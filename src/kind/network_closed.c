/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What keeps a network's host out of its guests' reach without any rule, so that it holds also
 * while somebody has flushed them.
 *
 * A bridge hands frames to 01:80:c2:00:00:0X, which are for the next bridge alone, not to itself
 * but to the port they came in by (br_handle_frame of net/bridge/br_input.c), whatever they carry.
 * There the host listens as on any device: it would answer ARP and IPv6, and take the guest for a
 * router. So these are forwarded like other multicast, and meet what closes the bridge.
 */
#include <netinet/in.h>

#include "kind/network.h"

/* A bridge may forward all of them but 0 (STP), 1 (PAUSE) and 2 (LACP); a port all but 1. */
#define BRIDGE_MASK "65528"
#define PORT_MASK "65533"
/* A bridge that takes part in STP has to hear of it. */
#define PORT_MASK_STP "65532"

static void say(struct object *object, const char *key, const char *value, struct state *state)
{
	if (object && !object_has_key(object, key))
		object_set(object, key, value, state->arena);
}

void network_close(const struct object *network, struct state *state)
{
	say(state_named(state, "bridge", network->ns, object_name(network)),
	    "parameters.group-forward-mask", BRIDGE_MASK, state);
}

void network_ports(const struct object *network, struct state *state)
{
	const struct object *bridge =
		state_named(state, "bridge", network->ns, object_name(network));
	bool stp = bridge && object_number(bridge, "parameters.stp", 0);
	struct object *port;

	for (size_t i = 0; (port = state_next(state, "port", &i));)
		if (network_owns(network, port))
			say(port, "group-forward-mask", stp ? PORT_MASK_STP : PORT_MASK, state);
}

/*
 * Without addresses of its own the host must not answer with those it has elsewhere: neither ARP
 * (8: whatever the value for all devices is, the greater one counts), nor packets sent to its MAC
 * (no source is reached through a device without address, so each is refused, by whichever value
 * but 0), nor IGMP, which it would as a snooping bridge.
 */
void network_isolate(const struct object *network, struct state *state)
{
	const char *name = object_name(network);
	bool four = network_has(network, state, AF_INET);
	bool six = network_has(network, state, AF_INET6);
	struct object *bridge = state_named(state, "bridge", network->ns, name);

	network_variable(network, state, "0", "net.ipv4.conf.%s.forwarding", name);
	network_variable(network, state, "1", "net.ipv4.conf.%s.rp_filter", name);
	network_variable(network, state, four ? "1" : "8", "net.ipv4.conf.%s.arp_ignore", name);
	if (!six)
		network_variable(network, state, "1", "net.ipv6.conf.%s.disable_ipv6", name);
	if (!four && !six && bridge && !object_has_key(bridge, "parameters.multicast-querier"))
		say(bridge, "parameters.multicast-snooping", "false", state);
}
