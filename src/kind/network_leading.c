/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The forwards of a network, as rules. Those to addresses stand in the network's own table; those
 * that follow leases have one of their own (NAME__leases), so that a change of others does not
 * empty its maps. What the host asks of its own loopback address is not led anywhere: the guest
 * could not answer 127.0.0.1.
 */
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"
#include "kind/network.h"

static const uint8_t families[] = {AF_INET, AF_INET6};

/*
 * " dport 8080 dnat ip to 192.0.2.10:80"; of a range each port stays as it is. The map has the same
 * address for every protocol: it is looked up by what is always known.
 */
static void lead(struct text *rules, const struct network_listen *listen,
		 const struct network_target *target)
{
	bool six = target->ip.family == AF_INET6, brackets = six && !target->follows;
	char name[NETWORK_SET_SIZE];

	text_add(rules, "%s dport %u", listen->protocol, listen->ports[0]);
	if (listen->ports[1] != listen->ports[0])
		text_add(rules, "-%u", listen->ports[1]);
	text_add(rules, " dnat %s to %s", six ? "ip6" : "ip", brackets ? "[" : "");
	if (target->follows) {
		network_set_name(target->ip.family, target->follows, name);
		text_add(rules, "meta l4proto map @%s", name);
	} else {
		ip_print(&target->ip, rules);
	}
	text_add(rules, "%s", brackets ? "]" : "");
	if (target->ports[0] == target->ports[1])
		text_add(rules, "%s:%s%u", target->follows ? " " : "", target->follows ? " " : "",
			 target->ports[0]);
	text_add(rules, "\n");
}

static void forward_add(const struct object *forward, const struct state *state, uint8_t family,
			bool follows, struct text *rules)
{
	struct network_target target;
	struct network_listen listen;

	if (!network_forward(forward, state, family, &listen, &target) ||
	    (target.follows != NULL) != follows)
		return;
	text_add(rules, "\t\t%s daddr ", family == AF_INET6 ? "ip6" : "ip");
	if (listen.address.family)
		ip_print(&listen.address, rules);
	else
		text_add(rules, "!= %s fib daddr type local",
			 family == AF_INET6 ? "::1" : "127.0.0.0/8");
	text_add(rules, " ");
	lead(rules, &listen, &target);
}

/* The rules of one sort, in the chain of either hook; false: there are none. */
static bool chains_add(const struct object *network, const struct state *state, bool follows,
		       struct text *rules)
{
	struct text inner TEXT_CLEANUP = {0};
	const struct object *forward;

	for (size_t i = 0; (forward = state_next(state, "forward", &i));)
		for (size_t f = 0; network_owns(network, forward) && f < 2; f++)
			forward_add(forward, state, families[f], follows, &inner);
	if (!inner.size)
		return false;
	network_chain(rules, "prerouting", "nat hook prerouting priority dstnat");
	text_add(rules, "%s\t}\n", text_get(&inner));
	network_chain(rules, "output", "nat hook output priority -100");
	text_add(rules, "%s\t}\n", text_get(&inner));
	return true;
}

/* A map for each guest, empty while it has no lease: no packet is led anywhere then. */
static void maps_add(const struct object *network, const struct state *state,
		     struct network_table *table)
{
	struct network_followed *guests;
	char name[NETWORK_SET_SIZE];

	for (size_t f = 0; f < 2; f++) {
		size_t len = network_followed(network, state, families[f], &guests);

		for (size_t i = 0; i < len; i++) {
			network_set_name(families[f], guests[i].mac, name);
			text_add(&table->rules, "\tmap %s {\n\t\ttype inet_proto : %s\n", name,
				 families[f] == AF_INET6 ? "ipv6_addr" : "ipv4_addr");
			if (network_label_good(guests[i].name, strlen(guests[i].name)))
				text_add(&table->rules, "\t\tcomment \"%s\"\n", guests[i].name);
			text_add(&table->rules, "\t}\n");
			network_fill(network, state, "leads", families[f], guests[i].mac,
				     &table->fills);
		}
	}
}

void network_leading(const struct object *network, struct state *state, struct text *rules)
{
	struct network_table table = {.family = "inet", .suffix = "__leases"};
	struct text four TEXT_CLEANUP = {0}, six TEXT_CLEANUP = {0};
	bool any = chains_add(network, state, false, rules);

	maps_add(network, state, &table);
	if (chains_add(network, state, true, &table.rules)) {
		network_table_add(network, state, &table);
		any = true;
	}
	network_table_fini(&table);
	if (!any)
		return;
	/* a neighbour of the guest that asked the host gets the answer from the host */
	network_chain(rules, "hairpin", "nat hook postrouting priority srcnat - 1");
	if (network_nets(network, state, AF_INET, false, &four))
		text_add(rules, "\t\toifname \"%s\" ct status dnat ip saddr %s masquerade\n",
			 object_name(network), text_get(&four));
	if (network_nets(network, state, AF_INET6, false, &six))
		text_add(rules, "\t\toifname \"%s\" ct status dnat ip6 saddr %s masquerade\n",
			 object_name(network), text_get(&six));
	text_add(rules, "\t}\n");
}
