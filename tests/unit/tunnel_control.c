/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages between keeper and worker that neither of them would send. */
#include <dirent.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel/control_wire.h"
#include "unit/test.h"

#define FDS_MOST 6

static void send_with(int fd, const struct control_message *message, size_t n_fds)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} space = {.align = {CMSG_LEN(n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec part = {(void *)message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	int event = eventfd(0, EFD_CLOEXEC);

	for (size_t i = 0; i < n_fds; i++)
		memcpy(CMSG_DATA(&space.align) + i * sizeof(int), &event, sizeof(int));
	if (n_fds) {
		header.msg_control = &space;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	CHECK(sendmsg(fd, &header, 0) == sizeof(*message));
	close(event);
}

static int open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	while (folder && readdir(folder))
		n++;
	closedir(folder);
	return n;
}

/* Three are welcome; the room for them is one larger, and a fourth must not be written behind it.
 */
static void any_number_of_descriptors(void)
{
	for (size_t n = 0; n <= FDS_MOST; n++) {
		struct control_message message = {.magic = CONTROL_MAGIC,
						  .type = CONTROL_BEGIN,
						  .fd_mask = n < 3 ? (1u << n) - 1 : 7};
		int fds[2], came[CONTROL_FDS], before;
		struct err err;

		CHECK(control_pair(fds, &err) == 0);
		before = open_files();
		send_with(fds[0], &message, n);
		CHECK(control_message_receive(fds[1], &message, came) == (n <= 3 ? 1 : -EPROTO));
		for (size_t i = 0; n <= 3 && i < CONTROL_FDS; i++)
			if (came[i] >= 0)
				close(came[i]);
		CHECK(open_files() == before); /* those nobody wants are closed */
		send_with(fds[0], &message, n);
		CHECK(control_message_receive(fds[1], &message, NULL) <= 0 || n == 0);
		CHECK(open_files() == before);
		close(fds[0]);
		close(fds[1]);
	}
}

static void truths_are_true_or_false(void)
{
	struct control_message message = {.magic = CONTROL_MAGIC, .type = CONTROL_PEER};
	int fds[2], came[CONTROL_FDS];
	uint8_t byte;
	struct err err;

	CHECK(control_pair(fds, &err) == 0);
	memset(&message.peer.relay, 0xa5, 1);
	memset(&message.peer.has_preshared_key, 2, 1);
	send_with(fds[0], &message, 0);
	CHECK(control_message_receive(fds[1], &message, came) == 1);
	memcpy(&byte, &message.peer.relay, 1);
	CHECK(byte == 1);
	memcpy(&byte, &message.peer.has_preshared_key, 1);
	CHECK(byte == 1);
	close(fds[0]);
	close(fds[1]);
}

/* Whoever is told of an error is told something. */
static void a_refusal_has_words(void)
{
	struct control_message answer = {
		.magic = CONTROL_MAGIC, .type = CONTROL_RESULT, .result.code = -EINVAL};
	uint8_t key[CONTROL_KEY_SIZE] = {0};
	struct err err = {0};
	int fds[2];

	CHECK(control_pair(fds, &err) == 0);
	send_with(fds[1], &answer, 0);
	CHECK(control_remove_peer(fds[0], key, &err) == -EINVAL);
	CHECK_TEXT(err.message, "the tunnel's worker refused and gave no reason");
	answer.result.code = 1;
	send_with(fds[1], &answer, 0);
	CHECK(control_remove_peer(fds[0], key, &err) == -EPROTO);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	TEST(any_number_of_descriptors);
	TEST(truths_are_true_or_false);
	TEST(a_refusal_has_words);
	return test_done();
}
