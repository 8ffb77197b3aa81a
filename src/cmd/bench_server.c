/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end that waits. A process for each connection, so that a bulk stream does not keep the answer
 * to a ping waiting; so many at a time, and none for longer than a measurement takes.
 */
#include "cmd/bench.h"

#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 64
#define LONGEST_S 300

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int bench_fail(struct bench_trouble *trouble, const char *address, const char *port,
	       const char *why)
{
	snprintf(trouble->text, sizeof(trouble->text), "%s port %s: %s", address, port, why);
	return -1;
}

int bench_read(int fd, void *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, (char *)bytes + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

int bench_write(int fd, const void *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = send(fd, (const char *)bytes + at, size - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

/* From the first byte to the last: the way there is not counted. */
static void sink(int fd)
{
	static char bytes[1 << 18];
	uint64_t came = 0, begin = 0, result[2];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && !begin)
			begin = bench_now_ns();
		came += n > 0 ? (uint64_t)n : 0;
	}
	result[0] = htobe64(came);
	result[1] = htobe64(begin ? bench_now_ns() - begin : 0);
	(void)bench_write(fd, result, sizeof(result));
}

static void echo(int fd)
{
	char bytes[BENCH_PING];

	while (bench_read(fd, bytes, sizeof(bytes)) == 0 &&
	       bench_write(fd, bytes, sizeof(bytes)) == 0)
		;
}

static void serve(int fd)
{
	int at_once = 1;
	char what = 0;

	alarm(LONGEST_S);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
	if (bench_read(fd, &what, 1) == 0 && what == BENCH_SINK)
		sink(fd);
	else if (what == BENCH_ECHO)
		echo(fd);
	_exit(0);
}

static int listen_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), again = 1, error;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &again, sizeof(again));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, CONNECTIONS) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static void accept_one(int server, int *running)
{
	int fd = accept(server, NULL, NULL);
	pid_t child;

	if (fd < 0)
		return;
	while (*running && waitpid(-1, NULL, *running == CONNECTIONS ? 0 : WNOHANG) > 0)
		--*running;
	child = fork();
	if (child == 0) {
		close(server);
		serve(fd);
	}
	*running += child > 0;
	close(fd);
}

int bench_serve(const char *address, const char *port, int quiet, struct bench_trouble *trouble)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
	int rc = getaddrinfo(address, port, &hints, &found), fd, running = 0;

	if (rc)
		return bench_fail(trouble, address, port, gai_strerror(rc));
	fd = listen_at(found);
	freeaddrinfo(found);
	if (fd < 0)
		return bench_fail(trouble, address, port, strerror(-fd));
	if (!quiet) {
		printf("waits at %s port %s; end it with Ctrl-C\n", address, port);
		fflush(stdout);
	}
	for (;;)
		accept_one(fd, &running);
}
