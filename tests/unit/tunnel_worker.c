/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real worker processes on loopback, configured over their control sockets; in place of TAPs,
 * sockets that carry frames with virtio_net headers.
 *
 *	frames -- worker a ---- 127.0.0.1 (or ::1) ---- worker b -- frames
 */
#include "unit/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
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
	int socket;	     /* bound; the worker has a copy */
	struct control_endpoint endpoint;
	struct control_config config;
	struct control_peer peers[4];
};

static struct side a, b;

static void start_worker(struct side *side)
{
	int fds[2];
	struct err err = {0};

	CHECK(control_pair(fds, &err) == 0);
	side->pid = fork();
	if (side->pid == 0) {
		close(fds[0]);
		fclose(stderr);
		_exit(worker_run(fds[1]));
	}
	close(fds[1]);
	side->control = fds[0];
}

/* family AF_INET, AF_INET6, or AF_UNSPEC: a dual-stack socket that is used for IPv4. */
static int bind_socket(struct side *side, int family)
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

static int open_frames(struct side *side)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -1;
	side->frames = fds[0];
	return fds[1];
}

static void key_of(uint8_t seed, uint8_t private_key[KEY_SIZE], uint8_t public_key[KEY_SIZE])
{
	struct err err = {0};
	struct crypto *crypto = crypto_new(&err);

	memset(private_key, seed, KEY_SIZE);
	struct keypair *pair = keypair_new(crypto, private_key);
	memcpy(public_key, keypair_public(pair), KEY_SIZE);
	keypair_free(pair);
	crypto_free(crypto);
}

static int prepare(struct side *side, uint8_t seed, int family)
{
	*side = (struct side){0};
	side->config = (struct control_config){.mtu = 1500, .peers = side->peers};
	side->config.tap_fd = open_frames(side);
	snprintf(side->config.name, sizeof(side->config.name), "side%d", seed);
	memset(side->config.private_key, seed, KEY_SIZE);
	return bind_socket(side, family);
}

static void introduce(struct side *side, const struct side *other, uint8_t seed)
{
	uint8_t private_key[KEY_SIZE];
	struct control_peer *peer = &side->peers[side->config.n_peers++];

	*peer = (struct control_peer){.endpoint = other->endpoint};
	snprintf(peer->name, sizeof(peer->name), "side%d", seed);
	key_of(seed, private_key, peer->public_key);
}

static void send_config(struct side *side, int want)
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

static bool stop_worker(struct side *side)
{
	int status = -1;

	close(side->control);
	waitpid(side->pid, &status, 0);
	close(side->frames);
	close(side->socket);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void send_frame_in(struct side *side, const uint8_t *frame, size_t size)
{
	uint8_t bytes[HEADER + 9100] = {0};

	memcpy(bytes + HEADER, frame, size);
	CHECK(send(side->frames, bytes, HEADER + size, 0) == (ssize_t)(HEADER + size));
}

/* Receives a frame within a second; its size, or 0. */
static size_t receive_frame(struct side *side, uint8_t *frame, size_t room)
{
	struct pollfd ready = {.fd = side->frames, .events = POLLIN};
	uint8_t bytes[HEADER + 9100];

	if (poll(&ready, 1, 1000) != 1)
		return 0;
	ssize_t n = recv(side->frames, bytes, sizeof(bytes), 0);
	if (n <= HEADER || (size_t)n - HEADER > room)
		return 0;
	memcpy(frame, bytes + HEADER, (size_t)n - HEADER);
	return (size_t)n - HEADER;
}

static void make_frame(uint8_t *frame, size_t size, uint8_t source, uint8_t to)
{
	for (size_t i = 0; i < size; i++)
		frame[i] = (uint8_t)(i * 11 + size);
	memcpy(frame, (uint8_t[]){2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, source, 0x88, 0xb5}, 14);
	if (to == 255)
		memset(frame, 255, 6);
}

static bool passes(struct side *from, struct side *to, size_t size, uint8_t source, uint8_t dest)
{
	uint8_t sent[9100], got[9100];

	make_frame(sent, size, source, dest);
	send_frame_in(from, sent, size);
	return receive_frame(to, got, sizeof(got)) == size && memcmp(sent, got, size) == 0;
}

static struct control_peer_status peer_status(struct side *side, int want_n)
{
	struct control_tunnel_status tunnel;
	struct control_peer_status peers[4] = {0};
	struct err err = {0};
	int n = control_read_status(side->control, &tunnel, peers, 4, &err);

	CHECK(n == want_n && tunnel.n_peers == (uint32_t)want_n);
	return peers[0];
}

static void two_workers(int family)
{
	if (prepare(&a, 1, family) || prepare(&b, 2, family)) {
		printf("# family %d is not there\n", family);
		return;
	}
	introduce(&a, &b, 2);
	introduce(&b, &a, 1);
	start_worker(&a);
	start_worker(&b);
	send_config(&a, 0);
	send_config(&b, 0);
	CHECK(passes(&a, &b, 60, 1, 255));
	CHECK(passes(&b, &a, 1514, 2, 1));
	for (size_t size = 60; size <= 1514; size += 7)
		CHECK(passes(&a, &b, size, 1, 2));
	struct control_peer_status status = peer_status(&a, 1);
	CHECK(status.connected && status.handshake_age_ms >= 0 && status.path_mtu > 1500);
	CHECK(status.cipher == (crypto_preferred() == SUITE_AES ? CONTROL_CIPHER_AES256GCM
								: CONTROL_CIPHER_CHACHA20POLY1305));
	CHECK(status.tx_frames == 209 && status.rx_frames == 1 && status.macs == 1);
	CHECK_TEXT(status.name, "side2");
	CHECK(stop_worker(&a));
	CHECK(stop_worker(&b));
}

static void over_ipv4(void)
{
	two_workers(AF_INET);
}

static void over_ipv6(void)
{
	two_workers(AF_INET6);
}

static void over_a_dual_stack_socket(void)
{
	two_workers(AF_UNSPEC);
}

static void changes_without_disturbance(void)
{
	struct err err = {0};

	prepare(&a, 1, AF_INET);
	prepare(&b, 2, AF_INET);
	introduce(&a, &b, 2);
	introduce(&b, &a, 1);
	start_worker(&a);
	start_worker(&b);
	send_config(&a, 0);
	send_config(&b, 0);
	CHECK(passes(&a, &b, 100, 1, 255));
	/* A third peer by a new configuration, then by itself; the session with b goes on. */
	struct side third = {.endpoint = {.family = 4, .address = {127, 0, 0, 1}, .port = 9}};
	introduce(&a, &third, 3);
	send_config(&a, 0);
	struct control_peer peer = a.peers[1];
	peer.keepalive_s = 20;
	CHECK(control_set_peer(a.control, &peer, &err) == 0);
	usleep(20000);
	CHECK(passes(&a, &b, 100, 1, 2));
	struct control_tunnel_status tunnel;
	struct control_peer_status peers[4];
	CHECK(control_read_status(a.control, &tunnel, peers, 4, &err) == 2);
	int with_b = strcmp(peers[0].name, "side2") == 0 ? 0 : 1;
	CHECK(peers[with_b].handshake_age_ms >= 20 && peers[with_b].tx_frames == 2);
	CHECK(control_remove_peer(a.control, peer.public_key, &err) == 0);
	CHECK(control_remove_peer(a.control, peer.public_key, &err) == -ENOENT);
	/* A TAP opened anew. */
	close(a.frames);
	int tap = open_frames(&a);
	CHECK(control_send_tap(a.control, tap, &err) == 0);
	close(tap);
	CHECK(passes(&a, &b, 100, 1, 2));
	CHECK(passes(&b, &a, 100, 2, 1));
	/* Refused as a whole: nothing has changed. */
	a.config.mtu = 1;
	send_config(&a, -EINVAL);
	a.config.mtu = 1500;
	memcpy(a.peers[1].public_key, a.peers[0].public_key, KEY_SIZE);
	send_config(&a, -EINVAL);
	a.config.n_peers = 1;
	CHECK(passes(&a, &b, 100, 1, 2));
	/* Another key: b does not know it. */
	memset(a.config.private_key, 9, KEY_SIZE);
	send_config(&a, 0);
	CHECK(!peer_status(&a, 1).connected);
	CHECK(stop_worker(&a));
	CHECK(stop_worker(&b));
}

static void first_configuration_must_be_whole(void)
{
	struct err err = {0};
	struct control_peer peer = {0};

	prepare(&a, 1, AF_INET);
	start_worker(&a);
	CHECK(control_set_peer(a.control, &peer, &err) == -EINVAL);
	struct control_config empty = a.config;
	empty.tap_fd = empty.udp4_fd = -1;
	CHECK(control_send_config(a.control, &empty, &err) == -EINVAL);
	CHECK(strstr(err.message, "TAP") != NULL);
	empty.tap_fd = a.config.tap_fd;
	CHECK(control_send_config(a.control, &empty, &err) == -EINVAL);
	CHECK(strstr(err.message, "socket") != NULL);
	struct control_tunnel_status tunnel;
	CHECK(control_read_status(a.control, &tunnel, NULL, 0, &err) == 0);
	send_config(&a, 0);
	CHECK(stop_worker(&a));
}

/* Nonsense on the control socket ends the worker; it does not confuse it. */
static void nonsense_ends_the_worker(void)
{
	struct control_message message = {.magic = CONTROL_MAGIC, .type = CONTROL_PEER};
	char bytes[100] = {0};

	for (int i = 0; i < 5; i++) {
		prepare(&a, 1, AF_INET);
		start_worker(&a);
		send_config(&a, 0);
		switch (i) {
		case 0:
			send(a.control, bytes, sizeof(bytes), 0);
			break;
		case 1: /* a peer without a beginning */
			control_message_send(a.control, &message, NULL);
			break;
		case 2: /* the end of nothing */
			message.type = CONTROL_COMMIT;
			control_message_send(a.control, &message, NULL);
			break;
		case 3: /* an answer */
			message.type = CONTROL_RESULT;
			control_message_send(a.control, &message, NULL);
			break;
		case 4: /* descriptors that did not come */
			message.type = CONTROL_TAP;
			message.fd_mask = 1;
			message.magic = CONTROL_MAGIC;
			send(a.control, &message, sizeof(message), 0);
			break;
		}
		struct pollfd ended = {.fd = a.control, .events = POLLIN};
		CHECK(poll(&ended, 1, 2000) == 1 && recv(a.control, bytes, 1, 0) <= 0);
		CHECK(stop_worker(&a));
	}
}

/* A worker that was killed: the keeper learns it at once. */
static void dead_workers_are_noticed(void)
{
	struct control_tunnel_status tunnel;
	struct err err = {0};

	prepare(&a, 1, AF_INET);
	start_worker(&a);
	send_config(&a, 0);
	kill(a.pid, SIGKILL);
	waitpid(a.pid, NULL, 0);
	int rc = control_read_status(a.control, &tunnel, NULL, 0, &err);
	CHECK(rc == -EPIPE || rc == -ECONNRESET);
	close(a.control);
	close(a.frames);
	close(a.socket);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TEST(over_ipv4);
	TEST(over_ipv6);
	TEST(over_a_dual_stack_socket);
	TEST(changes_without_disturbance);
	TEST(first_configuration_must_be_whole);
	TEST(nonsense_ends_the_worker);
	TEST(dead_workers_are_noticed);
	return test_done();
}
