/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making and taking apart netlink messages: what libmnl leaves to its callers. */
#pragma once
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for the largest message sent: both ends of a veth with an alias each, and to spare. */
#define NL_MSG_SIZE 8192

struct nl_msg {
	union {
		struct nlmsghdr head;
		char bytes[NL_MSG_SIZE];
	};
};

/* Begins a message with a zeroed family header of `size` bytes, which is returned. */
void *nl_msg_start(struct nl_msg *msg, uint16_t type, uint16_t flags, size_t size);

/* As mnl_nlmsg_ok, which takes a length above 2^31 for a negative one, and so for a short one. */
bool nl_msg_ok(const struct nlmsghdr *message, int left);

/*
 * It is as long as the header that its type promises (link, address, route, error). What the doors
 * hand on is whole; attributes may still be of any length.
 */
bool nl_msg_whole(const struct nlmsghdr *message);

/* Sets table[type] for the attributes of types below `count`; the others stay NULL. */
void nl_attrs(const struct nlmsghdr *message, size_t header_size, const struct nlattr **table,
	      size_t count);
void nl_nest_attrs(const struct nlattr *nest, const struct nlattr **table, size_t count);

/* An attribute of a nest, NULL: there is none (nor, perhaps, a nest). */
const struct nlattr *nl_nest_find(const struct nlattr *nest, uint16_t type);

/* Values of attributes that may be too short or not be there. */
uint32_t nl_u32(const struct nlattr *attr, uint32_t otherwise); /* from 1, 2 or 4 bytes */
const char *nl_text(const struct nlattr *attr);			/* NULL: none, or no NUL in it */
