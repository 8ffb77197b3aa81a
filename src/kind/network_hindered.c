/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of others that stop what a network lets pass. A packet has to be accepted by every table,
 * so ours cannot make up for them, and they are not ours to change: they are named, with the
 * command that makes room. iptables' own chains are seen here, too, as nft lists them. Where
 * a chain belongs to a program that has a place for others' wishes, the command is that program's,
 * so that it keeps what it is told.
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
	const char *chains; /* all there are */
};

/* Programs by which rules are made: known by a table or a chain of theirs. */
struct manager {
	const char *table, *chain;	       /* one of them is set */
	const char *forward[2], *input;	       /* chains where room may have been made */
	const char *says_forward, *says_input; /* @: the network, ^: "6" or "" */
};

static const struct manager managers[] = {
	{.table = "firewalld",
	 .forward = {"filter_FORWARD_ZONES", "filter_FORWARD_IN_ZONES"},
	 .input = "filter_INPUT_ZONES",
	 .says_forward = "firewall-cmd --permanent --zone=trusted --add-interface=@; "
			 "firewall-cmd --reload",
	 .says_input = "firewall-cmd --permanent --zone=trusted --add-interface=@; "
		       "firewall-cmd --reload"},
	{.chain = "DOCKER-USER",
	 .forward = {"DOCKER-USER"},
	 .says_forward = "ip^tables -I DOCKER-USER -i @ -j ACCEPT; ip^tables -I DOCKER-USER "
			 "-o @ -j ACCEPT"},
	{.chain = "ufw^-user-forward",
	 .forward = {"ufw^-user-forward"},
	 .input = "ufw^-user-input",
	 .says_forward = "ufw route allow in on @; ufw route allow out on @",
	 .says_input = "ufw allow in on @ to any port 53; ufw allow in on @ to any port 67 "
		       "proto udp; ufw allow in on @ to any port 547 proto udp"},
};

/* The words of the table above, for a network and a chain's family. */
static const char *fill(const struct looking *looking, const struct chain *chain, const char *words)
{
	struct text text TEXT_CLEANUP = {0};

	for (; *words; words++)
		if (*words == '@')
			text_add(&text, "%s", object_name(looking->network));
		else if (*words != '^')
			text_addn(&text, words, 1);
		else if (text_same(chain->family, "ip6"))
			text_add(&text, "6");
	return arena_text(looking->arena, text_get(&text));
}

/* Whose chain it is, where that program has words for this hook; NULL: one may insert rules. */
static const struct manager *manager_of(const struct looking *looking, const struct chain *chain,
					bool forward)
{
	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		const struct manager *manager = &managers[i];
		const char *name;

		if (!(forward ? manager->says_forward : manager->says_input))
			continue;
		if (manager->table && text_same(manager->table, chain->table))
			return manager;
		if (!manager->chain || !text_same(chain->table, "filter"))
			continue;
		name = fill(looking, chain, manager->chain);
		if (strstr(looking->chains, arena_print(looking->arena, "chain %s {", name)))
			return manager;
	}
	return NULL;
}

/* "\t\tiifname "lab" … accept", or goto …_trusted: somebody made room already. */
static bool has_room(const char *listing, const char *device, const char *network)
{
	struct text wanted TEXT_CLEANUP = {0};

	text_add(&wanted, "%s \"%s\"", device, network);
	for (const char *at = listing; (at = strstr(at, text_get(&wanted))); at++) {
		const char *accept = strstr(at, "accept"), *end = strchr(at, '\n');
		const char *trusted = strstr(at, "_trusted");

		if ((accept && (!end || accept < end)) || (trusted && (!end || trusted < end)))
			return true;
	}
	return false;
}

static bool room_in(const struct looking *looking, const struct chain *chain, const char *name,
		    bool forward, bool zones)
{
	const char *network = object_name(looking->network);
	struct text listing TEXT_CLEANUP = {0};
	struct err unused;

	if (nft_list_chain(chain->family, chain->table, name, &listing, &unused))
		return false;
	/* a zone of what comes from the guests says what may be answered, too */
	return has_room(text_get(&listing), "iifname", network) &&
	       (!forward || zones || has_room(text_get(&listing), "oifname", network));
}

static bool passes(const struct looking *looking, const struct chain *chain, bool forward)
{
	const struct manager *manager = manager_of(looking, chain, forward);
	bool zones = manager && manager->table;

	if (room_in(looking, chain, chain->name, forward, false))
		return true;
	for (size_t i = 0; manager && i < 2; i++) {
		const char *name = forward ? manager->forward[i] : i ? NULL : manager->input;

		if (name && room_in(looking, chain, fill(looking, chain, name), forward, zones))
			return true;
	}
	return false;
}

/* "\t\treject with icmpx admin-prohibited" is its last word, whatever its policy. */
static bool ends_closed(const struct chain *chain)
{
	struct text listing TEXT_CLEANUP = {0};
	char *save = NULL, last[16] = "";
	struct err unused;

	if (nft_list_chain(chain->family, chain->table, chain->name, &listing, &unused) ||
	    !listing.size)
		return false;
	for (char *line = strtok_r(listing.bytes, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long long packets, bytes;
		int size = 0;

		if (!text_starts(line, "\t\t"))
			continue;
		line += 2;
		if (sscanf(line, "counter packets %llu bytes %llu %n", &packets, &bytes, &size) ==
		    2)
			line += size;
		snprintf(last, sizeof(last), "%.15s", line);
	}
	return text_same(last, "drop") || text_same(last, "reject") ||
	       text_starts(last, "reject with");
}

static void tell_forward(const struct looking *looking, const struct chain *chain)
{
	const struct manager *manager = manager_of(looking, chain, true);
	const char *name = object_name(looking->network);
	struct err *err;

	err = diag_warning(looking->diag, looking->network->place,
			   object_label(looking->network, looking->arena),
			   "the chain %s of the table %s %s, which is not lanloom's, drops what "
			   "its guests send to others",
			   chain->name, chain->family, chain->table);
	if (manager) {
		err_hint(err, "%s", fill(looking, chain, manager->says_forward));
		return;
	}
	err_hint(err,
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
	const struct manager *manager = manager_of(looking, chain, false);
	struct err *err;

	err = diag_warning(looking->diag, looking->network->place,
			   object_label(looking->network, looking->arena),
			   "the chain %s of the table %s %s, which is not lanloom's, drops its "
			   "guests' questions for addresses and names",
			   chain->name, chain->family, chain->table);
	if (manager) {
		err_hint(err, "%s", fill(looking, chain, manager->says_input));
		return;
	}
	err_hint(err,
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
	bool forward = strstr(head, "hook forward ") && (forwards || bridged_are_filtered());
	bool input = strstr(head, "hook input ") && serves;

	if (text_starts(chain->table, NETWORK_TABLES) || (!forward && !input) ||
	    (!strstr(head, "policy drop") && !ends_closed(chain)) ||
	    passes(looking, chain, forward))
		return;
	if (input)
		tell_input(looking, chain);
	else
		(forwards ? tell_forward : tell_bridged)(looking, chain);
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
	looking.chains = arena_text(state->arena, listing.bytes);
	lines_weigh(&looking, listing.bytes,
		    state_named(state, "dhcp", network->ns, its->name) != NULL);
}
