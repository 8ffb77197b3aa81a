/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls of a traced process: which change something, and how to make them fail. */
#pragma once
#include <linux/ptrace.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct call {
	char what[200];
	uint32_t seq; /* of a netlink message; 0: none */
};

/* Does this call, about to be made, change something or ask for it? */
bool call_changes(pid_t pid, const struct ptrace_syscall_info *entry, struct call *call);

/* Keeps the arguments of the call being made: at its end only its value is told. */
void call_remember(pid_t pid, const struct ptrace_syscall_info *entry);

/* At a call's begin: it will not be made. At its end: what it answers. 0 or -1 with errno. */
int call_skip(pid_t pid);
int call_answer(pid_t pid, long value);

/* At a receive's end: the good acknowledgement of `seq` in it becomes `code`. True: it was there.
 */
bool call_ack_spoil(pid_t pid, int64_t received, uint32_t seq, int code);
