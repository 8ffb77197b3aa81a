/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of others that stop what a network lets pass. A packet has to be accepted by every table,
 * so ours cannot make up for them, and they are not ours to change: they are named, with the
 * command that makes room. iptables' own chains are seen here, too, as nft lists them.
 */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "kind/network.h"
#include "sys/nft.h"
#include "sys/sysctl.h"

struct chain {
	char family[16], table[64], name[64];
};

struct looking {
	const struct object *network;
	struct diag *diag;
	struct arena *arena;
};

/* "\t\tiifname "lab" … accept": somebody made room already. */
static bool has_room(const char *listing, const char *device, const char *network)
{
	struct text wanted TEXT_CLEANUP = {0};

	text_add(&wanted, "%s \"%s\"", device, network);
	for (const char *at = listing; (at = strstr(at, text_get(&wanted))); at++) {
		const char *accept = strstr(at, "accept"), *end = strchr(at, '\n');

		if (accept && (!end || accept < end))
			return true;
	}
	return false;
}

static bool passes(const struct chain *chain, const char *network, bool forward)
{
	struct text listing TEXT_CLEANUP = {0};
	struct err unused;

	if (nft_list_chain(chain->family, chain->table, chain->name, &listing, &unused))
		return true;
	return has_room(text_get(&listing), "iifname", network) &&
	       (!forward || has_room(text_get(&listing), "oifname", network));
}

static void tell_forward(const struct looking *looking, const struct chain *chain)
{
	const char *name = object_name(looking->network);

	err_hint(diag_warning(looking->diag, looking->network->place,
			      object_label(looking->network, looking->arena),
			      "the chain %s of the table %s %s, which is not lanloom's, drops what "
			      "its guests send to others",
			      chain->name, chain->family, chain->table),
		 "nft 'insert rule %s %s %s iifname \"%s\" accept; insert rule %s %s %s oifname "
		 "\"%s\" accept'",
		 chain->family, chain->table, chain->name, name, chain->family, chain->table,
		 chain->name, name);
}

static void tell_bridged(const struct looking *looking, const struct chain *chain)
{
	err_hint(diag_warning(looking->diag, looking->network->place,
			      object_label(looking->network, looking->arena),
			      "the chain %s of the table %s %s, which is not lanloom's, drops what "
			      "its guests send one another: br_netfilter shows it frames, too",
			      chain->name, chain->family, chain->table),
		 "sysctl net.bridge.bridge-nf-call-iptables=0");
}

static void tell_input(const struct looking *looking, const struct chain *chain)
{
	err_hint(diag_warning(looking->diag, looking->network->place,
			      object_label(looking->network, looking->arena),
			      "the chain %s of the table %s %s, which is not lanloom's, drops its "
			      "guests' questions for addresses and names",
			      chain->name, chain->family, chain->table),
		 "nft 'insert rule %s %s %s iifname \"%s\" meta l4proto { tcp, udp } th dport { "
		 "53, 67, 547 } accept'",
		 chain->family, chain->table, chain->name, object_name(looking->network));
}

/* Frames between guests are shown to the rules for packets, too, where somebody wants that. */
static bool bridged_are_filtered(void)
{
	struct text value TEXT_CLEANUP = {0};
	struct err unused;

	return sysctl_read("net.bridge.bridge-nf-call-iptables", &value, &unused) == 0 &&
	       text_same(text_get(&value), "1");
}

static void chain_weigh(const struct looking *looking, const struct chain *chain, const char *head,
			bool serves)
{
	const struct network *its = looking->network->data;
	bool forwards = its->mode == NETWORK_ROUTED || its->mode == NETWORK_NAT;

	if (text_starts(chain->table, NETWORK_TABLES) || !strstr(head, "policy drop"))
		return;
	if (strstr(head, "hook forward ") && (forwards || bridged_are_filtered()) &&
	    !passes(chain, its->name, true))
		(forwards ? tell_forward : tell_bridged)(looking, chain);
	if (strstr(head, "hook input ") && serves && !passes(chain, its->name, false))
		tell_input(looking, chain);
}

/*
 * `nft list chains`:
 *
 *	table ip filter {
 *		chain FORWARD {
 *			type filter hook forward priority filter; policy drop;
 */
static void lines_weigh(const struct looking *looking, char *listing, bool serves)
{
	struct chain chain = {0};
	char *save = NULL;

	for (char *line = strtok_r(listing, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "table %15s %63s {", chain.family, chain.table) == 2 ||
		    sscanf(line, " chain %63s {", chain.name) == 1)
			continue;
		/* a bridge's or a device's own hooks are others' affairs */
		if (strstr(line, "type filter hook ") &&
		    (text_same(chain.family, "ip") || text_same(chain.family, "ip6") ||
		     text_same(chain.family, "inet")))
			chain_weigh(looking, &chain, line, serves);
	}
}

void network_hindered(const struct object *network, const struct state *state, struct diag *diag)
{
	const struct network *its = network->data;
	struct looking looking = {.network = network, .diag = diag, .arena = state->arena};
	struct text listing TEXT_CLEANUP = {0};
	struct err unused;

	/* of the namespace the caller is in, as are the ports that are looked at */
	if (network->ns[0] || network_elsewhere(its, state) || !object_has_key(network, "mode") ||
	    nft_list_chain(NULL, NULL, NULL, &listing, &unused) || !listing.size)
		return;
	lines_weigh(&looking, listing.bytes,
		    state_named(state, "dhcp", network->ns, its->name) != NULL);
}
