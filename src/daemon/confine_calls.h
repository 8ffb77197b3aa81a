/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list that tools/syscalls makes of the comments beside the calls, and what it is made of. */
#pragma once
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define CONFINE_TESTS 3

/* Of an argument's low 32 bits, which is all the kernel looks at, `mask` must be `value`. */
struct confine_test {
	unsigned int argument;
	uint32_t mask, value;
	bool self; /* value: the own process id */
};

#define CONFINE_TEST(n, bits, wanted)                                                              \
	{                                                                                          \
		.argument = (n), .mask = (bits), .value = (uint32_t)(wanted)                       \
	}
#define CONFINE_SELF(n)                                                                            \
	{                                                                                          \
		.argument = (n), .mask = UINT32_MAX, .self = true                                  \
	}

struct confine_call {
	int number; /* as libseccomp counts: negative where this CPU has no such call */
	unsigned int len;
	struct confine_test tests[CONFINE_TESTS];
};

extern const struct confine_call confine_calls[];
extern const size_t confine_calls_len;

/* No other calls from now on. */
int confine_calls_take(struct err *err);
