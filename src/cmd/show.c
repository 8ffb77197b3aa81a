/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network as a tree: a namespace's devices, under a bridge its ports, under a device its
 * addresses and routes. What is ours carries the name of its description.
 */
#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

struct branch {
	const struct cmd_call *call;
	const struct loom_doc *devices; /* of the namespace */
	char lead[160];			/* what stands before a line: "│  " for each level */
};

/* Keys that the first line of a device tells, or the tree itself. */
static const char *const told[] = {
	"name",	   "namespace",	  "kind",	"managed",   "up",	"carrier",
	"mtu",	   "macaddress",  "master",	"addresses", "routes",	"holders",
	"ifindex", "description", "interfaces", "ports",     "problem", NULL};

static bool is_told(const char *key)
{
	for (size_t i = 0; told[i]; i++)
		if (strcmp(told[i], key) == 0)
			return true;
	return false;
}

/* Takes the text that was written to a memory stream and prints it folded behind `lead`. */
static void lead_print(const struct branch *branch, const char *joint, const char *text)
{
	int column = (int)(out_size(branch->lead) + out_size(joint));

	printf("%s%s%s%s", ink(INK_DIM), branch->lead, joint, ink(INK_NONE));
	out_folded(column, column + 2, text);
}

static void holders_add(FILE *line, const struct loom_doc *holders)
{
	for (size_t i = 0; i < loom_count(holders); i++) {
		const struct loom_doc *holder = loom_at(holders, i);
		const char *vm = loom_text(holder, "vm"), *uuid = loom_text(holder, "uuid");

		fprintf(line, "%s%s (%.0f)", i ? ", " : "; held by ", loom_text(holder, "command"),
			loom_number(holder, "pid"));
		if (vm)
			fprintf(line, ", VM %s", vm);
		if (vm && uuid)
			fprintf(line, " (%s)", uuid);
	}
}

/* "  [lab]"; of a foreign one of which a description set something "  [foreign + lab]". */
static void owner_add(FILE *line, const struct loom_doc *thing)
{
	const char *description = loom_text(thing, "description");

	if (loom_type(loom_get(thing, "managed")) != LOOM_TRUTH)
		return;
	if (loom_truth(thing, "managed"))
		fprintf(line, "  %s[%s]%s", ink(INK_GREEN), description, ink(INK_NONE));
	else
		fprintf(line, "  %s[foreign%s%s]%s", ink(INK_DIM), description ? " + " : "",
			description ? description : "", ink(INK_NONE));
}

static void head_print(const struct branch *branch, const struct loom_doc *device,
		       const char *joint)
{
	const char *peer = loom_text(device, "peer"), *link = loom_text(device, "link"), *words;
	const char *problem = loom_text(device, "problem");
	char *text = NULL;
	size_t size;
	FILE *line = open_memstream(&text, &size);

	if (!line)
		abort();
	words = loom_truth(device, "up") ? loom_truth(device, "carrier") ? "up" : "up, no carrier"
					 : "down";
	fprintf(line, "%s%s%s  %s%s%s, %s, mtu %.0f", ink(INK_BOLD), loom_text(device, "name"),
		ink(INK_NONE), loom_text(device, "kind"), peer || link ? " to " : "",
		peer   ? peer
		: link ? link
		       : "",
		words, loom_number(device, "mtu"));
	if (loom_text(device, "macaddress"))
		fprintf(line, ", %s", loom_text(device, "macaddress"));
	if (loom_truth(device, "keep-carrier"))
		fputs("; carrier kept by lanloomd", line);
	if (loom_truth(device, "multi-queue"))
		fputs("; multi-queue: QEMU opens it with queues=2 or more", line);
	if (problem)
		fprintf(line, "; %s%s%s", ink(INK_RED), problem, ink(INK_NONE));
	holders_add(line, loom_get(device, "holders"));
	owner_add(line, device);
	fclose(line);
	lead_print(branch, joint, text);
	free(text);
}

/* What a line says of an address or route without -v; the first without its key. */
static const char *const brief[] = {"address", "to", "label", "via", "metric", "table", NULL};

static bool is_brief(const char *key, const struct loom_doc *value)
{
	if (strcmp(key, "table") == 0 && loom_number(value, NULL) == 254)
		return false;
	if (loom_type(value) == LOOM_NUMBER && loom_number(value, NULL) == 0)
		return false;
	for (size_t i = 0; brief[i]; i++)
		if (strcmp(brief[i], key) == 0)
			return true;
	return false;
}

/* An address or route in one line: "route default via 10.0.0.1 metric 100". */
static void item_print(const struct branch *branch, const struct loom_doc *device,
		       const struct loom_doc *item, const char *joint, const char *word,
		       const char *title)
{
	char *text = NULL;
	size_t size;
	FILE *line = open_memstream(&text, &size);

	if (!line)
		abort();
	fprintf(line, "%s %s", word, loom_text(item, title));
	for (size_t i = 0; i < loom_count(item); i++) {
		const char *key = loom_key_at(item, i);
		const struct loom_doc *value = loom_get(item, key);

		if (strcmp(key, title) == 0 || strcmp(key, "description") == 0 ||
		    strcmp(key, "managed") == 0 || loom_type(value) == LOOM_OBJECT ||
		    loom_type(value) == LOOM_LIST ||
		    (!branch->call->verbose && !is_brief(key, value)))
			continue;
		fprintf(line, " %s ", key);
		out_value(line, value);
	}
	if (loom_truth(item, "managed") != loom_truth(device, "managed") &&
	    !loom_truth(item, "automatic"))
		owner_add(line, item);
	fclose(line);
	lead_print(branch, joint, text);
	free(text);
}

/* -v: the kind's own keys, maps taken apart. */
static void keys_print(const struct branch *branch, const struct loom_doc *map, const char *joint,
		       const char *prefix)
{
	for (size_t i = 0; i < loom_count(map); i++) {
		const char *key = loom_key_at(map, i);
		const struct loom_doc *value = loom_get(map, key);
		char name[100], text[300];
		FILE *line;

		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] ? "." : "", key);
		if (is_told(name) || loom_type(value) == LOOM_LIST)
			continue;
		if (loom_type(value) == LOOM_OBJECT) {
			keys_print(branch, value, joint, name);
			continue;
		}
		line = fmemopen(text, sizeof(text), "w");
		if (!line)
			abort();
		fprintf(line, "%s ", name);
		out_value(line, value);
		fclose(line);
		lead_print(branch, joint, text);
	}
}

static void details_print(const struct branch *branch, const struct loom_doc *device,
			  const char *joint)
{
	const struct loom_doc *addresses = loom_get(device, "addresses");
	const struct loom_doc *routes = loom_get(device, "routes");

	for (size_t i = 0; i < loom_count(addresses); i++)
		item_print(branch, device, loom_at(addresses, i), joint, "address", "address");
	for (size_t i = 0; i < loom_count(routes); i++)
		item_print(branch, device, loom_at(routes, i), joint, "route", "to");
	if (branch->call->verbose)
		keys_print(branch, device, joint, "");
}

static const struct loom_doc *device_named(const struct loom_doc *devices, const char *name)
{
	for (size_t i = 0; name && i < loom_count(devices); i++)
		if (strcmp(loom_text(loom_at(devices, i), "name"), name) == 0)
			return loom_at(devices, i);
	return NULL;
}

/* True when a device stands directly under `under` (NULL: under the namespace). */
static bool stands_under(const struct branch *branch, const struct loom_doc *device,
			 const struct loom_doc *under)
{
	return device_named(branch->devices, loom_text(device, "master")) == under;
}

static void devices_print(struct branch *branch, const struct loom_doc *under, int depth)
{
	size_t lead = strlen(branch->lead), last = 0, len = loom_count(branch->devices);

	for (size_t i = 0; i < len; i++)
		if (stands_under(branch, loom_at(branch->devices, i), under))
			last = i;
	for (size_t i = 0; i < len; i++) {
		const struct loom_doc *device = loom_at(branch->devices, i);

		if (!stands_under(branch, device, under))
			continue;
		head_print(branch, device, i == last ? "└─ " : "├─ ");
		snprintf(branch->lead + lead, sizeof(branch->lead) - lead, "%s",
			 i == last ? "   " : "│  ");
		details_print(branch, device, "· ");
		/* deeper than any real tree of masters: a loop of names is not followed */
		if (depth < 8)
			devices_print(branch, device, depth + 1);
		branch->lead[lead] = '\0';
	}
}

static void namespace_print(const struct cmd_call *call, const struct loom_doc *one)
{
	const char *name = loom_text(one, "name"), *description = loom_text(one, "description");
	struct branch branch = {.call = call, .devices = loom_get(one, "devices")};

	if (name[0])
		printf("namespace %s%s%s", ink(INK_BOLD), name, ink(INK_NONE));
	else
		printf("%sthis host%s", ink(INK_BOLD), ink(INK_NONE));
	if (description)
		printf("  %s[%s]%s", ink(INK_GREEN), description, ink(INK_NONE));
	putchar('\n');
	devices_print(&branch, NULL, 0);
}

/* "50 min": so long an address is still somebody's. */
static void time_print(const struct loom_doc *seconds)
{
	double left = loom_number(seconds, NULL);

	if (loom_type(seconds) != LOOM_NUMBER)
		printf(", for ever");
	else if (left < 120)
		printf(", for %.0f s", left);
	else if (left < 7200)
		printf(", for %.0f min", left / 60);
	else
		printf(", for %.0f h", left / 3600);
}

static void lease_print(const struct loom_doc *lease)
{
	const char *name = loom_text(lease, "name"), *mac = loom_text(lease, "macaddress");

	printf("    lease %s%s%s%s%s", loom_text(lease, "address"), name ? ", " : "",
	       name ? name : "", mac ? ", " : "", mac ? mac : "");
	time_print(loom_get(lease, "expires"));
	putchar('\n');
}

static void forward_print(const struct loom_doc *forward)
{
	const struct loom_doc *addresses = loom_get(forward, "addresses");

	printf("    forward %s to %s", loom_text(forward, "listen"), loom_text(forward, "to"));
	for (size_t i = 0; loom_get(forward, "macaddress") && i < loom_count(addresses); i++)
		printf("%s%s", i ? ", " : ", now ", loom_text(loom_at(addresses, i), NULL));
	puts(loom_count(addresses) ? "" : ", nowhere yet: it has no lease");
}

static void network_print(const struct loom_doc *network)
{
	const struct loom_doc *addresses = loom_get(network, "addresses"),
			      *leases = loom_get(network, "leases"),
			      *forwards = loom_get(network, "forwards");
	const char *ns = loom_text(network, "namespace"), *problem = loom_text(network, "problem");

	printf("  %s%s%s%s%s  %s", ns, ns[0] ? "/" : "", ink(INK_BOLD), loom_text(network, "name"),
	       ink(INK_NONE), loom_text(network, "mode") ?: "network");
	for (size_t i = 0; i < loom_count(addresses); i++)
		printf(", %s", loom_text(loom_at(addresses, i), "address"));
	if (problem)
		printf(", %s%s%s", ink(INK_RED), problem, ink(INK_NONE));
	if (loom_text(network, "description"))
		printf("  %s[%s]%s", ink(INK_GREEN), loom_text(network, "description"),
		       ink(INK_NONE));
	putchar('\n');
	for (size_t i = 0; i < loom_count(forwards); i++)
		forward_print(loom_at(forwards, i));
	for (size_t i = 0; i < loom_count(leases); i++)
		lease_print(loom_at(leases, i));
}

static void show_print(const struct cmd_call *call, const struct loom_doc *doc)
{
	const struct loom_doc *networks = loom_get(doc, "networks");
	const struct loom_doc *namespaces = loom_get(doc, "namespaces");
	const struct loom_doc *tunnels = loom_get(doc, "tunnels");

	for (size_t i = 0; i < loom_count(namespaces); i++)
		namespace_print(call, loom_at(namespaces, i));
	if (loom_count(networks))
		printf("%snetworks%s\n", ink(INK_BOLD), ink(INK_NONE));
	for (size_t i = 0; i < loom_count(networks); i++)
		network_print(loom_at(networks, i));
	if (loom_count(tunnels))
		printf("%stunnels%s\n", ink(INK_BOLD), ink(INK_NONE));
	for (size_t i = 0; i < loom_count(tunnels); i++)
		tunnel_print(call, loom_at(tunnels, i), 2);
}

static int show_run(struct cmd_call *call)
{
	struct loom_doc *doc;
	enum loom_status status = loom_show(call->loom, call->argv[0], &doc);

	return cmd_answer(call, status, doc, show_print);
}

const struct cmd cmd_show = {
	.name = "show",
	.arguments = "[NAME]",
	.summary = "the network as a tree: what is ours and what is foreign",
	.manual =
		"Shows this host and its named namespaces: devices, under each bridge its ports, "
		"addresses, routes, which process holds a TAP open, networks and their leases, "
		"tunnels and "
		"their peers. In "
		"brackets stands the description that a device comes from, or foreign. NAME limits "
		"it to a device (br0, ns1/br0), a namespace or a tunnel. -v shows every key.",
	.most = 1,
	.words = WORDS_DEVICE,
	.run = show_run,
};
