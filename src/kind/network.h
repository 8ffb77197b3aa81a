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
	uint8_t mode, source_guard;
};

/* On this host of a stretched network there is but the bridge: another one has the addresses. */
bool network_elsewhere(const struct network *its, const struct state *state);

/* Adds a kernel variable ("net.ipv4.conf.%s.forwarding", of the device), unless the description
 * says something of it itself, or the device's MTU leaves it without IPv6. */
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

/* Where a forward leads in one family: to an address, or to whatever a guest has a lease of. */
struct network_target {
	struct ip ip;		   /* with `follows`: its family alone */
	const struct mac *follows; /* the guest's, NULL: ip is the address */
	const char *name;	   /* of the guest; NULL: the text has its address */
	uint16_t ports[2];
};

/*
 * What a forward says of one family (0: of either); false: it has nothing of that, or something is
 * wrong with it, which check tells.
 */
bool network_forward(const struct object *forward, const struct state *state, uint8_t family,
		     struct network_listen *listen, struct network_target *target);

/* The host of the network, or guest of its namespace, that the text knows by this name; or NULL. */
const struct object *network_guest(const struct object *network, const struct state *state,
				   const char *name);
/* What it has of a family by the text, or its MAC where the network gives it a lease of that. */
bool network_guest_target(const struct object *network, const struct state *state, uint8_t family,
			  const char *name, struct network_target *target);

/* The guests whose leases its forwards follow in a family, each once. */
struct network_followed {
	const struct mac *mac;
	const char *name;
};
size_t network_followed(const struct object *network, const struct state *state, uint8_t family,
			struct network_followed **guests);
/* The one address that DHCPv6 gives a guest that is followed; false: the network has no range. */
bool network_lease_six(const struct object *network, const struct state *state,
		       const struct mac *mac, struct ip *ip);
/* "four_525400000189": the set or map of its address, in rules; family 0, "at_…": of its ports. */
#define NETWORK_SET_SIZE 24
void network_set_name(uint8_t family, const struct mac *mac, char name[NETWORK_SET_SIZE]);
/* A line of ruleset's `fills`: what the keeper puts into that set. */
void network_fill(const struct object *network, const struct state *state, const char *verb,
		  uint8_t family, const struct mac *mac, struct text *fills);

/* The forwards: those to addresses join `rules`, those that follow leases get a table. */
void network_leading(const struct object *network, struct state *state, struct text *rules);

/* Adds the table that guards its guests against each other, where a port is to be guarded. */
void network_guard(const struct object *network, struct state *state);

/* A table of a family, of the network's own name and what `suffix` adds. */
struct network_table {
	const char *family, *suffix;
	struct text rules;
	struct text fills; /* what the keeper puts into its sets, see ruleset.c */
};
void network_table_add(const struct object *network, struct state *state,
		       const struct network_table *table);
void network_table_fini(struct network_table *table);
/* Parts of rules: how a chain begins; the nets, or addresses, that its bridge has of a family. */
void network_chain(struct text *rules, const char *name, const char *head);
bool network_nets(const struct object *network, const struct state *state, uint8_t family,
		  bool addresses, struct text *set);

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

/* Keeps frames that are for a bridge alone from its ports, where the host would hear them: says so
 * of the bridge, and, when all ports are known, of each. What the text says of it stays. */
void network_close(const struct object *network, struct state *state);
void network_ports(const struct object *network, struct state *state);

/* What an isolated network is without any rule: variables, and a bridge that asks for nothing. */
void network_isolate(const struct object *network, struct state *state);

/* Adds the tables of rules of a network that is not bridged. */
void network_rules(const struct object *network, struct state *state);
