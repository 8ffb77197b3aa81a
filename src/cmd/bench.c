/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `lanloom bench`: how fast the way to another host is, by TCP of its own; bench_server.c answers.
 */
#include "cmd/bench.h"

#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"

#define SECONDS 3
#define SECONDS_MAX 60
#define PAUSE_NS 2000000 /* between pings */
#define PINGS_MAX (SECONDS_MAX * 500)

static const struct cmd_option options[] = {
	{"server", 's', "ADDRESS", "wait there, at an address of this host, for a client"},
	{"client", 'c', "ADDRESS", "measure the way to the server at ADDRESS"},
	{"port", 'p', "PORT", "TCP port (default: " BENCH_PORT ")"},
	{"time", 't', "SECONDS", "for each of three measurements (default: 3, at most 60)"},
	{0},
};

struct trips {
	uint32_t n;
	double seconds[PINGS_MAX];
};

struct bench {
	const char *address, *port;
	unsigned int seconds;
	double one, many; /* bits a second */
	struct trips idle, loaded;
	struct bench_trouble trouble;
};

/* A socket that is connected, its first byte sent, or -1. */
static int open_way(struct bench *bench, char what)
{
	const char *address = bench->address, *port = bench->port;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int rc = getaddrinfo(address, port, &hints, &found), at_once = 1, fd;

	if (rc)
		return bench_fail(&bench->trouble, address, port, gai_strerror(rc));
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = fd < 0 ? -1 : connect(fd, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (rc == 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
	if (rc == 0 && bench_write(fd, &what, 1) == 0)
		return fd;
	rc = bench_fail(&bench->trouble, address, port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Sends as fast as it goes; what the other end says of it goes into the pipe. */
static void stream(struct bench *bench, int pipe_fd)
{
	static const char bytes[1 << 17];
	uint64_t end = bench_now_ns() + bench->seconds * UINT64_C(1000000000), result[2];
	int fd = open_way(bench, BENCH_SINK);

	alarm(SECONDS_MAX + 30);
	while (fd >= 0 && bench_now_ns() < end)
		if (bench_write(fd, bytes, sizeof(bytes)))
			_exit(1);
	if (fd < 0 || shutdown(fd, SHUT_WR) || bench_read(fd, result, sizeof(result)) ||
	    write(pipe_fd, result, sizeof(result)) != sizeof(result))
		_exit(1);
	_exit(0);
}

static int start_streams(struct bench *bench, int n, int *pipe_fd)
{
	int fds[2];

	if (pipe(fds))
		return -1;
	for (int i = 0; i < n; i++) {
		if (fork() == 0) {
			close(fds[0]);
			stream(bench, fds[1]);
		}
	}
	close(fds[1]);
	*pipe_fd = fds[0];
	return 0;
}

/* Their rates together; -1: one came to nothing. */
static double end_streams(int n, int pipe_fd)
{
	double rate = 0;
	uint64_t result[2];

	for (int i = 0; i < n && rate >= 0; i++) {
		if (bench_read(pipe_fd, result, sizeof(result)) || !result[1])
			rate = -1;
		else
			rate += 8e9 * (double)be64toh(result[0]) / (double)be64toh(result[1]);
	}
	close(pipe_fd);
	while (wait(NULL) > 0)
		;
	return rate;
}

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static int ping(struct bench *bench, struct trips *trips)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int fd = open_way(bench, BENCH_ECHO);
	uint64_t end = bench_now_ns() + bench->seconds * UINT64_C(1000000000);
	char bytes[BENCH_PING] = {0};

	if (fd < 0)
		return -1;
	while (trips->n < PINGS_MAX && bench_now_ns() < end) {
		uint64_t begin = bench_now_ns();

		if (bench_write(fd, bytes, sizeof(bytes)) || bench_read(fd, bytes, sizeof(bytes)))
			break;
		trips->seconds[trips->n++] = (double)(bench_now_ns() - begin) / 1e9;
		nanosleep(&pause, NULL);
	}
	close(fd);
	qsort(trips->seconds, trips->n, sizeof(*trips->seconds), compare);
	return trips->n ? 0 : -1;
}

static double at_percent(const struct trips *trips, uint32_t percent)
{
	return trips->seconds[(uint64_t)(trips->n - 1) * percent / 100];
}

static int measure(struct bench *bench)
{
	int fd, rc;

	if (ping(bench, &bench->idle) || start_streams(bench, 1, &fd))
		return -1;
	bench->one = end_streams(1, fd);
	if (bench->one < 0 || start_streams(bench, BENCH_STREAMS, &fd))
		return -1;
	rc = ping(bench, &bench->loaded);
	bench->many = end_streams(BENCH_STREAMS, fd);
	return rc || bench->many < 0 ? -1 : 0;
}

static void print_json(const struct bench *bench)
{
	printf("{\"streams\":[{\"streams\":1,\"rate\":%.0f},{\"streams\":%d,\"rate\":%.0f}],",
	       bench->one, BENCH_STREAMS, bench->many);
	printf("\"round-trip\":{\"idle\":{\"median\":%.9f,\"p99\":%.9f},",
	       at_percent(&bench->idle, 50), at_percent(&bench->idle, 99));
	printf("\"loaded\":{\"median\":%.9f,\"p99\":%.9f}}}\n", at_percent(&bench->loaded, 50),
	       at_percent(&bench->loaded, 99));
}

static void print_trips(const char *when, const struct trips *trips)
{
	printf("round trip, %-18s %10.3f ms, 99 of 100 within %.3f ms\n", when,
	       1e3 * at_percent(trips, 50), 1e3 * at_percent(trips, 99));
}

static void print_text(const struct bench *bench)
{
	printf("TCP, one stream                %10.3f Gbit/s\n", bench->one / 1e9);
	printf("TCP, %d streams                 %10.3f Gbit/s\n", BENCH_STREAMS, bench->many / 1e9);
	print_trips("idle", &bench->idle);
	print_trips("beside the streams", &bench->loaded);
}

static int failed(const struct cmd_call *call, const struct bench *bench)
{
	const char *why = bench->trouble.text[0] ? bench->trouble.text : "the other end has gone";

	return cmd_answer(call, LOOM_FAILED,
			  loom_doc_error(why, bench->address
						      ? "lanloom bench --server ADDRESS, there"
						      : NULL),
			  NULL);
}

static int client(const struct cmd_call *call, struct bench *bench)
{
	if (measure(bench))
		return failed(call, bench);
	if (call->json)
		print_json(bench);
	else if (!call->quiet)
		print_text(bench);
	return LOOM_DONE;
}

static int bench_run(struct cmd_call *call)
{
	const char *server = cmd_value(call, "server"), *there = cmd_value(call, "client");
	const char *port = cmd_value(call, "port"), *seconds = cmd_value(call, "time");
	static struct bench bench;

	if (!server == !there)
		return cmd_usage(call, "either --server or --client");
	bench.address = there;
	bench.port = port ? port : BENCH_PORT;
	bench.seconds = SECONDS;
	if (seconds) {
		char *end;
		unsigned long value = strtoul(seconds, &end, 10);

		if (*end || end == seconds || seconds[0] == '-' || !value || value > SECONDS_MAX)
			return cmd_usage(call, "--time takes seconds, 1 to %d, not \"%s\"",
					 SECONDS_MAX, seconds);
		bench.seconds = (unsigned int)value;
	}
	if (there)
		return client(call, &bench);
	bench_serve(server, bench.port, call->quiet || call->json, &bench.trouble);
	return failed(call, &bench);
}

const struct cmd cmd_bench = {
	.name = "bench",
	.summary = "measure how fast the way to another host is",
	.manual =
		"Start it on one host with --server and an address of that host, then on the other "
		"with --client and the same address. With an address inside a tunnel it measures "
		"the tunnel, with one outside of it what is there without. The client tells what "
		"one TCP stream and four carry from it to the server, and how long a round trip "
		"takes while nothing else goes on, and beside the four streams. Whoever reaches "
		"the "
		"server's port can make it take data, which it throws away: give it an address of "
		"the inside, and end it afterwards.\n\nHow the tunnel compares with other programs "
		"is measured by ./dev bench in lanloom's source.",
	.options = options,
	.run = bench_run,
};
