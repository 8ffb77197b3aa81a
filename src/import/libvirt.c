/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's networks (formatnetwork.html). What libvirt calls a network is a bridge with a policy,
 * as ours, and goes over under the name of its bridge, which is what domains hold on to. One that
 * is no bridge (macvtap, a pool of cards) has no counterpart: each guest's device is declared here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "import/xml.h"
#include "model/value.h"

static const struct place nowhere;

struct net {
	struct import *import;
	struct import_device *device;
	const struct xml_node *root, *forward;
	const char *name, *mode; /* libvirt's word; "isolated" where there is none */
	bool bridge;		 /* a bridge of ours without a policy (open) */
};

static void lacks(const struct net *net, const struct xml_node *node, const char *what)
{
	net->import->line = node->line;
	import_lacks(net->import, net->name, "<%s> %s; left out", node->name, what);
}

static void note(const struct net *net, const struct xml_node *node, const char *what)
{
	net->import->line = node->line;
	import_lacks(net->import, net->name, "%s", what);
}

static void put(const struct net *net, const char *key, const char *value)
{
	if (value)
		import_put(net->import, net->device, key, value);
}

/* The map at a key of the device, made if need be; keys of its own may have dots. */
static struct yaml_node *map_at(const struct net *net, struct yaml_node *map, const char *key)
{
	struct yaml_node *there = yaml_get(map, key);

	if (there)
		return there;
	there = yaml_make(net->import->arena, YAML_MAP, nowhere);
	yaml_append(map, yaml_scalar(net->import->arena, key, nowhere), there);
	return there;
}

static void value_at(const struct net *net, struct yaml_node *map, const char *key,
		     const char *value)
{
	if (value && !yaml_get(map, key))
		yaml_append(map, yaml_scalar(net->import->arena, key, nowhere),
			    yaml_scalar(net->import->arena, value, nowhere));
}

static void range_take(const struct net *net, const struct xml_node *range)
{
	struct yaml_node *dhcp = map_at(net, net->device->map, "dhcp"), *ranges, *one;
	struct arena *arena = net->import->arena;
	const char *start = xml_get(range, "start"), *end = xml_get(range, "end");

	if (!start || !end) {
		lacks(net, range, "has no start or no end");
		return;
	}
	if (range->first)
		lacks(net, range->first, "of a range: dhcp.lease-time says it for all");
	if (!yaml_get(dhcp, "range")) {
		one = yaml_make(arena, YAML_LIST, nowhere);
		yaml_append(one, NULL, yaml_scalar(arena, start, nowhere));
		yaml_append(one, NULL, yaml_scalar(arena, end, nowhere));
		yaml_append(dhcp, yaml_scalar(arena, "range", nowhere), one);
		return;
	}
	ranges = yaml_get(dhcp, "ranges");
	if (!ranges) {
		ranges = yaml_make(arena, YAML_LIST, nowhere);
		yaml_append(dhcp, yaml_scalar(arena, "ranges", nowhere), ranges);
	}
	yaml_append(ranges, NULL,
		    yaml_scalar(arena, arena_print(arena, "%s-%s", start, end), nowhere));
}

/* "vm1.lab.example" is the guest vm1. */
static const char *host_name(const struct net *net, const struct xml_node *host)
{
	const char *name = xml_get(host, "name"), *mac = xml_get(host, "mac");
	struct text text TEXT_CLEANUP = {0};

	if (name && name[0])
		return arena_textn(net->import->arena, name, strcspn(name, "."));
	for (; mac && *mac; mac++)
		text_addn(&text, *mac == ':' ? "-" : mac, 1);
	return mac ? arena_print(net->import->arena, "host-%s", text_get(&text)) : NULL;
}

static void host_take(const struct net *net, const struct xml_node *host)
{
	const char *name = host_name(net, host), *ip = xml_get(host, "ip");
	struct yaml_node *hosts, *one;

	if (!xml_get(host, "mac")) {
		lacks(net, host, "without mac, by name or id alone, has no counterpart");
		return;
	}
	hosts = map_at(net, map_at(net, net->device->map, "dhcp"), "hosts");
	one = map_at(net, hosts, name);
	value_at(net, one, "macaddress", xml_get(host, "mac"));
	value_at(net, one, ip && strchr(ip, ':') ? "address6" : "address", ip);
	for (const struct xml_node *in = host->first; in; in = in->next)
		lacks(net, in, "of a host has no counterpart");
}

static void dhcp_take(const struct net *net, const struct xml_node *dhcp)
{
	if (net->bridge) {
		lacks(net, dhcp, "of a network that is open has no counterpart");
		return;
	}
	for (const struct xml_node *one = dhcp->first; one; one = one->next) {
		if (text_same(one->name, "range"))
			range_take(net, one);
		else if (text_same(one->name, "host"))
			host_take(net, one);
		else
			lacks(net, one, "has no counterpart");
	}
}

/* Old ones of IPv4 say no length: it is their class's, as libvirt takes it. */
static const char *class_length(const char *address)
{
	long first = strtol(address, NULL, 10);

	return strchr(address, ':') ? "64" : first < 128 ? "8" : first < 192 ? "16" : "24";
}

static void ip_take(const struct net *net, const struct xml_node *ip)
{
	const char *address = xml_get(ip, "address"), *length = xml_get(ip, "prefix");
	const char *prefix;

	length = length ? length : xml_get(ip, "netmask");
	prefix = address ? import_prefix(net->import, address,
					 length ? length : class_length(address))
			 : NULL;
	if (!prefix) {
		lacks(net, ip, "has no address");
		return;
	}
	import_add(net->import, net->device, "addresses", prefix);
	if (text_same(net->mode, "nat") && strchr(address, ':') &&
	    !text_same(xml_get(xml_child(net->forward, "nat"), "ipv6"), "yes"))
		note(net, ip,
		     "libvirt routes IPv6 without translation here; mode nat translates both");
	for (const struct xml_node *one = ip->first; one; one = one->next) {
		if (text_same(one->name, "dhcp"))
			dhcp_take(net, one);
		else
			lacks(net, one, "has no counterpart");
	}
}

static void route_take(const struct net *net, const struct xml_node *route)
{
	const char *address = xml_get(route, "address"), *length = xml_get(route, "prefix");
	const char *prefix;

	length = length ? length : xml_get(route, "netmask");
	prefix = address ? import_prefix(net->import, address, length ? length : "32") : NULL;
	if (!prefix || !xml_get(route, "gateway"))
		lacks(net, route, "has no address or no gateway");
	else
		import_item(net->import, net->device, "routes", "to", prefix, "via",
			    xml_get(route, "gateway"), "metric", xml_get(route, "metric"), NULL);
}

/* KiB per second in libvirt; bits per second here. inbound is what goes to the guests. */
static void rate_put(const struct net *net, const struct xml_node *one, const char *key)
{
	const char *average = xml_get(one, "average");
	int64_t kibs;

	if (!average || text_number(average, 1, INT64_MAX / 8192, &kibs)) {
		lacks(net, one, "has no average");
		return;
	}
	put(net, key, arena_print(net->import->arena, "%lld", (long long)kibs * 8192));
	if (xml_get(one, "peak") || xml_get(one, "burst") || xml_get(one, "floor"))
		note(net, one, "bandwidth's peak, burst and floor have no counterpart; left out");
}

static void bandwidth_take(const struct net *net, const struct xml_node *bandwidth)
{
	for (const struct xml_node *one = bandwidth->first; one; one = one->next) {
		if (text_same(one->name, "inbound"))
			rate_put(net, one, "shape.egress");
		else if (text_same(one->name, "outbound"))
			rate_put(net, one, "shape.ingress");
		else
			lacks(net, one, "has no counterpart");
	}
}

static void domain_take(const struct net *net, const struct xml_node *domain)
{
	if (net->bridge)
		lacks(net, domain, "of a network that is open has no counterpart");
	else
		put(net, "dns.domain", xml_get(domain, "name"));
}

static void dns_take(const struct net *net, const struct xml_node *dns)
{
	if (text_same(xml_get(dns, "enable"), "no"))
		note(net, dns, "dns is not enabled in libvirt; here it is where there is dhcp");
	for (const struct xml_node *one = dns->first; one; one = one->next)
		lacks(net, one, "of dns has no counterpart");
}

static void forward_take(const struct net *net, const struct xml_node *forward)
{
	const struct xml_node *card = xml_child(forward, "interface");
	const char *way = xml_get(forward, "dev") ?: xml_get(card, "dev");

	if (way && !net->bridge)
		put(net, "uplink", way);
	for (const struct xml_node *one = forward->first; one; one = one->next)
		if (!text_same(one->name, "interface") || one != card)
			for (const struct xml_node *in = one->first ? one->first : one; in;
			     in = one->first ? in->next : NULL)
				lacks(net, in, "of forward has no counterpart");
}

/* libvirt's default is to have STP; the kernel then waits two seconds at least
 * (BR_MIN_FORWARD_DELAY of br_private_stp.h), whatever libvirt asks for. */
static void stp_put(const struct net *net, const struct xml_node *bridge)
{
	bool stp = !text_same(xml_get(bridge, "stp"), "off");
	const char *delay = xml_get(bridge, "delay");

	put(net, "parameters.stp", stp ? "true" : "false");
	if (stp && (!delay || text_same(delay, "0") || text_same(delay, "1")))
		delay = "2";
	put(net, "parameters.forward-delay", delay);
}

static void bridge_take(const struct net *net, const struct xml_node *bridge)
{
	stp_put(net, bridge);
	if (xml_get(bridge, "zone"))
		note(net, bridge, "a zone of firewalld has no counterpart; left out");
	if (text_same(xml_get(bridge, "macTableManager"), "libvirt"))
		note(net, bridge, "macTableManager has no counterpart; left out");
}

static void mac_take(const struct net *net, const struct xml_node *mac)
{
	put(net, "macaddress", xml_get(mac, "address"));
}

static void mtu_take(const struct net *net, const struct xml_node *mtu)
{
	put(net, "mtu", xml_get(mtu, "size"));
}

static void nothing_take(const struct net *net, const struct xml_node *node)
{
	(void)net;
	(void)node;
}

static const struct {
	const char *name;
	void (*take)(const struct net *net, const struct xml_node *node);
} parts[] = {
	{"forward", forward_take},
	{"bridge", bridge_take},
	{"mac", mac_take},
	{"mtu", mtu_take},
	{"domain", domain_take},
	{"dns", dns_take},
	{"ip", ip_take},
	{"route", route_take},
	{"bandwidth", bandwidth_take},
	{"name", nothing_take},
	{"uuid", nothing_take},
	{"title", nothing_take},
	{"description", nothing_take},
};

static void part_take(const struct net *net, const struct xml_node *node)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (text_same(parts[i].name, node->name)) {
			parts[i].take(net, node);
			return;
		}
	if (text_same(node->name, "portgroup"))
		note(net, node,
		     arena_print(net->import->arena,
				 "portgroup %s has no counterpart; what it says stands under the "
				 "ports of its guests; left out",
				 xml_get(node, "name") ?: ""));
	else
		lacks(net, node, "has no counterpart");
}

/* nat, route, open, and without a word isolated; bridge over a bridge that is there. */
static bool mode_take(struct net *net)
{
	static const char *const modes[][2] = {
		{"nat", "nat"}, {"route", "routed"}, {"isolated", "isolated"}};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (text_same(net->mode, modes[i][0])) {
			import_is(net->import, net->device, "networks");
			put(net, "mode", modes[i][1]);
			return true;
		}
	import_is(net->import, net->device, "bridges");
	net->bridge = true;
	if (text_same(net->mode, "open"))
		note(net, net->forward,
		     "is open, without rules: a bridge here, whose forwarding others see to");
	return text_same(net->mode, "open");
}

/* A network that is but a name for what is there. */
static bool is_name_only(struct net *net, const struct xml_node *bridge)
{
	if (text_same(net->mode, "bridge") && bridge) {
		import_is(net->import, net->device, "bridges");
		put(net, "existing", "true");
		return true;
	}
	return false;
}

static void network_take(struct net *net)
{
	const struct xml_node *bridge = xml_child(net->root, "bridge");

	if (text_same(net->mode, "isolated") && xml_child(net->root, "ip"))
		note(net, xml_child(net->root, "ip"),
		     "guests of an isolated network reach all services of the host in libvirt; "
		     "here ARP, ICMP, DHCP and DNS");
	if (is_name_only(net, bridge) || !mode_take(net))
		return;
	if (!bridge)
		stp_put(net, NULL);
	for (const struct xml_node *node = net->root->first; node; node = node->next)
		part_take(net, node);
}

static bool has_bridge(const struct net *net)
{
	static const char *const words[] = {"nat", "route", "isolated", "open", NULL};

	for (size_t i = 0; words[i]; i++)
		if (text_same(net->mode, words[i]))
			return true;
	return text_same(net->mode, "bridge") && xml_child(net->root, "bridge");
}

static void libvirt_read(struct import *import, const char *bytes, size_t size)
{
	struct net net = {.import = import};
	const char *title;
	struct err err;

	net.root = xml_read(import->file, bytes, size, import->arena, import->diag);
	if (!net.root)
		return;
	import->line = net.root->line;
	if (!text_same(net.root->name, "network")) {
		import_lacks(import, net.root->name, "is no <network>; left out");
		return;
	}
	net.forward = xml_child(net.root, "forward");
	net.mode = net.forward ? xml_get(net.forward, "mode") ?: "nat" : "isolated";
	title = xml_child(net.root, "name") ? xml_child(net.root, "name")->text : "";
	net.name = xml_get(xml_child(net.root, "bridge"), "name") ?: title;
	if (!has_bridge(&net)) {
		import_lacks(import, title,
			     "mode %s has no bridge and no counterpart; declare each guest's "
			     "macvtap; left out",
			     net.mode);
		return;
	}
	if (!xml_plain(net.name, import->arena)) {
		import_lacks(import, title, "is no name a device can have; left out");
		return;
	}
	if (device_name_check(net.name, &err)) {
		import_lacks(import, title, "%s; left out", err.message);
		return;
	}
	if (!text_same(title, net.name))
		import_lacks(import, net.name, "was the network %s; it is called as its bridge",
			     title);
	net.device = import_device(import, net.name);
	network_take(&net);
}

const struct import_format import_libvirt = {
	.name = "libvirt",
	.place = "/etc/libvirt/qemu/networks",
	.suffix = ".xml",
	.read = libvirt_read,
};
