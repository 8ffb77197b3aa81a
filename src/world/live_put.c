/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From objects to link messages; each attribute is noted, so that a refusal finds its line. */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include "model/cascade.h"
#include "world/live.h"

/* What stands in the tables but is not sent with a link: said by the kernel, or by another door. */
static bool is_sent(const struct object *object, unsigned int i)
{
	const struct field *field = kind_field(object->kind, i);

	if (object->kind->door == DOOR_TUN && !(field->flags & (FIELD_TOP | FIELD_HEADER)))
		return false;
	return field->attr && !(field->flags & (FIELD_READ | FIELD_FACE | FIELD_KEY)) &&
	       (field->flags & FIELD_HEADER || field->type->put);
}

uint64_t live_settable(const struct object *object)
{
	uint64_t mask = object->set;

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (!is_sent(object, i))
			mask &= ~(UINT64_C(1) << i);
	return mask;
}

/* A device that another stands on is known by its number where it is, which may be elsewhere. */
static int names_at(const struct site *site, const struct object *object, unsigned int i,
		    const struct link_names **names)
{
	struct site *there;
	struct err unused;
	int r;

	*names = &site->names;
	if (kind_field(object->kind, i)->type != &vtype_lower)
		return 0;
	r = site_open(site->sites, device_place_of(object, i).ns, &there, &unused);
	if (!r)
		*names = &there->names;
	return r;
}

static int attr_put(struct nlmsghdr *message, const struct object *object, unsigned int i,
		    const struct site *site, struct sent *sent)
{
	const struct field *field = kind_field(object->kind, i);
	uint32_t start = message->nlmsg_len;
	const struct link_names *names;
	int r = names_at(site, object, i, &names);

	if (!r)
		r = field->type->put(field, object_at(object, i), names, message);

	sent_note(sent, object, i, start, message);
	return r;
}

static void flag_put(struct ifinfomsg *header, const struct object *object, unsigned int i)
{
	unsigned int bit = kind_field(object->kind, i)->attr;

	header->ifi_change |= bit;
	if (*(const uint8_t *)object_at(object, i))
		header->ifi_flags |= bit;
	else
		header->ifi_flags &= ~bit;
}

int live_put_top(struct nlmsghdr *message, struct ifinfomsg *header, const struct object *object,
		 uint64_t mask, const struct site *site, struct sent *sent)
{
	unsigned int count = kind_field_count(object->kind);
	int r = 0;

	for (unsigned int i = 0; i < count && !r; i++) {
		const struct field *field = kind_field(object->kind, i);

		if (!(mask >> i & 1) || !object_has(object, i) || !is_sent(object, i))
			continue;
		if (field->flags & FIELD_HEADER)
			flag_put(header, object, i);
		else if (field->flags & FIELD_TOP)
			r = attr_put(message, object, i, site, sent);
	}
	return r;
}

bool live_has_nest(const struct object *object, uint64_t mask)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++)
		if (mask >> i & 1 && object_has(object, i) && is_sent(object, i) &&
		    !(kind_field(object->kind, i)->flags & (FIELD_TOP | FIELD_HEADER)))
			return true;
	return false;
}

static struct nlattr *put_earlier(const struct nlattr *nest, const struct nlattr *late)
{
	const char *end = (const char *)late;
	struct nlattr *one;

	for (one = mnl_attr_get_payload(nest); (const char *)one < end; one = mnl_attr_next(one))
		if (one->nla_type == late->nla_type && one->nla_len == late->nla_len)
			return one;
	return NULL;
}

/*
 * Fields that share an attribute share its bits: the kernel looks at the last of its number only.
 * What was put from `start` on and has been put before is or-ed into that, and goes.
 */
static void bits_join(struct nlmsghdr *message, const struct nlattr *nest, uint32_t start)
{
	while (start < message->nlmsg_len) {
		struct nlattr *late = (struct nlattr *)((char *)message + start);
		struct nlattr *early = put_earlier(nest, late);
		uint32_t size = MNL_ALIGN(late->nla_len);

		if (!early) {
			start += size;
			continue;
		}
		for (uint16_t i = 0; i < mnl_attr_get_payload_len(late); i++)
			((uint8_t *)mnl_attr_get_payload(early))[i] |=
				((uint8_t *)mnl_attr_get_payload(late))[i];
		message->nlmsg_len -= size;
		memmove(late, (char *)late + size, message->nlmsg_len - start);
	}
}

int live_put_nest(struct nlmsghdr *message, uint16_t attr, const struct object *object,
		  uint64_t mask, const struct site *site, struct sent *sent)
{
	struct nlattr *nest = mnl_attr_nest_start(message, attr);
	unsigned int count = kind_field_count(object->kind);
	int r = 0;

	for (unsigned int i = 0; i < count && !r; i++) {
		const struct field *field = kind_field(object->kind, i);
		uint32_t start = message->nlmsg_len;

		if (!(mask >> i & 1) || !object_has(object, i) || !is_sent(object, i) ||
		    field->flags & (FIELD_TOP | FIELD_HEADER))
			continue;
		r = attr_put(message, object, i, site, sent);
		bits_join(message, nest, start);
	}
	mnl_attr_nest_end(message, nest);
	return r;
}
