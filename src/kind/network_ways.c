/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ways out of a network, which depend on what the system is when it is planned: the device of
 * the default route where the text names no uplink, and how this kernel forwards IPv6.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "kind/network.h"
#include "sys/sysctl.h"
#include "sys/way.h"

/* Adds a variable of IPv6's; `mark` (and `value` of it) says when and how it is written. */
static void variable6(const struct object *network, struct state *state, const char *name,
		      const char *const marks[][2])
{
	size_t len = state->len;

	network_variable(network, state, "1", "net.ipv6.conf.%s.forwarding", name);
	if (state->len == len)
		return; /* there already, perhaps as the text wants it */
	for (size_t i = 0; marks[i][0]; i++)
		object_recall(state->objects[len], marks[i][0], marks[i][1], state->arena);
}

static bool has_value(const char *device, const char *variable, const char *wanted)
{
	struct text value TEXT_CLEANUP = {0};
	char name[SYSCTL_NAME_MAX];
	struct err unused;

	snprintf(name, sizeof(name), "net.ipv6.conf.%s.%s", device, variable);
	for (char *c = name + strlen("net.ipv6.conf."); c < strrchr(name, '.'); c++)
		if (*c == '.')
			*c = '/';
	return sysctl_read(name, &value, &unused) == 0 && text_same(text_get(&value), wanted);
}

/* Whether it takes routers' word as a host does, or goes on doing so as a router. */
static bool hears_routers(const char *device)
{
	return has_value(device, "accept_ra", "2") ||
	       (has_value(device, "accept_ra", "1") && has_value(device, "forwarding", "0"));
}

/*
 * IPv6 is forwarded by all devices or, since Linux 6.17, by those that have force_forwarding. The
 * bridge is a router in either case: else its neighbour advertisements said that it is none, and
 * guests let go of it. Whatever becomes a router makes the kernel forget the default routes that
 * were advertised to hosts, so devices that live from such are told to keep them, first.
 */
static void forward6(const struct object *network, struct state *state, const char *const *uplinks,
		     char *advertised)
{
	static const char *const last[][2] = {{"late", "true"}, {"last", "true"}, {NULL, NULL}};
	static const char *const switched[][2] = {
		{"late", "true"}, {"others", "kept"}, {NULL, NULL}};
	static const char format[] = "net.ipv6.conf.%s.force_forwarding";
	const struct network *its = network->data;
	struct text value TEXT_CLEANUP = {0};
	char *save = NULL, *device;
	struct err unused;
	bool forced = sysctl_read("net.ipv6.conf.all.force_forwarding", &value, &unused) == 0;

	variable6(network, state, its->name, last);
	for (device = strtok_r(advertised, " ", &save); device;
	     device = strtok_r(NULL, " ", &save)) {
		if (hears_routers(device))
			network_variable(network, state, "2", "net.ipv6.conf.%s.accept_ra", device);
		if (forced && !its->uplink)
			network_variable(network, state, "1", format, device);
	}
	if (!forced) {
		variable6(network, state, "all", switched);
		return;
	}
	network_variable(network, state, "1", format, its->name);
	for (; *uplinks; uplinks++)
		network_variable(network, state, "1", format, *uplinks);
}

/* Adds the devices of a state's default routes. */
static void ways_add(const struct object *network, const struct state *from, const char **names,
		     size_t *len)
{
	const struct object *route;
	const struct prefix *to;

	for (size_t i = 0; (route = state_next(from, "route", &i));) {
		to = object_value(route, "to", &vtype_target);
		if (to && !to->len && text_same(route->ns, network->ns) && object_owner(route) &&
		    object_number(route, "table", 254) == 254)
			names[(*len)++] = object_owner(route);
	}
}

/*
 * The devices of default routes, those that the same text makes among them, or the one that is
 * named. NULL-terminated.
 */
static const char **ways_out(const struct object *network, const struct state *state,
			     const struct state *actual)
{
	const struct network *its = network->data;
	const char **names =
		arena_alloc(state->arena, (actual->len + state->len + 2) * sizeof(*names));
	size_t len = 0;

	if (its->uplink) {
		names[0] = its->uplink;
		return names;
	}
	ways_add(network, actual, names, &len);
	ways_add(network, state, names, &len);
	return names;
}

/* The host's address on the way out: there already, or about to be. */
static const struct prefix *address_on(const struct object *network, const struct state *from,
				       const char *uplink, uint8_t family)
{
	const struct object *address;

	for (size_t i = 0; (address = state_next(from, "address", &i));) {
		const struct prefix *its = object_value(address, "address", &vtype_prefix);

		if (its->ip.family == family && !address->automatic &&
		    text_same(address->ns, network->ns) && text_same(object_owner(address), uplink))
			return its;
	}
	return NULL;
}

/* Guests keep their addresses, so whoever they talk to needs the way back. */
static void tell_return(const struct object *network, const struct state *state,
			const struct state *actual, const char *uplink, struct diag *diag)
{
	const struct object *own;

	for (size_t i = 0; (own = state_next(state, "address", &i));) {
		const struct prefix *to = object_value(own, "address", &vtype_prefix), *via;
		struct text told TEXT_CLEANUP = {0};
		struct ip net = to->ip;

		if (!text_same(own->ns, network->ns) ||
		    !text_same(object_owner(own), object_name(network)))
			continue;
		via = address_on(network, actual, uplink, net.family)
			      ?: address_on(network, state, uplink, net.family);
		if (!via)
			continue;
		for (unsigned int bit = to->len; bit < ip_bits(&net); bit++)
			net.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		ip_print(&net, &told);
		text_add(&told, "/%u via ", to->len);
		ip_print(&via->ip, &told);
		err_hint(diag_warning(diag, network->place, object_label(network, state->arena),
				      "is routed: its guests are reached only by those who have "
				      "the route %s",
				      text_get(&told)),
			 "elsewhere: ip route add %s", text_get(&told));
	}
}

void network_settle(const struct object *object, struct state *state, const struct state *actual,
		    struct diag *diag)
{
	const struct network *its = object->data;
	struct text advertised TEXT_CLEANUP = {0};
	const char **uplinks;
	struct err unused;

	if (its->mode != NETWORK_BRIDGED) {
		network_ports(object, state);
		network_guard(object, state);
	}
	if (its->mode == NETWORK_BRIDGED || its->mode == NETWORK_ISOLATED ||
	    network_elsewhere(its, state))
		return;
	network_served(object, state, diag);
	uplinks = ways_out(object, state, actual);
	text_add(&advertised, "%s", "");
	if (!object->ns[0] && network_has(object, state, AF_INET6))
		way_advertised(&advertised, &unused);
	if (!uplinks[0] && !advertised.size)
		err_hint(diag_warning(diag, object->place, object_label(object, state->arena),
				      "there is no default route, so its guests have no way out "
				      "yet"),
			 "uplink: DEVICE, or lanloom up again when there is one");
	for (size_t i = 0; uplinks[i] && network_has(object, state, AF_INET); i++)
		network_variable(object, state, "1", "net.ipv4.conf.%s.forwarding", uplinks[i]);
	if (its->mode == NETWORK_ROUTED && uplinks[0])
		tell_return(object, state, actual, uplinks[0], diag);
	if (network_has(object, state, AF_INET6))
		forward6(object, state, uplinks, advertised.bytes);
}
