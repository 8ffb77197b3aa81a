/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/nl_dump.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "sys/nl_msg.h"

#define DUMP_TRIES 30

static int dump_keep(struct nl_dump *dump, const void *bytes, size_t size)
{
	if (dump->size + size > dump->room) {
		size_t room = (dump->room + size) * 2;
		char *grown = realloc(dump->bytes, room);

		if (!grown)
			return -ENOMEM;
		dump->bytes = grown;
		dump->room = room;
	}
	memcpy(dump->bytes + dump->size, bytes, size);
	dump->size += size;
	return 0;
}

/* 1: not the end yet. When it changed meanwhile the rest is read all the same: it is on its way. */
static int dump_take(struct nl_dump *dump, const struct nlmsghdr *message, int left, uint32_t seq,
		     bool *changed, struct nl_refusal *refusal)
{
	int r;

	for (; nl_msg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != seq || !nl_msg_whole(message))
			continue;
		if (message->nlmsg_flags & NLM_F_DUMP_INTR)
			*changed = true;
		if (message->nlmsg_type == NLMSG_DONE)
			return mnl_nlmsg_get_payload_len(message) >= sizeof(int)
				       ? *(const int *)mnl_nlmsg_get_payload(message)
				       : 0;
		if (message->nlmsg_type == NLMSG_ERROR) {
			nl_refusal_get(message, refusal);
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
		}
		r = dump_keep(dump, message, MNL_ALIGN(message->nlmsg_len));
		if (r)
			return r;
	}
	return 1;
}

static int dump_once(struct nl_sock *sock, struct nlmsghdr *message, struct nl_dump *dump,
		     struct nl_refusal *refusal)
{
	bool changed = false;
	int r = nl_send(sock, message, NLM_F_DUMP);

	dump->size = 0;
	if (r)
		return r;
	do {
		const struct nlmsghdr *first;
		ssize_t got = nl_receive(sock, &first);

		if (got < 0)
			return (int)got;
		r = dump_take(dump, first, (int)got, message->nlmsg_seq, &changed, refusal);
	} while (r > 0);
	return r ? r : changed ? -EINTR : 0;
}

int nl_dump_read(struct nl_sock *sock, struct nlmsghdr *message, struct nl_dump *dump,
		 struct err *err)
{
	struct nl_refusal refusal = {0};
	int r = -EINTR;

	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++)
		r = dump_once(sock, message, dump, &refusal);
	if (r == -EINTR)
		return err_set(
			err, -EAGAIN,
			"the system changes faster than it can be read; expected a quiet moment");
	if (r)
		return err_errno(err, r, "read from the kernel%s%s", refusal.text[0] ? ": " : "",
				 refusal.text);
	return 0;
}

void nl_dump_free(struct nl_dump *dump)
{
	free(dump->bytes);
	*dump = (struct nl_dump){0};
}

const struct nlmsghdr *nl_dump_first(const struct nl_dump *dump)
{
	return dump->size >= sizeof(struct nlmsghdr) ? (const struct nlmsghdr *)dump->bytes : NULL;
}

const struct nlmsghdr *nl_dump_next(const struct nl_dump *dump, const struct nlmsghdr *message)
{
	const char *next = (const char *)message + MNL_ALIGN(message->nlmsg_len);

	return next < dump->bytes + dump->size ? (const struct nlmsghdr *)next : NULL;
}
