/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of one network, in tables of its own, so that networks come and go without touching
 * each other's. A table only speaks of packets that come from or go to its own bridge; that two
 * networks never reach each other holds because each refuses what it did not agree to.
 *
 *	inet    forward: what may pass; postrouting: with whose address it leaves
 *	netdev  on the bridge itself, isolated only: what the host hears of it (not what guests
 *hear)
 */
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"
#include "kind/network.h"

/* A name of a table: letters, digits and '_'; other bytes as their number, so none collide. */
static const char *table_name(const char *family, const char *network, struct arena *arena)
{
	struct text name TEXT_CLEANUP = {0};

	text_add(&name, "%s " NETWORK_TABLES, family);
	for (const char *at = network; *at; at++) {
		bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			     (*at >= '0' && *at <= '9');

		if (plain)
			text_add(&name, "%c", *at);
		else
			text_add(&name, "_%02x", (unsigned char)*at);
	}
	return arena_text(arena, text_get(&name));
}

void network_table_add(const struct object *network, struct state *state,
		       const struct network_table *table)
{
	struct object *object = object_make(state->arena, kind_find("ruleset"), network->ns);

	object->place = network->place;
	object_set(object, "name",
		   arena_print(state->arena, "%s%s",
			       table_name(table->family, object_name(network), state->arena),
			       table->suffix ?: ""),
		   state->arena);
	object_recall(object, "rules", text_get(&table->rules), state->arena);
	if (table->fills.size)
		object_recall(object, "fills", text_get(&table->fills), state->arena);
	state_add(state, object);
}

void network_table_fini(struct network_table *table)
{
	text_fini(&table->rules);
	text_fini(&table->fills);
}

/* "{ "lab2", "lab3" }" of those it may reach; false: none. */
static bool reached(const struct object *network, const struct state *state, struct text *set)
{
	const struct object *reach;
	const char *separator = "{ ";

	for (size_t i = 0; (reach = state_next(state, "reach", &i));) {
		if (!text_same(reach->ns, network->ns) ||
		    !text_same(object_text(reach, "network"), object_name(network)))
			continue;
		text_add(set, "%s\"%s\"", separator, object_name(reach));
		separator = ", ";
	}
	if (set->size)
		text_add(set, " }");
	return set->size;
}

/* The networks of its addresses of one family, as a set; false: it has none. */
bool network_nets(const struct object *network, const struct state *state, uint8_t family,
		  bool addresses, struct text *set)
{
	const struct object *address;
	const char *separator = "{ ";

	for (size_t i = 0; (address = state_next(state, "address", &i));) {
		const struct prefix *prefix = object_value(address, "address", &vtype_prefix);
		struct ip ip;

		if (!prefix || prefix->ip.family != family ||
		    !text_same(address->ns, network->ns) ||
		    !text_same(object_owner(address), object_name(network)))
			continue;
		ip = prefix->ip;
		for (unsigned int bit = addresses ? ip_bits(&ip) : prefix->len; bit < ip_bits(&ip);
		     bit++)
			ip.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		text_add(set, "%s", separator);
		ip_print(&ip, set);
		if (!addresses)
			text_add(set, "/%u", prefix->len);
		separator = ", ";
	}
	if (set->size)
		text_add(set, " }");
	return set->size;
}

void network_chain(struct text *rules, const char *name, const char *head)
{
	text_add(rules, "\tchain %s {\n", name);
	if (head)
		text_add(rules, "\t\ttype %s; policy accept;\n", head);
}

static void forwarding(const struct object *network, const struct state *state, struct text *rules)
{
	const struct network *its = network->data;
	const char *name = its->name, *uplink = its->uplink;
	struct text others TEXT_CLEANUP = {0};
	bool reach = reached(network, state, &others);

	network_chain(rules, "forward", "filter hook forward priority filter");
	text_add(rules, "\t\tiifname \"%s\" jump from_guests\n", name);
	text_add(rules, "\t\toifname \"%s\" jump to_guests\n\t}\n", name);

	network_chain(rules, "from_guests", NULL);
	text_add(rules, "\t\toifname \"%s\" accept\n", name); /* br_netfilter shows these, too */
	if (reach)
		text_add(rules, "\t\toifname %s accept\n", text_get(&others));
	if (its->mode == NETWORK_ISOLATED)
		text_add(rules, "\t\tdrop\n");
	else if (uplink)
		text_add(rules,
			 "\t\toifname \"%s\" accept\n"
			 "\t\treject with icmpx admin-prohibited\n",
			 uplink);
	else
		text_add(rules, "\t\toifgroup %d reject with icmpx admin-prohibited\n",
			 NETWORK_GROUP);
	text_add(rules, "\t}\n");

	network_chain(rules, "to_guests", NULL);
	text_add(rules, "\t\tiifname \"%s\" accept\n", name);
	if (reach)
		text_add(rules, "\t\tiifname %s accept\n", text_get(&others));
	if (its->mode != NETWORK_ISOLATED)
		text_add(rules, "\t\tct state established,related accept\n");
	if (its->mode != NETWORK_ISOLATED)
		text_add(rules, "\t\tct status dnat accept\n");
	if (its->mode == NETWORK_ROUTED && uplink)
		text_add(rules, "\t\tiifname \"%s\" accept\n", uplink);
	if (its->mode == NETWORK_ROUTED && !uplink)
		text_add(rules, "\t\tiifgroup != %d accept\n", NETWORK_GROUP);
	text_add(rules, "\t\tdrop\n\t}\n");
}

/* What leaves for elsewhere gets the host's address; within the network and to those it reaches,
 * and multicast, which stays on the wire, it keeps its own. */
static void masquerade(const struct object *network, const struct state *state, struct text *rules)
{
	static const struct {
		uint8_t family;
		const char *word, *multicast;
	} families[] = {{AF_INET, "ip", "{ 224.0.0.0/4, 255.255.255.255 }"},
			{AF_INET6, "ip6", "ff00::/8"}};
	const struct network *its = network->data;
	struct text others TEXT_CLEANUP = {0};
	bool reach = reached(network, state, &others);

	network_chain(rules, "postrouting", "nat hook postrouting priority srcnat");
	text_add(rules, "\t\toifname \"%s\" return\n", its->name);
	if (reach)
		text_add(rules, "\t\toifname %s return\n", text_get(&others));
	for (size_t i = 0; i < 2; i++) {
		struct text nets TEXT_CLEANUP = {0};

		if (network_nets(network, state, families[i].family, false, &nets))
			text_add(rules, "\t\t%s saddr %s %s daddr != %s masquerade\n",
				 families[i].word, text_get(&nets), families[i].word,
				 families[i].multicast);
	}
	text_add(rules, "\t}\n");
}

/* An answer to somebody who is not there would leave on another wire. */
static void sources(const struct object *network, const struct state *state, struct text *rules)
{
	struct text four TEXT_CLEANUP = {0}, six TEXT_CLEANUP = {0};

	if (network_nets(network, state, AF_INET, false, &four))
		text_add(rules,
			 "\t\tip saddr != 0.0.0.0 ip saddr != %s drop\n"
			 "\t\tarp saddr ip != 0.0.0.0 arp saddr ip != %s drop\n",
			 text_get(&four), text_get(&four));
	if (network_nets(network, state, AF_INET6, false, &six))
		text_add(rules,
			 "\t\tip6 saddr :: meta l4proto != ipv6-icmp drop\n"
			 "\t\tip6 saddr :: icmpv6 type != { nd-neighbor-solicit, nd-router-solicit "
			 "} "
			 "drop\n"
			 "\t\tip6 saddr != { ::, fe80::/10 } ip6 saddr != %s drop\n",
			 text_get(&six));
}

/*
 * What the host hears on an isolated network: nothing; or, where it has addresses there, ARP, ND,
 * ICMP, DHCP and DNS for those. Tagged frames and other protocols never.
 */
static void hearing(const struct object *network, const struct state *state, struct text *rules)
{
	struct text four TEXT_CLEANUP = {0}, six TEXT_CLEANUP = {0};

	text_add(rules,
		 "\tchain ingress {\n\t\ttype filter hook ingress device \"%s\" priority filter; "
		 "policy drop;\n",
		 object_name(network));
	sources(network, state, rules);
	if (network_nets(network, state, AF_INET, true, &four))
		text_add(rules,
			 "\t\tarp daddr ip %s accept\n"
			 "\t\tip daddr %s icmp type { echo-request, echo-reply, "
			 "destination-unreachable, time-exceeded } accept\n"
			 "\t\tip daddr %s udp dport { 53, 67 } accept\n"
			 "\t\tip daddr %s tcp dport 53 accept\n"
			 "\t\tip daddr 255.255.255.255 udp dport 67 accept\n",
			 text_get(&four), text_get(&four), text_get(&four), text_get(&four));
	if (network_nets(network, state, AF_INET6, true, &six))
		text_add(rules,
			 "\t\tip6 daddr %s icmpv6 type { echo-request, echo-reply, "
			 "destination-unreachable, packet-too-big, time-exceeded, "
			 "nd-neighbor-solicit, nd-neighbor-advert } accept\n"
			 "\t\tip6 daddr ff02::1:ff00:0/104 icmpv6 type nd-neighbor-solicit "
			 "accept\n"
			 "\t\tip6 daddr fe80::/10 icmpv6 type { nd-neighbor-solicit, "
			 "nd-neighbor-advert } accept\n"
			 "\t\tip6 daddr { ff02::2 } icmpv6 type nd-router-solicit accept\n"
			 "\t\tip6 daddr ff02::1:2 udp dport 547 accept\n"
			 "\t\tip6 daddr %s udp dport { 53, 547 } accept\n"
			 "\t\tip6 daddr %s tcp dport 53 accept\n",
			 text_get(&six), text_get(&six), text_get(&six));
	text_add(rules, "\t}\n");
}

void network_rules(const struct object *network, struct state *state)
{
	const struct network *its = network->data;
	struct network_table inet = {.family = "inet"}, netdev = {.family = "netdev"};

	forwarding(network, state, &inet.rules);
	if (its->mode == NETWORK_NAT)
		masquerade(network, state, &inet.rules);
	if (its->mode != NETWORK_ISOLATED)
		network_leading(network, state, &inet.rules);
	network_table_add(network, state, &inet);
	network_table_fini(&inet);
	if (its->mode != NETWORK_ISOLATED)
		return;
	hearing(network, state, &netdev.rules);
	network_table_add(network, state, &netdev);
	network_table_fini(&netdev);
}
