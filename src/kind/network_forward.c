/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port of this host that leads to a guest: from outside, from the host, and from the guest's
 * own neighbours, who get the answer from where they asked.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "kind/network.h"

struct forward {
	const char *network, *listen, *to;
};

/* clang-format off */
static const struct field fields[] = {
	{"network", &vtype_device, FIELD(forward, network),
	 .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the guest's network"},
	{"listen", &vtype_text, FIELD(forward, listen), .flags = FIELD_KEY | FIELD_NEED, .max = 80,
	 .doc = "[ADDRESS:]tcp/PORT or udp/PORT, also a range PORT-PORT; without ADDRESS any of ours"},
	{"to", &vtype_text, FIELD(forward, to), .flags = FIELD_NEED, .max = 120,
	 .doc = "GUEST:PORT or ADDRESS:PORT; of a range the same range"},
};
/* clang-format on */

/* PORT or PORT-PORT to the end of the text. */
static bool ports_parse(const char *text, uint16_t ports[2])
{
	char first[8] = "";
	const char *dash = strchr(text, '-');
	int64_t from, to;

	if (dash && (size_t)(dash - text) < sizeof(first))
		memcpy(first, text, (size_t)(dash - text));
	if (text_number(dash ? first : text, 1, 65535, &from) ||
	    text_number(dash ? dash + 1 : text, 1, 65535, &to) || to < from)
		return false;
	ports[0] = (uint16_t)from;
	ports[1] = (uint16_t)to;
	return true;
}

/* "ADDRESS:REST" or "[ADDRESS]:REST": the address as text; NULL: there is none, and all is rest. */
static const char *address_split(const char *text, char *address, size_t size)
{
	const char *end = text[0] == '[' ? strstr(text, "]:") : strrchr(text, ':');
	size_t from = text[0] == '[', len;

	address[0] = '\0';
	if (!end)
		return text;
	len = (size_t)(end - text) - from;
	if (len >= size)
		return NULL;
	memcpy(address, text + from, len);
	address[len] = '\0';
	return end + 1 + from;
}

static bool listen_parse(const char *text, struct network_listen *listen)
{
	char address[64];
	const char *rest = address_split(text, address, sizeof(address));

	*listen = (struct network_listen){0};
	if (!rest || (address[0] && ip_parse(address, &listen->address)))
		return false;
	if (text_starts(rest, "tcp/"))
		listen->protocol = "tcp";
	else if (text_starts(rest, "udp/"))
		listen->protocol = "udp";
	else
		return false;
	return ports_parse(rest + 4, listen->ports);
}

/* The name or address that it leads to, and the ports; false: it is neither. */
static bool to_split(const struct object *object, char name[64], uint16_t ports[2])
{
	const struct forward *forward = object->data;
	const char *rest = address_split(forward->to, name, 64);

	return rest && name[0] && ports_parse(rest, ports);
}

/*
 * Where it leads: an address, or a guest that the description knows by address or by MAC. A name
 * that a guest gave itself is not enough: any could take the forward by it.
 */
static bool to_parse(const struct object *object, const struct state *state, uint8_t family,
		     struct network_target *target)
{
	char name[64];

	*target = (struct network_target){0};
	if (!to_split(object, name, target->ports))
		return false;
	if (ip_parse(name, &target->ip) == 0)
		return !family || target->ip.family == family;
	return network_guest_target(object, state, family, name, target);
}

bool network_forward(const struct object *object, const struct state *state, uint8_t family,
		     struct network_listen *listen, struct network_target *target)
{
	const struct forward *forward = object->data;

	return forward->listen && forward->to && listen_parse(forward->listen, listen) &&
	       (!listen->address.family || !family || listen->address.family == family) &&
	       to_parse(object, state, family, target);
}

static void refuse(const struct object *object, const struct state *state, struct diag *diag,
		   const char *key, const char *what, const char *hint)
{
	err_hint(diag_error(diag, object_place_of(object, key), object_label(object, state->arena),
			    "%s", what),
		 "%s", hint);
}

static bool in_network(const struct object *object, const struct state *state, const struct ip *ip)
{
	const struct object *address;

	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		const struct prefix *own = object_value(address, "address", &vtype_prefix);
		bool same = own && own->ip.family == ip->family;

		if (!same || !text_same(address->ns, object->ns) ||
		    !text_same(object_owner(address), object_owner(object)))
			continue;
		for (unsigned int bit = 0; same && bit < own->len; bit++)
			same = !((own->ip.bytes[bit / 8] ^ ip->bytes[bit / 8]) & 0x80 >> bit % 8);
		if (same)
			return true;
	}
	return false;
}

/* Why a name leads nowhere. */
static void check_name(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct object *guest;
	uint16_t ports[2];
	char name[64];

	guest = to_split(object, name, ports) ? network_guest(object, state, name) : NULL;
	if (!guest)
		refuse(object, state, diag, "to",
		       "to is no guest that the text knows by address or MAC (names that guests "
		       "give "
		       "themselves do not count), and no address; expected GUEST:PORT",
		       "to: \"192.0.2.10:80\", or guests: {NAME: {macaddress: …}}");
	else if (!object_has_key(guest, "macaddress"))
		refuse(object, state, diag, "to",
		       "leads to a guest without address and MAC; expected one of them, by which "
		       "it "
		       "is known",
		       "guests: {NAME: {macaddress: …}}");
	else
		refuse(object, state, diag, "to",
		       "leads to a guest without an address, and the network gives it none; "
		       "expected an address, or a range",
		       "dhcp: {range: [FIRST, LAST]}");
}

static bool elsewhere(const struct object *object, const struct state *state, const char *name)
{
	const struct object *guest = name ? network_guest(object, state, name) : NULL;
	const char *network =
		guest && kind_is(guest->kind, "guest") ? object_text(guest, "network") : NULL;

	return network && !text_same(network, object_owner(object));
}

static void check_to(const struct object *object, const struct state *state, struct diag *diag,
		     const struct network_listen *listen)
{
	struct network_target target;
	const uint16_t *ports = target.ports;

	if (!to_parse(object, state, listen->address.family, &target) &&
	    !to_parse(object, state, 0, &target))
		check_name(object, state, diag);
	else if (ports[1] - ports[0] != listen->ports[1] - listen->ports[0] ||
		 (ports[1] != ports[0] && ports[0] != listen->ports[0]))
		refuse(object, state, diag, "to",
		       "leads from a range of ports to another one; expected the same range",
		       "one port each, or the same range in both");
	else if (listen->address.family && listen->address.family != target.ip.family)
		refuse(object, state, diag, "to",
		       "leads from one family of addresses to the other; expected one",
		       "an address of the family of listen");
	else if (target.follows ? elsewhere(object, state, target.name)
				: !in_network(object, state, &target.ip))
		refuse(object, state, diag, "to",
		       "leads to an address that is not of this network; expected a guest's of it",
		       "an address within the network's own addresses");
}

/* Two that listen at one port: the second would never be asked. */
static void check_twice(const struct object *object, const struct state *state, struct diag *diag,
			const struct network_listen *listen)
{
	struct network_listen its;
	const struct object *other;
	struct network_target to, its_to;

	if (!to_parse(object, state, listen->address.family, &to))
		return;
	for (size_t i = 0; (other = state_next(state, "forward", &i));) {
		const struct forward *forward = other->data;

		if (other == object || !forward->to ||
		    !to_parse(other, state, to.ip.family, &its_to) ||
		    !text_same(other->ns, object->ns) || !forward->listen ||
		    !listen_parse(forward->listen, &its) ||
		    !text_same(its.protocol, listen->protocol) || its.ports[0] > listen->ports[1] ||
		    its.ports[1] < listen->ports[0] ||
		    (its.address.family && listen->address.family &&
		     memcmp(&its.address, &listen->address, sizeof(its.address)) != 0))
			continue;
		if (object->place.line > other->place.line ||
		    (object->place.line == other->place.line &&
		     object->place.column > other->place.column))
			diag_error(diag, object_place_of(object, "listen"),
				   object_label(object, state->arena),
				   "listens at a port that line %u has; expected another one",
				   other->place.line);
	}
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct forward *forward = object->data;
	const struct object *network =
		state_named(state, "network", object->ns, forward->network ? forward->network : "");
	const struct network *its = network ? network->data : NULL;
	struct network_listen listen;

	if (its && (its->mode == NETWORK_ISOLATED || its->mode == NETWORK_BRIDGED))
		refuse(object, state, diag, "listen",
		       "leads into a network that is isolated or bridged; expected nat or routed",
		       "mode: nat");
	if (!forward->listen || !forward->to)
		return;
	if (!listen_parse(forward->listen, &listen)) {
		refuse(object, state, diag, "listen",
		       "listen is no protocol and port; expected "
		       "tcp/PORT or udp/PORT, with or without an address before it",
		       "listen: tcp/8080, or \"203.0.113.1:udp/5000-5010\"");
		return;
	}
	check_to(object, state, diag, &listen);
	check_twice(object, state, diag, &listen);
}

static const struct kind_ops ops = {.check = check};

const struct kind kind_forward = {
	.name = "forward",
	.summary = "a port of this host that leads to a guest",
	.owner = "network",
	.listed = "forward",
	.listing = LISTING_ITEMS,
	KIND_FIELDS(fields),
	.size = sizeof(struct forward),
	.rank = RANK_FACT,
	.door = DOOR_NONE,
	.ops = &ops,
};
