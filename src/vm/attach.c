/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TAP for one guest, plugged into a bridge. That of a guest nobody declared lives as long as it
 * is open: whoever holds its queues ends, and it is gone, out of the bridge and out of the kernel.
 * That of a declared guest stands there, a port already; its queues are opened.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/nl_dump.h"
#include "sys/nl_msg.h"
#include "sys/tun.h"
#include "vm/vm.h"

#define BRIDGES_NAMED 256 /* for the nearest of a name that none has */

struct found {
	const char *name, *command; /* to try, with another name */
	uint32_t ifindex, mtu;	    /* 0: none so far */
	uint16_t mask;		    /* for the port: which of 01:80:c2:00:00:0X it forwards */
	bool other;		    /* there is a device of that name, but no bridge */
	char names[BRIDGES_NAMED][IFNAMSIZ];
	size_t len;
};

void vm_port_close(struct vm_port *port)
{
	while (port->count)
		close(port->fds[--port->count]);
}

/*
 * A bridge that forwards all it may of what is for bridges alone is a network's: LACP's a port has
 * to be told of, and STP's where the bridge takes no part in it (see kind/network_closed.c).
 */
static uint16_t mask_get(const struct nlattr *info)
{
	const struct nlattr *data = nl_nest_find(info, IFLA_INFO_DATA);
	const struct nlattr *mask = nl_nest_find(data, IFLA_BR_GROUP_FWD_MASK);

	if (!mask || mnl_attr_get_u16(mask) != 0xfff8)
		return 0;
	return nl_u32(nl_nest_find(data, IFLA_BR_STP_STATE), 0) ? 0xfffc : 0xfffd;
}

static void link_see(const struct nlmsghdr *message, struct found *found)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[IFLA_LINKINFO + 1];
	const char *name, *kind;
	bool bridge, same;

	nl_attrs(message, sizeof(*header), attrs, IFLA_LINKINFO + 1);
	name = nl_text(attrs[IFLA_IFNAME]);
	kind = nl_text(nl_nest_find(attrs[IFLA_LINKINFO], IFLA_INFO_KIND));
	if (!name)
		return;
	bridge = kind && strcmp(kind, "bridge") == 0;
	same = strcmp(name, found->name) == 0;
	if (bridge && found->len < BRIDGES_NAMED)
		snprintf(found->names[found->len++], IFNAMSIZ, "%s", name);
	if (bridge && same) {
		found->ifindex = (uint32_t)header->ifi_index;
		found->mtu = nl_u32(attrs[IFLA_MTU], 1500);
		found->mask = mask_get(attrs[IFLA_LINKINFO]);
	}
	found->other = found->other || (same && !bridge);
}

static int bridge_unknown(const struct found *found, struct err *err)
{
	const char *words[BRIDGES_NAMED + 1] = {NULL}, *near;

	for (size_t i = 0; i < found->len; i++)
		words[i] = found->names[i];
	near = text_nearest(found->name, words);
	if (found->other)
		return err_set(err, -EINVAL, "is no bridge; expected a network or a bridge");
	err_set(err, -ENODEV, "there is no network of this name up, and no bridge");
	if (near)
		return err_hint(err, "%s %s", found->command, near);
	if (found->len)
		return err_hint(err, "%s %s", found->command, found->names[0]);
	return err_hint(err, "networks: {%s: {…}} in a description, and lanloom up", found->name);
}

static int bridge_find(struct nl_sock *nl, struct found *found, struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	int r;

	nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(&msg.head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = nl_dump_read(nl, &msg.head, &dump, err);
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m))
		link_see(m, found);
	if (r)
		return r;
	return found->ifindex ? 0 : bridge_unknown(found, err);
}

static int change(struct nl_sock *nl, struct nl_msg *msg, const char *what, struct err *err)
{
	struct nl_refusal refusal;
	int r = nl_talk(nl, &msg->head, &refusal);

	if (!r)
		return 0;
	err_errno(err, r, "%s", what);
	return refusal.text[0] ? err_context(err, "%s", refusal.text) : err->code;
}

/*
 * First what it is, then up: a TAP that is up before it is told not to gets an IPv6 address of its
 * own. Its MAC is above all vendors', so that no bridge takes it for its own; the guest has
 * another.
 */
static int join(struct nl_sock *nl, const char *device, const struct found *bridge,
		const char *alias, struct err *err)
{
	uint32_t ifindex = if_nametoindex(device);
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	uint8_t mac[6] = {
		0xfe, 0x54, 0, (uint8_t)(ifindex >> 16), (uint8_t)(ifindex >> 8), (uint8_t)ifindex};
	struct nlattr *families, *inet6, *info, *data;
	int r;

	header->ifi_index = (int)ifindex;
	mnl_attr_put_u32(&msg.head, IFLA_MTU, bridge->mtu);
	mnl_attr_put(&msg.head, IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(&msg.head, IFLA_MASTER, bridge->ifindex);
	if (alias)
		mnl_attr_put_str(&msg.head, IFLA_IFALIAS, alias);
	families = mnl_attr_nest_start(&msg.head, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(&msg.head, AF_INET6);
	mnl_attr_put_u8(&msg.head, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(&msg.head, inet6);
	mnl_attr_nest_end(&msg.head, families);
	r = change(nl, &msg, "plug the TAP into the bridge", err);
	if (r)
		return r;
	header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	header->ifi_index = (int)ifindex;
	header->ifi_flags = header->ifi_change = IFF_UP;
	if (bridge->mask) {
		info = mnl_attr_nest_start(&msg.head, IFLA_LINKINFO);
		mnl_attr_put_str(&msg.head, IFLA_INFO_SLAVE_KIND, "bridge");
		data = mnl_attr_nest_start(&msg.head, IFLA_INFO_SLAVE_DATA);
		mnl_attr_put_u16(&msg.head, IFLA_BRPORT_GROUP_FWD_MASK, bridge->mask);
		mnl_attr_nest_end(&msg.head, data);
		mnl_attr_nest_end(&msg.head, info);
	}
	return change(nl, &msg, "set the TAP up", err);
}

static int make(struct nl_sock *nl, const struct found *bridge, const struct vm_guest *guest,
		const char *alias, unsigned int queues, struct vm_port *port, struct err *err)
{
	struct tun_wish wish = {
		.name = guest->device[0] ? guest->device : "tap%d",
		.flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
		.owner = -1,
		.group = -1,
	};
	int r;

	if (queues > 1)
		wish.flags |= IFF_MULTI_QUEUE;
	r = tun_make(&wish, &port->fds[0], err);
	if (r == -EEXIST)
		return err_set(err, -EBUSY,
			       "%s is there already: the guest runs, or somebody has its name",
			       guest->device);
	if (r)
		return r;
	port->count = 1;
	r = tun_name(port->fds[0], port->device, err);
	if (!r)
		r = join(nl, port->device, bridge, alias, err);
	for (; !r && port->count < queues; port->count += !r)
		r = tun_queue_add(port->fds[0], &port->fds[port->count], err);
	return r ? r : tun_carrier_on(port->fds[0], err);
}

static int queues_count(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[IFLA_LINKINFO + 1], *info;

	nl_attrs(answer, sizeof(struct ifinfomsg), attrs, IFLA_LINKINFO + 1);
	info = nl_nest_find(attrs[IFLA_LINKINFO], IFLA_INFO_DATA);
	*(uint32_t *)data = nl_u32(nl_nest_find(info, IFLA_TUN_NUM_QUEUES), 0);
	return 0;
}

/* One queue is one process's; of several each could be another's, and both would be the guest. */
static int alone(struct nl_sock *nl, const struct vm_port *port, struct err *err)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(*header));
	uint32_t queues = 0;

	header->ifi_index = (int)if_nametoindex(port->device);
	if (nl_ask(nl, &msg.head, queues_count, &queues, NULL) || queues <= port->count)
		return 0;
	return err_set(err, -EBUSY, "runs already: a process holds its TAP %s", port->device);
}

/* What is declared stands there; whether it is a port is for `up` to see to. */
static int open_declared(struct nl_sock *nl, const struct vm_guest *guest, unsigned int queues,
			 struct vm_port *port, struct err *err)
{
	uint16_t flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	int r = 0;

	if (guest->queues > 1)
		flags |= IFF_MULTI_QUEUE;
	snprintf(port->device, sizeof(port->device), "%s", guest->device);
	for (; !r && port->count < queues; port->count += !r)
		r = tun_attach(guest->device, flags, &port->fds[port->count], err);
	if (r == -EINVAL && queues == 1) { /* one of several queues: its carrier is kept */
		r = tun_attach(guest->device, flags | IFF_MULTI_QUEUE, &port->fds[0], err);
		port->count += !r;
	}
	if (r == -EBUSY)
		return err_set(err, r, "runs already: a process holds its TAP %s", guest->device);
	if (r == -EINVAL)
		return err_set(err, r, "its TAP %s is of another form; expected one by lanloom up",
			       guest->device);
	if (r == -ENODEV)
		return err_hint(err, "lanloom up, which makes it again");
	return r ? r : alone(nl, port, err);
}

int vm_attach(const char *name, const struct vm_guest *guest, const char *alias,
	      unsigned int queues, struct vm_port *port, struct err *err)
{
	struct found found = {.name = name, .command = "lanloom vm"};
	struct nl_sock *nl = NULL;
	int r;

	*port = (struct vm_port){0};
	snprintf(port->mac, sizeof(port->mac), "%s", guest->mac);
	r = nl_sock_open(&nl, err);
	if (!r)
		r = bridge_find(nl, &found, err);
	if (!r)
		r = guest->declared ? open_declared(nl, guest, queues, port, err)
				    : make(nl, &found, guest, alias, queues, port, err);
	nl_sock_close(nl);
	if (r)
		vm_port_close(port);
	return r;
}

int vm_bridge_check(const char *name, struct err *err)
{
	struct found found = {.name = name, .command = "lanloom libvirt"};
	struct nl_sock *nl = NULL;
	int r = nl_sock_open(&nl, err);

	if (!r)
		r = bridge_find(nl, &found, err);
	nl_sock_close(nl);
	return r;
}
