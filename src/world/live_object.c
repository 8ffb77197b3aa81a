/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a link message to objects: the device, and its place under a master. */
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <string.h>

#include "world/live.h"

#define LINK_TABLE_SIZE 128

struct parts {
	const struct ifinfomsg *header;
	const struct nlattr *top[LINK_TABLE_SIZE];
	const struct nlattr *data, *slave_data; /* nests of the kind's own attributes */
	const char *word, *slave_word;
};

static void parts_get(const struct nlmsghdr *message, struct parts *parts)
{
	const struct nlattr *info;

	parts->header = mnl_nlmsg_get_payload(message);
	nl_attrs(message, sizeof(*parts->header), parts->top, LINK_TABLE_SIZE);
	info = parts->top[IFLA_LINKINFO];
	parts->data = nl_nest_find(info, IFLA_INFO_DATA);
	parts->word = nl_text(nl_nest_find(info, IFLA_INFO_KIND));
	parts->slave_data = nl_nest_find(info, IFLA_INFO_SLAVE_DATA);
	parts->slave_word = nl_text(nl_nest_find(info, IFLA_INFO_SLAVE_KIND));
	/* the bridge's own events have a port's attributes elsewhere */
	if (parts->header->ifi_family == AF_BRIDGE && parts->top[IFLA_PROTINFO]) {
		parts->slave_data = parts->top[IFLA_PROTINFO];
		parts->slave_word = "bridge";
	}
}

static const struct kind *kind_of(const struct parts *parts)
{
	const struct kind *any = NULL;

	for (size_t i = 0; parts->word && kinds[i]; i++)
		if (kinds[i]->word && strcmp(kinds[i]->word, parts->word) == 0 &&
		    (!kinds[i]->variant_attr ||
		     nl_u32(nl_nest_find(parts->data, kinds[i]->variant_attr), 0) ==
			     kinds[i]->variant))
			return kinds[i];
	/* a NIC has no word; nor has lo, which is no Ethernet */
	for (size_t i = 0; kinds[i]; i++) {
		if (!parts->word && parts->header->ifi_type == ARPHRD_ETHER &&
		    kinds[i]->flags & KIND_EXISTING)
			return kinds[i];
		if (strcmp(kinds[i]->name, "link") == 0)
			any = kinds[i];
	}
	return any;
}

static const struct nlattr *attr_of(const struct field *field, const struct parts *parts,
				    const struct nlattr *nest)
{
	if (!(field->flags & FIELD_TOP)) {
		const struct nlattr *attr = nl_nest_find(nest, field->attr);

		return attr || !field->attr6 ? attr : nl_nest_find(nest, field->attr6);
	}
	return field->attr < LINK_TABLE_SIZE ? parts->top[field->attr] : NULL;
}

static void fields_get(struct object *object, const struct parts *parts, const struct nlattr *nest,
		       struct site *site, struct arena *arena)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);
		const struct nlattr *attr;

		if (field->flags & FIELD_HEADER) {
			*(uint8_t *)object_at(object, i) =
				(parts->header->ifi_flags & field->attr) != 0;
			object->set |= UINT64_C(1) << i;
			continue;
		}
		if (!field->attr || !field->type->get)
			continue;
		attr = attr_of(field, parts, nest);
		if ((attr || (field->type->presence && nest)) &&
		    field->type->get(field, attr, &site->names, arena, object_at(object, i)) == 0)
			object->set |= UINT64_C(1) << i;
	}
}

static const char *type_word(const struct parts *parts)
{
	if (parts->word)
		return parts->word;
	switch (parts->header->ifi_type) {
	case ARPHRD_ETHER:
		return "ethernet";
	case ARPHRD_LOOPBACK:
		return "loopback";
	case ARPHRD_IEEE80211:
		return "wireless";
	}
	return "other";
}

/*
 * What a module of tunnels makes in each namespace (net.core.fb_tunnels_only_for_init_net) and
 * nobody can delete: it comes and goes with its namespace, like the loopback.
 */
static bool is_fallback(const struct parts *parts)
{
	static const char *const tunnels[][2] = {
		{"gre", "gre0"},       {"gretap", "gretap0"}, {"erspan", "erspan0"},
		{"ipip", "tunl0"},     {"sit", "sit0"},	      {"vti", "ip_vti0"},
		{"ip6tnl", "ip6tnl0"}, {"ip6gre", "ip6gre0"}, {"vti6", "ip6_vti0"},
	};
	const char *name = nl_text(parts->top[IFLA_IFNAME]);

	for (size_t i = 0; parts->word && i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		if (text_same(parts->word, tunnels[i][0]) && text_same(name, tunnels[i][1]))
			return true;
	return false;
}

struct object *live_link(struct site *site, const struct nlmsghdr *message, const struct kind *as,
			 struct arena *arena)
{
	struct text number TEXT_CLEANUP = {0};
	struct object *object;
	struct parts parts;

	parts_get(message, &parts);
	if (!nl_text(parts.top[IFLA_IFNAME]))
		return NULL;
	object = object_make(arena, as ? as : kind_of(&parts), site->ns);
	fields_get(object, &parts, parts.data, site, arena);
	text_add(&number, "%d", parts.header->ifi_index);
	object_recall(object, "ifindex", text_get(&number), arena);
	object_recall(object, "type", type_word(&parts), arena);
	object->automatic =
		parts.header->ifi_type == ARPHRD_LOOPBACK || (!as && is_fallback(&parts));
	return object;
}

static const struct kind *slave_kind(const char *word)
{
	for (size_t i = 0; word && kinds[i]; i++) {
		const struct kind *owner =
			kinds[i]->flags & KIND_SLAVE ? kind_find(kinds[i]->owner) : NULL;

		if (owner && owner->word && strcmp(owner->word, word) == 0)
			return kinds[i];
	}
	return NULL;
}

struct object *live_slave(struct site *site, const struct nlmsghdr *message, struct arena *arena)
{
	const struct kind *kind;
	struct object *object;
	struct parts parts;

	parts_get(message, &parts);
	kind = slave_kind(parts.slave_word);
	if (!kind || !parts.top[IFLA_MASTER] || !nl_text(parts.top[IFLA_IFNAME]))
		return NULL;
	object = object_make(arena, kind, site->ns);
	fields_get(object, &parts, parts.slave_data, site, arena);
	for (unsigned int i = 0; i < kind_field_count(kind); i++)
		if (kind_field(kind, i)->flags & FIELD_KEY) {
			*(const char **)object_at(object, i) =
				arena_text(arena, nl_text(parts.top[IFLA_IFNAME]));
			object->set |= UINT64_C(1) << i;
		}
	/* a master that is newer than the names, or elsewhere */
	return object_owner(object) ? object : NULL;
}
