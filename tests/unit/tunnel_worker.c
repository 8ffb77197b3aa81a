/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real worker processes on loopback, configured over their control sockets; in place of TAPs,
 * sockets that carry frames with virtio_net headers.
 *
 *	frames -- worker a ---- 127.0.0.1 (or ::1) ---- worker b -- frames
 */
#include "unit/tunnel_side.h"

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
	CHECK(control_send_tap(a.control, 0, tap, &err) == 0);
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
