/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guard over a change: the file `confirm` of the state folder. It is written before the run, so
 * whoever finds it later, the keeper or the next command, can undo what was not confirmed in time
 * or took a kept target out of reach, whatever has died meanwhile. It is changed and removed only
 * with the store's lock held, and whoever does that decides what becomes of the change: so it has
 * one outcome.
 *
 * Lines of text behind a checksum of all of them. Its time is CLOCK_BOOTTIME, which no setting of
 * the clock moves; the folder is of this boot.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define GUARD_FILE "confirm"
#define GUARD_KEEP_MOST 16
#define GUARD_KEEP_SIZE 96
#define GUARD_SECONDS_MOST 86400

enum guard_phase {
	GUARD_RUNS,   /* the run is going on, or has died: whoever holds the lock is it */
	GUARD_CHECKS, /* it is over; can the targets still be reached? */
	GUARD_WAITS,  /* for `lanloom confirm`, until the deadline */
	GUARD_PHASE_COUNT
};

struct guard {
	enum guard_phase phase;
	uint64_t base;	      /* newest number of the history before it: what came behind goes */
	uint32_t seconds;     /* to confirm within; 0: that is not asked for */
	uint64_t deadline_ns; /* CLOCK_BOOTTIME */
	char keep[GUARD_KEEP_MOST][GUARD_KEEP_SIZE]; /* targets, in reach before (sys/reach.h) */
	size_t keep_count;
};

/* 1: there is one; 0: none. -EINVAL: it is damaged. */
int guard_read(const char *folder, struct guard *guard, struct err *err);
int guard_write(const char *folder, const struct guard *guard, struct err *err);
void guard_remove(const char *folder);

/* The time begins now. */
static inline void guard_restart(struct guard *guard, uint64_t now_ns)
{
	guard->deadline_ns = now_ns + guard->seconds * UINT64_C(1000000000);
}

/* Seconds until the deadline, rounded up; 0: it is over. Only where `seconds` is set. */
uint32_t guard_left_s(const struct guard *guard, uint64_t now_ns);
