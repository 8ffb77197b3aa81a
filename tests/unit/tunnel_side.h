/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker processes on loopback, configured over their control sockets; in place of TAP queues,
 * sockets that carry frames with virtio_net headers, one for each lane.
 *
 *	frames -- worker a ---- 127.0.0.1 (or ::1) ---- worker b -- frames
 */
#pragma once
#include "unit/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tunnel/control_wire.h"
#include "tunnel/core.h"
#include "tunnel/worker.h"

#define HEADER 10

struct side {
	pid_t pid;
	int control, frames; /* our ends */
	uint8_t n_lanes;     /* 0: 1 */
	int lane_frames[LANES_MAX];
	struct control_lane lanes[LANES_MAX];
	int socket; /* bound; the worker has a copy */
	struct control_endpoint endpoint;
	struct control_config config;
	struct control_peer peers[4];
};

static struct side a, b;

static inline void start_worker(struct side *side)
{
	int fds[2];
	struct err err = {0};

	CHECK(control_pair(fds, &err) == 0);
	side->pid = fork();
	if (side->pid == 0) {
		close(fds[0]);
		if (!getenv("TSAN_OPTIONS"))
			fclose(stderr);
		_exit(worker_run(fds[1], side->n_lanes ? side->n_lanes : 1));
	}
	close(fds[1]);
	side->control = fds[0];
}

/* family AF_INET, AF_INET6, or AF_UNSPEC: a dual-stack socket that is used for IPv4. */
static inline int bind_socket(struct side *side, int family)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	bool four = family == AF_INET;
	struct sockaddr *address = four ? (void *)&in : (void *)&in6;
	socklen_t size = four ? sizeof(in) : sizeof(in6);
	int only = family == AF_INET6;

	in6.sin6_addr = only ? in6addr_loopback : in6addr_any;
	side->socket = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!four)
		setsockopt(side->socket, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (bind(side->socket, address, size) || getsockname(side->socket, address, &size))
		return -errno;
	side->endpoint.port = ntohs(four ? in.sin_port : in6.sin6_port);
	side->endpoint.family = family == AF_INET6 ? 6 : 4;
	if (family == AF_INET6)
		side->endpoint.address[15] = 1;
	else
		memcpy(side->endpoint.address, (uint8_t[]){127, 0, 0, 1}, 4);
	side->config.udp4_fd = four ? side->socket : -1;
	side->config.udp6_fd = four ? -1 : side->socket;
	return 0;
}

static inline int open_frames(struct side *side)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -1;
	side->frames = fds[0];
	return fds[1];
}

static inline void key_of(uint8_t seed, uint8_t private_key[KEY_SIZE], uint8_t public_key[KEY_SIZE])
{
	struct err err = {0};
	struct crypto *crypto = crypto_new(&err);

	memset(private_key, seed, KEY_SIZE);
	struct keypair *pair = keypair_new(crypto, private_key);
	memcpy(public_key, keypair_public(pair), KEY_SIZE);
	keypair_free(pair);
	crypto_free(crypto);
}

static inline int prepare(struct side *side, uint8_t seed, int family)
{
	*side = (struct side){0};
	side->config = (struct control_config){.mtu = 1500, .peers = side->peers};
	side->config.tap_fd = open_frames(side);
	snprintf(side->config.name, sizeof(side->config.name), "side%d", seed);
	memset(side->config.private_key, seed, KEY_SIZE);
	return bind_socket(side, family);
}

static inline void introduce(struct side *side, const struct side *other, uint8_t seed)
{
	uint8_t private_key[KEY_SIZE];
	struct control_peer *peer = &side->peers[side->config.n_peers++];

	*peer = (struct control_peer){.endpoint = other->endpoint};
	snprintf(peer->name, sizeof(peer->name), "side%d", seed);
	key_of(seed, private_key, peer->public_key);
}

static inline void send_config(struct side *side, int want)
{
	struct err err = {0};
	int rc = control_send_config(side->control, &side->config, &err);

	CHECK(rc == want);
	if (rc != want)
		printf("# %s\n", err.message);
	if (side->config.tap_fd >= 0)
		close(side->config.tap_fd);
	side->config.tap_fd = side->config.udp4_fd = side->config.udp6_fd = -1;
}

static inline bool stop_worker(struct side *side)
{
	int status = -1;

	close(side->control);
	waitpid(side->pid, &status, 0);
	close(side->frames);
	close(side->socket);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline void send_frame_in(struct side *side, const uint8_t *frame, size_t size)
{
	uint8_t bytes[HEADER + 9100] = {0};

	memcpy(bytes + HEADER, frame, size);
	CHECK(send(side->frames, bytes, HEADER + size, 0) == (ssize_t)(HEADER + size));
}

/* Receives a frame within five seconds; its size, or 0. */
static inline size_t receive_frame(struct side *side, uint8_t *frame, size_t room)
{
	struct pollfd ready = {.fd = side->frames, .events = POLLIN};
	uint8_t bytes[HEADER + 9100];

	if (poll(&ready, 1, 5000) != 1)
		return 0;
	ssize_t n = recv(side->frames, bytes, sizeof(bytes), 0);
	if (n <= HEADER || (size_t)n - HEADER > room)
		return 0;
	memcpy(frame, bytes + HEADER, (size_t)n - HEADER);
	return (size_t)n - HEADER;
}

static inline void make_frame(uint8_t *frame, size_t size, uint8_t source, uint8_t to)
{
	for (size_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(i * 11 + size);
	memcpy(frame, (uint8_t[]){2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, source, 0x88, 0xb5}, 14);
	if (to == 255)
		memset(frame, 255, 6);
}

static inline bool passes(struct side *from, struct side *to, size_t size, uint8_t source,
			  uint8_t dest)
{
	uint8_t sent[9100], got[9100];

	make_frame(sent, size, source, dest);
	send_frame_in(from, sent, size);
	return receive_frame(to, got, sizeof(got)) == size && memcmp(sent, got, size) == 0;
}

static inline struct control_peer_status peer_status(struct side *side, int want_n)
{
	struct control_tunnel_status tunnel;
	struct control_peer_status peers[4] = {0};
	struct err err = {0};
	int n = control_read_status(side->control, &tunnel, peers, 4, &err);

	CHECK(n == want_n && tunnel.n_peers == (uint32_t)want_n);
	return peers[0];
}
