/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects as lines: which attributes are told, which run by themselves, which only tell this one.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"

#define PASSING_FLAGS_ADDRESS (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED)
#define REST 0xffff /* in a table: all other attributes */

struct text {
	char bytes[64 * 1024];
	size_t len;
};

static struct text exact, blurred;

void look_die(const char *what)
{
	fprintf(stderr, "look: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void __attribute__((format(printf, 2, 3))) put(struct text *text, const char *format, ...)
{
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(text->bytes + text->len, sizeof(text->bytes) - text->len, format, list);
	va_end(list);
	text->len += (size_t)len;
	if (text->len >= sizeof(text->bytes)) {
		errno = E2BIG;
		look_die("an object");
	}
}

static void put_bytes(struct text *text, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (text->len + 2 * len >= sizeof(text->bytes)) {
		errno = E2BIG;
		look_die("an object");
	}
	for (size_t i = 0; i < len; i++) {
		text->bytes[text->len++] = digits[bytes[i] >> 4];
		text->bytes[text->len++] = digits[bytes[i] & 15];
	}
}

static void put_device(unsigned int number)
{
	char name[IF_NAMESIZE];

	put(&exact, "%u", number);
	put(&blurred, "%s", if_indextoname(number, name) ? name : "?");
}

static const struct rule bridge_rules[] = {
	{IFLA_BR_ROOT_ID, SKIP},
	{IFLA_BR_ROOT_PORT, SKIP},
	{IFLA_BR_TOPOLOGY_CHANGE, SKIP},
	{IFLA_BR_TOPOLOGY_CHANGE_DETECTED, SKIP},
	{IFLA_BR_HELLO_TIMER, SKIP},
	{IFLA_BR_TCN_TIMER, SKIP},
	{IFLA_BR_TOPOLOGY_CHANGE_TIMER, SKIP},
	{IFLA_BR_GC_TIMER, SKIP},
	{IFLA_BR_BRIDGE_ID, NUMBER},
	{48 /* how many were learned */, SKIP},
	{REST, PRINT},
};
static const struct rule port_rules[] = {
	{IFLA_BRPORT_ID, SKIP},
	{IFLA_BRPORT_NO, SKIP},
	{IFLA_BRPORT_DESIGNATED_PORT, SKIP},
	{IFLA_BRPORT_ROOT_ID, SKIP},
	{IFLA_BRPORT_MESSAGE_AGE_TIMER, SKIP},
	{IFLA_BRPORT_FORWARD_DELAY_TIMER, SKIP},
	{IFLA_BRPORT_HOLD_TIMER, SKIP},
	{IFLA_BRPORT_BRIDGE_ID, NUMBER},
	{38 /* how many hosts a group has */, SKIP},
	{41 /* how many groups there are */, SKIP},
	{REST, PRINT},
};
static const struct rule bridge_info[] = {
	{IFLA_INFO_DATA, NEST, bridge_rules}, {IFLA_INFO_XSTATS, SKIP}, {REST, PRINT}};
static const struct rule port_info[] = {
	{IFLA_INFO_SLAVE_DATA, NEST, port_rules}, {IFLA_INFO_XSTATS, SKIP}, {REST, PRINT}};
static const struct rule inet6_rules[] = {{IFLA_INET6_ADDR_GEN_MODE, PRINT}, {REST, SKIP}};
static const struct rule family_rules[] = {{AF_INET6, NEST, inet6_rules}, {REST, SKIP}};
const struct rule look_link[] = {
	{IFLA_STATS, SKIP},
	{IFLA_STATS64, SKIP},
	{IFLA_OPERSTATE, SKIP},
	{IFLA_CARRIER, SKIP},
	{IFLA_CARRIER_CHANGES, SKIP},
	{IFLA_CARRIER_UP_COUNT, SKIP},
	{IFLA_CARRIER_DOWN_COUNT, SKIP},
	{IFLA_LINK_NETNSID, SKIP},
	{IFLA_NUM_TX_QUEUES, SKIP},
	{IFLA_TSO_MAX_SIZE, SKIP},
	{IFLA_TSO_MAX_SEGS, SKIP},
	{IFLA_MAP, SKIP},
	{IFLA_ADDRESS, NUMBER},
	{IFLA_PERM_ADDRESS, NUMBER},
	{IFLA_GROUP, NUMBER},
	{IFLA_MASTER, DEVICE},
	{IFLA_LINK, DEVICE},
	{IFLA_LINKINFO, NEST, bridge_info},
	{IFLA_AF_SPEC, NEST, family_rules},
	{REST, PRINT},
};
const struct rule look_address[] = {{IFA_CACHEINFO, SKIP}, {IFA_FLAGS, FLAGS}, {REST, PRINT}};
const struct rule look_route[] = {
	{RTA_CACHEINFO, SKIP}, {RTA_OIF, DEVICE}, {RTA_IIF, DEVICE}, {REST, PRINT}};
const struct rule look_neighbour[] = {{NDA_CACHEINFO, SKIP}, {NDA_PROBES, SKIP},
				      {NDA_LLADDR, NUMBER},  {NDA_MASTER, DEVICE},
				      {NDA_IFINDEX, DEVICE}, {REST, PRINT}};
const struct rule look_queue[] = {
	{TCA_STATS, SKIP}, {TCA_STATS2, SKIP}, {TCA_XSTATS, SKIP}, {REST, PRINT}};
const struct rule look_all[] = {{REST, PRINT}};

static const struct rule *rule_of(const struct rule *rules, unsigned int type)
{
	while (rules->type != type && rules->type != REST)
		rules++;
	return rules;
}

/* A link's or a port's data are a bridge's only where the kind says so. */
static const struct rule *info_rules(const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_SLAVE_KIND)
			return strcmp(mnl_attr_get_str(attr), "bridge") == 0 ? port_info : look_all;
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
		    strcmp(mnl_attr_get_str(attr), "bridge") == 0)
			return bridge_info;
	}
	return look_all;
}

static void put_all(const struct nlattr *first, size_t len, const struct rule *rules);

static void put_attr(const struct nlattr *attr, const struct rule *rule)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const unsigned char *bytes = mnl_attr_get_payload(attr);

	if (rule->how == SKIP)
		return;
	put(&exact, " %u=", mnl_attr_get_type(attr));
	put(&blurred, " %u=", mnl_attr_get_type(attr));
	switch (rule->how) {
	case SKIP:
		return;
	case DEVICE:
		put_device(mnl_attr_get_u32(attr));
		return;
	case FLAGS:
		put(&exact, "%x", mnl_attr_get_u32(attr) & ~(uint32_t)PASSING_FLAGS_ADDRESS);
		put(&blurred, "%x", mnl_attr_get_u32(attr) & ~(uint32_t)PASSING_FLAGS_ADDRESS);
		return;
	case NEST:
		put_all(mnl_attr_get_payload(attr), len,
			rule->inner == bridge_info ? info_rules(attr) : rule->inner);
		return;
	case PRINT:
		put_bytes(&blurred, bytes, len);
		break;
	case NUMBER:
		break;
	}
	put_bytes(&exact, bytes, len);
}

static void put_all(const struct nlattr *first, size_t len, const struct rule *rules)
{
	const struct nlattr *attr;

	mnl_attr_for_each_payload(first, len)
		put_attr(attr, rule_of(rules, mnl_attr_get_type(attr)));
}

void line_begin(const char *space, const char *object)
{
	exact.len = blurred.len = 0;
	put(&exact, "x %s %s", space, object);
	put(&blurred, "b %s %s", space, object);
}

void line_exact(const char *word, unsigned int value)
{
	put(&exact, " %s %u", word, value);
}

void line_both(const char *word, unsigned int value)
{
	put(&exact, " %s %u", word, value);
	put(&blurred, " %s %u", word, value);
}

void line_bytes(const void *bytes, size_t len)
{
	put(&exact, " ");
	put(&blurred, " ");
	put_bytes(&exact, bytes, len);
	put_bytes(&blurred, bytes, len);
}

void line_device(unsigned int number)
{
	put(&exact, " ");
	put(&blurred, " ");
	put_device(number);
}

int line_end(const struct nlmsghdr *message, size_t header, const struct rule *rules)
{
	put_all((const void *)((const char *)mnl_nlmsg_get_payload(message) + MNL_ALIGN(header)),
		mnl_nlmsg_get_payload_len(message) - MNL_ALIGN(header), rules);
	printf("%.*s\n%.*s\n", (int)exact.len, exact.bytes, (int)blurred.len, blurred.bytes);
	return MNL_CB_OK;
}
