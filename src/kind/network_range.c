/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses that a network gives its guests. */
#include <netinet/in.h>
#include <string.h>

#include "base/diag.h"
#include "kind/network.h"

struct range {
	const char *network;
	struct span range;
	uint32_t lease_time;
};

/* clang-format off */
static const struct field fields[] = {
	{"network", &vtype_device, FIELD(range, network),
	 .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the guests' network"},
	{"range", &vtype_span, FIELD(range, range), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "FIRST-LAST, of one of the network's own nets, IPv4 or IPv6"},
	{"lease-time", &vtype_u32, FIELD(range, lease_time), .flags = FIELD_FACE, .min = 120,
	 .max = 31536000, .doc = "seconds; without it, the network's dhcp.lease-time"},
};
/* clang-format on */

static void refuse(const struct object *object, const struct state *state, struct diag *diag,
		   const char *what, const char *hint)
{
	err_hint(diag_error(diag, object_place_of(object, "range"),
			    object_label(object, state->arena), "%s", what),
		 "%s", hint);
}

/* Two that overlap would give one address twice. Told at the later. */
static void check_others(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct range *its = object->data;
	const struct object *other;

	for (size_t i = 0; (other = state_next(state, "range", &i)) && other != object;) {
		const struct range *own = other->data;

		if (text_same(other->ns, object->ns) && text_same(own->network, its->network) &&
		    own->range.first.family == its->range.first.family &&
		    ip_order(&own->range.first, &its->range.last) <= 0 &&
		    ip_order(&its->range.first, &own->range.last) <= 0)
			refuse(object, state, diag,
			       "overlaps another range of the network; expected each address once",
			       "one range for both");
	}
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct range *its = object->data;
	const struct object *network =
		state_named(state, "network", object->ns, its->network ? its->network : "");
	const struct prefix *net;

	if (!network || !object_has_key(object, "range") || network_elsewhere(network->data, state))
		return;
	net = network_net(network, state, &its->range.first);
	if (!net || !prefix_covers(net, &its->range.last))
		refuse(object, state, diag,
		       "leads outside of the network's own nets; expected two addresses of one",
		       "addresses within one of the network's own addresses/length");
	else if (net->ip.family == AF_INET6 &&
		 memcmp(its->range.first.bytes, its->range.last.bytes, 8) != 0)
		refuse(object, state, diag,
		       "leads from one /64 to another; expected the same first 64 bits",
		       "a range for each /64");
	check_others(object, state, diag);
}

static const struct kind_ops ops = {.check = check};

const struct kind kind_range = {
	.name = "range",
	.summary = "addresses that a network's guests get by DHCP",
	.owner = "network",
	.listed = "dhcp.ranges",
	.listing = LISTING_NAMES,
	KIND_FIELDS(fields),
	.size = sizeof(struct range),
	.rank = RANK_FACT,
	.door = DOOR_NONE,
	.ops = &ops,
};
