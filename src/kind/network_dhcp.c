/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What dnsmasq is told of a network. Every word of it was checked, or printed from a value, so
 * that nothing written in a name begins an option of its own. Names that guests give themselves
 * count only within the network's own domain, and never before those of the description.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"
#include "kind/network.h"

#define LEASE_TIME 3600
#define LEASES_MOST 16384 /* a bound of its memory; each address of the ranges is one at most */

static void ip_add(struct text *config, const struct ip *ip)
{
	text_add(config, ip->family == AF_INET6 ? "[" : "");
	ip_print(ip, config);
	text_add(config, ip->family == AF_INET6 ? "]" : "");
}

static void netmask_add(struct text *config, uint8_t len)
{
	struct ip mask = {.family = AF_INET};

	for (unsigned int bit = 0; bit < len; bit++)
		mask.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	ip_print(&mask, config);
}

static void net_add(struct text *config, const struct prefix *net)
{
	struct ip ip = net->ip;

	for (unsigned int bit = net->len; bit < ip_bits(&ip); bit++)
		ip.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	ip_print(&ip, config);
}

/* The rest of a range behind its addresses: how wide the net is, and for how long. */
static void range_end(struct text *config, const struct prefix *net, int64_t lease_time)
{
	text_add(config, ",");
	if (net->ip.family == AF_INET)
		netmask_add(config, net->len);
	else /* dnsmasq has no wider ones; the range is within one /64 */
		text_add(config, "%u", net->len < 64 ? 64 : net->len);
	text_add(config, ",%lld\n", (long long)lease_time);
}

static bool has_range(const struct object *network, const struct state *state,
		      const struct prefix *net)
{
	const struct object *range;

	for (size_t i = 0; (range = state_next(state, "range", &i));) {
		const struct span *span = object_value(range, "range", &vtype_span);

		if (span && network_owns(network, range) && prefix_covers(net, &span->first))
			return true;
	}
	return false;
}

static bool has_reservation(const struct object *network, const struct state *state,
			    const char *key, const struct prefix *net)
{
	const struct object *host;

	for (size_t i = 0; (host = state_next(state, "reservation", &i));) {
		const struct ip *ip = object_value(host, key, &vtype_ip);

		if (network_owns(network, host) && (!net || (ip && prefix_covers(net, ip))))
			return true;
	}
	return false;
}

static void ranges_add(const struct object *network, const struct state *state, struct text *config)
{
	int64_t usual = object_number(network, "dhcp.lease-time", LEASE_TIME);
	const struct object *range;

	for (size_t i = 0; (range = state_next(state, "range", &i));) {
		const struct span *span = object_value(range, "range", &vtype_span);
		const struct prefix *net = span ? network_net(network, state, &span->first) : NULL;

		if (!net || !network_owns(network, range))
			continue;
		text_add(config, "dhcp-range=");
		ip_print(&span->first, config);
		text_add(config, ",");
		ip_print(&span->last, config);
		range_end(config, net, object_number(range, "lease-time", usual));
	}
}

/* Nets without a range: reservations alone or, of IPv6, addresses that guests make themselves. */
static void nets_add(const struct object *network, const struct state *state, struct text *config)
{
	int64_t usual = object_number(network, "dhcp.lease-time", LEASE_TIME);
	const struct object *address;

	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		const struct prefix *net = object_value(address, "address", &vtype_prefix);
		bool six = net && net->ip.family == AF_INET6, fixed;

		if (!net || !network_owns(network, address) || has_range(network, state, net))
			continue;
		fixed = has_reservation(network, state, six ? "address6" : "address", net);
		if (six ? net->len != 64 : !fixed)
			continue;
		text_add(config, "dhcp-range=");
		net_add(config, net);
		text_add(config, six ? fixed ? ",static,slaac" : ",ra-stateless" : ",static");
		range_end(config, net, usual);
	}
}

static void mac_add(struct text *config, const struct mac *mac)
{
	for (size_t i = 0; i < sizeof(mac->bytes); i++)
		text_add(config, "%s%02x", i ? ":" : "", mac->bytes[i]);
}

/* A guest with a fixed address or name: in DHCP by its MAC, in DNS by its name. */
struct fixed {
	const char *name; /* NULL: not one that DNS can have */
	const struct mac *mac;
	const struct ip *ips[2]; /* IPv4, IPv6; NULL: none */
	struct ip six;		 /* of a guest that a forward follows; family 0: none */
};

static void fixed_add(const struct object *network, const struct fixed *fixed, struct text *config)
{
	const char *domain = object_text(network, "dns.domain");

	if (fixed->mac) {
		text_add(config, "dhcp-host=");
		mac_add(config, fixed->mac);
		for (int i = 0; i < 2; i++)
			if (fixed->ips[i]) {
				text_add(config, ",");
				ip_add(config, fixed->ips[i]);
			}
		if (fixed->six.family) {
			text_add(config, ",");
			ip_add(config, &fixed->six);
		}
		text_add(config, "%s%s\n", fixed->name ? "," : "", fixed->name ?: "");
	}
	if (!fixed->name || (!fixed->ips[0] && !fixed->ips[1]))
		return;
	text_add(config, "host-record=");
	if (domain)
		text_add(config, "%s.%s,", fixed->name, domain);
	text_add(config, "%s", fixed->name);
	for (int i = 0; i < 2; i++)
		if (fixed->ips[i]) {
			text_add(config, ",");
			ip_print(fixed->ips[i], config);
		}
	text_add(config, "\n");
}

/* The address of IPv6 that a forward finds it by, where it has none of its own. */
static void followed_take(const struct object *network, const struct state *state,
			  struct fixed *fixed)
{
	struct network_followed *guests;
	size_t len = network_followed(network, state, AF_INET6, &guests);

	for (size_t i = 0; i < len && fixed->mac && !fixed->ips[1]; i++)
		if (memcmp(guests[i].mac, fixed->mac, sizeof(*fixed->mac)) == 0)
			network_lease_six(network, state, fixed->mac, &fixed->six);
}

static bool is_followed(const struct object *network, const struct state *state,
			const struct mac *mac)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct network_followed *guests;

	for (size_t f = 0; mac && f < 2; f++) {
		size_t len = network_followed(network, state, families[f], &guests);

		for (size_t i = 0; i < len; i++)
			if (memcmp(guests[i].mac, mac, sizeof(*mac)) == 0)
				return true;
	}
	return false;
}

static void reservations_add(const struct object *network, const struct state *state,
			     struct text *config)
{
	const struct object *host;

	for (size_t i = 0; (host = state_next(state, "reservation", &i));) {
		const char *name = object_name(host);
		struct fixed fixed = {
			.name = network_label_good(name, strlen(name)) ? name : NULL,
			.mac = object_value(host, "macaddress", &vtype_mac),
			.ips = {object_value(host, "address", &vtype_ip),
				object_value(host, "address6", &vtype_ip)},
		};

		if (!network_owns(network, host))
			continue;
		followed_take(network, state, &fixed);
		fixed_add(network, &fixed, config);
	}
}

/* It stands in the network's hosts already, under whatever it is known by. */
static bool is_reserved(const struct object *network, const struct state *state,
			const struct fixed *guest)
{
	const struct object *host;

	for (size_t i = 0; (host = state_next(state, "reservation", &i));) {
		const struct mac *mac = object_value(host, "macaddress", &vtype_mac);
		const struct ip *ip = object_value(host, "address", &vtype_ip);

		if (network_owns(network, host) &&
		    (text_same(object_name(host), guest->name) ||
		     (mac && guest->mac && memcmp(mac, guest->mac, sizeof(*mac)) == 0) ||
		     (ip && guest->ips[0] && ip_order(ip, guest->ips[0]) == 0)))
			return true;
	}
	return false;
}

/* `guests:` are known to the networks in whose nets their addresses are, and that follow them. */
static void guests_add(const struct object *network, const struct state *state, struct text *config)
{
	const struct object *guest;

	for (size_t i = 0; (guest = state_next(state, "guest", &i));) {
		const struct ip *ip = object_value(guest, "address", &vtype_ip);
		const char *name = object_name(guest);
		struct fixed fixed = {
			.name = name && network_label_good(name, strlen(name)) ? name : NULL,
			.mac = object_value(guest, "macaddress", &vtype_mac),
		};

		if (!text_same(guest->ns, network->ns) ||
		    !(ip ? network_net(network, state, ip) != NULL
			 : is_followed(network, state, fixed.mac)))
			continue;
		if (ip)
			fixed.ips[ip->family == AF_INET6] = ip;
		followed_take(network, state, &fixed);
		if (!is_reserved(network, state, &fixed))
			fixed_add(network, &fixed, config);
	}
}

static void dns_add(const struct object *network, struct text *config)
{
	const struct network *its = network->data;

	/* a name without a dot is nobody's elsewhere; isolated guests ask nobody elsewhere */
	text_add(config, "domain-needed\n");
	if (its->mode == NETWORK_ISOLATED)
		text_add(config, "no-resolv\n");
	if (its->domain)
		text_add(config, "domain=%s\nlocal=/%s/\ndhcp-fqdn\n", its->domain, its->domain);
	else
		text_add(config, "dhcp-ignore-names\n");
}

static void advertise(const struct object *network, struct text *config)
{
	const struct network *its = network->data;
	bool silent = its->mode == NETWORK_ISOLATED;

	text_add(config, "enable-ra\ndhcp-option=option6:dns-server,[::]\n");
	if (its->domain)
		text_add(config, "dhcp-option=option6:domain-search,%s\n", its->domain);
	if (!silent && !its->mtu)
		return;
	text_add(config, "ra-param=%s", its->name);
	if (its->mtu)
		text_add(config, ",mtu:%u", its->mtu);
	text_add(config, silent ? ",0,0\n" : ",0\n"); /* is no router: for 0 seconds */
}

static void leases_add(const struct object *network, const struct state *state, struct text *config)
{
	const struct network *its = network->data;

	text_add(config,
		 "dhcp-authoritative\ndhcp-lease-max=%d\nquiet-dhcp\nquiet-dhcp6\nquiet-ra\n",
		 LEASES_MOST);
	ranges_add(network, state, config);
	nets_add(network, state, config);
	if (its->mode == NETWORK_ISOLATED)
		text_add(config, "dhcp-option=option:router\n"); /* leads nowhere */
	if (its->mtu)
		text_add(config, "dhcp-option=option:mtu,%u\n", its->mtu);
	if (network_has(network, state, AF_INET6))
		advertise(network, config);
}

static bool has_any(const struct object *network, const struct state *state)
{
	const struct object *range;

	for (size_t i = 0; (range = state_next(state, "range", &i));)
		if (network_owns(network, range))
			return true;
	return has_reservation(network, state, "address", NULL);
}

void network_dhcp(const struct object *network, struct state *state)
{
	const struct network *its = network->data;
	struct text config TEXT_CLEANUP = {0};
	bool leases = has_any(network, state);
	struct object *object;

	if (!leases && !its->domain)
		return;
	text_add(&config,
		 "interface=%s\nexcept-interface=lo\nbind-dynamic\nlog-facility=-\npid-file=\n"
		 "no-hosts\n",
		 its->name);
	dns_add(network, &config);
	if (leases)
		leases_add(network, state, &config);
	reservations_add(network, state, &config);
	guests_add(network, state, &config);
	object = object_make(state->arena, kind_find("dhcp"), network->ns);
	object->place = network->place;
	object_set(object, "name", its->name, state->arena);
	object_recall(object, "config", text_get(&config), state->arena);
	state_add(state, object);
}
