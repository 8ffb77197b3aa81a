/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/nl_sock.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sys/nl_msg.h"

/* A dump comes in pieces of at most 32 KiB (net/netlink/af_netlink.c, netlink_dump). */
#define RECEIVE_SIZE 65536

struct nl_sock {
	int fd;
	uint32_t port;
	uint32_t seq;
	char buffer[RECEIVE_SIZE] __attribute__((aligned(8)));
};

static int sock_tune(int fd)
{
	int on = 1, bytes = 1 << 20;

	/* a big buffer is a convenience; the other two change what is understood and must be */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

int nl_sock_open(struct nl_sock **sock, struct err *err)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	socklen_t size = sizeof(address);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int r;

	if (fd < 0)
		return err_errno(err, -errno, "open a netlink socket");
	r = sock_tune(fd);
	if (!r && (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		   getsockname(fd, (struct sockaddr *)&address, &size) < 0))
		r = -errno;
	if (!r && !(*sock = calloc(1, sizeof(**sock))))
		r = -ENOMEM;
	if (r) {
		close(fd);
		return err_errno(err, r, "set up a netlink socket");
	}
	(*sock)->fd = fd;
	(*sock)->port = address.nl_pid;
	return 0;
}

void nl_sock_close(struct nl_sock *sock)
{
	if (!sock)
		return;
	close(sock->fd);
	free(sock);
}

int nl_sock_fd(const struct nl_sock *sock)
{
	return sock->fd;
}

uint32_t nl_sock_port(const struct nl_sock *sock)
{
	return sock->port;
}

int nl_send(struct nl_sock *sock, struct nlmsghdr *message, uint16_t flags)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	message->nlmsg_flags |= NLM_F_REQUEST | flags;
	message->nlmsg_seq = ++sock->seq;
	while (sendto(sock->fd, message, message->nlmsg_len, 0, (struct sockaddr *)&kernel,
		      sizeof(kernel)) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

ssize_t nl_receive(struct nl_sock *sock, const struct nlmsghdr **first)
{
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof(from);
	ssize_t got;

	do {
		got = recvfrom(sock->fd, sock->buffer, sizeof(sock->buffer), MSG_TRUNC,
			       (struct sockaddr *)&from, &size);
	} while ((got < 0 && errno == EINTR) || (got >= 0 && from.nl_pid != 0));
	if (got < 0)
		return -errno;
	*first = (const struct nlmsghdr *)sock->buffer;
	return got > (ssize_t)sizeof(sock->buffer) ? -EMSGSIZE : got;
}

/* The attributes follow the message sent, of which only the header may be there. */
void nl_refusal_get(const struct nlmsghdr *answer, struct nl_refusal *refusal)
{
	const struct nlmsgerr *ack = mnl_nlmsg_get_payload(answer);
	size_t skip = sizeof(*ack);
	const struct nlattr *attr;

	*refusal = (struct nl_refusal){0};
	if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(answer->nlmsg_flags & NLM_F_CAPPED) && ack->msg.nlmsg_len > sizeof(ack->msg))
		skip += mnl_nlmsg_get_payload_len(&ack->msg);
	if (skip > mnl_nlmsg_get_payload_len(answer))
		return;
	mnl_attr_for_each(attr, answer, skip)
	{
		uint16_t type = mnl_attr_get_type(attr), size = mnl_attr_get_payload_len(attr);

		if (type == NLMSGERR_ATTR_MSG)
			strncpy(refusal->text, mnl_attr_get_payload(attr),
				size < sizeof(refusal->text) ? size : sizeof(refusal->text) - 1);
		else if (type == NLMSGERR_ATTR_OFFS && size == 4)
			refusal->offset = mnl_attr_get_u32(attr);
		else if (type == NLMSGERR_ATTR_MISS_TYPE && size == 4)
			refusal->missing = (uint16_t)mnl_attr_get_u32(attr);
	}
}

/* 1: there is more to come. */
static int answer_take(const struct nlmsghdr *answer, int (*each)(const struct nlmsghdr *, void *),
		       void *data, struct nl_refusal *refusal)
{
	if (!nl_msg_whole(answer))
		return -EPROTO;
	if (answer->nlmsg_type == NLMSG_ERROR) {
		nl_refusal_get(answer, refusal);
		return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(answer))->error;
	}
	if (each && answer->nlmsg_type >= NLMSG_MIN_TYPE) {
		int r = each(answer, data);

		return r < 0 ? r : 1;
	}
	return 1;
}

/* Until the message of this number is answered. */
static int answer_await(struct nl_sock *sock, uint32_t seq,
			int (*each)(const struct nlmsghdr *answer, void *data), void *data,
			struct nl_refusal *refusal)
{
	int r;

	for (;;) {
		const struct nlmsghdr *answer;
		ssize_t got = nl_receive(sock, &answer);
		int left = (int)got;

		if (got < 0)
			return (int)got;
		for (; nl_msg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
			if (answer->nlmsg_seq != seq)
				continue; /* a late answer to something given up */
			r = answer_take(answer, each, data, refusal);
			if (r <= 0)
				return r;
		}
	}
}

int nl_ask(struct nl_sock *sock, struct nlmsghdr *message,
	   int (*each)(const struct nlmsghdr *answer, void *data), void *data,
	   struct nl_refusal *refusal)
{
	struct nl_refusal unused;
	int r = nl_send(sock, message, NLM_F_ACK);

	refusal = refusal ? refusal : &unused;
	*refusal = (struct nl_refusal){0};
	return r ? r : answer_await(sock, sock->seq, each, data, refusal);
}

int nl_talk_pair(struct nl_sock *sock, struct nlmsghdr *first, struct nlmsghdr *second,
		 struct nl_refusal *refusal)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct iovec parts[] = {{first, NLMSG_ALIGN(first->nlmsg_len)},
				{second, NLMSG_ALIGN(second->nlmsg_len)}};
	struct msghdr both = {.msg_name = &kernel,
			      .msg_namelen = sizeof(kernel),
			      .msg_iov = parts,
			      .msg_iovlen = 2};
	struct nl_refusal other = {0};
	int r, after;

	*refusal = (struct nl_refusal){0};
	first->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	first->nlmsg_seq = ++sock->seq;
	second->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	second->nlmsg_seq = ++sock->seq;
	while (sendmsg(sock->fd, &both, 0) < 0)
		if (errno != EINTR)
			return -errno;
	r = answer_await(sock, first->nlmsg_seq, NULL, NULL, refusal);
	after = answer_await(sock, second->nlmsg_seq, NULL, NULL, r ? &other : refusal);
	return r ? r : after;
}

int nl_talk(struct nl_sock *sock, struct nlmsghdr *message, struct nl_refusal *refusal)
{
	return nl_ask(sock, message, NULL, NULL, refusal);
}
