/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/bridge_vlans.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "sys/nl_dump.h"

struct list {
	struct bridge_vlan *vlans;
	size_t len;
	struct arena *arena;
};

static void entry_read(const struct nlattr *nest, uint32_t ifindex, struct list *list)
{
	const struct nlattr *attrs[BRIDGE_VLANDB_ENTRY_TUNNEL_INFO + 1];
	const struct bridge_vlan_info *info;

	nl_nest_attrs(nest, attrs, BRIDGE_VLANDB_ENTRY_TUNNEL_INFO + 1);
	if (!attrs[BRIDGE_VLANDB_ENTRY_INFO] ||
	    mnl_attr_get_payload_len(attrs[BRIDGE_VLANDB_ENTRY_INFO]) < sizeof(*info))
		return;
	info = mnl_attr_get_payload(attrs[BRIDGE_VLANDB_ENTRY_INFO]);
	list->vlans = arena_room(list->arena, list->vlans, list->len, sizeof(*list->vlans));
	list->vlans[list->len++] = (struct bridge_vlan){
		.ifindex = ifindex,
		.first = info->vid,
		.last = (uint16_t)nl_u32(attrs[BRIDGE_VLANDB_ENTRY_RANGE], info->vid),
		.flags = info->flags & (BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED),
		.tunnel = nl_u32(nl_nest_find(attrs[BRIDGE_VLANDB_ENTRY_TUNNEL_INFO],
					      BRIDGE_VLANDB_TINFO_ID),
				 0),
	};
}

static void message_read(const struct nlmsghdr *message, uint32_t ifindex, struct list *list)
{
	const struct br_vlan_msg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWVLAN || (ifindex && header->ifindex != ifindex))
		return;
	mnl_attr_for_each(attr, message, sizeof(*header))
	{
		if (mnl_attr_get_type(attr) == BRIDGE_VLANDB_ENTRY)
			entry_read(attr, header->ifindex, list);
	}
}

static int order(const void *a, const void *b)
{
	const struct bridge_vlan *one = a, *other = b;

	if (one->ifindex != other->ifindex)
		return one->ifindex < other->ifindex ? -1 : 1;
	return (one->first > other->first) - (one->first < other->first);
}

int bridge_vlans_read(struct nl_sock *nl, uint32_t ifindex, struct arena *arena,
		      struct bridge_vlan **vlans, size_t *len, struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct list list = {.arena = arena};
	struct nl_msg msg;
	struct br_vlan_msg *header = nl_msg_start(&msg, RTM_GETVLAN, 0, sizeof(*header));
	int r;

	header->family = AF_BRIDGE;
	header->ifindex = ifindex;
	r = nl_dump_read(nl, &msg.head, &dump, err);
	/* no bridges, or no VLANs on them; no bridge; no device any more */
	if (r == -EOPNOTSUPP || r == -EINVAL || r == -ENODEV)
		r = 0;
	if (r)
		return r;
	for (const struct nlmsghdr *m = nl_dump_first(&dump); m; m = nl_dump_next(&dump, m))
		message_read(m, ifindex, &list);
	if (list.len)
		qsort(list.vlans, list.len, sizeof(*list.vlans), order);
	*vlans = list.vlans;
	*len = list.len;
	return 0;
}

const struct bridge_vlan *bridge_vlans_of(const struct bridge_vlan *vlans, size_t len,
					  uint32_t ifindex)
{
	size_t low = 0, high = len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (vlans[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low < len && vlans[low].ifindex == ifindex ? &vlans[low] : NULL;
}

const struct bridge_vlan *bridge_vlans_pvid(const struct bridge_vlan *vlans, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (vlans[i].flags & BRIDGE_VLAN_INFO_PVID)
			return &vlans[i];
	return NULL;
}

struct told {
	uint32_t master;
	uint32_t pvid;
};

static int link_told(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[IFLA_LINKINFO + 1], *its;
	struct told *told = data;

	nl_attrs(answer, sizeof(struct ifinfomsg), attrs, IFLA_LINKINFO + 1);
	its = nl_nest_find(attrs[IFLA_LINKINFO], IFLA_INFO_DATA);
	told->master = nl_u32(attrs[IFLA_MASTER], 0);
	told->pvid = nl_u32(nl_nest_find(its, IFLA_BR_VLAN_DEFAULT_PVID), 0);
	return 0;
}

static struct told link_ask(struct nl_sock *nl, uint32_t ifindex)
{
	struct told told = {0};
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(*header));

	header->ifi_index = (int)ifindex;
	nl_ask(nl, &msg.head, link_told, &told, NULL);
	return told;
}

uint16_t bridge_default_pvid(struct nl_sock *nl, uint32_t ifindex)
{
	struct told told = link_ask(nl, ifindex);

	/* numbers of other kinds' attributes do not matter: a port's master is a bridge */
	if (told.master)
		told = link_ask(nl, told.master);
	return told.pvid <= 4094 ? (uint16_t)told.pvid : 0;
}

void bridge_vlan_message(struct nl_msg *msg, bool add, uint32_t ifindex, bool self, uint16_t id,
			 uint16_t flags)
{
	struct bridge_vlan_info info = {.vid = id, .flags = flags};
	struct ifinfomsg *header =
		nl_msg_start(msg, add ? RTM_SETLINK : RTM_DELLINK, 0, sizeof(*header));
	struct nlattr *nest;

	header->ifi_family = AF_BRIDGE;
	header->ifi_index = (int)ifindex;
	nest = mnl_attr_nest_start(&msg->head, IFLA_AF_SPEC);
	if (self)
		mnl_attr_put_u16(&msg->head, IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
	mnl_attr_put(&msg->head, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
	mnl_attr_nest_end(&msg->head, nest);
}

void bridge_vlan_tunnel_message(struct nl_msg *msg, bool add, uint32_t ifindex, uint16_t id,
				uint32_t tunnel)
{
	struct ifinfomsg *header =
		nl_msg_start(msg, add ? RTM_SETLINK : RTM_DELLINK, 0, sizeof(*header));
	struct nlattr *spec, *info;

	header->ifi_family = AF_BRIDGE;
	header->ifi_index = (int)ifindex;
	spec = mnl_attr_nest_start(&msg->head, IFLA_AF_SPEC);
	info = mnl_attr_nest_start(&msg->head, IFLA_BRIDGE_VLAN_TUNNEL_INFO);
	mnl_attr_put_u32(&msg->head, IFLA_BRIDGE_VLAN_TUNNEL_ID, tunnel);
	mnl_attr_put_u16(&msg->head, IFLA_BRIDGE_VLAN_TUNNEL_VID, id);
	mnl_attr_put_u16(&msg->head, IFLA_BRIDGE_VLAN_TUNNEL_FLAGS, 0);
	mnl_attr_nest_end(&msg->head, info);
	mnl_attr_nest_end(&msg->head, spec);
}
