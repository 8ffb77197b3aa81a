/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two ends of `lanloom bench` share. Connections begin with one byte that says what for.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define BENCH_PORT "5203"
#define BENCH_SINK                                                                                 \
	'S' /* takes all; at its end tells how many bytes came, in how many ns: 16 bytes BE */
#define BENCH_ECHO 'E' /* gives each ping of BENCH_PING bytes back */
#define BENCH_PING 16
#define BENCH_STREAMS 4

struct bench_trouble {
	char text[300];
};

/* Says it, and returns -1. */
int bench_fail(struct bench_trouble *trouble, const char *address, const char *port,
	       const char *why);

/* Serves until it is stopped. -1: it cannot. */
int bench_serve(const char *address, const char *port, int quiet, struct bench_trouble *trouble);

/* All `size` bytes, or -1. */
int bench_read(int fd, void *bytes, size_t size);
int bench_write(int fd, const void *bytes, size_t size);

uint64_t bench_now_ns(void);
