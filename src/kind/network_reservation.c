/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest that always gets the same address and name, known by its MAC. */
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#include "base/diag.h"
#include "kind/network.h"

struct reservation {
	const char *network, *name;
	struct mac macaddress;
	struct ip address, address6;
};

/* clang-format off */
static const struct field fields[] = {
	{"network", &vtype_device, FIELD(reservation, network),
	 .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the guest's network"},
	{"name", &vtype_text, FIELD(reservation, name), .flags = FIELD_KEY | FIELD_NEED, .max = 63,
	 .doc = "name of the guest, also in DNS: letters, digits and hyphens"},
	{"macaddress", &vtype_mac, FIELD(reservation, macaddress), .flags = FIELD_NEED | FIELD_FACE,
	 .doc = "hardware address of the guest's own card"},
	{"address", &vtype_ip, FIELD(reservation, address), .flags = FIELD_FACE,
	 .doc = "the IPv4 address it gets; without one, any of a range"},
	{"address6", &vtype_ip, FIELD(reservation, address6), .flags = FIELD_FACE,
	 .doc = "the IPv6 address it gets by DHCPv6"},
};
/* clang-format on */

bool network_label_good(const char *label, size_t size)
{
	if (!size || size > 63 || label[0] == '-' || label[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!(isalnum((unsigned char)label[i]) && (unsigned char)label[i] < 128) &&
		    label[i] != '-')
			return false;
	return true;
}

static void refuse(const struct object *object, const struct state *state, struct diag *diag,
		   const char *key, const char *what, const char *hint)
{
	err_hint(diag_error(diag, object_place_of(object, key), object_label(object, state->arena),
			    "%s", what),
		 "%s", hint);
}

static void check_address(const struct object *object, const struct state *state, struct diag *diag,
			  const struct object *network, const char *key, uint8_t family)
{
	const struct ip *ip = object_value(object, key, &vtype_ip);
	const struct prefix *net = ip ? network_net(network, state, ip) : NULL;

	if (!ip)
		return;
	if (ip->family != family)
		refuse(object, state, diag, key,
		       family == AF_INET ? "address is of IPv6; expected one of IPv4"
					 : "address6 is of IPv4; expected one of IPv6",
		       family == AF_INET ? "address6: …" : "address: …");
	else if (!net)
		refuse(object, state, diag, key,
		       "has an address outside of the network's own nets; expected one within",
		       "an address within the network's own addresses");
	else if (ip_order(&net->ip, ip) == 0)
		refuse(object, state, diag, key,
		       "has the network's own address; expected another one",
		       "an address that nobody has");
}

static bool same_ip(const struct object *a, const struct object *b, const char *key)
{
	const struct ip *one = object_value(a, key, &vtype_ip);
	const struct ip *two = object_value(b, key, &vtype_ip);

	return one && two && one->family == two->family && ip_order(one, two) == 0;
}

static void check_others(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct mac *mac = object_value(object, "macaddress", &vtype_mac), *its;
	const struct object *other;

	for (size_t i = 0; (other = state_next(state, "reservation", &i)) && other != object;) {
		if (!text_same(other->ns, object->ns) ||
		    !text_same(object_owner(other), object_owner(object)))
			continue;
		its = object_value(other, "macaddress", &vtype_mac);
		if (mac && its && memcmp(mac, its, sizeof(*mac)) == 0)
			refuse(object, state, diag, "macaddress",
			       "has the MAC of another host; expected one of its own",
			       "one host for each card");
		else if (same_ip(object, other, "address") || same_ip(object, other, "address6"))
			refuse(object, state, diag, "address",
			       "has the address of another host; expected one of its own",
			       "an address that no other host has");
	}
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct object *network =
		state_named(state, "network", object->ns, object_owner(object) ?: "");
	const char *name = object_name(object);

	if (!network || network_elsewhere(network->data, state))
		return;
	if (name && !network_label_good(name, strlen(name)))
		refuse(object, state, diag, "name",
		       "is no name of a host; expected letters, digits and hyphens", "vm1");
	check_address(object, state, diag, network, "address", AF_INET);
	check_address(object, state, diag, network, "address6", AF_INET6);
	check_others(object, state, diag);
}

static const struct kind_ops ops = {.check = check};

const struct kind kind_reservation = {
	.name = "reservation",
	.summary = "a guest's own address and name in a network",
	.owner = "network",
	.listed = "dhcp.hosts",
	.listing = LISTING_MAP,
	KIND_FIELDS(fields),
	.size = sizeof(struct reservation),
	.rank = RANK_FACT,
	.door = DOOR_NONE,
	.ops = &ops,
};
