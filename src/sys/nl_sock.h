/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A netlink socket that asks one thing at a time: one message per send, its acknowledgement
 * awaited. What the kernel says about a refusal (which byte, in which words) is kept, so that the
 * caller can find the line of the description that caused it.
 */
#pragma once
#include <linux/netlink.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct nl_sock;

/* What the kernel said when it refused. */
struct nl_refusal {
	uint32_t offset;  /* of the attribute it means, in the message sent; 0: it did not say */
	uint16_t missing; /* type of an attribute it wants; 0: it did not say */
	char text[160];	  /* its words, or "" */
};

/* Opens a NETLINK_ROUTE socket in the namespace of the calling thread. */
int nl_sock_open(struct nl_sock **sock, struct err *err);
void nl_sock_close(struct nl_sock *sock); /* NULL: nothing */
int nl_sock_fd(const struct nl_sock *sock);
uint32_t nl_sock_port(const struct nl_sock *sock); /* nlmsg_pid of what it causes */

/* Sends one message (flags REQUEST and ACK are added) and awaits what becomes of it: 0 or -errno.
 */
int nl_talk(struct nl_sock *sock, struct nlmsghdr *message, struct nl_refusal *refusal);

/*
 * Two messages in one system call: whoever is killed has sent both or none. The kernel does the
 * second also where it refuses the first. Answers the first refusal.
 */
int nl_talk_pair(struct nl_sock *sock, struct nlmsghdr *first, struct nlmsghdr *second,
		 struct nl_refusal *refusal);

/* As nl_talk for a question: `each` gets the answer before 0 is returned. */
int nl_ask(struct nl_sock *sock, struct nlmsghdr *message,
	   int (*each)(const struct nlmsghdr *answer, void *data), void *data,
	   struct nl_refusal *refusal);

/*
 * The two halves, for dumps. nl_receive: one read of what came from the kernel, valid until the
 * next; returns its size, or -errno. nl_refusal_get: the extended part of an NLMSG_ERROR.
 */
int nl_send(struct nl_sock *sock, struct nlmsghdr *message, uint16_t flags);
ssize_t nl_receive(struct nl_sock *sock, const struct nlmsghdr **first);
void nl_refusal_get(const struct nlmsghdr *answer, struct nl_refusal *refusal);
