/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tunnel's worker: a process of its own that the keeper forks, feeds over control.h and watches.
 */
#pragma once

struct worker;

/*
 * Makes ready: every descriptor above 2 but `control_fd` (control_pair) is closed. NULL: it could
 * not, said on stderr.
 */
struct worker *worker_open(int control_fd);

/*
 * Runs a tunnel until the other end of control_fd closes; wipes key material and frees the worker;
 * returns the process's exit code. From here on it needs no privilege, opens no file and no socket:
 * TAP and UDP sockets come over control_fd. What it calls of the kernel stands in comments
 * ("syscall:", see tools/syscalls), beside the calls.
 */
int worker_serve(struct worker *worker);

/* Both; 1 if it could not be opened. */
int worker_run(int control_fd);
