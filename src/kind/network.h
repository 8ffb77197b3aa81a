/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the kind network: its struct, and its rules. */
#pragma once
#include "model/state.h"

#define NETWORK_GROUP                                                                              \
	19535 /* of the bridges of networks, so that rules can speak of all of them                \
	       */
#define NETWORK_GROUP_TEXT "19535"

enum network_mode { NETWORK_BRIDGED, NETWORK_ISOLATED, NETWORK_ROUTED, NETWORK_NAT };

struct network {
	const char *name, *uplink, *gateway, *domain;
	struct span range;
	uint32_t lease_time;
	uint16_t mtu;
	uint8_t mode;
};

/* On this host of a stretched network there is but the bridge: another one has the addresses. */
bool network_elsewhere(const struct network *its, const struct state *state);

/* Adds a kernel variable ("net.ipv4.conf.%s.forwarding", of the device), unless the description
 * says something of it itself. */
void network_variable(const struct object *network, struct state *state, const char *value,
		      const char *format, const char *device);

/* kind_ops.settle: forwarding on the ways out. */
void network_settle(const struct object *object, struct state *state, const struct state *actual,
		    struct diag *diag);

struct network_listen {
	const char *protocol; /* "tcp", "udp" */
	struct ip address;    /* family 0: any of the host's */
	uint16_t ports[2];    /* first and last */
};

/*
 * What a forward says of one family; false: it has nothing of that, or something is wrong with it,
 * which check tells.
 */
bool network_forward(const struct object *forward, const struct state *state, uint8_t family,
		     struct network_listen *listen, struct ip *to, uint16_t to_ports[2]);

/* Adds the table that guards its guests against each other, where a port is to be guarded. */
void network_guard(const struct object *network, struct state *state);

/* Adds a table of a family, of the network's own name. */
struct text;
void network_table(const struct object *network, struct state *state, const char *family,
		   const struct text *rules);

/* kind_ops.hindered: names others' rules that stop its guests. */
void network_hindered(const struct object *network, const struct state *state, struct diag *diag);

/* What the names of our tables begin with. */
#define NETWORK_TABLES "lanloom_"

/* Refuses forwards of ports that this host serves itself. */
void network_served(const struct object *network, const struct state *state, struct diag *diag);

/* Whether its bridge has an address of that family in the description. */
bool network_has(const struct object *network, const struct state *state, uint8_t family);

/* Adds what dnsmasq is told, where the network has a range, a reservation or a domain. */
void network_dhcp(const struct object *network, struct state *state);

/* What is a child's of it: the network of the same namespace that its owner key names. */
bool network_owns(const struct object *network, const struct object *child);

/* The address of its bridge whose net has this one in it; NULL: none. */
const struct prefix *network_net(const struct object *network, const struct state *state,
				 const struct ip *ip);

/* Letters, digits and hyphens, as names of hosts and each part of a domain have to be. */
bool network_label_good(const char *label, size_t size);

/* Adds the tables of rules of a network that is not bridged. */
void network_rules(const struct object *network, struct state *state);
