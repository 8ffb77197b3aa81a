/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest may not pretend to be, on the wire between guests: a server of addresses, a router,
 * the host, somebody with an address of no net of the network or with one that is reserved for
 * another MAC; and behind the port of a guest that the description knows, anybody but that guest.
 * It stands before the bridge decides where a frame goes, so other guests do not hear it either.
 * By itself it is on where the network gives the addresses, since then it knows whose they are.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "kind/network.h"

/* Nets of a family, and what comes from nobody yet. */
static bool nets(const struct object *network, const struct state *state, uint8_t family,
		 struct text *set)
{
	const struct object *address;

	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		const struct prefix *prefix = object_value(address, "address", &vtype_prefix);
		struct ip ip;

		if (!prefix || prefix->ip.family != family || !network_owns(network, address))
			continue;
		ip = prefix->ip;
		for (unsigned int bit = prefix->len; bit < ip_bits(&ip); bit++)
			ip.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		text_add(set, "%s", set->size ? ", " : "");
		ip_print(&ip, set);
		text_add(set, "/%u", prefix->len);
	}
	return set->size;
}

static void drop(struct text *rules, const char *before, const char *what, const char *behind)
{
	text_add(rules, "\t\t%s%s%s drop\n", before, what, behind);
}

static void mac_text(const struct mac *mac, char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac->bytes[0], mac->bytes[1],
		 mac->bytes[2], mac->bytes[3], mac->bytes[4], mac->bytes[5]);
}

/* The host's own MAC and addresses there. */
static void host_guard(const struct object *network, const struct state *state, struct text *rules)
{
	const struct object *bridge =
				    state_named(state, "bridge", network->ns, object_name(network)),
			    *address;
	const struct mac *mac = bridge ? object_value(bridge, "macaddress", &vtype_mac) : NULL;
	char text[18];

	if (mac) {
		mac_text(mac, text);
		drop(rules, "ether saddr ", text, "");
	}
	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		const struct prefix *own = object_value(address, "address", &vtype_prefix);
		struct text ip TEXT_CLEANUP = {0};

		if (!own || !network_owns(network, address))
			continue;
		ip_print(&own->ip, &ip);
		if (own->ip.family == AF_INET) {
			drop(rules, "arp saddr ip ", text_get(&ip), "");
			drop(rules, "ip saddr ", text_get(&ip), "");
			continue;
		}
		drop(rules, "ip6 saddr ", text_get(&ip), "");
		text_add(rules, "\t\ticmpv6 type nd-neighbor-advert @th,64,128 0x");
		for (int byte = 0; byte < 16; byte++) /* the target of the advertisement */
			text_add(rules, "%02x", own->ip.bytes[byte]);
		text_add(rules, " drop\n");
	}
}

/* Another net's address is nobody's here. */
static void nets_guard(const struct object *network, const struct state *state, struct text *rules)
{
	struct text four TEXT_CLEANUP = {0}, six TEXT_CLEANUP = {0};

	if (nets(network, state, AF_INET, &four)) {
		drop(rules, "arp saddr ip != { 0.0.0.0, ", text_get(&four), " }");
		drop(rules, "ip saddr != { 0.0.0.0, ", text_get(&four), " }");
	}
	if (nets(network, state, AF_INET6, &six))
		drop(rules, "ip6 saddr != { ::, fe80::/10, ", text_get(&six), " }");
}

/* A reserved address belongs to its MAC, and that MAC has no other. */
static void pair_guard(const struct mac *mac, const struct ip *ip, struct text *rules)
{
	struct text address TEXT_CLEANUP = {0};
	char text[18];

	mac_text(mac, text);
	ip_print(ip, &address);
	if (ip->family == AF_INET6) {
		text_add(rules, "\t\tip6 saddr %s ether saddr != %s drop\n", text_get(&address),
			 text);
		return;
	}
	text_add(rules,
		 "\t\tip saddr %s ether saddr != %s drop\n"
		 "\t\tarp saddr ip %s ether saddr != %s drop\n"
		 "\t\tarp saddr ip %s arp saddr ether != %s drop\n"
		 "\t\tether saddr %s ip saddr != { 0.0.0.0, %s } drop\n"
		 "\t\tether saddr %s arp saddr ip != { 0.0.0.0, %s } drop\n",
		 text_get(&address), text, text_get(&address), text, text_get(&address), text, text,
		 text_get(&address), text, text_get(&address));
}

static void reserved_guard(const struct object *network, const struct state *state,
			   struct text *rules)
{
	static const char *const keys[] = {"address", "address6"};
	const struct object *host;

	for (size_t i = 0; (host = state_next(state, "reservation", &i));) {
		const struct mac *mac = object_value(host, "macaddress", &vtype_mac);

		for (int k = 0; k < 2 && mac && network_owns(network, host); k++)
			if (object_value(host, keys[k], &vtype_ip))
				pair_guard(mac, object_value(host, keys[k], &vtype_ip), rules);
	}
}

/*
 * Who is followed by MAC has to be the one who has it: whoever asks for a lease in his name has his
 * MAC on the frame, too (the address is byte 28 of what is in UDP: RFC 2131, section 2), and what
 * he was given is used by nobody else. The keeper fills the set.
 */
static void followed_guard(const struct object *network, const struct state *state,
			   struct text *sets, struct text *rules, struct text *fills)
{
	struct network_followed *guests;
	char set[NETWORK_SET_SIZE], mac[18];
	struct ip six;
	size_t len = network_followed(network, state, AF_INET, &guests);

	for (size_t i = 0; i < len; i++) {
		network_set_name(AF_INET, guests[i].mac, set);
		mac_text(guests[i].mac, mac);
		text_add(sets, "\tset %s {\n\t\ttype ipv4_addr\n\t}\n", set);
		network_fill(network, state, "holds", AF_INET, guests[i].mac, fills);
		text_add(rules,
			 "\t\tether saddr != %s udp dport 67 @th,288,48 0x%s drop\n"
			 "\t\tip saddr @%s ether saddr != %s drop\n"
			 "\t\tarp saddr ip @%s ether saddr != %s drop\n"
			 "\t\tarp saddr ip @%s arp saddr ether != %s drop\n",
			 mac, set + strlen("four_"), set, mac, set, mac, set, mac);
	}
	len = network_followed(network, state, AF_INET6, &guests);
	for (size_t i = 0; i < len; i++)
		if (network_lease_six(network, state, guests[i].mac, &six))
			pair_guard(guests[i].mac, &six, rules);
}

static bool is_served(const struct object *network, const struct state *state)
{
	const struct object *child;

	if (object_has_key(network, "dhcp.range"))
		return true;
	for (size_t i = 0; (child = state_next(state, "range", &i));)
		if (network_owns(network, child))
			return true;
	for (size_t i = 0; (child = state_next(state, "reservation", &i));)
		if (network_owns(network, child))
			return true;
	return false;
}

/* What holds for ports that do not say. */
static bool is_on(const struct object *network, const struct state *state)
{
	return object_number(network, "source-guard", is_served(network, state));
}

/* On hosts that are not the gateway the server is behind some port: one that is no guest's. */
static bool is_guests(const struct object *network, const struct state *state, const char *device)
{
	const struct object *link = state_link(state, network->ns, device);

	if (state_named(state, "tunnel", network->ns, device))
		return !network_elsewhere(network->data, state);
	return !network_elsewhere(network->data, state) ||
	       (link && (kind_is(link->kind, "tap") || kind_is(link->kind, "veth")));
}

static bool is_guarded(const struct object *network, const struct state *state,
		       const struct object *port)
{
	const char *device = object_text(port, "device");

	if (!device || !network_owns(network, port))
		return false;
	if (object_has_key(port, "source-guard"))
		return object_number(port, "source-guard", 0);
	return is_on(network, state) && is_guests(network, state, device);
}

/*
 * Behind the port of a guest there is that guest alone, and it is nowhere else: but where the
 * keeper sees a port by its name, as libvirt's hook gives it one.
 */
static void guest_guard(const struct object *network, const struct object *guest,
			struct network_table *table, struct text *rules)
{
	const struct mac *mac = object_value(guest, "macaddress", &vtype_mac);
	const struct ip *ip = object_value(guest, "address", &vtype_ip);
	const char *device = object_text(guest, "device");
	struct text address TEXT_CLEANUP = {0};
	char text[18], set[NETWORK_SET_SIZE];

	if (mac) {
		mac_text(mac, text);
		network_set_name(0, mac, set);
		text_add(rules,
			 "\t\tiifname \"%s\" ether saddr != %s drop\n"
			 "\t\tiifname \"%s\" arp saddr ether != %s drop\n"
			 "\t\tiifname != @%s ether saddr %s drop\n",
			 device, text, device, text, set, text);
		text_add(&table->rules,
			 "\tset %s {\n\t\ttype ifname\n\t\telements = { \"%s\" }\n\t}\n", set,
			 device);
		if (!strpbrk(object_name(guest), " \t\n")) /* words of a line */
			text_add(&table->fills, "behind %s %s %s %s\n", set, object_name(network),
				 object_name(guest), device);
	}
	if (!ip || ip->family != AF_INET)
		return;
	ip_print(ip, &address);
	text_add(rules,
		 "\t\tiifname \"%s\" ip saddr != { 0.0.0.0, %s } drop\n"
		 "\t\tiifname \"%s\" arp saddr ip != { 0.0.0.0, %s } drop\n",
		 device, text_get(&address), device, text_get(&address));
}

static void guests_guard(const struct object *network, const struct state *state,
			 struct network_table *table, struct text *rules)
{
	const struct object *guest;

	for (size_t i = 0; (guest = state_next(state, "guest", &i));)
		if (text_same(guest->ns, network->ns) && object_text(guest, "device") &&
		    text_same(object_text(guest, "network"), object_name(network)))
			guest_guard(network, guest, table, rules);
}

/*
 * Ports that the text does not name are guests', too, but on hosts without the server only those
 * that look like it. The keeper puts them into a set as they come.
 */
static void others_add(const struct object *network, const struct state *state,
		       struct network_table *table)
{
	const struct object *port;

	text_add(&table->rules, "\tset others {\n\t\ttype ifname\n\t}\n");
	text_add(&table->fills, "ports others %s %s", object_name(network),
		 network_elsewhere(network->data, state) ? "guests" : "all");
	for (size_t i = 0; (port = state_next(state, "port", &i));)
		if (network_owns(network, port))
			text_add(&table->fills, " %s", object_text(port, "device"));
	text_add(&table->fills, "\n");
}

/* false: none is guarded. */
static bool ports_add(const struct object *network, const struct state *state,
		      struct network_table *table, struct text *rules)
{
	bool others = is_on(network, state);
	struct text set TEXT_CLEANUP = {0};
	const char *separator = "{ ";
	const struct object *port;

	for (size_t i = 0; (port = state_next(state, "port", &i));) {
		if (!is_guarded(network, state, port))
			continue;
		text_add(&set, "%s\"%s\"", separator, object_text(port, "device"));
		separator = ", ";
	}
	if (!set.size && !others)
		return false;
	text_add(rules, "\tchain guard {\n"
			"\t\ttype filter hook prerouting priority -300; policy accept;\n");
	if (set.size)
		text_add(rules, "\t\tiifname %s } jump from_guests\n", text_get(&set));
	if (others) {
		others_add(network, state, table);
		text_add(rules, "\t\tiifname @others jump from_guests\n");
	}
	text_add(rules, "\t}\n");
	return true;
}

void network_guard(const struct object *network, struct state *state)
{
	struct network_table table = {.family = "bridge"};
	struct text rules TEXT_CLEANUP = {0};

	if (!ports_add(network, state, &table, &rules))
		return;
	text_add(&rules, "\tchain from_guests {\n"
			 "\t\tudp sport 67 udp dport 68 drop\n"
			 "\t\tudp sport 547 udp dport 546 drop\n"
			 "\t\ticmpv6 type { nd-router-advert, nd-redirect } drop\n");
	host_guard(network, state, &rules);
	nets_guard(network, state, &rules);
	reserved_guard(network, state, &rules);
	followed_guard(network, state, &table.rules, &rules, &table.fills);
	guests_guard(network, state, &table, &rules);
	text_add(&table.rules, "%s\t}\n", text_get(&rules));
	network_table_add(network, state, &table);
	network_table_fini(&table);
}
