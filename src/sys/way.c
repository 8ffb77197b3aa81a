/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/way.h"

#include <errno.h>
#include <net/if.h>

#include "sys/nl_dump.h"
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

static void advertised_take(const struct nlmsghdr *message, struct text *devices)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[RTA_OIF + 1];
	char name[IFNAMSIZ];

	if (header->rtm_protocol != RTPROT_RA || header->rtm_dst_len)
		return;
	nl_attrs(message, sizeof(*header), attrs, RTA_OIF + 1);
	if (if_indextoname(nl_u32(attrs[RTA_OIF], 0), name))
		text_add(devices, "%s%s", devices->size ? " " : "", name);
}

int way_advertised(struct text *devices, struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct rtmsg *header;
	struct nl_sock *nl;
	struct nl_msg msg;
	int r;

	header = nl_msg_start(&msg, RTM_GETROUTE, 0, sizeof(*header));
	header->rtm_family = AF_INET6;
	if (nl_sock_open(&nl, err))
		return err->code;
	r = nl_dump_read(nl, &msg.head, &dump, err);
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m))
		advertised_take(m, devices);
	nl_sock_close(nl);
	return r;
}
