/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interfaces(5) of Debian's ifupdown, with the words of bridge-utils and vlan. A stanza of `iface`
 * goes on until the next one; several may speak of one device.
 */
#include <stdio.h>
#include <string.h>

#include "import/import.h"

struct stanza {
	struct import *import;
	struct import_device *device;
	const char *address, *mask, *gateway, *metric;
	uint32_t line;
};

/* A word cut off the front of the rest. "": there is none. */
static char *word_cut(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end = word + strcspn(word, " \t");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static void stanza_end(struct stanza *stanza)
{
	struct import *import = stanza->import;
	uint32_t line = import->line;
	const char *prefix;

	if (stanza->device && stanza->address) {
		prefix = import_prefix(import, stanza->address, stanza->mask);
		import->line = stanza->line;
		if (prefix)
			import_add(import, stanza->device, "addresses", prefix);
		else
			import_lacks(import, stanza->device->name, "%s is no address; left out",
				     stanza->address);
		import->line = line;
	}
	if (stanza->device && stanza->gateway)
		import_item(import, stanza->device, "routes", "to", "default", "via",
			    stanza->gateway, "metric", stanza->metric, NULL);
	*stanza = (struct stanza){.import = import};
}

static bool is_bridge(const struct import_device *device)
{
	return device->section && strcmp(device->section, "bridges") == 0;
}

/* eth0.10 and vlan10 say by their names what they are. */
static void vlan_named(struct stanza *stanza, const char *name)
{
	const char *dot = strrchr(name, '.');
	char rest;
	int id;

	if (!dot || dot == name || sscanf(dot + 1, "%d%c", &id, &rest) != 1)
		return;
	import_is(stanza->import, stanza->device, "vlans");
	import_put(stanza->import, stanza->device, "id",
		   arena_print(stanza->import->arena, "%d", id));
	import_put(stanza->import, stanza->device, "link",
		   arena_textn(stanza->import->arena, name, (size_t)(dot - name)));
}

static void stanza_begin(struct stanza *stanza, char *rest)
{
	struct import *import = stanza->import;
	char *name = word_cut(&rest), *family = word_cut(&rest), *method = word_cut(&rest);

	stanza_end(stanza);
	if (strcmp(method, "loopback") == 0)
		return;
	if (strchr(name, ':')) {
		import_lacks(import, name,
			     "an alias; its address goes to the device, with this as its label");
		*strchr(name, ':') = '\0';
	}
	stanza->device = import_device(import, name);
	stanza->line = import->line;
	if (!stanza->device->section)
		vlan_named(stanza, name);
	if (strcmp(method, "static") != 0 && strcmp(method, "manual") != 0)
		import_lacks(import, name, "%s %s has no counterpart; left out", family, method);
}

static void bridge_ports(struct stanza *stanza, char *rest)
{
	struct import *import = stanza->import;
	char *port;

	import_is(import, stanza->device, "bridges");
	while (*(port = word_cut(&rest))) {
		if (strcmp(port, "none") == 0)
			continue;
		if (strcmp(port, "all") == 0 || strcmp(port, "regex") == 0 ||
		    strcmp(port, "noregex") == 0) {
			import_lacks(import, stanza->device->name,
				     "bridge_ports %s has no counterpart; expected names", port);
			return;
		}
		import_add(import, stanza->device, "interfaces", port);
	}
}

/* "eth0 100 eth1 50" */
static void bridge_port_numbers(struct stanza *stanza, const char *key, char *rest)
{
	char *port, *number;

	while (*(port = word_cut(&rest)) && *(number = word_cut(&rest)))
		import_put(stanza->import, stanza->device,
			   arena_print(stanza->import->arena, "parameters.%s.%s", key, port),
			   number);
}

static const struct {
	const char *word, *key;
} values[] = {
	{"mtu", "mtu"},
	{"hwaddress", "macaddress"},
	{"bridge_hw", "macaddress"},
	{"bridge_fd", "parameters.forward-delay"},
	{"bridge_hello", "parameters.hello-time"},
	{"bridge_maxage", "parameters.max-age"},
	{"bridge_ageing", "parameters.ageing-time"},
	{"bridge_bridgeprio", "parameters.priority"},
	{"vlan_raw_device", "link"},
};

/* What needs no counterpart: computed here, or about waiting. */
static const char *const silent[] = {"broadcast", "network", "bridge_maxwait", "bridge_waitport",
				     NULL};

static bool value_put(struct stanza *stanza, const char *word, char *rest)
{
	char *first;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (strcmp(values[i].word, word) != 0)
			continue;
		first = word_cut(&rest);
		if (strcmp(first, "ether") == 0)
			first = word_cut(&rest);
		import_put(stanza->import, stanza->device, values[i].key, first);
		return true;
	}
	for (size_t i = 0; silent[i]; i++)
		if (strcmp(silent[i], word) == 0)
			return true;
	return false;
}

static void option_read(struct stanza *stanza, char *word, char *rest)
{
	struct import *import = stanza->import;
	const char *as_written = arena_text(import->arena, word);

	/* bridge-ports and bridge_ports are the same */
	for (char *c = word; *c; c++)
		*c = *c == '-' ? '_' : *c;
	if (strcmp(word, "address") == 0)
		stanza->address = rest;
	else if (strcmp(word, "netmask") == 0)
		stanza->mask = rest;
	else if (strcmp(word, "gateway") == 0)
		stanza->gateway = rest;
	else if (strcmp(word, "metric") == 0)
		stanza->metric = rest;
	else if (strcmp(word, "bridge_ports") == 0)
		bridge_ports(stanza, rest);
	else if (strcmp(word, "bridge_stp") == 0)
		import_put(import, stanza->device, "parameters.stp",
			   import_truth(rest) ? "true" : "false");
	else if (strcmp(word, "bridge_pathcost") == 0)
		bridge_port_numbers(stanza, "path-cost", rest);
	else if (strcmp(word, "bridge_portprio") == 0)
		bridge_port_numbers(stanza, "port-priority", rest);
	else if (!value_put(stanza, word, rest))
		import_lacks(import, stanza->device->name, "%s %s has no counterpart; left out",
			     as_written, rest);
}

static void interfaces_read(struct import *import, const char *bytes, size_t size)
{
	char *text = arena_textn(import->arena, bytes, size), *line, *word;
	struct stanza stanza = {.import = import};
	bool skips = false;

	while ((line = import_line(import, &text))) {
		char *rest = line;

		if (!*line || *line == '#')
			continue;
		word = word_cut(&rest);
		rest += strspn(rest, " \t");
		if (strcmp(word, "iface") == 0) {
			stanza_begin(&stanza, rest);
			skips = !stanza.device;
		} else if (strcmp(word, "auto") == 0 || strncmp(word, "allow-", 6) == 0) {
			stanza_end(&stanza);
			skips = true;
		} else if (strncmp(word, "source", 6) == 0 || strcmp(word, "mapping") == 0) {
			stanza_end(&stanza);
			skips = false;
			import_lacks(import, word, "%s: not followed; import it by itself", rest);
		} else if (stanza.device) {
			option_read(&stanza, word, rest);
		} else if (!skips) {
			import_lacks(import, word, "%s has no counterpart; left out", rest);
		}
	}
	stanza_end(&stanza);
}

/* brctl leaves the kernel's 15 s where nothing is said; lanloom has 0. */
static void interfaces_finish(struct import *import)
{
	for (size_t i = 0; i < import->len; i++) {
		struct import_device *device = &import->devices[i];
		const struct yaml_node *parameters = yaml_get(device->map, "parameters");

		if (is_bridge(device) && (!parameters || !yaml_get(parameters, "forward-delay")))
			import_put(import, device, "parameters.forward-delay", "15");
	}
}

const struct import_format import_interfaces = {
	.name = "interfaces",
	.place = "/etc/network/interfaces",
	.read = interfaces_read,
	.finish = interfaces_finish,
};
