/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value types that are short lists without children of their own: MAC addresses, IP addresses,
 * mappings. A value is a text of words with a blank between them, in one spelling and, where order
 * says nothing, sorted, so that equal lists are equal texts. An empty list has no attribute.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kind.h"

enum { ITEMS_MOST = 256, ITEM_SIZE = 48 };

struct items {
	char texts[ITEMS_MOST][ITEM_SIZE];
	size_t len;
};

struct pair {
	uint32_t from, to;
};

/* The spelling of one item in `out`; `text` is NUL-terminated. */
typedef int item_read(const struct field *field, const char *text, char out[ITEM_SIZE],
		      struct err *err);

static const char *item_next(const char *at, char word[64])
{
	size_t size;

	at += strspn(at, " ,");
	size = strcspn(at, " ,");
	if (!size)
		return NULL;
	snprintf(word, 64, "%.*s", (int)(size < 63 ? size : 63), at);
	return at + size;
}

static int items_read(const struct field *field, const char *text, item_read *read,
		      struct items *items, struct err *err)
{
	char word[64];
	int r = 0;

	items->len = 0;
	while (!r && (text = item_next(text, word))) {
		if (items->len == ITEMS_MOST)
			return err_set(err, -ERANGE, "%s has more than %d entries; expected fewer",
				       field->key, ITEMS_MOST);
		r = read(field, word, items->texts[items->len], err);
		if (!r && items->texts[items->len][0])
			items->len++;
	}
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void items_keep(const struct items *items, struct arena *arena, void *value)
{
	struct text text TEXT_CLEANUP = {0};

	for (size_t i = 0; i < items->len; i++)
		if (!i || strcmp(items->texts[i], items->texts[i - 1]) != 0)
			text_add(&text, "%s%s", text.size ? " " : "", items->texts[i]);
	*(const char **)value = arena_text(arena, text_get(&text));
}

static void list_print(const struct field *field, const void *value, struct text *out)
{
	text_add(out, "%s", *(const char *const *)value);
}

static int mac_item(const struct field *field, const char *text, char out[ITEM_SIZE],
		    struct err *err)
{
	struct text printed TEXT_CLEANUP = {0};
	struct mac mac;
	int r = vtype_mac.parse(field, text, NULL, &mac, err);

	if (!r)
		vtype_mac.print(field, &mac, &printed);
	snprintf(out, ITEM_SIZE, "%s", text_get(&printed));
	return r;
}

static int macs_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		      struct err *err)
{
	struct items items;
	int r = items_read(field, text, mac_item, &items, err);

	if (r)
		return r;
	qsort(items.texts, items.len, ITEM_SIZE, by_text);
	items_keep(&items, arena, value);
	return 0;
}

/* As macvlan takes them: the whole list, and what is to be done with it (macvlan.c). */
static int macs_put(const struct field *field, const void *value, const struct link_names *names,
		    struct nlmsghdr *message)
{
	struct nlattr *nest = mnl_attr_nest_start(message, field->attr);
	const char *text = *(const char *const *)value;
	struct mac mac;
	struct err unused;
	char word[64];

	while ((text = item_next(text, word)))
		if (vtype_mac.parse(&(struct field){.flags = FIELD_ANY}, word, NULL, &mac,
				    &unused) == 0)
			mnl_attr_put(message, IFLA_MACVLAN_MACADDR, sizeof(mac), &mac);
	mnl_attr_nest_end(message, nest);
	mnl_attr_put_u32(message, IFLA_MACVLAN_MACADDR_MODE, MACVLAN_MACADDR_SET);
	return 0;
}

static int macs_get(const struct field *field, const struct nlattr *attr,
		    const struct link_names *names, struct arena *arena, void *value)
{
	struct text text TEXT_CLEANUP = {0};
	const struct nlattr *one;
	struct err unused;

	if (attr)
		mnl_attr_for_each_nested(one, attr) if (mnl_attr_get_payload_len(one) ==
							sizeof(struct mac))
		{
			text_add(&text, "%s", text.size ? " " : "");
			vtype_mac.print(field, mnl_attr_get_payload(one), &text);
		}
	return macs_parse(&(struct field){.key = field->key, .flags = FIELD_ANY}, text_get(&text),
			  arena, value, &unused);
}

const struct vtype vtype_macs = {
	.name = "list of MAC addresses",
	.example = "02:00:00:00:00:01",
	.size = sizeof(char *),
	.text = true,
	.list = true,
	.presence = true,
	.parse = macs_parse,
	.print = list_print,
	.put = macs_put,
	.get = macs_get,
};

static int ip_item(const struct field *field, const char *text, char out[ITEM_SIZE],
		   struct err *err)
{
	struct text printed TEXT_CLEANUP = {0};
	struct ip ip;
	int r = vtype_ip.parse(field, text, NULL, &ip, err);

	if (!r)
		ip_print(&ip, &printed);
	snprintf(out, ITEM_SIZE, "%s", text_get(&printed));
	return r;
}

static int ips_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		     struct err *err)
{
	struct items items;
	int r = items_read(field, text, ip_item, &items, err);

	if (!r)
		items_keep(&items, arena, value);
	return r;
}

/* Each under its number, as bonds have them (bond_netlink.c). */
static int ips_put(const struct field *field, const void *value, const struct link_names *names,
		   struct nlmsghdr *message)
{
	struct nlattr *nest = mnl_attr_nest_start(message, field->attr);
	const char *text = *(const char *const *)value;
	uint16_t number = 0;
	struct ip ip;
	char word[64];

	while ((text = item_next(text, word)))
		if (ip_parse(word, &ip) == 0)
			mnl_attr_put(message, number++, ip_bits(&ip) / 8, ip.bytes);
	mnl_attr_nest_end(message, nest);
	return 0;
}

static int ips_get(const struct field *field, const struct nlattr *attr,
		   const struct link_names *names, struct arena *arena, void *value)
{
	struct text text TEXT_CLEANUP = {0};
	const struct nlattr *one;
	struct err unused;
	struct ip ip;

	if (attr)
		mnl_attr_for_each_nested(one,
					 attr) if (vtype_ip.get(field, one, names, arena, &ip) == 0)
		{
			text_add(&text, "%s", text.size ? " " : "");
			ip_print(&ip, &text);
		}
	return ips_parse(field, text_get(&text), arena, value, &unused);
}

const struct vtype vtype_ips = {
	.name = "list of IP addresses",
	.example = "10.0.0.1",
	.size = sizeof(char *),
	.text = true,
	.list = true,
	.presence = true,
	.parse = ips_parse,
	.print = list_print,
	.put = ips_put,
	.get = ips_get,
};

static int pair_read(const char *text, struct pair *pair)
{
	const char *colon = strchr(text, ':');
	char from[16];
	int64_t a, b;

	if (!colon || (size_t)(colon - text) >= sizeof(from))
		return -EINVAL;
	snprintf(from, sizeof(from), "%.*s", (int)(colon - text), text);
	if (text_number(from, 0, UINT32_MAX, &a) || text_number(colon + 1, 0, UINT32_MAX, &b))
		return -EINVAL;
	*pair = (struct pair){(uint32_t)a, (uint32_t)b};
	return 0;
}

/* What goes to 0 is as if it were not there. */
static int pair_item(const struct field *field, const char *text, char out[ITEM_SIZE],
		     struct err *err)
{
	struct pair pair;

	out[0] = '\0';
	if (pair_read(text, &pair) ||
	    (field->max && (pair.to > field->max || (field->min && pair.from > field->min))))
		return err_set(err, -EINVAL,
			       "%s \"%.40s\" is not a mapping; expected FROM:TO with TO from 0 to "
			       "%lld%s, as 1:3",
			       field->key, text, (long long)field->max,
			       field->min ? " and FROM, too" : "");
	if (pair.to)
		snprintf(out, ITEM_SIZE, "%u:%u", pair.from, pair.to);
	return 0;
}

static int by_from(const void *a, const void *b)
{
	unsigned long left = strtoul(a, NULL, 10), right = strtoul(b, NULL, 10);

	return (left > right) - (left < right);
}

static int map_parse(const struct field *field, const char *text, struct arena *arena, void *value,
		     struct err *err)
{
	static const struct field any = {.key = "", .max = UINT32_MAX};
	struct items items;
	int r = items_read(field->flags & FIELD_ANY ? &any : field, text, pair_item, &items, err);

	if (r)
		return r;
	qsort(items.texts, items.len, ITEM_SIZE, by_from);
	for (size_t i = 1; i < items.len; i++)
		if (strtoul(items.texts[i], NULL, 10) == strtoul(items.texts[i - 1], NULL, 10) &&
		    strcmp(items.texts[i], items.texts[i - 1]) != 0)
			return err_set(err, -EINVAL, "%s has both %s and %s; expected one of them",
				       field->key, items.texts[i - 1], items.texts[i]);
	items_keep(&items, arena, value);
	return 0;
}

static int map_put(const struct field *field, const void *value, const struct link_names *names,
		   struct nlmsghdr *message)
{
	struct nlattr *nest = mnl_attr_nest_start(message, field->attr);
	const char *text = *(const char *const *)value;
	struct pair pair;
	char word[64];

	while ((text = item_next(text, word)))
		if (pair_read(word, &pair) == 0)
			mnl_attr_put(message, IFLA_VLAN_QOS_MAPPING, sizeof(pair), &pair);
	mnl_attr_nest_end(message, nest);
	return 0;
}

static int map_get(const struct field *field, const struct nlattr *attr,
		   const struct link_names *names, struct arena *arena, void *value)
{
	struct text text TEXT_CLEANUP = {0};
	const struct nlattr *one;
	struct err unused;
	struct pair pair;

	if (attr)
		mnl_attr_for_each_nested(one,
					 attr) if (mnl_attr_get_payload_len(one) == sizeof(pair))
		{
			memcpy(&pair, mnl_attr_get_payload(one), sizeof(pair));
			text_add(&text, "%s%u:%u", text.size ? " " : "", pair.from, pair.to);
		}
	return map_parse(&(struct field){.key = field->key, .flags = FIELD_ANY}, text_get(&text),
			 arena, value, &unused);
}

/* The kernel adds to a map and takes nothing away: what is no more goes to 0. */
static const char *map_over(const char *before, const char *after, struct arena *arena)
{
	struct text text TEXT_CLEANUP = {0};
	char old[64], new[64];

	text_add(&text, "%s", after);
	while ((before = item_next(before, old))) {
		bool stays = false;

		for (const char *at = after; !stays && (at = item_next(at, new));)
			stays = by_from(old, new) == 0;
		if (!stays)
			text_add(&text, " %lu:0", strtoul(old, NULL, 10));
	}
	return arena_text(arena, text_get(&text));
}

const struct vtype vtype_map = {
	.name = "list of FROM:TO",
	.example = "1:3",
	.size = sizeof(char *),
	.text = true,
	.list = true,
	.presence = true,
	.parse = map_parse,
	.print = list_print,
	.put = map_put,
	.get = map_get,
	.over = map_over,
};
