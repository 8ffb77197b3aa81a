/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small datagrams as fast as they go.
 *
 *	pps send ADDRESS PORT PAYLOAD SECONDS	prints how many were sent
 *	pps take PORT SECONDS			prints how many came, from the first on
 *	pps echo PORT				answers each until it is killed
 *	pps ping ADDRESS PORT COUNT GAP_US	prints the round trips in microseconds, a line each
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define FRAME_MAX 9216

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static char bytes[BATCH][FRAME_MAX];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static struct sockaddr_in address_of(const char *address, const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

static int open_socket(const char *address, const char *port, int sends)
{
	struct sockaddr_in in = address_of(address, port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (fd < 0 || (sends ? connect(fd, (void *)&in, sizeof(in))
			     : bind(fd, (void *)&in, sizeof(in)))) {
		perror("pps");
		exit(1);
	}
	return fd;
}

static void prepare(size_t size)
{
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){bytes[i], size};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
}

static void send_all(char **argv)
{
	int fd = open_socket(argv[2], argv[3], 1);
	double end = now() + atof(argv[5]);
	unsigned long n = 0;

	prepare((size_t)atoi(argv[4]));
	while (now() < end) {
		int sent = sendmmsg(fd, messages, BATCH, 0);

		n += sent > 0 ? (unsigned long)sent : 0;
	}
	printf("%lu\n", n);
}

static void take_all(char **argv)
{
	int fd = open_socket("0.0.0.0", argv[2], 0);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	double seconds = atof(argv[3]), first = 0, last = 0;
	unsigned long n = 0;

	prepare(FRAME_MAX);
	while (poll(&ready, 1, n ? 3000 : 10000) > 0 && (!n || now() < first + seconds)) {
		int taken = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);

		last = now();
		first = n ? first : last;
		n += taken > 0 ? (unsigned long)taken : 0;
	}
	printf("%lu %.6f\n", n, last - first);
}

static void echo(char **argv)
{
	int fd = open_socket("0.0.0.0", argv[2], 0);
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char text[2048];
	ssize_t n;

	while ((n = recvfrom(fd, text, sizeof(text), 0, (void *)&from, &size)) >= 0)
		sendto(fd, text, (size_t)n, 0, (void *)&from, size);
}

static void ping(char **argv)
{
	int fd = open_socket(argv[2], argv[3], 1);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint64_t text[2] = {0};

	for (uint64_t i = 1; i <= (uint64_t)atol(argv[4]); i++) {
		double start = now();

		text[0] = i;
		send(fd, text, sizeof(text), 0);
		while (poll(&ready, 1, 1000) > 0)
			if (recv(fd, text, sizeof(text), 0) > 0 && text[0] == i)
				break;
		printf("%.1f\n", (now() - start) * 1e6);
		usleep((useconds_t)atoi(argv[5]));
	}
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "send") == 0)
		send_all(argv);
	else if (argc == 4 && strcmp(argv[1], "take") == 0)
		take_all(argv);
	else if (argc == 3 && strcmp(argv[1], "echo") == 0)
		echo(argv);
	else if (argc == 6 && strcmp(argv[1], "ping") == 0)
		ping(argv);
	else
		return 2;
	return 0;
}
