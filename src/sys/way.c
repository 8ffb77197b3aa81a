/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/way.h"

#include <errno.h>

#include "sys/nl_msg.h"
#include "sys/nl_sock.h"

static const void *bytes_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6)
		return &((const struct sockaddr_in6 *)address)->sin6_addr;
	return &((const struct sockaddr_in *)address)->sin_addr;
}

static int device_take(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[RTA_OIF + 1] = {NULL};

	nl_attrs(answer, sizeof(struct rtmsg), attrs, RTA_OIF + 1);
	*(uint32_t *)data = nl_u32(attrs[RTA_OIF], 0);
	return 0;
}

int way_find(const struct sockaddr *to, const struct sockaddr *from, uint32_t *ifindex,
	     struct err *err)
{
	size_t size = to->sa_family == AF_INET6 ? 16 : 4;
	struct nl_refusal refusal;
	struct nl_sock *nl;
	struct rtmsg *header;
	struct nl_msg msg;
	uint32_t found = 0;
	int r;

	header = nl_msg_start(&msg, RTM_GETROUTE, 0, sizeof(*header));
	header->rtm_family = (unsigned char)to->sa_family;
	header->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(&msg.head, RTA_DST, size, bytes_of(to));
	if (from) {
		header->rtm_src_len = (unsigned char)(size * 8);
		mnl_attr_put(&msg.head, RTA_SRC, size, bytes_of(from));
	}
	if (nl_sock_open(&nl, err))
		return err->code;
	r = nl_ask(nl, &msg.head, device_take, &found, &refusal);
	nl_sock_close(nl);
	if (!r && !found)
		r = -ENETUNREACH;
	if (r)
		return err_errno(err, r, "ask for the way to an address");
	*ifindex = found;
	return 0;
}
