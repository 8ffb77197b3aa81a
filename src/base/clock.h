/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clocks in nanoseconds. */
#pragma once
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec time;

	/* syscall: clock_gettime; where the vDSO cannot tell */
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Since boot, suspension included: never runs backwards. Use it for everything that expires. */
static inline uint64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_BOOTTIME);
}

/* Since 1970, as the system believes; may jump. */
static inline uint64_t clock_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}
