/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames with many addresses, straight into a device.
 *
 *	macs teach DEVICE SIDE N		a frame from each of the N addresses of that side
 *	macs send DEVICE SIDE N SIZE SECONDS	frames from these to the other side's, as fast as they
 *						go, in an order that caches do not foresee
 *
 * SIDE is 1 or 2. The EtherType is one for experiments (IEEE 802, 88B5), so that nobody answers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define FRAME_MAX 1518

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static unsigned char bytes[BATCH][FRAME_MAX];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int open_device(const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (void *)&at, sizeof(at))) {
		perror("macs");
		exit(1);
	}
	return fd;
}

static void put_mac(unsigned char *mac, int side, unsigned number)
{
	unsigned char text[6] = {2, (unsigned char)side, 0, (unsigned char)(number >> 16),
				 (unsigned char)(number >> 8), (unsigned char)number};

	memcpy(mac, text, 6);
}

static void prepare(size_t size)
{
	for (int i = 0; i < BATCH; i++) {
		bytes[i][12] = 0x88;
		bytes[i][13] = 0xb5;
		parts[i] = (struct iovec){bytes[i], size};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
}

/* Slowly enough that none is lost: all have to be known. */
static void teach(int fd, int side, unsigned n)
{
	prepare(60);
	for (unsigned done = 0; done < n;) {
		unsigned count = n - done < BATCH ? n - done : BATCH;

		for (unsigned i = 0; i < count; i++) {
			put_mac(bytes[i], 3 - side, done + i);
			put_mac(bytes[i] + 6, side, done + i);
		}
		int sent = sendmmsg(fd, messages, count, 0);
		done += sent > 0 ? (unsigned)sent : 0;
		usleep(1000);
	}
}

static void send_all(int fd, int side, unsigned n, size_t size, double seconds)
{
	double end = now() + seconds;
	unsigned long dice = 88172645463325252UL;

	prepare(size);
	while (now() < end) {
		for (int i = 0; i < BATCH; i++) {
			dice ^= dice << 13;
			dice ^= dice >> 7;
			dice ^= dice << 17;
			put_mac(bytes[i], 3 - side, (unsigned)(dice >> 16) % n);
			put_mac(bytes[i] + 6, side, (unsigned)(dice >> 40) % n);
		}
		sendmmsg(fd, messages, BATCH, 0);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "teach") == 0)
		teach(open_device(argv[2]), atoi(argv[3]), (unsigned)atoi(argv[4]));
	else if (argc == 7 && strcmp(argv[1], "send") == 0)
		send_all(open_device(argv[2]), atoi(argv[3]), (unsigned)atoi(argv[4]),
			 (size_t)atoi(argv[5]), atof(argv[6]));
	else
		return 2;
	return 0;
}
