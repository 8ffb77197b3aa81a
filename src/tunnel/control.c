/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/control.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tunnel/control_wire.h"
#include "tunnel/crypto.h"

union fd_space {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
};

const char *control_cipher_name(enum control_cipher cipher)
{
	switch (cipher) {
	case CONTROL_CIPHER_AUTO:
		return "auto";
	case CONTROL_CIPHER_AES256GCM:
		return "aes256gcm";
	case CONTROL_CIPHER_CHACHA20POLY1305:
		return "chacha20poly1305";
	case CONTROL_CIPHER_INHERIT:
	case CONTROL_CIPHER_COUNT:
		break;
	}
	return "";
}

int control_message_send(int fd, const struct control_message *message, const int fds[CONTROL_FDS])
{
	struct iovec part = {(void *)message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	union fd_space space = {0};
	int sent[CONTROL_FDS];
	size_t n_fds = 0;
	ssize_t n;

	for (int i = 0; i < CONTROL_FDS; i++)
		if (message->fd_mask & 1u << i)
			sent[n_fds++] = fds[i];
	if (n_fds) {
		header.msg_control = space.bytes;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		*c = (struct cmsghdr){CMSG_LEN(n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(c), sent, n_fds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &header, MSG_NOSIGNAL); /* syscall: sendmsg */
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/*
 * Takes up to CONTROL_FDS descriptors; returns how many. The room for them is rounded up, so one
 * more may come than there are places: it is closed, and *too_many.
 */
static size_t take_fds(struct msghdr *header, int fds[CONTROL_FDS], bool *too_many)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < CONTROL_FDS) {
				fds[n++] = fd;
				continue;
			}
			close(fd);
			*too_many = true;
		}
	}
	return n;
}

/* Puts descriptors where the mask says. False: there are not as many as it says. */
static bool spread_fds(uint32_t mask, const int *came, size_t n_came, int fds[CONTROL_FDS])
{
	size_t used = 0;

	for (int i = 0; i < CONTROL_FDS; i++) {
		bool wanted = mask & 1u << i;

		if (wanted && used == n_came)
			return false;
		fds[i] = wanted ? came[used++] : -1;
	}
	return used == n_came;
}

/* A byte of the other end's that is neither 0 nor 1 is no bool. */
static void make_truth(bool *truth)
{
	uint8_t byte;

	memcpy(&byte, truth, sizeof(byte));
	*truth = byte != 0;
}

/* Strings end, truths are true or false; numbers are for those who use them to judge. */
static void make_sound(struct control_message *message)
{
	switch (message->type) {
	case CONTROL_BEGIN:
		message->begin.name[CONTROL_NAME_SIZE - 1] = '\0';
		break;
	case CONTROL_PEER:
	case CONTROL_SET:
	case CONTROL_REMOVE:
		message->peer.name[CONTROL_NAME_SIZE - 1] = '\0';
		make_truth(&message->peer.has_preshared_key);
		make_truth(&message->peer.relay);
		break;
	case CONTROL_RESULT:
		message->result.message[sizeof(message->result.message) - 1] = '\0';
		break;
	case CONTROL_TUNNEL:
		message->tunnel.name[CONTROL_NAME_SIZE - 1] = '\0';
		message->tunnel.aead[CONTROL_NAME_SIZE - 1] = '\0';
		break;
	case CONTROL_PEER_STATUS:
		message->peer_status.name[CONTROL_NAME_SIZE - 1] = '\0';
		make_truth(&message->peer_status.connected);
		break;
	}
}

int control_message_receive(int fd, struct control_message *message, int fds[CONTROL_FDS])
{
	struct iovec part = {message, sizeof(*message)};
	union fd_space space = {0};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = space.bytes,
				.msg_controllen = sizeof(space.bytes)};
	int came[CONTROL_FDS], none[CONTROL_FDS];
	bool too_many = false;
	ssize_t n;

	do {
		n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC); /* syscall: recvmsg */
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	size_t n_came = take_fds(&header, came, &too_many);
	bool sound = (size_t)n == sizeof(*message) && message->magic == CONTROL_MAGIC &&
		     message->type < CONTROL_MESSAGE_COUNT && !too_many &&
		     !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && (fds || !n_came) &&
		     spread_fds(message->fd_mask, came, n_came, fds ? fds : none);
	if (sound) {
		make_sound(message);
		return 1;
	}
	for (size_t i = 0; i < n_came; i++)
		close(came[i]);
	return n == 0 ? 0 : -EPROTO;
}

int control_pair(int fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return err_errno(err, -errno, "make a pair of control sockets");
	return 0;
}

static int send_to_worker(int fd, struct control_message *message, enum control_message_type type,
			  const int fds[CONTROL_FDS], struct err *err)
{
	message->magic = CONTROL_MAGIC;
	message->type = type;
	int rc = control_message_send(fd, message, fds);
	return rc ? err_errno(err, rc, "speak to the tunnel's worker") : 0;
}

/* Waits for the next message. */
static int await(int fd, struct control_message *message, struct err *err)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int n;

	do {
		n = poll(&ready, 1, CONTROL_TIMEOUT_MS);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return err_set(err, -ETIMEDOUT, "the tunnel's worker does not answer");
	int rc = control_message_receive(fd, message, NULL);
	if (rc == 1)
		return 0;
	return rc == 0 ? err_set(err, -EPIPE, "the tunnel's worker has ended")
		       : err_errno(err, rc, "hear from the tunnel's worker");
}

static int await_result(int fd, struct err *err)
{
	struct control_message answer;
	int rc = await(fd, &answer, err);

	if (rc)
		return rc;
	if (answer.type != CONTROL_RESULT || answer.result.code > 0)
		return err_set(err, -EPROTO, "the tunnel's worker answers nonsense");
	if (answer.result.code)
		return err_set(err, answer.result.code, "%s",
			       answer.result.message[0]
				       ? answer.result.message
				       : "the tunnel's worker refused and gave no reason");
	return 0;
}

static uint32_t mask_of(const int fds[CONTROL_FDS])
{
	uint32_t mask = 0;

	for (int i = 0; i < CONTROL_FDS; i++)
		if (fds[i] >= 0)
			mask |= 1u << i;
	return mask;
}

static int send_lanes(int fd, const struct control_config *config, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; config->lanes && i + 1 < config->n_lanes && rc == 0; i++) {
		const struct control_lane *lane = &config->lanes[i];
		const int fds[CONTROL_FDS] = {lane->tap_fd, lane->udp4_fd, lane->udp6_fd};
		struct control_message message = {.fd_mask = mask_of(fds), .lane = i + 1};

		rc = send_to_worker(fd, &message, CONTROL_LANE, fds, err);
	}
	return rc;
}

static int send_begin(int fd, const struct control_config *config, struct err *err)
{
	const int fds[CONTROL_FDS] = {config->tap_fd, config->udp4_fd, config->udp6_fd};
	struct control_message message = {0};

	memcpy(message.begin.name, config->name, CONTROL_NAME_SIZE);
	memcpy(message.begin.private_key, config->private_key, CONTROL_KEY_SIZE);
	message.begin.cipher = config->cipher;
	message.begin.mtu = config->mtu;
	message.begin.segment = config->segment;
	message.begin.n_lanes = config->n_lanes;
	message.begin.n_peers = (uint32_t)config->n_peers;
	message.fd_mask = mask_of(fds);
	int rc = send_to_worker(fd, &message, CONTROL_BEGIN, fds, err);
	crypto_wipe(&message, sizeof(message));
	return rc;
}

static int send_peer(int fd, const struct control_peer *peer, enum control_message_type type,
		     struct err *err)
{
	struct control_message message = {0};

	message.peer = *peer;
	int rc = send_to_worker(fd, &message, type, NULL, err);
	crypto_wipe(&message, sizeof(message));
	return rc;
}

int control_send_config(int fd, const struct control_config *config, struct err *err)
{
	struct control_message commit = {0};

	if (config->n_peers > CONTROL_PEERS_MAX)
		return err_set(err, -EINVAL, "%zu peers; at most %d", config->n_peers,
			       CONTROL_PEERS_MAX);
	if (config->n_lanes > CONTROL_LANES_MAX)
		return err_set(err, -EINVAL, "%u lanes; at most %d", config->n_lanes,
			       CONTROL_LANES_MAX);
	int rc = send_begin(fd, config, err);
	if (rc == 0)
		rc = send_lanes(fd, config, err);
	for (size_t i = 0; i < config->n_peers && rc == 0; i++)
		rc = send_peer(fd, &config->peers[i], CONTROL_PEER, err);
	if (rc == 0)
		rc = send_to_worker(fd, &commit, CONTROL_COMMIT, NULL, err);
	return rc ? rc : await_result(fd, err);
}

int control_set_peer(int fd, const struct control_peer *peer, struct err *err)
{
	int rc = send_peer(fd, peer, CONTROL_SET, err);

	return rc ? rc : await_result(fd, err);
}

int control_remove_peer(int fd, const uint8_t public_key[CONTROL_KEY_SIZE], struct err *err)
{
	struct control_peer peer = {0};

	memcpy(peer.public_key, public_key, CONTROL_KEY_SIZE);
	int rc = send_peer(fd, &peer, CONTROL_REMOVE, err);
	return rc ? rc : await_result(fd, err);
}

int control_send_tap(int fd, uint32_t lane, int tap_fd, struct err *err)
{
	const int fds[CONTROL_FDS] = {tap_fd, -1, -1};
	struct control_message message = {.fd_mask = 1, .lane = lane};
	int rc = send_to_worker(fd, &message, CONTROL_TAP, fds, err);

	return rc ? rc : await_result(fd, err);
}

int control_read_status(int fd, struct control_tunnel_status *tunnel,
			struct control_peer_status *peers, size_t len, struct err *err)
{
	struct control_message message = {0};
	size_t n = 0;
	int rc = send_to_worker(fd, &message, CONTROL_STATUS, NULL, err);

	if (rc == 0)
		rc = await(fd, &message, err);
	if (rc == 0 && message.type != CONTROL_TUNNEL)
		rc = err_set(err, -EPROTO, "the tunnel's worker answers nonsense");
	if (rc)
		return rc;
	*tunnel = message.tunnel;
	while ((rc = await(fd, &message, err)) == 0 && message.type == CONTROL_PEER_STATUS)
		if (n < len)
			peers[n++] = message.peer_status;
	if (rc)
		return rc;
	return message.type == CONTROL_RESULT
		       ? (int)n
		       : err_set(err, -EPROTO, "the tunnel's worker answers nonsense");
}
