/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/nl_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "sys/nl_msg.h"

static const int route_groups[] = {
	RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
};

static const int rules_groups[] = {NFNLGRP_NFTABLES};

static int watch_open(int family, const int *groups, size_t len, int *fd, struct err *err)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int bytes = 4 << 20; /* a few thousand links that change at once */
	int opened FD_CLEANUP = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, family);

	if (opened < 0)
		return err_errno(err, -errno, "open a netlink socket");
	setsockopt(opened, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (bind(opened, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_errno(err, -errno, "bind a netlink socket");
	for (size_t i = 0; i < len; i++)
		if (setsockopt(opened, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return err_errno(err, -errno, "listen to the kernel's changes");
	*fd = fd_take(&opened);
	return 0;
}

int nl_watch_open(int *fd, struct err *err)
{
	return watch_open(NETLINK_ROUTE, route_groups,
			  sizeof(route_groups) / sizeof(route_groups[0]), fd, err);
}

int nl_watch_rules(int *fd, struct err *err)
{
	return watch_open(NETLINK_NETFILTER, rules_groups, 1, fd, err);
}

int nl_watch_drain(int fd, void (*each)(const struct nlmsghdr *event, void *data), void *data)
{
	char buffer[32768] __attribute__((aligned(8)));
	int count = 0;

	for (;;) {
		const struct nlmsghdr *event = (const struct nlmsghdr *)buffer;
		ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? count : -errno;
		for (; nl_msg_ok(event, left); event = mnl_nlmsg_next(event, &left)) {
			count++;
			if (each && nl_msg_whole(event))
				each(event, data);
		}
	}
}
