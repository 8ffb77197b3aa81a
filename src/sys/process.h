/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other processes: who holds a TAP open, and starting one that lives on. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/text.h"

struct process_hold {
	char device[16];
	pid_t pid;
	char command[64]; /* as /proc/PID/comm has it */
	char vm[64];	  /* the name QEMU was given, or "" */
	char uuid[40];	  /* and its UUID, which libvirt knows it by, or "" */
	bool ours;	  /* another lanloom */
};

/*
 * Calls `each` for every process that holds a TAP or TUN of the network namespace `ns_fd` open
 * (as far as this process may look). A scan of all of /proc: call it once, not once a device.
 */
void process_holds(int ns_fd, void (*each)(const struct process_hold *hold, void *data),
		   void *data);

/*
 * Where a program is: in a folder of PATH or, since a user's PATH often lacks them, of the
 * administrator's. -ENOENT: it is not installed.
 */
int process_find(const char *name, char *path, size_t size);

/*
 * Runs a program of PATH to its end, without input, its words thrown away: 0 when it ended with 0.
 */
int process_run(char *const argv[], struct err *err);

/*
 * The same, with `input` on its standard input; what it says on stdout goes to `output` (NULL:
 * thrown away), on stderr to `said`. Returns 0; -EIO: it ended otherwise; -ENOENT: there is no such
 * program. Neither text is cleared.
 */
int process_talk(char *const argv[], const char *input, size_t size, struct text *output,
		 struct text *said, struct err *err);

/*
 * Starts a program that lives on by itself: a session of its own, no parent to wait for it, stdin
 * from /dev/null, stdout and stderr to `log_fd` (-1: /dev/null), `ready_fd` as descriptor 3 (-1:
 * none), all others closed.
 */
int process_launch(const char *path, char *const argv[], int log_fd, int ready_fd, struct err *err);
