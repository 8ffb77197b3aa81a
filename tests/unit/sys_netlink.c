/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages that are shorter, or say they are longer, than a kernel's. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "model/object.h"
#include "sys/nl_msg.h"
#include "sys/nl_sock.h"
#include "sys/site.h"
#include "unit/test.h"
#include "world/live.h"

static void a_length_is_believed_as_far_as_it_goes(void)
{
	struct nlmsghdr head = {.nlmsg_len = sizeof(head)};

	CHECK(nl_msg_ok(&head, sizeof(head)));
	CHECK(!nl_msg_ok(&head, sizeof(head) - 1));
	CHECK(!nl_msg_ok(&head, -1));
	head.nlmsg_len = sizeof(head) - 1;
	CHECK(!nl_msg_ok(&head, 4096));
	head.nlmsg_len = 0x80000010; /* a negative number to libmnl's own check */
	CHECK(!nl_msg_ok(&head, 4096));
	head.nlmsg_len = UINT32_MAX;
	CHECK(!nl_msg_ok(&head, 4096));
}

static void a_message_has_the_header_of_its_type(void)
{
	static const struct {
		uint16_t type;
		size_t size;
	} types[] = {
		{RTM_NEWLINK, 16},  {RTM_DELLINK, 16},	{RTM_NEWADDR, 8},  {RTM_DELADDR, 8},
		{RTM_NEWROUTE, 12}, {RTM_DELROUTE, 12}, {NLMSG_ERROR, 20}, {RTM_NEWNSID, 0},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct nlmsghdr head = {.nlmsg_type = types[i].type};

		head.nlmsg_len = (uint32_t)(sizeof(head) + types[i].size);
		CHECK(nl_msg_whole(&head));
		head.nlmsg_len--;
		CHECK(!nl_msg_whole(&head) || !types[i].size);
	}
}

/* An error whose quoted message says it is longer than all, or shorter than its own head. */
static void a_refusal_may_lie_about_what_it_quotes(void)
{
	static const uint32_t lengths[] = {0, 15, 16, 40, 4096, 0x80000000, UINT32_MAX};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t size = sizeof(struct nlmsghdr) + sizeof(struct nlmsgerr);
		struct nlmsghdr *answer = calloc(1, size);
		struct nl_refusal refusal;
		struct nlmsgerr *error;

		CHECK(answer != NULL);
		answer->nlmsg_len = (uint32_t)size;
		answer->nlmsg_type = NLMSG_ERROR;
		answer->nlmsg_flags = NLM_F_ACK_TLVS;
		error = mnl_nlmsg_get_payload(answer);
		error->msg.nlmsg_len = lengths[i];
		nl_refusal_get(answer, &refusal);
		CHECK(!refusal.text[0] && !refusal.offset);
		free(answer);
	}
}

/* What the kinds make of a message; NULL: nothing. Its memory ends where it ends. */
static struct object *object_of(const struct nl_msg *msg, struct arena *arena)
{
	struct site site = {.ns = ""};
	struct nlmsghdr *copy = malloc(msg->head.nlmsg_len);
	struct object *object = NULL;

	memcpy(copy, msg, msg->head.nlmsg_len);
	link_names_set(&site.names, 2, "eth0");
	for (size_t i = 0; kinds[i] && !object; i++)
		if (kinds[i]->ops && kinds[i]->ops->get)
			object = kinds[i]->ops->get(&site, copy, arena);
	link_names_fini(&site.names);
	free(copy);
	return object;
}

static struct object *address_of(uint8_t prefix, uint16_t attr, size_t size, struct arena *arena)
{
	static const uint8_t bytes[32] = {10, 0, 0, 1};
	struct nl_msg msg;
	struct ifaddrmsg *header = nl_msg_start(&msg, RTM_NEWADDR, 0, sizeof(*header));

	header->ifa_family = AF_INET;
	header->ifa_prefixlen = prefix;
	header->ifa_index = 2;
	if (attr != IFA_LOCAL)
		mnl_attr_put(&msg.head, IFA_LOCAL, 4, bytes);
	mnl_attr_put(&msg.head, attr, size, bytes);
	return object_of(&msg, arena);
}

static void an_address_has_the_size_of_its_family(void)
{
	struct arena arena;
	struct object *object;

	arena_init(&arena);
	CHECK(address_of(24, IFA_LOCAL, 4, &arena) != NULL);
	CHECK(address_of(24, IFA_LOCAL, 3, &arena) == NULL);
	CHECK(address_of(24, IFA_LOCAL, 0, &arena) == NULL);
	CHECK(address_of(24, IFA_LOCAL, 16, &arena) == NULL);
	CHECK(address_of(33, IFA_LOCAL, 4, &arena) == NULL);
	object = address_of(24, IFA_BROADCAST, 1, &arena);
	CHECK(object && !object_has_key(object, "broadcast"));
	object = address_of(24, IFA_CACHEINFO, 3, &arena);
	CHECK(object && !object_has_key(object, "valid-for"));
	object = address_of(24, IFA_RT_PRIORITY, 0, &arena);
	CHECK(object && object_number(object, "metric", 7) == 0);
	arena_fini(&arena);
}

static struct object *route_of(uint8_t family, uint8_t len, struct arena *arena)
{
	static const uint8_t bytes[16] = {10, 255, 255, 255};
	struct nl_msg msg;
	struct rtmsg *header = nl_msg_start(&msg, RTM_NEWROUTE, 0, sizeof(*header));

	header->rtm_family = family;
	header->rtm_dst_len = len;
	header->rtm_type = RTN_UNICAST;
	header->rtm_table = RT_TABLE_MAIN;
	mnl_attr_put(&msg.head, RTA_DST, family == AF_INET6 ? 16 : 4, bytes);
	return object_of(&msg, arena);
}

static void a_route_leads_to_a_network(void)
{
	struct text label TEXT_CLEANUP = {0};
	struct arena arena;

	arena_init(&arena);
	CHECK(route_of(AF_INET, 33, &arena) == NULL);
	CHECK(route_of(AF_INET6, 129, &arena) == NULL);
	CHECK(route_of(AF_MPLS, 8, &arena) == NULL);
	object_print(route_of(AF_INET, 12, &arena),
		     (unsigned int)kind_field_find(kind_find("route"), "to"), &label);
	CHECK_TEXT(text_get(&label), "10.240.0.0/12");
	arena_fini(&arena);
}

/* The master came after the names were read: what it is a port of cannot be said. */
static void a_port_has_a_bridge(void)
{
	struct site site = {.ns = ""};
	struct arena arena;
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	struct nlattr *info;

	header->ifi_index = 3;
	mnl_attr_put_strz(&msg.head, IFLA_IFNAME, "tap0");
	mnl_attr_put_u32(&msg.head, IFLA_MASTER, 2);
	info = mnl_attr_nest_start(&msg.head, IFLA_LINKINFO);
	mnl_attr_put_strz(&msg.head, IFLA_INFO_SLAVE_KIND, "bridge");
	mnl_attr_nest_end(&msg.head, info);
	arena_init(&arena);
	CHECK(live_slave(&site, &msg.head, &arena) == NULL);
	link_names_set(&site.names, 2, "br0");
	CHECK(live_slave(&site, &msg.head, &arena) != NULL);
	link_names_fini(&site.names);
	arena_fini(&arena);
}

int main(void)
{
	TEST(a_length_is_believed_as_far_as_it_goes);
	TEST(a_message_has_the_header_of_its_type);
	TEST(a_refusal_may_lie_about_what_it_quotes);
	TEST(an_address_has_the_size_of_its_family);
	TEST(a_route_leads_to_a_network);
	TEST(a_port_has_a_bridge);
	return test_done();
}
