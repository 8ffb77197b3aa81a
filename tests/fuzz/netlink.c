/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says, said by somebody else. The first byte of an input chooses:
 *
 *	0	one message, in memory of its own size, to everything that reads messages
 *	1	replies to a live world that reads, hears events, and carries out steps
 *
 * A reply: flags, size, bytes; see __wrap_recvfrom in netlink_played.h. What was read can be
 * written as records and read back, as the journal needs it.
 *
 * covers: src/sys/nl_msg.c src/sys/nl_dump.c src/sys/nl_sock.c src/sys/nl_watch.c
 * covers: src/world/live_object.c src/world/live_read.c src/world/live_watch.c
 * covers: src/kind/address.c src/kind/route.c src/model/refusal.c
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/netlink_played.h"
#include "model/record.h"
#include "sys/nl_dump.h"
#include "world/live.h"

const char fuzz_name[] = "netlink";
const unsigned int fuzz_sample = 4000;
const size_t fuzz_most = 4096;

#define STEPS_MOST 6

enum { ONE_MESSAGE, A_WORLD };

static void object_check(const struct object *object, struct arena *arena)
{
	struct text record TEXT_CLEANUP = {0}, again TEXT_CLEANUP = {0};
	struct object *second;
	struct err err;

	record_put(object, &record);
	if (record_recall(text_get(&record), record.size, arena, &second, &err)) {
		dprintf(2, "%s\n%s\n", text_get(&record), err.message);
		FUZZ_CHECK(!"what was read can be recalled");
	}
	record_put(second, &again);
	if (!text_same(text_get(&record), text_get(&again))) {
		dprintf(2, "%s\n%s\n", text_get(&record), text_get(&again));
		FUZZ_CHECK(!"what was recalled is what was read");
	}
	FUZZ_CHECK(object_order(object, second) == 0);
}

static void one_message(const uint8_t *bytes, size_t size)
{
	struct nl_refusal refusal = {0};
	struct nlmsghdr *message;
	struct arena arena;
	struct site site = {.ns = "", .arena = &arena};
	struct object *object;
	bool is_link;

	if (size < sizeof(*message))
		return;
	arena_init(&arena);
	link_names_set(&site.names, 1, "lo");
	link_names_set(&site.names, 2, "eth0");
	message = calloc(1, MNL_ALIGN(size)); /* as it lies in a dump */
	FUZZ_CHECK(message);
	memcpy(message, bytes, size);
	message->nlmsg_len = (uint32_t)size;
	if (!nl_msg_whole(message)) {
		free(message);
		link_names_fini(&site.names);
		arena_fini(&arena);
		return; /* the doors hand on what is whole */
	}
	if (message->nlmsg_type == NLMSG_ERROR)
		nl_refusal_get(message, &refusal);
	FUZZ_CHECK(memchr(refusal.text, 0, sizeof(refusal.text)));
	is_link = message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK;
	object = is_link ? live_link(&site, message, NULL, &arena) : NULL;
	if (object)
		object_check(object, &arena);
	object = is_link ? live_slave(&site, message, &arena) : NULL;
	if (object)
		object_check(object, &arena);
	for (size_t i = 0; kinds[i]; i++) {
		object = kinds[i]->ops && kinds[i]->ops->get
				 ? kinds[i]->ops->get(&site, message, &arena)
				 : NULL;
		if (object)
			object_check(object, &arena);
	}
	link_names_fini(&site.names);
	free(message);
	arena_fini(&arena);
}

/* Only what goes to the kernel by netlink: all else would reach the real one. */
static bool is_played(const struct object *object)
{
	return (object->kind->door == DOOR_LINK && object->kind->word) ||
	       (object->kind->door == DOOR_LINK && object->kind->flags & KIND_SLAVE) ||
	       object->kind->door == DOOR_OWN;
}

/* Makes, changes or deletes one of the things that were read; how: the input says. */
static void step_apply(struct world *world, const struct state *actual, struct arena *arena)
{
	size_t i = input_u8(&replies), j = input_u8(&replies);
	uint8_t how = input_u8(&replies);
	struct object *one = actual->len ? actual->objects[i % actual->len] : NULL, *other;
	struct step step = {.flags = how & 16 ? STEP_RESTORE : 0};
	struct breath breath = {.steps = &step, .len = 1};
	struct err err = {0};

	if (!one || !is_played(one))
		return;
	other = actual->objects[j % actual->len];
	step.before = how % 4 == 0 ? NULL : one;
	step.after = how % 4 == 1 ? NULL : one;
	if (step.before && step.after) {
		struct object *after = object_copy(arena, one);

		for (unsigned int f = 0; f < kind_field_count(one->kind); f++)
			if (other->kind == one->kind && object_has(other, f) &&
			    !(kind_field(one->kind, f)->flags & FIELD_KEY))
				object_take(after, f, other, f, arena);
		step.after = after;
		step.mask = object_differs(after, one);
	}
	if (world->ops->apply(world, &breath, &err))
		check_err(&err);
}

static void a_world(void)
{
	struct state wanted, actual, touched;
	struct world *world;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena);
	state_init(&wanted, &arena);
	state_init(&actual, &arena);
	state_init(&touched, &arena);
	if (input_u8(&replies) % 2)
		state_add(&wanted, example_object(kind_find("namespace"), "", 0, 0, false, &arena));
	FUZZ_CHECK(world_live_new(NULL, &world, &err) == 0);
	if (world->ops->read(world, &wanted, &actual, &err))
		check_err(&err);
	for (size_t i = 0; i < actual.len; i++)
		object_check(actual.objects[i], &arena);
	world->ops->disturbed(world, &touched);
	for (size_t i = 0; i < touched.len; i++)
		object_check(touched.objects[i], &arena);
	for (int i = 0; i < STEPS_MOST && input_left(&replies); i++)
		step_apply(world, &actual, &arena);
	world->ops->free(world);
	arena_fini(&arena);
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	replies = (struct input){bytes, bytes + size};
	if (input_u8(&replies) % 2 == ONE_MESSAGE)
		one_message(replies.at, input_left(&replies));
	else
		a_world();
	events_end();
}

/* --- seeds: messages as the tables have them --- */

static const struct nlmsghdr *end_message(struct nl_msg *msg)
{
	return &msg->head;
}

static void fields_put(struct nlmsghdr *message, const struct object *object, bool top)
{
	struct link_names names = {0};

	link_names_set(&names, 2, "eth0");
	link_names_set(&names, 3, "bridge");
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);

		if (object_has(object, i) && field->attr && field->type->put &&
		    !(field->flags & FIELD_HEADER) && !(field->flags & FIELD_TOP) == !top)
			field->type->put(field, object_at(object, i), &names, message);
	}
	link_names_fini(&names);
}

/* A device of the kind, and its place under a master; every field that the kernel says. */
static const struct nlmsghdr *link_message(struct nl_msg *msg, const struct kind *kind,
					   unsigned int variant, struct arena *arena)
{
	struct object *object = example_object(kind, "", UINT64_MAX, variant, true, arena);
	struct ifinfomsg *header = nl_msg_start(msg, RTM_NEWLINK, 0, sizeof(*header));
	bool slave = kind->flags & KIND_SLAVE;
	struct nlattr *info, *nest;

	header->ifi_index = slave ? 4 : 3;
	header->ifi_type = 1;
	header->ifi_flags = variant % 2;
	if (slave)
		mnl_attr_put_strz(&msg->head, IFLA_IFNAME, "tap");
	fields_put(&msg->head, object, true);
	info = mnl_attr_nest_start(&msg->head, IFLA_LINKINFO);
	if (kind->word)
		mnl_attr_put_strz(&msg->head, IFLA_INFO_KIND, kind->word);
	if (slave)
		mnl_attr_put_strz(&msg->head, IFLA_INFO_SLAVE_KIND, "bridge");
	nest = mnl_attr_nest_start(&msg->head, slave ? IFLA_INFO_SLAVE_DATA : IFLA_INFO_DATA);
	fields_put(&msg->head, object, false);
	if (kind->variant_attr)
		mnl_attr_put_u8(&msg->head, kind->variant_attr, kind->variant);
	mnl_attr_nest_end(&msg->head, nest);
	mnl_attr_nest_end(&msg->head, info);
	if (kind->flags & KIND_PAIR) {
		mnl_attr_put_u32(&msg->head, IFLA_LINK, 2);
		mnl_attr_put_u32(&msg->head, IFLA_LINK_NETNSID, variant);
	}
	return end_message(msg);
}

static const struct nlmsghdr *address_message(struct nl_msg *msg, unsigned int variant)
{
	static const uint8_t bytes[17] = {0xfe, 0x80, 1, 2};
	struct ifa_cacheinfo cache = {.ifa_prefered = variant % 2 ? 0 : UINT32_MAX,
				      .ifa_valid = variant % 3 ? UINT32_MAX : 100};
	struct ifaddrmsg *header =
		nl_msg_start(msg, variant % 5 ? RTM_NEWADDR : RTM_DELADDR, 0, sizeof(*header));
	size_t size = variant % 2 ? 16 : 4;

	header->ifa_family = variant % 2 ? AF_INET6 : AF_INET;
	header->ifa_prefixlen = 24;
	header->ifa_index = 1 + variant % 3;
	header->ifa_scope = variant % 4 ? 0 : RT_SCOPE_HOST;
	mnl_attr_put(&msg->head, IFA_LOCAL, size, bytes);
	mnl_attr_put(&msg->head, IFA_ADDRESS, size, bytes + variant % 2);
	mnl_attr_put(&msg->head, IFA_BROADCAST, size, bytes);
	mnl_attr_put_strz(&msg->head, IFA_LABEL, "eth0:1");
	mnl_attr_put_u32(&msg->head, IFA_FLAGS, variant);
	mnl_attr_put_u32(&msg->head, IFA_RT_PRIORITY, variant);
	if (variant % 3 == 2)
		mnl_attr_put_u8(&msg->head, 11 /* IFA_PROTO */, (uint8_t)variant);
	mnl_attr_put(&msg->head, IFA_CACHEINFO, sizeof(cache), &cache);
	return end_message(msg);
}

static const struct nlmsghdr *route_message(struct nl_msg *msg, unsigned int variant)
{
	static const uint8_t bytes[18] = {AF_INET6, 0, 10, 1};
	struct rtmsg *header =
		nl_msg_start(msg, variant % 5 ? RTM_NEWROUTE : RTM_DELROUTE, 0, sizeof(*header));
	size_t size = variant % 2 ? 16 : 4;
	struct nlattr *nest;

	header->rtm_family = variant % 2 ? AF_INET6 : AF_INET;
	header->rtm_dst_len = variant % 4 ? 16 : 0;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = variant % 3 ? RTPROT_STATIC : RTPROT_BOOT;
	header->rtm_type = (uint8_t)(1 + variant % 9);
	header->rtm_scope = variant % 2 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put(&msg->head, RTA_DST, size, bytes + 2);
	mnl_attr_put(&msg->head, RTA_GATEWAY, size, bytes + 2);
	mnl_attr_put(&msg->head, RTA_PREFSRC, size, bytes + 2);
	mnl_attr_put_u32(&msg->head, RTA_OIF, 1 + variant % 3);
	mnl_attr_put_u32(&msg->head, RTA_TABLE, 254 + variant);
	mnl_attr_put_u32(&msg->head, RTA_PRIORITY, variant);
	if (variant % 3 == 0)
		mnl_attr_put(&msg->head, RTA_VIA, sizeof(bytes), bytes);
	nest = mnl_attr_nest_start(&msg->head, RTA_METRICS);
	mnl_attr_put_u32(&msg->head, RTAX_MTU, 1400);
	mnl_attr_put_u32(&msg->head, RTAX_INITCWND, 10);
	mnl_attr_nest_end(&msg->head, nest);
	return end_message(msg);
}

static void seed_one(struct seeds *seeds, const struct nlmsghdr *message)
{
	struct text text TEXT_CLEANUP = {0};

	text_addn(&text, "\0", 1);
	text_addn(&text, (const char *)message, message->nlmsg_len);
	seed_text(seeds, &text);
}

static void put_reply(struct text *text, uint8_t flags, const struct text *messages)
{
	uint16_t size = (uint16_t)messages->size;

	text_addn(text, (const char *)&flags, 1);
	text_addn(text, (const char *)&size, 2);
	text_addn(text, text_get(messages), size);
}

static void message_add(struct text *messages, const struct nlmsghdr *message)
{
	text_addn(messages, (const char *)message, MNL_ALIGN(message->nlmsg_len));
}

/* Two devices, addresses, routes; the same again as events; then steps, granted or refused. */
static void seed_world(struct seeds *seeds, const struct kind *kind, unsigned int variant,
		       struct arena *arena)
{
	struct text text TEXT_CLEANUP = {0}, links TEXT_CLEANUP = {0}, others TEXT_CLEANUP = {0};
	struct nl_msg msg;

	message_add(&links, link_message(&msg, kind_find("ethernet"), 1, arena));
	((struct ifinfomsg *)mnl_nlmsg_get_payload((struct nlmsghdr *)links.bytes))->ifi_index = 2;
	message_add(&links, link_message(&msg, kind, variant, arena));
	text_addn(&text, variant % 2 ? "\1\0" : "\1\1", 2);
	put_reply(&text, REPLY_SEQ | REPLY_DONE, &links);
	for (unsigned int i = 0; i < 3; i++) {
		text_clear(&others);
		message_add(&others, i ? route_message(&msg, variant + i)
				       : address_message(&msg, variant + i));
		put_reply(&text, REPLY_SEQ | REPLY_DONE, &others);
	}
	put_reply(&text, 0, &links);
	put_reply(&text, 0, &others);
	put_reply(&text, REPLY_NONE, &(struct text){0});
	for (unsigned int i = 0; i < STEPS_MOST; i++) {
		text_addn(&text, (const char[]){(char)(i + variant), 0, (char)i}, 3);
		if ((i + variant) % 3)
			put_reply(&text, REPLY_REFUSED, &(struct text){0});
	}
	seed_text(seeds, &text);
}

/* At the end of a dump stands a message of another type, shorter than a device's header. */
static void seed_short(struct seeds *seeds, struct arena *arena)
{
	const struct nlmsghdr other = {.nlmsg_len = sizeof(other), .nlmsg_type = NLMSG_NOOP};
	struct text text TEXT_CLEANUP = {0}, links TEXT_CLEANUP = {0};
	struct nl_msg msg;

	message_add(&links, link_message(&msg, kind_find("ethernet"), 1, arena));
	message_add(&links, &other);
	text_addn(&text, "\1\0", 2);
	put_reply(&text, REPLY_SEQ | REPLY_DONE, &links);
	seed_text(seeds, &text);
}

/* A pair whose other end is called what nobody could write; both are made. */
static void seed_name(struct seeds *seeds, struct arena *arena)
{
	struct text text TEXT_CLEANUP = {0}, links TEXT_CLEANUP = {0}, none TEXT_CLEANUP = {0};
	struct ifinfomsg *header;
	struct nl_msg msg;

	header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	header->ifi_index = 2;
	mnl_attr_put_strz(&msg.head, IFLA_IFNAME, "a\001%");
	message_add(&links, &msg.head);
	link_message(&msg, kind_find("veth"), 0, arena);
	msg.head.nlmsg_len -= MNL_ATTR_HDRLEN + 4; /* the other end is in the same namespace */
	message_add(&links, &msg.head);
	text_addn(&text, "\1\0", 2);
	put_reply(&text, REPLY_SEQ | REPLY_DONE, &links);
	for (unsigned int i = 0; i < 3; i++)
		put_reply(&text, REPLY_SEQ | REPLY_DONE, &none);
	put_reply(&text, REPLY_NONE, &none);
	for (unsigned int i = 0; i < STEPS_MOST; i++)
		text_addn(&text, (const char[]){(char)i, 0, 0}, 3);
	seed_text(seeds, &text);
}

void fuzz_seeds(struct seeds *seeds)
{
	struct nl_msg msg;
	struct arena arena;

	arena_init(&arena);
	seed_short(seeds, &arena);
	seed_name(seeds, &arena);
	for (unsigned int variant = 0; variant < 12; variant++) {
		seed_one(seeds, address_message(&msg, variant));
		seed_one(seeds, route_message(&msg, variant));
	}
	for (size_t k = 0; kinds[k]; k++) {
		if (kinds[k]->door != DOOR_LINK && kinds[k]->door != DOOR_TUN)
			continue;
		for (unsigned int variant = 0; variant < 4; variant++) {
			seed_one(seeds, link_message(&msg, kinds[k], variant, &arena));
			seed_world(seeds, kinds[k], variant, &arena);
		}
	}
	example_words(seeds);
	arena_fini(&arena);
}
