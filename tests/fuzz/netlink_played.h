/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel that says what the input says. A reply is flags, a size of 16 bits and bytes; when the
 * input is at its end, whatever is asked is answered as by an empty system that grants all.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "sys/nl_msg.h"

enum {
	REPLY_SEQ = 1,	    /* the messages are answers to what was asked last */
	REPLY_DONE = 2,	    /* and with them the dump is at its end */
	REPLY_OTHER = 4,    /* it comes from another process */
	REPLY_FAILED = 8,   /* the read fails; which way: the size */
	REPLY_LONG = 16,    /* longer than any buffer */
	REPLY_REFUSED = 32, /* an error that answers, with words; the size chooses */
	REPLY_NONE = 64,    /* events: there are none now */
};

static struct input replies;
static struct nlmsghdr asked; /* the last request's head */

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to,
		      socklen_t to_size);
ssize_t __wrap_recvfrom(int fd, void *bytes, size_t room, int flags, struct sockaddr *from,
			socklen_t *from_size);
ssize_t __wrap_recv(int fd, void *bytes, size_t room, int flags);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_netns_open(const char *name, int *fd, struct err *err);
int __wrap_netns_inside(int fd, int (*act)(void *data, struct err *err), void *data,
			struct err *err);
int __wrap_netns_list(int (*each)(const char *name, void *data), void *data);
int __wrap_netns_cookie(int fd, uint64_t *cookie, struct err *err);

int __wrap_socket(int family, int type, int protocol)
{
	return eventfd(0, EFD_CLOEXEC);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size)
{
	return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
	memset(address, 0, *size);
	return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	FUZZ_CHECK(!"nothing of this target asks the kernel");
}

int __wrap_netns_open(const char *name, int *fd, struct err *err)
{
	*fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

int __wrap_netns_inside(int fd, int (*act)(void *data, struct err *err), void *data,
			struct err *err)
{
	return act(data, err);
}

int __wrap_netns_list(int (*each)(const char *name, void *data), void *data)
{
	return each("namespace", data);
}

int __wrap_netns_cookie(int fd, uint64_t *cookie, struct err *err)
{
	*cookie = 4096;
	return 0;
}

/* What is asked is whole: its attributes lie within it. */
ssize_t __wrap_sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to,
		      socklen_t to_size)
{
	memcpy(&asked, bytes, sizeof(asked));
	FUZZ_CHECK(asked.nlmsg_len == size && size >= sizeof(asked) && size <= 8192);
	return (ssize_t)size;
}

static size_t error_put(uint8_t *bytes, int code, const char *words)
{
	struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
	struct nlmsgerr *error = mnl_nlmsg_put_extra_header(head, sizeof(*error));

	head->nlmsg_type = NLMSG_ERROR;
	head->nlmsg_flags = words ? NLM_F_ACK_TLVS | NLM_F_CAPPED : NLM_F_CAPPED;
	head->nlmsg_seq = asked.nlmsg_seq;
	error->error = code;
	error->msg = asked;
	if (words) {
		mnl_attr_put_strz(head, NLMSGERR_ATTR_MSG, words);
		mnl_attr_put_u32(head, NLMSGERR_ATTR_OFFS, (uint32_t)-code * 4);
	}
	return head->nlmsg_len;
}

static size_t done_put(uint8_t *bytes)
{
	struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);

	*(int *)mnl_nlmsg_put_extra_header(head, sizeof(int)) = 0;
	head->nlmsg_type = NLMSG_DONE;
	head->nlmsg_seq = asked.nlmsg_seq;
	return head->nlmsg_len;
}

static ssize_t failed(uint16_t size)
{
	static const int codes[] = {ENOBUFS, EINTR, ENOMEM, EIO};

	errno = codes[size % 4];
	return -1;
}

static void sequence_put(uint8_t *bytes, size_t size)
{
	struct nlmsghdr *head = (struct nlmsghdr *)bytes;
	int left = (int)size;

	for (; nl_msg_ok(head, left); head = mnl_nlmsg_next(head, &left))
		head->nlmsg_seq = asked.nlmsg_seq;
}

/* The next reply into `bytes`; `event`: at its end there is none, else an answer. */
static ssize_t reply(uint8_t *bytes, size_t room, bool event, bool *other)
{
	uint8_t flags = input_u8(&replies);
	size_t size = input_u16(&replies);
	const uint8_t *from;

	if (!input_left(&replies) && !(flags & REPLY_REFUSED)) {
		if (event)
			return 0;
		return (ssize_t)(asked.nlmsg_flags & NLM_F_ACK ? error_put(bytes, 0, NULL)
							       : done_put(bytes));
	}
	*other = flags & REPLY_OTHER;
	if (flags & REPLY_FAILED)
		return failed((uint16_t)size);
	if (flags & REPLY_REFUSED)
		return (ssize_t)error_put(bytes, -(int)(size % 140), size % 2 ? "Invalid mtu" : "");
	from = input_bytes(&replies, &size);
	memcpy(bytes, from, size);
	if (flags & REPLY_SEQ)
		sequence_put(bytes, size);
	if (flags & REPLY_DONE)
		size = MNL_ALIGN(size) + done_put(bytes + MNL_ALIGN(size));
	if (flags & REPLY_NONE && event)
		return 0;
	return flags & REPLY_LONG ? (ssize_t)room + 1 : (ssize_t)size;
}

ssize_t __wrap_recvfrom(int fd, void *bytes, size_t room, int flags, struct sockaddr *from,
			socklen_t *from_size)
{
	bool other = false;
	ssize_t got = reply(bytes, room, false, &other);

	FUZZ_CHECK(room > fuzz_most + 64);
	memset(from, 0, *from_size);
	((uint32_t *)from)[1] = other; /* nl_pid */
	return got;
}

/* Events, until the input says that there are no more. */
ssize_t __wrap_recv(int fd, void *bytes, size_t room, int flags)
{
	bool other;
	ssize_t got = reply(bytes, room, true, &other);

	if (got)
		return got > (ssize_t)room ? (ssize_t)room : got;
	errno = EAGAIN;
	return -1;
}

static void events_end(void)
{
	replies = (struct input){0};
	asked = (struct nlmsghdr){0};
}
