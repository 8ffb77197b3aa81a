/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of calls that change something, and the pokes into a stopped process. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include "fire.h"

#define KEPT 64
#define RECEIVED_MOST 65536

static struct {
	pid_t pid;
	uint64_t nr, args[6];
} kept[KEPT];

static ssize_t peek(pid_t pid, uint64_t at, void *to, size_t size)
{
	struct iovec own = {to, size}, its = {(void *)at, size};

	return process_vm_readv(pid, &own, 1, &its, 1, 0);
}

static void peek_text(pid_t pid, uint64_t at, char *to, size_t size)
{
	size_t i = 0;

	for (; i + 1 < size && peek(pid, at + i, to + i, 1) == 1 && to[i]; i++)
		;
	to[i] = '\0';
}

static void fd_path(pid_t pid, int fd, char *path, size_t size)
{
	char link[64];
	ssize_t got;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, fd);
	got = readlink(link, path, size - 1);
	path[got > 0 ? got : 0] = '\0';
}

static const char *message_word(unsigned int type)
{
	static const char *const words[] = {"LINK", "ADDR", "ROUTE", "NEIGH", "RULE", "QDISC"};
	static const char *const acts[] = {"NEW", "DEL", "GET", "SET"};
	static char word[40];

	if (type < RTM_BASE)
		return "control";
	snprintf(word, sizeof(word), "%s%s", acts[(type - RTM_BASE) % 4],
		 (type - RTM_BASE) / 4 < 6 ? words[(type - RTM_BASE) / 4] : "OTHER");
	return word;
}

/* The number and, where it says one, the name of the link a message is about. */
static void link_describe(const struct nlmsghdr *message, size_t size, char *out, size_t room)
{
	const struct ifinfomsg *link = (const struct ifinfomsg *)(message + 1);
	size_t at = sizeof(*message) + sizeof(*link);
	const char *bytes = (const char *)message, *name = "";

	if (message->nlmsg_type > RTM_DELLINK || size < at) {
		*out = '\0';
		return;
	}
	while (at + sizeof(struct nlattr) <= size) {
		const struct nlattr *attr = (const struct nlattr *)(bytes + at);

		if (attr->nla_len < sizeof(*attr))
			break;
		if ((attr->nla_type & NLA_TYPE_MASK) == IFLA_IFNAME)
			name = (const char *)(attr + 1);
		at += NLA_ALIGN(attr->nla_len);
	}
	snprintf(out, room, " %s%d", name, name[0] ? 0 : link->ifi_index);
}

/* To netlink: messages that change. To others (the keeper): all. */
static bool sends(pid_t pid, int fd, uint64_t at, size_t size, struct call *call)
{
	char bytes[512] __attribute__((aligned(8))) = {0}, path[100], more[60];
	const struct nlmsghdr *message = (const struct nlmsghdr *)bytes;
	size_t had = size < sizeof(bytes) ? size : sizeof(bytes);

	fd_path(pid, fd, path, sizeof(path));
	if (strncmp(path, "socket:", 7) != 0 || peek(pid, at, bytes, had) != (ssize_t)had)
		return false;
	if (had >= sizeof(*message) && message->nlmsg_len == size &&
	    message->nlmsg_flags & NLM_F_REQUEST) {
		link_describe(message, had, more, sizeof(more));
		snprintf(call->what, sizeof(call->what), "send %s%s",
			 message_word(message->nlmsg_type), more);
		call->seq = message->nlmsg_seq;
		return message->nlmsg_type >= RTM_BASE && (message->nlmsg_type - RTM_BASE) % 4 != 2;
	}
	snprintf(call->what, sizeof(call->what), "send to a peer");
	return true;
}

static bool sends_message(pid_t pid, int fd, uint64_t at, struct call *call)
{
	struct msghdr header;
	struct iovec part;

	return peek(pid, at, &header, sizeof(header)) == sizeof(header) && header.msg_iovlen &&
	       peek(pid, (uint64_t)header.msg_iov, &part, sizeof(part)) == sizeof(part) &&
	       sends(pid, fd, (uint64_t)part.iov_base, part.iov_len, call);
}

static bool controls(uint64_t request, struct call *call)
{
	static const struct {
		uint64_t request;
		const char *word;
	} known[] = {
		{TUNSETIFF, "TUNSETIFF"},	  {TUNSETPERSIST, "TUNSETPERSIST"},
		{TUNSETOWNER, "TUNSETOWNER"},	  {TUNSETGROUP, "TUNSETGROUP"},
		{TUNSETIFINDEX, "TUNSETIFINDEX"}, {SIOCSIFFLAGS, "SIOCSIFFLAGS"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].request == request) {
			snprintf(call->what, sizeof(call->what), "ioctl %s", known[i].word);
			return true;
		}
	return false;
}

/* Files of the system's or of lanloom's state; not pipes, terminals, what is printed. */
static bool writes(pid_t pid, int fd, const char *word, struct call *call)
{
	char path[150];

	fd_path(pid, fd, path, sizeof(path));
	snprintf(call->what, sizeof(call->what), "%s %s", word, path);
	return path[0] == '/' && strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/tmp/", 5) != 0;
}

static bool names(pid_t pid, uint64_t path, const char *word, struct call *call)
{
	char text[150];

	peek_text(pid, path, text, sizeof(text));
	snprintf(call->what, sizeof(call->what), "%s %s", word, text);
	return true;
}

static bool plain(const char *word, struct call *call)
{
	snprintf(call->what, sizeof(call->what), "%s", word);
	return true;
}

bool call_changes(pid_t pid, const struct ptrace_syscall_info *entry, struct call *call)
{
	const uint64_t *arg = (const uint64_t *)entry->entry.args;

	*call = (struct call){0};
	switch (entry->entry.nr) {
	case SYS_sendto:
		return sends(pid, (int)arg[0], arg[1], arg[2], call);
	case SYS_sendmsg:
		return sends_message(pid, (int)arg[0], arg[1], call);
	case SYS_ioctl:
		return controls((uint32_t)arg[1], call);
	case SYS_write:
		return writes(pid, (int)arg[0], "write", call);
	case SYS_fsync:
	case SYS_fdatasync:
		return writes(pid, (int)arg[0], "fsync", call);
	case SYS_openat:
		return arg[2] & (O_CREAT | O_WRONLY) && names(pid, arg[1], "open", call);
	case SYS_renameat:
	case SYS_renameat2:
		return names(pid, arg[3], "rename", call);
	case SYS_unlinkat:
		return names(pid, arg[1], "unlink", call);
	case SYS_mkdirat:
		return names(pid, arg[1], "mkdir", call);
	case SYS_mount:
		return names(pid, arg[1], "mount", call);
	case SYS_umount2:
		return names(pid, arg[0], "umount", call);
	case SYS_unshare:
		return plain("unshare", call);
	case SYS_setns:
		return plain("setns", call);
	case SYS_clone:
	case SYS_clone3:
		return plain("clone", call);
#ifdef SYS_rename /* calls that newer machines do not have */
	case SYS_fork:
	case SYS_vfork:
		return plain("clone", call);
	case SYS_rename:
		return names(pid, arg[1], "rename", call);
	case SYS_unlink:
	case SYS_rmdir:
		return names(pid, arg[0], "unlink", call);
	case SYS_mkdir:
		return names(pid, arg[0], "mkdir", call);
#endif
	}
	return false;
}

void call_remember(pid_t pid, const struct ptrace_syscall_info *entry)
{
	size_t slot = (size_t)pid % KEPT;

	kept[slot].pid = pid;
	kept[slot].nr = entry->entry.nr;
	memcpy(kept[slot].args, entry->entry.args, sizeof(kept[slot].args));
}

#if defined(__x86_64__)
int call_skip(pid_t pid)
{
	return (int)ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
}

int call_answer(pid_t pid, long value)
{
	return (int)ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), value);
}
#elif defined(__aarch64__)
#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

int call_skip(pid_t pid)
{
	int none = -1;
	struct iovec part = {&none, sizeof(none)};

	return (int)ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &part);
}

int call_answer(pid_t pid, long value)
{
	struct user_regs_struct regs;
	struct iovec part = {&regs, sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &part) < 0)
		return -1;
	regs.regs[0] = (unsigned long)value;
	return (int)ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &part);
}
#else
int call_skip(pid_t pid)
{
	errno = ENOSYS;
	return -1;
}

int call_answer(pid_t pid, long value)
{
	errno = ENOSYS;
	return -1;
}
#endif

bool call_ack_spoil(pid_t pid, int64_t received, uint32_t seq, int code)
{
	static char bytes[RECEIVED_MOST] __attribute__((aligned(8)));
	size_t slot = (size_t)pid % KEPT, at = 0;

	if (kept[slot].pid != pid || kept[slot].nr != SYS_recvfrom || received <= 0 ||
	    received > RECEIVED_MOST ||
	    peek(pid, kept[slot].args[1], bytes, (size_t)received) != received)
		return false;
	while (at + sizeof(struct nlmsghdr) + sizeof(int) <= (size_t)received) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)(bytes + at);
		uint64_t its = kept[slot].args[1] + at + sizeof(*message);
		struct iovec own = {&code, sizeof(code)}, there = {(void *)its, sizeof(code)};

		if (message->nlmsg_type == NLMSG_ERROR && message->nlmsg_seq == seq)
			return *(const int *)(message + 1) == 0 &&
			       process_vm_writev(pid, &own, 1, &there, 1, 0) > 0;
		if (message->nlmsg_len < sizeof(*message))
			break;
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
	return false;
}
