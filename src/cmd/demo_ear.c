/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The eavesdropper: a process of this program inside a host's namespace (`lanloom demo --listen
 * DEVICE`) that keeps every frame passing a device, and hands them over when its standard input
 * ends.
 */
#include "cmd/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEARD_MOST = 8 << 20, FRAME_MOST = 65536 + 64 };

int ear_open(struct demo *demo, const char *space, const char *device, struct ear *ear)
{
	const char *argv[] = {demo->exe, "demo", "--listen", device, NULL};
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	char ready;

	*ear = (struct ear){.to = -1, .from = -1};
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return demo_fail(demo, "pipe: %m");
	ear->pid = demo_spawn(demo, space, argv, in[0], out[1], -1);
	close(in[0]);
	close(out[1]);
	ear->to = in[1];
	ear->from = out[0];
	if (ear->pid > 0 && demo_wait(demo, ear->from, 5) > 0 && read(ear->from, &ready, 1) == 1 &&
	    ready == 'r')
		return 0;
	return demo_fail(demo, "cannot listen on %s in %s", device, space);
}

int ear_close(struct demo *demo, struct ear *ear)
{
	size_t room = 0;
	ssize_t n = 1;

	close(ear->to);
	ear->to = -1;
	while (n > 0 && demo_wait(demo, ear->from, 10) > 0) {
		if (room - ear->size < 65536) {
			uint8_t *bytes = realloc(ear->bytes, room + (1 << 20));

			if (!bytes)
				return demo_fail(demo, "memory is out");
			ear->bytes = bytes;
			room += 1 << 20;
		}
		n = read(ear->from, ear->bytes + ear->size, room - ear->size);
		ear->size += n > 0 ? (size_t)n : 0;
	}
	return n == 0 ? 0 : demo_fail(demo, "the listener does not come to an end");
}

void ear_free(struct ear *ear)
{
	if (ear->to >= 0)
		close(ear->to);
	if (ear->from >= 0)
		close(ear->from);
	demo_reap(ear->pid);
	free(ear->bytes);
	*ear = (struct ear){.to = -1, .from = -1};
}

const uint8_t *ear_next(const struct ear *ear, size_t *at, size_t *size)
{
	uint32_t n;

	if (ear->size - *at < sizeof(n))
		return NULL;
	memcpy(&n, ear->bytes + *at, sizeof(n));
	*at += sizeof(n);
	if (ear->size - *at < n)
		return NULL;
	*size = n;
	*at += n;
	return ear->bytes + *at - n;
}

bool ear_heard(const struct ear *ear, const char *word)
{
	const uint8_t *frame;
	size_t at = 0, size;

	while ((frame = ear_next(ear, &at, &size))) {
		if (memmem(frame, size, word, strlen(word)))
			return true;
	}
	return false;
}

/* The kernel's own limit of segments in a packet: GSO_MAX_SEGS of linux/netdevice.h. */
enum { SEGMENTS_MOST = 65535 };

/*
 * A device that cuts large packets itself (as every veth can, TCP's and trains of datagrams) shows
 * them uncut to a listener. If it may have one segment only, the ear hears what a cable would
 * carry.
 * (`ip link set DEVICE gso_max_segs`; ethtool's switch for it leaves datagrams alone.)
 */
static void set_segments(const char *device, uint32_t most)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
		struct rtattr attr;
		uint32_t most;
	} ask = {
		.header = {.nlmsg_len = sizeof(ask),
			   .nlmsg_type = RTM_NEWLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.link = {.ifi_index = (int)if_nametoindex(device)},
		.attr = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_GSO_MAX_SEGS},
		.most = most,
	};
	char answer[512];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
		recv(fd, answer, sizeof(answer), 0);
	if (fd >= 0)
		close(fd);
}

static int packet_socket(const char *device)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_ALL),
				      .sll_ifindex = (int)if_nametoindex(device)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), room = 4 << 20;

	if (fd < 0 || !address.sll_ifindex ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return -1;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Keeps frames in `heard` until standard input ends; gives the bytes kept. */
static size_t listen_until_told(int fd, uint8_t *heard)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	size_t size = 0;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return size;
		while (size + 4 + FRAME_MOST <= HEARD_MOST) {
			ssize_t n = recv(fd, heard + size + 4, FRAME_MOST, 0);
			uint32_t length = (uint32_t)n;

			if (n < 0)
				break;
			memcpy(heard + size, &length, sizeof(length));
			size += 4 + (size_t)n;
		}
		if (fds[1].revents)
			return size;
	}
}

int ear_main(const char *device)
{
	uint8_t *heard = malloc(HEARD_MOST);
	int fd = packet_socket(device), result;
	size_t size;

	if (fd < 0 || !heard) {
		fprintf(stderr, "lanloom: listening on %s: %m\n", device);
		free(heard);
		return LOOM_FAILED;
	}
	set_segments(device, 1);
	result = write_all(1, (const uint8_t *)"r", 1);
	size = listen_until_told(fd, heard);
	set_segments(device, SEGMENTS_MOST);
	if (result == 0)
		result = write_all(1, heard, size);
	free(heard);
	return result < 0 ? LOOM_FAILED : LOOM_DONE;
}
