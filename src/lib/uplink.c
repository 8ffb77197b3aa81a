/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way that the caller's own SSH session takes, and whether a plan touches it: the device that
 * packets to the client leave through, what that device stands on (a bridge's ports, a VLAN's
 * link) and is a port of, with its addresses and routes; and any route or address elsewhere under
 * which the client's address falls.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/lib.h"
#include "sys/ssh.h"
#include "sys/way.h"

static bool has(const struct uplink *uplink, const char *name)
{
	for (size_t i = 0; name && i < uplink->len; i++)
		if (text_same(uplink->names[i], name))
			return true;
	return false;
}

static void add(struct uplink *uplink, const char *name)
{
	if (name && name[0] && !has(uplink, name) && uplink->len < UPLINK_DEVICES_MOST)
		snprintf(uplink->names[uplink->len++], IFNAMSIZ, "%s", name);
}

static void add_beneath(struct uplink *uplink, const struct state *actual)
{
	const struct object *link;

	for (size_t n = 0; n < uplink->len; n++)
		for (size_t i = 0; (link = state_next(actual, "link", &i));) {
			if (link->ns[0])
				continue;
			if (text_same(object_text(link, "master"), uplink->names[n]))
				add(uplink, object_name(link));
			if (text_same(object_name(link), uplink->names[n]))
				add(uplink, object_text(link, "link"));
		}
}

int uplink_find(struct uplink *uplink, const struct state *actual)
{
	struct sockaddr_storage own;
	char name[IFNAMSIZ];
	const struct object *link;
	struct err err;
	uint32_t ifindex;

	*uplink = (struct uplink){0};
	if (ssh_find(&uplink->peer, &own) ||
	    way_find((struct sockaddr *)&uplink->peer, (struct sockaddr *)&own, &ifindex, &err) ||
	    !if_indextoname(ifindex, name))
		return -ENOENT;
	add(uplink, name);
	link = state_link(actual, "", name);
	add_beneath(uplink, actual);
	if (link)
		add(uplink, object_text(link, "master"));
	return 0;
}

static bool covers(const struct uplink *uplink, const struct prefix *prefix)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)&uplink->peer;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&uplink->peer;
	const uint8_t *peer = (const uint8_t *)&four->sin_addr;
	unsigned int whole, rest;

	if (!prefix || prefix->ip.family != uplink->peer.ss_family)
		return false;
	if (prefix->ip.family == AF_INET6)
		peer = six->sin6_addr.s6_addr;
	whole = prefix->len / 8;
	rest = prefix->len % 8;
	return memcmp(peer, prefix->ip.bytes, whole) == 0 &&
	       (!rest || (peer[whole] ^ prefix->ip.bytes[whole]) >> (8 - rest) == 0);
}

static bool object_touches(const struct uplink *uplink, const struct object *object)
{
	const char *home;

	if (!object)
		return false;
	home = object_text(object, "home");
	if (home && home[0] == '/' && has(uplink, home + 1))
		return true; /* a card on its way into another namespace, or back */
	if (object->ns[0])
		return false;
	/* a bridge that merely gets one more port is the same way as before */
	if (object_has_key(object, "device") || object_has_key(object, "tunnel"))
		return has(uplink, object_text(object, "device")) ||
		       has(uplink, object_text(object, "tunnel")) ||
		       covers(uplink, object_value(object, "to", &vtype_target)) ||
		       covers(uplink, object_value(object, "address", &vtype_prefix));
	return has(uplink, object_name(object)) ||
	       covers(uplink, object_value(object, "to", &vtype_target));
}

bool uplink_touched(const struct uplink *uplink, const struct plan *plan)
{
	for (size_t i = 0; i < plan->len; i++)
		if (object_touches(uplink, plan->steps[i].before) ||
		    object_touches(uplink, plan->steps[i].after))
			return true;
	return false;
}
