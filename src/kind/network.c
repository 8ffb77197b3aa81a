/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network for VMs: a short form. It is a bridge of its own name, which takes a bridge's keys;
 * expansion adds what the mode means, as objects that `plan` shows: kernel variables, and tables
 * of rules (network_rules.c). Nothing is made of the network itself.
 */
#include "kind/network.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "model/cascade.h"
#include "sys/sysctl.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static const char *const modes[] = {"bridged", "isolated", "routed", "nat", NULL};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_device, FIELD(network, name), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "name, also of its bridge"},
	{"mode", &vtype_word, FIELD(network, mode), .flags = FIELD_NEED | FIELD_FACE,
	 .words = modes,
	 .doc = "what its guests reach: uplink's LAN; one another; others; others as the host"},
	{"uplink", &vtype_ref, FIELD(network, uplink), .flags = FIELD_FACE,
	 .doc = "the way out: bridged: the NIC that joins; routed, nat: the only one, else any"},
	{"gateway", &vtype_text, FIELD(network, gateway), .flags = FIELD_FACE, .max = 63,
	 .doc = "of a network stretched over hosts: the one that has its addresses and rules"},
	{"dhcp.range", &vtype_span, FIELD(network, range), .flags = FIELD_FACE,
	 .doc = "first and last address that guests get; dhcp.ranges has several"},
	{"dhcp.lease-time", &vtype_u32, FIELD(network, lease_time), .flags = FIELD_FACE, .min = 120,
	 .max = 31536000, .doc = "seconds that an address is a guest's without asking again (3600)"},
	{"dhcp.mtu", &vtype_u16, FIELD(network, mtu), .flags = FIELD_FACE, .min = LINK_IPV6_MTU,
	 .max = 65535, .doc = "size of packets that guests are told; without it, the bridge's"},
	{"source-guard", &vtype_bool, FIELD(network, source_guard), .flags = FIELD_FACE,
	 .doc = "guests cannot pretend to be others, on ports nobody declared, too (on with leases)"},
	{"dns.domain", &vtype_text, FIELD(network, domain), .flags = FIELD_FACE, .max = 200,
	 .doc = "of the guests' names; only with one the names count that guests give themselves"},
};
/* clang-format on */

void network_variable(const struct object *network, struct state *state, const char *value,
		      const char *format, const char *device)
{
	const struct object *link = state_link(state, network->ns, device);
	const struct kind *kind = kind_find("sysctl");
	struct object *object;
	char escaped[16], *dot;

	snprintf(escaped, sizeof(escaped), "%s", device);
	while ((dot = strchr(escaped, '.')))
		*dot = '/';
	object = object_make(state->arena, kind, network->ns);
	object->place = network->place;
	object_set(object, "name", arena_print(state->arena, format, escaped), state->arena);
	object_set(object, "value", value, state->arena);
	if (link && !link_admits(link, object))
		return;
	for (size_t i = 0; i < state->len; i++)
		if (object_order(state->objects[i], object) == 0)
			return;
	state_add(state, object);
}

bool network_has(const struct object *network, const struct state *state, uint8_t family)
{
	const struct prefix *prefix;
	const struct object *address;

	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		prefix = object_value(address, "address", &vtype_prefix);
		if (prefix && prefix->ip.family == family && text_same(address->ns, network->ns) &&
		    text_same(object_owner(address), object_name(network)))
			return true;
	}
	return false;
}

bool network_owns(const struct object *network, const struct object *child)
{
	return text_same(child->ns, network->ns) &&
	       text_same(object_owner(child), object_name(network));
}

const struct prefix *network_net(const struct object *network, const struct state *state,
				 const struct ip *ip)
{
	const struct object *address;

	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		const struct prefix *own = object_value(address, "address", &vtype_prefix);

		if (own && network_owns(network, address) && prefix_covers(own, ip))
			return own;
	}
	return NULL;
}

/* dhcp.range is one of dhcp.ranges. */
static void range_add(const struct object *network, const struct network *its, struct state *state)
{
	struct object *range = object_make(state->arena, kind_find("range"), network->ns);
	struct text text TEXT_CLEANUP = {0};

	ip_print(&its->range.first, &text);
	text_add(&text, "-");
	ip_print(&its->range.last, &text);
	range->place = object_place_of(network, "dhcp.range");
	object_set(range, "network", its->name, state->arena);
	object_set(range, "range", text_get(&text), state->arena);
	for (size_t i = 0; i < state->len; i++)
		if (object_order(state->objects[i], range) == 0)
			return;
	state_add(state, range);
}

static void join_uplink(const struct object *network, const struct network *its,
			struct state *state)
{
	struct object *port = object_make(state->arena, kind_find("port"), network->ns);

	port->place = object_place_of(network, "uplink");
	object_set(port, "device", its->uplink, state->arena);
	object_set(port, "bridge", its->name, state->arena);
	for (size_t i = 0; i < state->len; i++)
		if (object_order(state->objects[i], port) == 0)
			return; /* it stands under interfaces, too */
	state_add(state, port);
}

/* Forwarding is switched on per device, never for all: others' would go off with ours. */
static void forward(const struct object *network, const struct network *its, struct state *state)
{
	if (!network_has(network, state, AF_INET))
		return;
	network_variable(network, state, "1", "net.ipv4.conf.%s.forwarding", its->name);
}

bool network_elsewhere(const struct network *its, const struct state *state)
{
	return its->gateway && !text_same(its->gateway, state->host);
}

static void expand(struct object *object, struct state *state, struct diag *diag)
{
	const struct network *its = object->data;

	struct object *bridge = state_named(state, "bridge", object->ns, object_name(object));

	if (!object_has_key(object, "mode"))
		return;
	if (bridge && !object_has_key(bridge, "link-group"))
		object_set(bridge, "link-group", NETWORK_GROUP_TEXT, state->arena);
	if (its->mode == NETWORK_BRIDGED) {
		if (its->uplink)
			join_uplink(object, its, state);
		/* it joins with all it has, and the bridge has its MAC: see doc/design/uplink.md */
		if (its->uplink && bridge && !object_has_key(bridge, "uplink"))
			object_set(bridge, "uplink", its->uplink, state->arena);
		return;
	}
	network_close(object, state);
	/* nor does the host listen to routers among guests, or to its own advertisements */
	network_variable(object, state, "0", "net.ipv6.conf.%s.accept_ra", its->name);
	if (network_elsewhere(its, state))
		return;
	if (object_has_key(object, "dhcp.range"))
		range_add(object, its, state);
	network_dhcp(object, state);
	if (its->mode == NETWORK_ISOLATED)
		network_isolate(object, state);
	else
		forward(object, its, state);
	network_rules(object, state);
}

/* On the other hosts of a stretched network there is a bridge with its ports, and nothing more. */
static bool drops(const struct object *object, const struct object *other,
		  const struct state *state)
{
	const struct network *its = object->data;

	static const char *const kinds_of_gateway[] = {"address", "route", "forward"};

	for (size_t i = 0; i < sizeof(kinds_of_gateway) / sizeof(kinds_of_gateway[0]); i++)
		if (kind_is(other->kind, kinds_of_gateway[i]))
			return network_elsewhere(its, state) && network_owns(object, other);
	return false;
}

static void refuse(struct diag *diag, const struct object *object, const struct state *state,
		   const char *key, const char *message, const char *hint)
{
	err_hint(diag_error(diag, object_place_of(object, key), object_label(object, state->arena),
			    "%s", message),
		 "%s", hint);
}

static bool domain_good(const char *domain)
{
	size_t size;

	do {
		size = strcspn(domain, ".");
		if (!network_label_good(domain, size))
			return false;
		domain += size + (domain[size] == '.');
	} while (domain[-1] == '.' || *domain);
	return true;
}

/* It may be given one later, by hand; until then nobody gets out through it. */
static void check_gateway(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct network *its = object->data;
	bool gateway = its->mode == NETWORK_NAT || its->mode == NETWORK_ROUTED;

	if (!gateway || !object_has_key(object, "mode") || network_elsewhere(its, state) ||
	    network_has(object, state, AF_INET) || network_has(object, state, AF_INET6))
		return;
	err_hint(diag_warning(diag, object->place, object_label(object, state->arena),
			      "it has no address, so its guests have no gateway"),
		 "addresses: [192.168.57.1/24]");
}

/* Leases and names: by whom, and from where. */
static void check_served(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct network *its = object->data;
	const char *key = object_has_key(object, "dhcp.range")	      ? "dhcp.range"
			  : object_has_key(object, "dhcp.lease-time") ? "dhcp.lease-time"
			  : object_has_key(object, "dhcp.mtu")	      ? "dhcp.mtu"
								      : "dns.domain";

	if (its->domain && !domain_good(its->domain))
		refuse(diag, object, state, "dns.domain",
		       "dns.domain is no name of a domain; expected letters, digits and hyphens "
		       "between dots",
		       "domain: lab.example");
	if (!object_has_key(object, key)) {
		check_gateway(object, state, diag);
		return;
	}
	/* others mean something in what dnsmasq is told */
	if (its->name[strspn(its->name, PLAIN)])
		refuse(diag, object, state, key,
		       "serves leases or names under a name that dnsmasq cannot be told; expected "
		       "letters, digits, '.', '_' and '-' in it",
		       "another name for the network");
	if (its->mode == NETWORK_BRIDGED)
		refuse(diag, object, state, key,
		       "is bridged and serves leases or names itself; expected its LAN's servers "
		       "to",
		       "mode: nat, or no dhcp and dns");
	else if (!network_has(object, state, AF_INET) && !network_has(object, state, AF_INET6))
		refuse(diag, object, state, key,
		       "serves leases or names and has no address; expected one of its own",
		       "addresses: [192.168.57.1/24]");
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct network *its = object->data;

	if (its->mode == NETWORK_BRIDGED && !its->uplink && object_has_key(object, "mode"))
		refuse(diag, object, state, "mode",
		       "is bridged and names no uplink; expected the NIC that joins it",
		       "uplink: eth0, or mode: isolated");
	if (its->mode == NETWORK_ISOLATED && its->uplink)
		refuse(diag, object, state, "uplink",
		       "is isolated and has a way out; expected none of the two",
		       "mode: nat, or no uplink");
	if (its->uplink && text_same(its->uplink, its->name))
		refuse(diag, object, state, "uplink", "is its own uplink; expected another device",
		       "the NIC that leads out");
	if (object_has_key(object, "mode") && !network_elsewhere(its, state))
		check_served(object, state, diag);
	if (its->gateway && !state->host)
		refuse(diag, object, state, "gateway",
		       "names a host, but the file has no hosts; expected hosts, or no gateway",
		       "hosts: {NAME: {…}}");
}

static const struct kind_ops ops = {.expand = expand,
				    .check = check,
				    .drops = drops,
				    .settle = network_settle,
				    .hindered = network_hindered};

const struct kind kind_network = {
	.name = "network",
	.section = "networks",
	.summary = "a network for VMs: a bridge with a policy",
	.device = "bridge",
	KIND_FIELDS(fields),
	.size = sizeof(struct network),
	.rank = RANK_FACT,
	.door = DOOR_NONE,
	.ops = &ops,
};
