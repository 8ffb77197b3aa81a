/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of our bridges, whoever plugged them in. Those of a description are mended; but the TAP of
 * a guest that nobody declared, libvirt's vnet0, or what somebody plugged in by hand stands in no
 * text, and goes out of the bridge when that is made anew. So the keeper remembers what is in our
 * bridges, with options and VLANs, and plugs it in again when its bridge was deleted and is back.
 * What somebody takes out stays out: the bridge is still there then.
 *
 * An event means "look". Only this much is told by events alone: that a bridge was deleted, since
 * one made anew has the old number.
 */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/store.h"
#include "base/clock.h"
#include "base/fd.h"
#include "daemon/inside.h"
#include "sys/bridge_vlans.h"
#include "sys/netns.h"
#include "sys/nl_dump.h"

#define SETTLE_MS 50
#define LOCKED_MS 100
#define SHARE 10	/* of the time, looking takes at most one part in so many … */
#define REST_MS 300	/* … but a guest waits no longer than this for its port */
#define OPTIONS_MOST 40 /* keys of a port */

/*
 * What is set anew is what a port's table has with a number of the kernel's, beside its bridge,
 * what is only read, and another device's number: all are values of at most four bytes.
 */
static uint16_t option_of(const struct kind *port, unsigned int i)
{
	const struct field *field = kind_field(port, i);

	return field->flags & (FIELD_OWNER | FIELD_READ | FIELD_LATER) ? 0 : field->attr;
}

static unsigned int option_count(const struct kind *port)
{
	unsigned int count = kind_field_count(port);

	return count < OPTIONS_MOST ? count : OPTIONS_MOST;
}

struct seat {
	uint32_t ifindex, bridge;
	char name[IFNAMSIZ], bridge_name[IFNAMSIZ];
	char alias[64];
	bool virtual;
	bool lost; /* its bridge was deleted */
	uint8_t sizes[OPTIONS_MOST];
	uint32_t values[OPTIONS_MOST];
	size_t vlan_first, vlan_count; /* of its list's */
};

/* Those of one namespace, as last seen. */
struct list {
	struct arena arena;
	struct seat *ports;
	size_t len;
	struct bridge_vlan *vlans;
	size_t vlan_count;
};

/* A bridge that is committed, or (number 0) a declared port. */
struct known {
	const char *ns, *name;
	uint32_t ifindex;
};

struct space {
	const char *ns; /* lives as long as the keeper */
	struct list list;
	bool seen;
	struct space *next;
};

struct ports {
	struct arena arena; /* of what is known */
	struct known *known;
	size_t known_count;
	struct space *spaces;
	struct loop_source timer;
	uint64_t not_before_ms;
};

static const struct known *known_find(const struct ports *ports, const char *ns, const char *name,
				      bool bridge)
{
	for (size_t i = 0; i < ports->known_count; i++)
		if (text_same(ports->known[i].ns, ns) && text_same(ports->known[i].name, name) &&
		    (ports->known[i].ifindex != 0) == bridge)
			return &ports->known[i];
	return NULL;
}

static void know(struct ports *ports, const char *ns, const char *name, uint32_t ifindex)
{
	ports->known =
		arena_room(&ports->arena, ports->known, ports->known_count, sizeof(*ports->known));
	ports->known[ports->known_count++] = (struct known){
		.ns = arena_text(&ports->arena, ns),
		.name = arena_text(&ports->arena, name),
		.ifindex = ifindex,
	};
}

static struct space *space_of(struct ports *ports, const char *ns)
{
	struct space *space = ports->spaces;

	while (space && !text_same(space->ns, ns))
		space = space->next;
	if (space)
		return space;
	space = calloc(1, sizeof(*space));
	if (!space || !(space->ns = strdup(ns)))
		abort();
	arena_init(&space->list.arena);
	space->next = ports->spaces;
	ports->spaces = space;
	return space;
}

static uint64_t now_ms(void)
{
	return clock_now_ns() / 1000000;
}

static void look_soon(struct ports *ports, int ms)
{
	uint64_t now = now_ms();

	if (ports->not_before_ms > now + (uint64_t)ms)
		ms = (int)(ports->not_before_ms - now);
	loop_timer_start(&ports->timer, ms);
}

void ports_renew(struct keeper *keeper, const struct store *store)
{
	struct ports *ports = keeper->ports;

	arena_fini(&ports->arena);
	arena_init(&ports->arena);
	ports->known = NULL;
	ports->known_count = 0;
	for (size_t i = 0; i < store->len; i++)
		for (size_t j = 0; j < store->committed[i]->len; j++) {
			const struct entry *entry = &store->committed[i]->entries[j];
			const struct object *object = entry->object;
			uint32_t number = (uint32_t)object_number(object, "ifindex", 0);

			if (kind_is(object->kind, "bridge") && entry->claim == CLAIM_MADE &&
			    number) {
				know(ports, object->ns, object_name(object), number);
				space_of(ports, object->ns);
			} else if (kind_is(object->kind, "port") && object_text(object, "device")) {
				know(ports, object->ns, object_text(object, "device"), 0);
			}
		}
	if (ports->spaces)
		look_soon(ports, SETTLE_MS);
}

void ports_hear(struct keeper *keeper, const char *ns, const struct nlmsghdr *event)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(event);
	struct space *space = keeper->ports->spaces;

	if ((event->nlmsg_type != RTM_NEWLINK && event->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(event) < sizeof(*link))
		return;
	while (space && !text_same(space->ns, ns))
		space = space->next;
	if (!space)
		return;
	for (size_t i = 0; event->nlmsg_type == RTM_DELLINK && link->ifi_family == AF_UNSPEC &&
			   i < space->list.len;
	     i++)
		if (space->list.ports[i].bridge == (uint32_t)link->ifi_index)
			space->list.ports[i].lost = true;
	look_soon(keeper->ports, SETTLE_MS);
}

static void options_read(const struct nlattr *data, struct seat *port)
{
	const struct kind *kind = kind_find("port");

	for (unsigned int i = 0; i < option_count(kind); i++) {
		uint16_t type = option_of(kind, i);
		const struct nlattr *attr = type ? nl_nest_find(data, type) : NULL;
		size_t size = attr ? mnl_attr_get_payload_len(attr) : 0;

		port->values[i] = 0;
		port->sizes[i] = size <= sizeof(uint32_t) ? (uint8_t)size : 0;
		if (port->sizes[i])
			memcpy(&port->values[i], mnl_attr_get_payload(attr), size);
	}
}

/* A link as a port of whatever master; false: it has none that is a bridge. */
static bool port_read(const struct nlmsghdr *message, struct seat *port)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[IFLA_IFALIAS + 1];
	const char *name, *word, *slave;

	nl_attrs(message, sizeof(*header), attrs, IFLA_IFALIAS + 1);
	name = nl_text(attrs[IFLA_IFNAME]);
	word = nl_text(nl_nest_find(attrs[IFLA_LINKINFO], IFLA_INFO_KIND));
	slave = nl_text(nl_nest_find(attrs[IFLA_LINKINFO], IFLA_INFO_SLAVE_KIND));
	*port = (struct seat){
		.ifindex = (uint32_t)header->ifi_index,
		.bridge = nl_u32(attrs[IFLA_MASTER], 0),
		.virtual = text_same(word, "tun") || text_same(word, "veth"),
	};
	snprintf(port->alias, sizeof(port->alias), "%s", nl_text(attrs[IFLA_IFALIAS]) ?: "");
	snprintf(port->name, sizeof(port->name), "%s", name ?: "");
	if (!name || !port->bridge || !text_same(slave, "bridge"))
		return false;
	options_read(nl_nest_find(attrs[IFLA_LINKINFO], IFLA_INFO_SLAVE_DATA), port);
	return true;
}

/* One look at one namespace. */
struct look {
	struct keeper *keeper;
	struct space *space;
	struct nl_sock *nl;
	struct nl_dump links;
	struct list list; /* what is found */
};

static const struct nlmsghdr *link_find(const struct look *look, uint32_t ifindex)
{
	for (const struct nlmsghdr *m = nl_dump_first(&look->links); m;
	     m = nl_dump_next(&look->links, m)) {
		const struct ifinfomsg *header = mnl_nlmsg_get_payload(m);

		if (m->nlmsg_type == RTM_NEWLINK && (uint32_t)header->ifi_index == ifindex)
			return m;
	}
	return NULL;
}

static struct seat *port_add(struct list *list, const struct seat *port)
{
	list->ports = arena_room(&list->arena, list->ports, list->len, sizeof(*port));
	list->ports[list->len] = *port;
	return &list->ports[list->len++];
}

static const struct known *bridge_of(const struct look *look, uint32_t ifindex)
{
	const struct ports *ports = look->keeper->ports;

	for (size_t i = 0; i < ports->known_count; i++)
		if (ports->known[i].ifindex == ifindex &&
		    text_same(ports->known[i].ns, look->space->ns))
			return &ports->known[i];
	return NULL;
}

static void vlans_take(struct list *list, struct seat *port)
{
	const struct bridge_vlan *first =
		bridge_vlans_of(list->vlans, list->vlan_count, port->ifindex);

	port->vlan_first = first ? (size_t)(first - list->vlans) : 0;
	port->vlan_count = 0;
	while (first && port->vlan_first + port->vlan_count < list->vlan_count &&
	       first[port->vlan_count].ifindex == port->ifindex)
		port->vlan_count++;
}

static int ports_read(struct look *look, struct err *err)
{
	struct nl_msg msg;
	struct seat port;

	nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(&msg.head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (nl_dump_read(look->nl, &msg.head, &look->links, err) ||
	    bridge_vlans_read(look->nl, 0, &look->list.arena, &look->list.vlans,
			      &look->list.vlan_count, err))
		return err->code;
	for (const struct nlmsghdr *m = nl_dump_first(&look->links); m;
	     m = nl_dump_next(&look->links, m)) {
		const struct known *bridge;

		if (m->nlmsg_type != RTM_NEWLINK || !port_read(m, &port))
			continue;
		bridge = bridge_of(look, port.bridge);
		if (!bridge)
			continue;
		snprintf(port.bridge_name, sizeof(port.bridge_name), "%s", bridge->name);
		vlans_take(&look->list, &port);
		port_add(&look->list, &port);
	}
	return 0;
}

static int options_get(const struct nlmsghdr *answer, void *data)
{
	return port_read(answer, data) ? 0 : -ENODEV;
}

/* What the new port has otherwise than the old one had. */
static int options_put(struct look *look, const struct seat *port)
{
	const struct kind *kind = kind_find("port");
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(*header));
	struct seat now = {0};
	struct nlattr *info, *data;
	bool any = false;

	header->ifi_index = (int)port->ifindex;
	if (nl_ask(look->nl, &msg.head, options_get, &now, NULL))
		return -ENODEV;
	header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	header->ifi_index = (int)port->ifindex;
	info = mnl_attr_nest_start(&msg.head, IFLA_LINKINFO);
	mnl_attr_put_strz(&msg.head, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(&msg.head, IFLA_INFO_SLAVE_DATA);
	for (unsigned int i = 0; i < option_count(kind); i++) {
		if (!port->sizes[i] || now.values[i] == port->values[i])
			continue;
		mnl_attr_put(&msg.head, option_of(kind, i), port->sizes[i], &port->values[i]);
		any = true;
	}
	mnl_attr_nest_end(&msg.head, data);
	mnl_attr_nest_end(&msg.head, info);
	return any ? nl_talk(look->nl, &msg.head, NULL) : 0;
}

static void vlans_change(struct look *look, uint32_t ifindex, bool add,
			 const struct bridge_vlan *vlans, size_t len)
{
	struct nl_msg msg;

	for (size_t i = 0; i < len; i++)
		for (unsigned int id = vlans[i].first; id <= vlans[i].last; id++) {
			bridge_vlan_message(&msg, add, ifindex, false, (uint16_t)id,
					    vlans[i].flags);
			nl_talk(look->nl, &msg.head, NULL);
		}
}

static void vlans_put(struct look *look, const struct seat *port, const struct bridge_vlan *vlans)
{
	struct bridge_vlan *now;
	struct arena arena;
	struct err unused;
	size_t len;

	if (!port->vlan_count)
		return;
	arena_init(&arena);
	if (bridge_vlans_read(look->nl, port->ifindex, &arena, &now, &len, &unused) == 0)
		vlans_change(look, port->ifindex, false, now, len);
	vlans_change(look, port->ifindex, true, vlans, port->vlan_count);
	arena_fini(&arena);
}

static void plug(struct look *look, struct seat *port, uint32_t bridge,
		 const struct bridge_vlan *vlans)
{
	struct log *log = &look->keeper->log;
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	int r;

	header->ifi_index = (int)port->ifindex;
	mnl_attr_put_u32(&msg.head, IFLA_MASTER, bridge);
	r = nl_talk(look->nl, &msg.head, NULL);
	if (!r) {
		r = options_put(look, port);
		vlans_put(look, port, vlans);
	}
	port->bridge = bridge;
	port->lost = false;
	if (r)
		log_warning(log, "port %s is not as it was in %s: %s", port->name,
			    port->bridge_name, strerror(-r));
	else
		log_note(log, "port %s is back in %s", port->name, port->bridge_name);
}

/* One that was a port, and is none any more. */
static void port_missed(struct look *look, const struct seat *old)
{
	const struct ports *ports = look->keeper->ports;
	const struct nlmsghdr *link = link_find(look, old->ifindex);
	const struct known *bridge = known_find(ports, look->space->ns, old->bridge_name, true);
	const struct bridge_vlan *vlans = look->space->list.vlans + old->vlan_first;
	struct seat port, *kept;

	if (!link || !bridge)
		return;
	port_read(link, &port);
	if (port.bridge || !text_same(port.name, old->name) ||
	    (!old->lost && link_find(look, old->bridge)) ||
	    known_find(ports, look->space->ns, old->name, false))
		return;
	kept = port_add(&look->list, old);
	kept->lost = true;
	if (link_find(look, bridge->ifindex))
		plug(look, kept, bridge->ifindex, vlans);
	kept->vlan_first = look->list.vlan_count;
	for (size_t i = 0; i < old->vlan_count; i++) {
		look->list.vlans = arena_room(&look->list.arena, look->list.vlans,
					      look->list.vlan_count, sizeof(*vlans));
		look->list.vlans[look->list.vlan_count++] = vlans[i];
	}
}

static void lost_see(struct look *look)
{
	const struct list *before = &look->space->list;
	size_t found = look->list.len, j;

	for (size_t i = 0; i < before->len; i++) {
		for (j = 0; j < found; j++)
			if (look->list.ports[j].ifindex == before->ports[i].ifindex)
				break;
		if (j == found)
			port_missed(look, &before->ports[i]);
	}
}

static int look_inside(void *data, struct err *err)
{
	struct look *look = data;

	if (nl_sock_open(&look->nl, err) || ports_read(look, err))
		return err->code;
	lost_see(look);
	return 0;
}

static void space_look(struct keeper *keeper, struct space *space)
{
	struct look look = {.keeper = keeper, .space = space};
	int ns_fd FD_CLEANUP = -1;
	struct err err;

	arena_init(&look.list.arena);
	if (netns_open(space->ns, &ns_fd, &err) || netns_inside(ns_fd, look_inside, &look, &err)) {
		arena_fini(&look.list.arena);
	} else {
		arena_fini(&space->list.arena);
		space->list = look.list;
		space->seen = true;
	}
	nl_dump_free(&look.links);
	nl_sock_close(look.nl);
}

/* Who changes this host puts declared ports back himself, and would take ours for others' doing. */
static void timed(void *data, int what)
{
	struct keeper *keeper = data;
	struct ports *ports = keeper->ports;
	uint64_t start = now_ms(), rest_ms;

	if (!keeper_store_free(keeper) || watch_mends(keeper)) {
		loop_timer_set(&ports->timer, LOCKED_MS);
		return;
	}
	for (struct space *space = ports->spaces; space; space = space->next)
		space_look(keeper, space);
	rest_ms = (now_ms() - start) * SHARE;
	ports->not_before_ms = now_ms() + (rest_ms < REST_MS ? rest_ms : REST_MS);
	fills_look(keeper, false);
}

bool ports_of(const struct keeper *keeper, const char *ns, const char *bridge,
	      void (*each)(const struct port_seen *port, void *data), void *data)
{
	const struct space *space = keeper->ports->spaces;

	while (space && !text_same(space->ns, ns))
		space = space->next;
	if (!space || !space->seen)
		return false;
	for (size_t i = 0; i < space->list.len; i++) {
		const struct seat *seat = &space->list.ports[i];

		struct port_seen seen = {seat->name, seat->alias, seat->virtual};

		if (!seat->lost && text_same(seat->bridge_name, bridge))
			each(&seen, data);
	}
	return true;
}

int ports_open(struct keeper *keeper, struct err *err)
{
	struct ports *ports = calloc(1, sizeof(*ports));

	if (!ports)
		abort();
	arena_init(&ports->arena);
	keeper->ports = ports;
	return loop_timer(&keeper->loop, &ports->timer, timed, keeper, err);
}

void ports_close(struct keeper *keeper)
{
	struct ports *ports = keeper->ports;

	if (!ports)
		return;
	loop_remove(&keeper->loop, &ports->timer);
	while (ports->spaces) {
		struct space *space = ports->spaces;

		ports->spaces = space->next;
		arena_fini(&space->list.arena);
		free((char *)space->ns);
		free(space);
	}
	arena_fini(&ports->arena);
	free(ports);
	keeper->ports = NULL;
}
