/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/nl_msg.h"

#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <string.h>

void *nl_msg_start(struct nl_msg *msg, uint16_t type, uint16_t flags, size_t size)
{
	memset(msg, 0, sizeof(*msg));
	mnl_nlmsg_put_header(msg->bytes);
	msg->head.nlmsg_type = type;
	msg->head.nlmsg_flags = flags;
	return mnl_nlmsg_put_extra_header(&msg->head, size);
}

bool nl_msg_ok(const struct nlmsghdr *message, int left)
{
	return left >= (int)sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= (uint32_t)left;
}

bool nl_msg_whole(const struct nlmsghdr *message)
{
	size_t size = 0;

	switch (message->nlmsg_type) {
	case NLMSG_ERROR:
		size = sizeof(struct nlmsgerr);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		size = sizeof(struct ifinfomsg);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		size = sizeof(struct ifaddrmsg);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		size = sizeof(struct ndmsg);
		break;
	case RTM_NEWVLAN:
	case RTM_DELVLAN:
		size = sizeof(struct br_vlan_msg);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE: /* struct fib_rule_hdr is of the same form */
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		size = sizeof(struct rtmsg);
		break;
	}
	return mnl_nlmsg_get_payload_len(message) >= size;
}

void nl_attrs(const struct nlmsghdr *message, size_t header_size, const struct nlattr **table,
	      size_t count)
{
	const struct nlattr *attr;

	memset(table, 0, count * sizeof(*table));
	mnl_attr_for_each(attr, message, header_size) if (mnl_attr_get_type(attr) < count)
		table[mnl_attr_get_type(attr)] = attr;
}

void nl_nest_attrs(const struct nlattr *nest, const struct nlattr **table, size_t count)
{
	const struct nlattr *attr;

	memset(table, 0, count * sizeof(*table));
	if (!nest)
		return;
	mnl_attr_for_each_nested(attr, nest) if (mnl_attr_get_type(attr) < count)
		table[mnl_attr_get_type(attr)] = attr;
}

const struct nlattr *nl_nest_find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr;

	if (!nest)
		return NULL;
	mnl_attr_for_each_nested(attr, nest) if (mnl_attr_get_type(attr) == type) return attr;
	return NULL;
}

uint32_t nl_u32(const struct nlattr *attr, uint32_t otherwise)
{
	if (!attr)
		return otherwise;
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	}
	return otherwise;
}

const char *nl_text(const struct nlattr *attr)
{
	const char *text = attr ? mnl_attr_get_payload(attr) : NULL;

	return text && memchr(text, 0, mnl_attr_get_payload_len(attr)) ? text : NULL;
}
