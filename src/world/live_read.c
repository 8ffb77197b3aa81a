/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the system. All links of all namespaces are dumped first, since a veth names a link of
 * another namespace; then objects are made of them, then each kind reads what is its own.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <string.h>
#include <unistd.h>

#include "model/cascade.h"
#include "sys/netns.h"
#include "sys/nl_dump.h"
#include "world/keeper_door.h"
#include "world/live.h"

struct part {
	struct site *site;
	struct nl_dump links;
	int *ids; /* of the other parts' namespaces as this one numbers them; ID_UNKNOWN: not asked
		   */
};

enum { ID_UNKNOWN = -2, ID_NONE = -1 };

struct reading {
	struct live *live;
	const struct state *wanted;
	struct state declared; /* those of `wanted` that take any sort of device (NICs) */
	struct state *out;
	struct part *parts;
	size_t len;
	struct err *err;
};

static int links_dump(struct part *part, struct err *err)
{
	struct nl_msg msg;
	const struct nlattr *attrs[IFLA_IFNAME + 1];
	int r;

	nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(&msg.head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = nl_dump_read(part->site->nl, &msg.head, &part->links, err);
	if (r)
		return r;
	link_names_clear(&part->site->names);
	for (const struct nlmsghdr *m = nl_dump_first(&part->links); m;
	     m = nl_dump_next(&part->links, m)) {
		const struct ifinfomsg *header = mnl_nlmsg_get_payload(m);

		nl_attrs(m, sizeof(*header), attrs, IFLA_IFNAME + 1);
		if (m->nlmsg_type == RTM_NEWLINK && nl_text(attrs[IFLA_IFNAME]))
			link_names_set(&part->site->names, (uint32_t)header->ifi_index,
				       nl_text(attrs[IFLA_IFNAME]));
	}
	return 0;
}

/* The kind a description has for this device, when that takes any sort (a NIC that is a veth). */
static const struct kind *declared_as(const struct state *declared, const char *ns,
				      const char *name)
{
	for (size_t i = 0; i < declared->len; i++) {
		const struct object *object = declared->objects[i];
		struct device_place place;
		const char *home;

		if (!text_same(object_name(object), name))
			continue;
		home = object_text(object, "home");
		place = device_place_get(home ? home : name, object->ns);
		if (text_same(object->ns, ns) || text_same(place.ns, ns))
			return object->kind;
	}
	return NULL;
}

static int id_get(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[NETNSA_NSID + 1];

	nl_attrs(answer, sizeof(struct rtgenmsg), attrs, NETNSA_NSID + 1);
	if (attrs[NETNSA_NSID])
		*(int *)data = (int)nl_u32(attrs[NETNSA_NSID], (uint32_t)ID_NONE);
	return 0;
}

/* How `part` numbers the namespace of `other`. */
static int id_of(struct part *part, const struct part *other)
{
	struct nl_msg msg;
	int id = ID_NONE;

	nl_msg_start(&msg, RTM_GETNSID, 0, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(&msg.head, NETNSA_FD, (uint32_t)other->site->ns_fd);
	if (nl_ask(part->site->nl, &msg.head, id_get, &id, NULL))
		return ID_NONE;
	return id;
}

static const struct site *site_of_id(struct reading *reading, struct part *part, int id)
{
	if (!part->ids) {
		part->ids = arena_alloc(&reading->live->scratch, reading->len * sizeof(int));
		for (size_t i = 0; i < reading->len; i++)
			part->ids[i] = ID_UNKNOWN;
	}
	for (size_t i = 0; i < reading->len; i++) {
		if (part->ids[i] == ID_UNKNOWN)
			part->ids[i] = id_of(part, &reading->parts[i]);
		if (part->ids[i] == id)
			return reading->parts[i].site;
	}
	return NULL;
}

/* The device of a number, in the spelling of descriptions; NULL where it is out of sight. */
static const char *spelled(struct reading *reading, struct part *part,
			   const struct nlattr *const *attrs, uint32_t ifindex)
{
	const struct site *site = part->site;
	const char *name;

	if (attrs[IFLA_LINK_NETNSID])
		site = site_of_id(reading, part,
				  (int)nl_u32(attrs[IFLA_LINK_NETNSID], (uint32_t)ID_NONE));
	name = site ? link_names_name(&site->names, ifindex) : NULL;
	if (name && site != part->site)
		name = arena_print(reading->out->arena, "%s/%s", site->ns, name);
	return name;
}

/* The other end of a pair, and what the device stands on: both may be elsewhere. */
static void far_get(struct reading *reading, struct part *part, struct object *object,
		    const struct nlmsghdr *message)
{
	const struct nlattr *attrs[IFLA_LINK_NETNSID + 1];
	const struct nlattr *data, *attr;
	const char *name;

	nl_attrs(message, sizeof(struct ifinfomsg), attrs, IFLA_LINK_NETNSID + 1);
	data = nl_nest_find(attrs[IFLA_LINKINFO], IFLA_INFO_DATA);
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);
		bool peer = object->kind->flags & KIND_PAIR && strcmp(field->key, "peer") == 0;

		if (!peer && field->type != &vtype_lower)
			continue;
		attr = peer || field->flags & FIELD_TOP ? attrs[IFLA_LINK]
							: nl_nest_find(data, field->attr);
		name = spelled(reading, part, attrs, nl_u32(attr, 0));
		if (name)
			object_recall(object, field->key, name, reading->out->arena);
	}
}

static void links_make(struct reading *reading, struct part *part)
{
	struct arena *arena = reading->out->arena;
	struct site *site = part->site;

	for (const struct nlmsghdr *m = nl_dump_first(&part->links); m;
	     m = nl_dump_next(&part->links, m)) {
		const struct ifinfomsg *header = mnl_nlmsg_get_payload(m);
		const char *name;
		struct object *link, *slave;
		const struct kind *as;
		uint32_t ifindex;

		if (m->nlmsg_type != RTM_NEWLINK)
			continue; /* and may be shorter than this header */
		ifindex = (uint32_t)header->ifi_index;
		name = link_names_name(&site->names, ifindex);
		if (!name)
			continue;
		as = declared_as(&reading->declared, site->ns, name);
		link = live_link(site, m, as, arena);
		slave = live_slave(site, m, arena);
		if (!link)
			continue;
		live_watch_know(reading->live, ifindex, as ? live_link(site, m, NULL, arena) : link,
				slave);
		far_get(reading, part, link, m);
		if (link->kind->door == DOOR_NODE)
			live_node_get(reading->live, link, arena);
		state_add(reading->out, link);
		if (slave)
			state_add(reading->out, slave);
	}
}

static int part_add(struct reading *reading, const char *ns, struct err *err)
{
	struct part part = {0};
	struct err its;
	int r = live_site(reading->live, ns, &part.site, &its);

	if (r == -ENOENT)
		return 0; /* it is to be made, or has gone */
	if (r)
		*err = its;
	if (!r)
		r = live_watch_start(reading->live, part.site, err);
	if (!r)
		r = links_dump(&part, err);
	if (r) {
		nl_dump_free(&part.links);
		return err_context(err, "namespace \"%s\"", ns);
	}
	reading->parts =
		arena_room(&reading->live->scratch, reading->parts, reading->len, sizeof(part));
	reading->parts[reading->len++] = part;
	return 0;
}

static const struct kind *namespace_kind(void)
{
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i]->door == DOOR_NETNS)
			return kinds[i];
	return NULL;
}

/* Every name there is; those that are read also with the kernel's number. */
static int namespace_add(const char *name, void *data)
{
	struct reading *reading = data;
	struct object *object = object_make(reading->out->arena, namespace_kind(), "");
	int key = kind_field_find(object->kind, "name");
	struct text number TEXT_CLEANUP = {0};
	struct err unused;
	uint64_t cookie;
	int r;

	if (object_parse(object, (unsigned int)key, name, (struct place){0}, reading->out->arena,
			 &unused))
		return 0; /* a name no description can have */
	for (size_t i = 0; i < reading->len; i++) {
		if (!text_same(reading->parts[i].site->ns, name))
			continue;
		r = netns_cookie(reading->parts[i].site->ns_fd, &cookie, reading->err);
		if (r) /* without it nobody could tell later whether it is still the same */
			return err_context(reading->err, "namespace \"%s\"", name);
		text_add(&number, "%llu", (unsigned long long)cookie);
		object_set(object, "cookie", text_get(&number), reading->out->arena);
	}
	state_add(reading->out, object);
	return 0;
}

static int parts_read(struct reading *reading, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < reading->len; i++)
		links_make(reading, &reading->parts[i]);
	for (size_t i = 0; i < reading->len && !r; i++)
		for (size_t k = 0; kinds[k] && !r; k++)
			if (kinds[k]->ops && kinds[k]->ops->read)
				r = kinds[k]->ops->read(reading->parts[i].site, reading->wanted,
							reading->out, err);
	return r;
}

/* Two that nobody could tell apart (IPv6 routes that were appended): one stands for both. */
static void twins_drop(struct state *state)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->len; i++)
		if (!kept || object_order(state->objects[kept - 1], state->objects[i]) != 0)
			state->objects[kept++] = state->objects[i];
	state->len = kept;
}

/* What the keeper does for a device is a key of that device. */
static void carriers_tell(struct state *state)
{
	struct object *carrier, *device;

	for (size_t i = 0; (carrier = state_next(state, "carrier", &i));) {
		device = state_link(state, carrier->ns, object_name(carrier));
		if (device && kind_field_find(device->kind, "keep-carrier") >= 0)
			object_set(device, "keep-carrier", "true", state->arena);
	}
}

int live_read(struct world *world, const struct state *wanted, struct state *out, struct err *err)
{
	struct live *live = (struct live *)world;
	struct reading reading = {.live = live, .wanted = wanted, .out = out, .err = err};
	const char **names;
	size_t count;
	int r = 0;

	arena_fini(&live->scratch);
	arena_init(&live->scratch);
	live->holds_count = 0;
	live->kept_macs = NULL;
	live->kept_count = 0;
	live_refresh(live);
	state_init(&reading.declared, &live->scratch);
	for (size_t i = 0; i < wanted->len; i++)
		if (wanted->objects[i]->kind->flags & KIND_EXISTING)
			state_add(&reading.declared, wanted->objects[i]);
	count = state_namespaces(wanted, &live->scratch, &names);
	for (size_t i = 0; i < count && !r; i++)
		r = part_add(&reading, names[i], err);
	if (!r)
		r = parts_read(&reading, err);
	if (!r)
		r = netns_list(namespace_add, &reading);
	if (!r)
		r = keeper_read(live->folder, out, err);
	for (size_t i = 0; i < reading.len; i++)
		nl_dump_free(&reading.parts[i].links);
	if (r)
		return r;
	live_watch_know_others(live, out);
	state_sort(out);
	twins_drop(out);
	carriers_tell(out);
	return 0;
}
