/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd-networkd's .netdev and .network files: sections in brackets, KEY=VALUE, some of them
 * several times. A file is about one device: [NetDev] Name= or [Match] Name= comes first in it, as
 * it does in all that people write.
 */
#include <stdio.h>
#include <string.h>

#include "import/import.h"

struct networkd {
	struct import *import;
	struct import_device *device;
	const char *section;
	/* of the [Address] or [Route] that is read */
	const char *address, *label, *to, *via, *metric, *table, *from;
};

static const struct {
	const char *kind, *section;
} kinds_known[] = {
	{"bridge", "bridges"},	 {"vlan", "vlans"},	     {"tap", "taps"},
	{"tun", "tuns"},	 {"dummy", "dummy-devices"}, {"veth", "virtual-ethernets"},
	{"vrf", "vrfs"},	 {"bond", "bonds"},	     {"ifb", "ifbs"},
	{"macvlan", "macvlans"}, {"macvtap", "macvtaps"},    {"ipvlan", "ipvlans"},
	{"ipvtap", "ipvtaps"},
};

/* SECTION.KEY as a key of the device; times may have "s" or "sec" behind. */
static const struct {
	const char *section, *word, *key;
	enum { AS_IS, TRUTH, TIME } as;
} values[] = {
	{"NetDev", "MTUBytes", "mtu", AS_IS},
	{"NetDev", "MACAddress", "macaddress", AS_IS},
	{"Link", "MTUBytes", "mtu", AS_IS},
	{"Link", "MACAddress", "macaddress", AS_IS},
	{"Bridge", "STP", "parameters.stp", TRUTH},
	{"Bridge", "ForwardDelaySec", "parameters.forward-delay", TIME},
	{"Bridge", "HelloTimeSec", "parameters.hello-time", TIME},
	{"Bridge", "MaxAgeSec", "parameters.max-age", TIME},
	{"Bridge", "AgeingTimeSec", "parameters.ageing-time", TIME},
	{"Bridge", "VLANFiltering", "parameters.vlan-filtering", TRUTH},
	{"Bridge", "DefaultPVID", "parameters.vlan-default-pvid", AS_IS},
	{"Bridge", "MulticastSnooping", "parameters.multicast-snooping", TRUTH},
	{"Bridge", "MulticastQuerier", "parameters.multicast-querier", TRUTH},
	{"VLAN", "Id", "id", AS_IS},
	{"Peer", "Name", "peer", AS_IS},
	{"VRF", "Table", "table", AS_IS},
	{"MACVLAN", "Mode", "mode", AS_IS},
	{"MACVTAP", "Mode", "mode", AS_IS},
	{"IPVLAN", "Mode", "mode", AS_IS},
	{"Tap", "User", "owner", AS_IS},
	{"Tap", "Group", "group", AS_IS},
	{"Tap", "MultiQueue", "multi-queue", TRUTH},
	{"Tun", "User", "owner", AS_IS},
	{"Tun", "Group", "group", AS_IS},
	{"Tun", "MultiQueue", "multi-queue", TRUTH},
};

/* [Bridge] of a .network is about the device as a port. */
static const struct {
	const char *word, *key;
} port_values[] = {
	{"Cost", "cost"},	  {"Priority", "priority"},  {"HairPin", "hairpin"},
	{"Isolated", "isolated"}, {"UnicastFlood", "flood"}, {"Learning", "learning"},
};

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static void lacks(struct networkd *networkd, const char *word, const char *value)
{
	import_lacks(networkd->import, networkd->device ? networkd->device->name : "",
		     "[%s] %s=%s has no counterpart; left out", networkd->section, word, value);
}

/* An [Address] or [Route] is whole when the next section begins. */
static void section_end(struct networkd *networkd)
{
	struct import *import = networkd->import;

	if (networkd->device && networkd->address) {
		const char *prefix = import_prefix(import, networkd->address, NULL);

		if (prefix)
			import_add(import, networkd->device, "addresses", prefix);
		if (!prefix || networkd->label)
			import_lacks(import, networkd->device->name, "%s%s%s: left out",
				     prefix ? "Label=" : "", prefix ? networkd->label : "",
				     prefix ? "" : networkd->address);
	}
	if (networkd->device && is(networkd->section, "Route") && (networkd->to || networkd->via)) {
		const char *to = networkd->to;

		if (!to || is(to, "0.0.0.0/0"))
			to = networkd->via && strchr(networkd->via, ':') ? "::/0" : "default";
		import_item(import, networkd->device, "routes", "to", to, "via", networkd->via,
			    "metric", networkd->metric, "table", networkd->table, "from",
			    networkd->from, NULL);
	}
	networkd->address = networkd->label = networkd->to = networkd->via = NULL;
	networkd->metric = networkd->table = networkd->from = NULL;
}

static bool name_is_plain(const char *name)
{
	return !strpbrk(name, "*?[ !");
}

static void name_read(struct networkd *networkd, const char *name)
{
	if (name_is_plain(name))
		networkd->device = import_device(networkd->import, name);
	else
		import_lacks(networkd->import, name,
			     "a pattern has no counterpart; expected one name; this file is left "
			     "out");
}

static void kind_read(struct networkd *networkd, const char *kind)
{
	for (size_t i = 0; i < sizeof(kinds_known) / sizeof(kinds_known[0]); i++)
		if (is(kind, kinds_known[i].kind)) {
			import_is(networkd->import, networkd->device, kinds_known[i].section);
			return;
		}
	lacks(networkd, "Kind", kind);
}

/* What a .network names: devices that are made on this one, or that it is plugged into. */
static bool relation_read(struct networkd *networkd, const char *word, const char *value)
{
	static const struct {
		const char *word, *section, *key;
		bool other; /* the key stands at the other device */
	} relations[] = {
		{"Bridge", "bridges", "interfaces", true}, {"Bond", "bonds", "interfaces", true},
		{"VRF", "vrfs", "interfaces", true},	   {"VLAN", "vlans", "link", false},
		{"MACVLAN", "macvlans", "link", false},	   {"MACVTAP", "macvtaps", "link", false},
		{"IPVLAN", "ipvlans", "link", false},	   {"IPVTAP", "ipvtaps", "link", false},
	};
	const char *own = networkd->device->name;
	struct import_device *device;

	for (size_t i = 0; i < sizeof(relations) / sizeof(relations[0]); i++) {
		if (!is(word, relations[i].word))
			continue;
		device = import_device(networkd->import, value);
		import_is(networkd->import, device, relations[i].section);
		if (relations[i].other)
			import_add(networkd->import, device, relations[i].key, own);
		else
			import_put(networkd->import, device, relations[i].key, own);
		/* the list may have moved */
		networkd->device = import_device(networkd->import, own);
		return true;
	}
	return false;
}

static bool network_read(struct networkd *networkd, const char *word, const char *value)
{
	struct import *import = networkd->import;
	const char *prefix;

	if (is(word, "Address") && (prefix = import_prefix(import, value, NULL))) {
		import_add(import, networkd->device, "addresses", prefix);
		return true;
	}
	if (is(word, "Gateway") && import_prefix(import, value, NULL)) {
		import_item(import, networkd->device, "routes", "to",
			    strchr(value, ':') ? "::/0" : "default", "via", value, NULL);
		return true;
	}
	return relation_read(networkd, word, value);
}

static bool part_read(struct networkd *networkd, const char *word, const char *value)
{
	if (is(networkd->section, "Address") && is(word, "Address"))
		networkd->address = value;
	else if (is(networkd->section, "Address") && is(word, "Label"))
		networkd->label = value;
	else if (!is(networkd->section, "Route"))
		return false;
	else if (is(word, "Destination"))
		networkd->to = value;
	else if (is(word, "Gateway"))
		networkd->via = value;
	else if (is(word, "Metric"))
		networkd->metric = value;
	else if (is(word, "Table"))
		networkd->table = value;
	else if (is(word, "PreferredSource"))
		networkd->from = value;
	else
		return false;
	return true;
}

/* "15s" and "15sec" are 15. */
static const char *time_of(struct import *import, const char *value)
{
	size_t digits = strspn(value, "0123456789.");

	return is(value + digits, "s") || is(value + digits, "sec")
		       ? arena_textn(import->arena, value, digits)
		       : value;
}

static bool value_read(struct networkd *networkd, const char *word, const char *value)
{
	struct import *import = networkd->import;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (!is(networkd->section, values[i].section) || !is(word, values[i].word))
			continue;
		if (values[i].as == TRUTH)
			value = import_truth(value) ? "true" : "false";
		else if (values[i].as == TIME)
			value = time_of(import, value);
		import_put(import, networkd->device, values[i].key, value);
		return true;
	}
	return false;
}

static void port_put(struct networkd *networkd, const char *key, const char *value)
{
	struct import *import = networkd->import;
	const char *port = networkd->device->name;

	for (size_t i = 0; i < import->len; i++) {
		struct import_device *bridge = &import->devices[i];
		const struct yaml_node *ports = yaml_get(bridge->map, "interfaces"), *one;

		one = is(bridge->section, "bridges") && ports ? ports->first : NULL;
		while (one && !is(one->text, port))
			one = one->next;
		if (one)
			import_put(import, bridge,
				   arena_print(import->arena, "ports.%s.%s", port, key), value);
	}
}

/* A bridge's own Priority, and what its ports have. */
static bool bridge_read(struct networkd *networkd, const char *word, const char *value)
{
	const char *truth = import_truth(value) && !is(value, "1") ? "true" : value;

	if (!is(networkd->section, "Bridge"))
		return false;
	if (is(word, "Priority") && is(networkd->device->section, "bridges")) {
		import_put(networkd->import, networkd->device, "parameters.priority", value);
		return true;
	}
	for (size_t i = 0; i < sizeof(port_values) / sizeof(port_values[0]); i++)
		if (is(word, port_values[i].word)) {
			port_put(networkd, port_values[i].key, truth);
			return true;
		}
	return false;
}

static void pair_read(struct networkd *networkd, const char *word, const char *value)
{
	if ((is(networkd->section, "NetDev") || is(networkd->section, "Match")) &&
	    is(word, "Name")) {
		name_read(networkd, value);
		return;
	}
	if (!networkd->device) {
		if (!is(networkd->section, "Match") || !is(word, "Name"))
			lacks(networkd, word, value);
		return;
	}
	if (is(networkd->section, "NetDev") && is(word, "Kind"))
		kind_read(networkd, value);
	else if (!part_read(networkd, word, value) && !value_read(networkd, word, value) &&
		 !bridge_read(networkd, word, value) &&
		 !(is(networkd->section, "Network") && network_read(networkd, word, value)) &&
		 !is(word, "Description"))
		lacks(networkd, word, value);
}

static void networkd_read(struct import *import, const char *bytes, size_t size)
{
	char *text = arena_textn(import->arena, bytes, size), *line, *equals, *end;
	struct networkd networkd = {.import = import, .section = ""};

	while ((line = import_line(import, &text))) {
		if (!*line || *line == '#' || *line == ';')
			continue;
		if (*line == '[' && (end = strchr(line, ']'))) {
			section_end(&networkd);
			*end = '\0';
			networkd.section = line + 1;
			continue;
		}
		equals = strchr(line, '=');
		if (!equals) {
			import_lacks(import, line, "is no KEY=VALUE; left out");
			continue;
		}
		*equals = '\0';
		pair_read(&networkd, line, equals + 1);
	}
	section_end(&networkd);
}

/* networkd leaves the kernel's 15 s; lanloom has 0. */
static void networkd_finish(struct import *import)
{
	for (size_t i = 0; i < import->len; i++) {
		const struct yaml_node *parameters = yaml_get(import->devices[i].map, "parameters");

		if (is(import->devices[i].section, "bridges") &&
		    (!parameters || !yaml_get(parameters, "forward-delay")))
			import_put(import, &import->devices[i], "parameters.forward-delay", "15");
	}
}

const struct import_format import_networkd = {
	.name = "networkd",
	.place = "/etc/systemd/network",
	.read = networkd_read,
	.finish = networkd_finish,
};
