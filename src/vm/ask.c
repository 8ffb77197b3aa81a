/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a plain user does: starts the helper, and takes what it hands over a socket. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "lib/lib.h"
#include "vm/helper.h"
#include "vm/vm.h"

/* Beside this program; for another one that uses the library, beside the one installed. Whatever
 * the caller names runs with the caller's power, unless the file itself has more. */
static void helper_path(char path[PATH_MAX])
{
	const char *named = getenv("LANLOOM_VM_HELPER");
	char own[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	own[size < 0 ? 0 : size] = '\0';
	slash = strrchr(own, '/');
	if (!slash || !text_starts(slash + 1, "lanloom")) {
		snprintf(own, sizeof(own), "%s", LANLOOM_PROGRAM);
		slash = strrchr(own, '/');
	}
	snprintf(path, PATH_MAX, "%.*s/" VM_HELPER, (int)(slash - own), own);
	if (named)
		snprintf(path, PATH_MAX, "%s", named);
}

static void helper_become(const struct vm_ask *ask, const char *path, int sock)
{
	char network[300], guest[300], queues[32];
	char *argv[] = {VM_HELPER, network, queues, ask->guest ? guest : NULL, NULL};

	snprintf(network, sizeof(network), "--network=%s", ask->network);
	snprintf(guest, sizeof(guest), "--guest=%s", ask->guest ? ask->guest : "");
	snprintf(queues, sizeof(queues), "--queues=%u", ask->queues);
	sock = dup(sock); /* without its close-on-exec, whatever its number is */
	if (sock != VM_HELPER_FD)
		dup2(sock, VM_HELPER_FD);
	closefrom(VM_HELPER_FD + 1);
	execv(path, argv);
	_exit(127);
}

/* Takes the descriptors of a message; those there is no room for are closed. */
static void fds_take(struct msghdr *message, struct vm_port *port)
{
	for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
		size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		const unsigned char *from = CMSG_DATA(one);

		if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++, from += sizeof(int)) {
			int fd;

			memcpy(&fd, from, sizeof(fd));
			if (port->count < VM_QUEUES_MOST)
				port->fds[port->count++] = fd;
			else
				close(fd);
		}
	}
}

static int answer_read(int sock, struct vm_port *port, struct vm_reply *reply)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(VM_QUEUES_MOST * sizeof(int))];
	} control;
	struct iovec part = {reply, sizeof(*reply)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	do
		got = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		fds_take(&message, port);
	return got == sizeof(*reply) ? 0 : -EPROTO;
}

/* What came of a helper that said nothing. */
static int helper_silent(const char *path, int status, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		err_set(err, -EPERM,
			"takes root, or the helper for plain users, and there is no %s", path);
		return err_hint(err,
				"as root: install -m 4755 \"$(readlink -f \"$(command -v lanloom)"
				"\")\" %s; " VM_ACL_FILE " says who may",
				path);
	}
	return err_set(err, -EPROTO, "%s ended without an answer", path);
}

static int reply_use(const struct vm_reply *reply, struct vm_port *port, struct err *err)
{
	if (!reply->code && port->count) {
		snprintf(port->device, sizeof(port->device), "%.15s", reply->device);
		snprintf(port->mac, sizeof(port->mac), "%.17s", reply->mac);
		return 0;
	}
	err_set(err, reply->code < 0 ? reply->code : -EPROTO, "%.*s",
		(int)sizeof(reply->message) - 1, reply->message);
	return err_hint(err, "%.*s", (int)sizeof(reply->hint) - 1, reply->hint);
}

int vm_helper_ask(const struct vm_ask *ask, struct vm_port *port, struct err *err)
{
	struct vm_reply reply;
	char path[PATH_MAX];
	int ends[2], status = 0, r;
	pid_t child;

	*port = (struct vm_port){0};
	helper_path(path);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(err, -errno, "start %s", path);
	child = fork();
	if (child == 0)
		helper_become(ask, path, ends[1]);
	close(ends[1]);
	r = child < 0 ? -errno : answer_read(ends[0], port, &reply);
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0)
		return err_errno(err, r, "start %s", path);
	r = r ? helper_silent(path, status, err) : reply_use(&reply, port, err);
	if (r)
		vm_port_close(port);
	return r;
}
