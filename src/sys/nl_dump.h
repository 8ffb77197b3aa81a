/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dump as it was at one moment: read to its end, and again from the start when the kernel says
 * that something changed meanwhile (NLM_F_DUMP_INTR).
 */
#pragma once
#include "sys/nl_sock.h"

struct nl_dump {
	char *bytes; /* the messages, one behind the other, aligned; malloc'ed */
	size_t size;
	size_t room;
};

/* `message`: an RTM_GET…; flags are added. -EAGAIN: it changed all the time. */
int nl_dump_read(struct nl_sock *sock, struct nlmsghdr *message, struct nl_dump *dump,
		 struct err *err);
void nl_dump_free(struct nl_dump *dump);

/* for (m = nl_dump_first(&dump); m; m = nl_dump_next(&dump, m)) */
const struct nlmsghdr *nl_dump_first(const struct nl_dump *dump);
const struct nlmsghdr *nl_dump_next(const struct nl_dump *dump, const struct nlmsghdr *message);

#define NL_DUMP_CLEANUP __attribute__((cleanup(nl_dump_free)))
