/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ifcfg files, as Red Hat's network-scripts and NetworkManager's ifcfg-rh have them: KEY=VALUE in
 * the shell's quoting, a file for each device. Nothing of the shell is run: $ and ` are taken as
 * they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"

#define PAIRS_MOST 256

struct pair {
	const char *key, *value;
	uint32_t line;
	bool used;
};

struct ifcfg {
	struct import *import;
	struct pair pairs[PAIRS_MOST];
	size_t len;
};

static const char *unquoted(struct import *import, char *value)
{
	size_t size = strlen(value);

	if (size >= 2 && (value[0] == '"' || value[0] == '\'') && value[size - 1] == value[0])
		return arena_textn(import->arena, value + 1, size - 2);
	return value;
}

/* NULL: it is not there, or empty. */
static const char *take(struct ifcfg *ifcfg, const char *key)
{
	for (size_t i = 0; i < ifcfg->len; i++)
		if (strcmp(ifcfg->pairs[i].key, key) == 0) {
			ifcfg->pairs[i].used = true;
			ifcfg->import->line = ifcfg->pairs[i].line;
			return ifcfg->pairs[i].value[0] ? ifcfg->pairs[i].value : NULL;
		}
	return NULL;
}

/* IPADDR, IPADDR0, IPADDR1 …: KEY with a number behind, -1: without. */
static const char *take_numbered(struct ifcfg *ifcfg, const char *key, int number)
{
	if (number < 0)
		return take(ifcfg, key);
	return take(ifcfg, arena_print(ifcfg->import->arena, "%s%d", key, number));
}

static void addresses_take(struct ifcfg *ifcfg, struct import_device *device)
{
	struct import *import = ifcfg->import;

	for (int i = -1; i < 64; i++) {
		const char *address = take_numbered(ifcfg, "IPADDR", i);
		const char *length = take_numbered(ifcfg, "PREFIX", i);
		const char *mask = take_numbered(ifcfg, "NETMASK", i), *prefix;

		if (!address)
			continue;
		prefix = import_prefix(import, address, length ? length : mask);
		if (prefix)
			import_add(import, device, "addresses", prefix);
		else
			import_lacks(import, device->name, "%s is no address; left out", address);
	}
}

static void addresses6_take(struct ifcfg *ifcfg, struct import_device *device)
{
	static const char *const keys[] = {"IPV6ADDR", "IPV6ADDR_SECONDARIES"};
	struct import *import = ifcfg->import;

	for (size_t k = 0; k < 2; k++) {
		const char *value = take(ifcfg, keys[k]);
		char *save = NULL;

		if (!value)
			continue;
		for (char *one = strtok_r(arena_text(import->arena, value), " ", &save); one;
		     one = strtok_r(NULL, " ", &save))
			if (import_prefix(import, one, "64"))
				import_add(import, device, "addresses",
					   import_prefix(import, one, "64"));
			else
				import_lacks(import, device->name, "%s is no address; left out",
					     one);
	}
}

static void gateway_take(struct ifcfg *ifcfg, struct import_device *device, const char *key)
{
	const char *gateway = take(ifcfg, key), *metric = take(ifcfg, "METRIC");

	if (gateway)
		import_item(ifcfg->import, device, "routes", "to",
			    strchr(gateway, ':') ? "::/0" : "default", "via", gateway, "metric",
			    metric, NULL);
}

static void value_take(struct ifcfg *ifcfg, struct import_device *device, const char *from,
		       const char *to)
{
	const char *value = take(ifcfg, from);

	if (value)
		import_put(ifcfg->import, device, to, value);
}

static void bridge_take(struct ifcfg *ifcfg, struct import_device *device)
{
	const char *stp = take(ifcfg, "STP"), *delay = take(ifcfg, "DELAY");

	import_is(ifcfg->import, device, "bridges");
	if (stp && import_truth(stp))
		import_put(ifcfg->import, device, "parameters.stp", "true");
	/* without DELAY the kernel's 15 s stay; lanloom has 0 */
	import_put(ifcfg->import, device, "parameters.forward-delay", delay ? delay : "15");
}

static void vlan_take(struct ifcfg *ifcfg, struct import_device *device)
{
	const char *vlan = take(ifcfg, "VLAN"), *id = take(ifcfg, "VLAN_ID");
	const char *link = take(ifcfg, "PHYSDEV"), *dot = strrchr(device->name, '.');
	struct import *import = ifcfg->import;

	if (!vlan || !import_truth(vlan))
		return;
	import_is(import, device, "vlans");
	if (!id && dot)
		id = dot + 1;
	if (!link && dot)
		link = arena_textn(import->arena, device->name, (size_t)(dot - device->name));
	if (id)
		import_put(import, device, "id", id);
	if (link)
		import_put(import, device, "link", link);
}

static void type_take(struct ifcfg *ifcfg, struct import_device *device)
{
	const char *type = take(ifcfg, "TYPE"), *bridge = take(ifcfg, "BRIDGE");
	const char *owner = take(ifcfg, "OWNER");
	struct import_device *master;

	if (type && strcasecmp(type, "bridge") == 0)
		bridge_take(ifcfg, device);
	else if (type && strcasecmp(type, "tap") == 0)
		import_is(ifcfg->import, device, "taps");
	else if (type && strcasecmp(type, "ethernet") != 0 && strcasecmp(type, "vlan") != 0)
		import_lacks(ifcfg->import, device->name, "TYPE=%s has no counterpart; left a NIC",
			     type);
	vlan_take(ifcfg, device);
	if (owner)
		import_put(ifcfg->import, device, "owner", owner);
	if (!bridge)
		return;
	master = import_device(ifcfg->import, bridge);
	import_is(ifcfg->import, master, "bridges");
	/* the other may have moved it */
	import_add(ifcfg->import, master, "interfaces", take(ifcfg, "DEVICE"));
}

/* Keys that say nothing about the network. */
static const char *const silent[] = {"NAME",
				     "UUID",
				     "ONBOOT",
				     "NM_CONTROLLED",
				     "USERCTL",
				     "NETWORK",
				     "BROADCAST",
				     "IPV6INIT",
				     "DEFROUTE",
				     "NOZEROCONF",
				     "IPV4_FAILURE_FATAL",
				     "IPV6_FAILURE_FATAL",
				     "PROXY_METHOD",
				     "BROWSER_ONLY",
				     NULL};

static void rest_tell(struct ifcfg *ifcfg, const char *name)
{
	for (size_t i = 0; silent[i]; i++)
		take(ifcfg, silent[i]);
	for (size_t i = 0; i < ifcfg->len; i++) {
		const struct pair *pair = &ifcfg->pairs[i];

		ifcfg->import->line = pair->line;
		if (!pair->used)
			import_lacks(ifcfg->import, name, "%s=%s has no counterpart; left out",
				     pair->key, pair->value);
	}
}

static void boot_take(struct ifcfg *ifcfg, const char *name)
{
	const char *boot = take(ifcfg, "BOOTPROTO");

	if (boot && strcasecmp(boot, "none") != 0 && strcasecmp(boot, "static") != 0)
		import_lacks(ifcfg->import, name, "BOOTPROTO=%s has no counterpart; left out",
			     boot);
}

static void device_take(struct ifcfg *ifcfg)
{
	const char *name = take(ifcfg, "DEVICE");
	struct import_device *device;

	if (!name) {
		ifcfg->import->line = 0;
		import_lacks(ifcfg->import, ifcfg->import->file,
			     "has no DEVICE; nothing was taken from it");
		return;
	}
	if (strcmp(name, "lo") == 0)
		return;
	device = import_device(ifcfg->import, name);
	type_take(ifcfg, device);
	device = import_device(ifcfg->import, name);
	addresses_take(ifcfg, device);
	addresses6_take(ifcfg, device);
	gateway_take(ifcfg, device, "GATEWAY");
	gateway_take(ifcfg, device, "IPV6_DEFAULTGW");
	value_take(ifcfg, device, "MTU", "mtu");
	value_take(ifcfg, device, "MACADDR", "macaddress");
	boot_take(ifcfg, name);
	rest_tell(ifcfg, name);
}

static void ifcfg_read(struct import *import, const char *bytes, size_t size)
{
	char *text = arena_textn(import->arena, bytes, size), *line, *equals;
	struct ifcfg ifcfg = {.import = import};

	while ((line = import_line(import, &text))) {
		equals = strchr(line, '=');
		if (!*line || *line == '#')
			continue;
		if (!equals || ifcfg.len == PAIRS_MOST) {
			import_lacks(import, line, "is no KEY=VALUE; left out");
			continue;
		}
		*equals = '\0';
		ifcfg.pairs[ifcfg.len++] = (struct pair){
			.key = line, .value = unquoted(import, equals + 1), .line = import->line};
	}
	device_take(&ifcfg);
}

const struct import_format import_ifcfg = {
	.name = "ifcfg",
	.place = "/etc/sysconfig/network-scripts",
	.prefix = "ifcfg-",
	.read = ifcfg_read,
};
