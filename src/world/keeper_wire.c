/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world/keeper_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define MAGIC 0x6d6f6f6c /* "loom" */

struct head {
	uint32_t magic;
	uint8_t protocol;
	uint8_t request;
	uint8_t more; /* 1: another piece follows */
	uint8_t zero;
	int32_t code;
};

_Static_assert(sizeof(struct head) == 12, "the head of a message has no holes");

void keeper_message_fini(struct keeper_message *message)
{
	for (size_t i = 0; i < message->fd_count; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	text_fini(&message->text);
	*message = (struct keeper_message){0};
}

void keeper_socket_widen(int sock)
{
	int bytes = 2 * KEEPER_TEXT_MOST;

	setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
}

int keeper_address(const char *folder, struct sockaddr_un *address, int *folder_fd, struct err *err)
{
	size_t room = sizeof(address->sun_path);

	*folder_fd = -1;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((size_t)snprintf(address->sun_path, room, "%s/%s", folder, KEEPER_SOCKET) < room)
		return 0;
	*folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*folder_fd < 0)
		return err_errno(err, -errno, "cannot open %s", folder);
	snprintf(address->sun_path, room, "/proc/self/fd/%d/%s", *folder_fd, KEEPER_SOCKET);
	return 0;
}

static int send_piece(int sock, const struct head *head, const char *bytes, size_t size,
		      const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(KEEPER_FDS_MOST * sizeof(int))];
	} control = {0};
	struct iovec parts[2] = {
		{.iov_base = (void *)head, .iov_len = sizeof(*head)},
		{.iov_base = (void *)bytes, .iov_len = size},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t sent;

	if (fd_count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, fd_count * sizeof(int));
	}
	do
		sent = sendmsg(sock, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int keeper_message_send(int sock, const struct keeper_message *message, struct err *err)
{
	const char *bytes = text_get(&message->text);
	size_t left = message->text.size, fds = message->fd_count;
	int r;

	if (left > KEEPER_TEXT_MOST || fds > KEEPER_FDS_MOST)
		return err_set(err, -EMSGSIZE, "too much for one message to the keeper");
	do {
		size_t size = left < KEEPER_PIECE_SIZE ? left : KEEPER_PIECE_SIZE;
		struct head head = {
			.magic = MAGIC,
			.protocol = KEEPER_PROTOCOL,
			.request = (uint8_t)message->request,
			.more = left > size,
			.code = message->code,
		};

		r = send_piece(sock, &head, bytes, size, message->fds, fds);
		bytes += size;
		left -= size;
		fds = 0;
	} while (!r && left);
	return r ? err_errno(err, r, "send to the keeper's socket") : 0;
}

/* Descriptors that came along are ours from now on, wanted or not. */
static bool take_fds(struct msghdr *header, struct keeper_message *message)
{
	bool good = !(header->msg_flags & (MSG_CTRUNC | MSG_TRUNC));

	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (message->begun || message->fd_count == KEEPER_FDS_MOST) {
				close(fd);
				good = false;
			} else {
				message->fds[message->fd_count++] = fd;
			}
		}
	}
	return good;
}

static bool head_good(const struct head *head, ssize_t got, const struct keeper_message *message)
{
	return got >= (ssize_t)sizeof(*head) && head->magic == MAGIC &&
	       head->protocol == KEEPER_PROTOCOL && head->request < KEEPER_REQUEST_COUNT &&
	       head->more <= 1 && !head->zero && head->code <= 0 && head->code > -4096 &&
	       (!message->begun ||
		(head->request == message->request && head->code == message->code));
}

int keeper_message_receive(int sock, struct keeper_message *message, struct err *err)
{
	char bytes[KEEPER_PIECE_SIZE], control[CMSG_SPACE(KEEPER_FDS_MOST * sizeof(int))];
	struct head head;
	struct iovec parts[2] = {{&head, sizeof(head)}, {bytes, sizeof(bytes)}};
	struct msghdr header = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(sock, &header, MSG_CMSG_CLOEXEC);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return err_errno(err, -errno, "read from the keeper's socket");
	if (!take_fds(&header, message))
		return err_set(err, -EPROTO, "the keeper's socket: a message that is too long");
	if (!got)
		return err_set(err, -ECONNRESET, "the other end of the keeper's socket is gone");
	if (!head_good(&head, got, message))
		return err_set(err, -EPROTO,
			       "the keeper's socket: not a message of protocol %d; another version "
			       "of lanloom runs",
			       KEEPER_PROTOCOL);
	message->begun = true;
	message->request = head.request;
	message->code = head.code;
	text_addn(&message->text, bytes, (size_t)got - sizeof(head));
	if (message->text.size > KEEPER_TEXT_MOST || memchr(bytes, 0, (size_t)got - sizeof(head)))
		return err_set(err, -EPROTO, "the keeper's socket: a text that is none");
	return !head.more;
}
