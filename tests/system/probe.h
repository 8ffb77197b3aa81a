/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that probe.c tries. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* Made before the process is confined. */
struct probe_had {
	int tcp, udp, netns, memory;
	pid_t parent;
	char *page; /* that may be read and written */
};

extern struct probe_had had;

/* A call; its answer is 0 or more, or -1 and errno. What a worker may do begins with "may-". */
struct probe_try {
	const char *name;
	int (*act)(void);
};

extern const struct probe_try probe_tries[];
extern const size_t probe_tries_len;

/*
 * probe_sweep.c: every number that a call may have, and every condition with a bit of it wrong. A
 * line for each: "refused" (the filter ended the process) or "passed", which one, and its name.
 */
int probe_sweep(void);
int probe_conditions(void);
