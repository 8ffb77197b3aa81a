/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that a forward names and whose address is none of the text's: the forward leads to what
 * the guest's MAC has a lease of. The MAC is the text's, so nobody takes a forward by a name of his
 * choice. Rules have a set or map for each such MAC; the keeper, who sees the leases, fills it.
 *
 * A lease of IPv4 has the MAC beside it. One of IPv6 has an identifier in its place that guests
 * make up themselves; so a guest that is followed has one address there, made of its MAC (as RFC
 * 4291, appendix A has it), which dnsmasq gives to that MAC alone.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "kind/network.h"

static const char *const address_keys[] = {"address", "address6"};

static const struct object *host_named(const struct object *network, const struct state *state,
				       const char *name)
{
	const struct object *host;
	const char *owner = object_owner(network) ?: object_name(network);

	for (size_t i = 0; (host = state_next(state, "reservation", &i));)
		if (text_same(host->ns, network->ns) && text_same(object_name(host), name) &&
		    text_same(object_owner(host), owner))
			return host;
	return NULL;
}

const struct object *network_guest(const struct object *network, const struct state *state,
				   const char *name)
{
	return host_named(network, state, name) ?: state_named(state, "guest", network->ns, name);
}

/* An address of that family, or of any (0), that the text gives it. */
static const struct ip *fixed(const struct object *guest, uint8_t family)
{
	for (int i = 0; guest && i < 2; i++) {
		const struct ip *ip = kind_field_find(guest->kind, address_keys[i]) < 0
					      ? NULL
					      : object_value(guest, address_keys[i], &vtype_ip);

		if (ip && (!family || ip->family == family))
			return ip;
	}
	return NULL;
}

/* The first address of its ranges of a family; NULL: it has none. */
static const struct ip *range_first(const struct object *network, const struct state *state,
				    uint8_t family)
{
	const char *owner = object_owner(network) ?: object_name(network);
	const struct object *range;

	for (size_t i = 0; (range = state_next(state, "range", &i));) {
		const struct span *span = object_value(range, "range", &vtype_span);

		if (span && span->first.family == family && text_same(range->ns, network->ns) &&
		    text_same(object_owner(range), owner))
			return &span->first;
	}
	return NULL;
}

bool network_guest_target(const struct object *network, const struct state *state, uint8_t family,
			  const char *name, struct network_target *target)
{
	const struct object *host = host_named(network, state, name);
	const struct object *guest = state_named(state, "guest", network->ns, name);
	const struct ip *ip = fixed(host, family) ?: fixed(guest, family);
	const struct object *known = host ?: guest;

	if (!known)
		return false;
	target->name = object_name(known);
	if (ip) {
		target->ip = *ip;
		return true;
	}
	if (!family)
		return network_guest_target(network, state, AF_INET, name, target) ||
		       network_guest_target(network, state, AF_INET6, name, target);
	target->ip = (struct ip){.family = family};
	target->follows = object_value(known, "macaddress", &vtype_mac);
	return target->follows && range_first(network, state, family);
}

size_t network_followed(const struct object *network, const struct state *state, uint8_t family,
			struct network_followed **guests)
{
	const struct object *forward;
	struct network_target target;
	struct network_listen listen;
	size_t len = 0, i;

	*guests = NULL;
	for (size_t n = 0; (forward = state_next(state, "forward", &n));) {
		if (!network_owns(network, forward) ||
		    !network_forward(forward, state, family, &listen, &target) || !target.follows)
			continue;
		for (i = 0; i < len; i++)
			if (memcmp((*guests)[i].mac, target.follows, sizeof(struct mac)) == 0)
				break;
		if (i < len)
			continue;
		*guests = arena_room(state->arena, *guests, len, sizeof(**guests));
		(*guests)[len++] = (struct network_followed){target.follows, target.name};
	}
	return len;
}

bool network_lease_six(const struct object *network, const struct state *state,
		       const struct mac *mac, struct ip *ip)
{
	const struct ip *first = range_first(network, state, AF_INET6);
	const uint8_t *from = mac->bytes;

	if (!first)
		return false;
	*ip = *first;
	memcpy(ip->bytes + 8,
	       (uint8_t[]){from[0] ^ 2, from[1], from[2], 0xff, 0xfe, from[3], from[4], from[5]},
	       8);
	return true;
}

void network_set_name(uint8_t family, const struct mac *mac, char name[NETWORK_SET_SIZE])
{
	const uint8_t *b = mac->bytes;

	snprintf(name, NETWORK_SET_SIZE, "%s_%02x%02x%02x%02x%02x%02x",
		 family == AF_INET6 ? "six"
		 : family	    ? "four"
				    : "at",
		 b[0], b[1], b[2], b[3], b[4], b[5]);
}

/* The nets of its IPv4 addresses, in one of which a lease has to be. */
static void nets_add(const struct object *network, const struct state *state, struct text *fills)
{
	const struct object *address;

	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		const struct prefix *net = object_value(address, "address", &vtype_prefix);

		if (!net || net->ip.family != AF_INET || !network_owns(network, address))
			continue;
		text_add(fills, " ");
		ip_print(&net->ip, fills);
		text_add(fills, "/%u", net->len);
	}
}

void network_fill(const struct object *network, const struct state *state, const char *verb,
		  uint8_t family, const struct mac *mac, struct text *fills)
{
	const uint8_t *b = mac->bytes;
	char name[NETWORK_SET_SIZE];
	struct ip ip;

	network_set_name(family, mac, name);
	text_add(fills, "%s %s %s %02x:%02x:%02x:%02x:%02x:%02x", verb, name, object_name(network),
		 b[0], b[1], b[2], b[3], b[4], b[5]);
	if (family == AF_INET)
		nets_add(network, state, fills);
	if (family == AF_INET6 && network_lease_six(network, state, mac, &ip)) {
		text_add(fills, " ");
		ip_print(&ip, fills);
		text_add(fills, "/128");
	}
	text_add(fills, "\n");
}
