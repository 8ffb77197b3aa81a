/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tunnel's worker: a process of its own that the keeper forks, feeds over control.h and watches.
 */
#pragma once
#include <stdint.h>

struct worker;

/*
 * Makes ready: every descriptor above 2 but `control_fd` (control_pair) is closed. 1 to 16 lanes: a
 * thread each. NULL: it could not, said on stderr.
 */
struct worker *worker_open(int control_fd, uint8_t n_lanes);

/*
 * Starts the threads of the lanes but the first. Whatever the calling thread has given up before
 * they lack, too; a filter of system calls comes after it, as they are made by calls it need not
 * allow. 0 or -errno, said on stderr.
 */
int worker_spawn(struct worker *worker);

/*
 * Runs a tunnel until the other end of control_fd closes; wipes key material; returns the process's
 * exit code, and the process is to end then: threads of further lanes stand still for ever. From
 * here on it needs no privilege, opens no file and no socket: TAP and UDP sockets come over
 * control_fd. What it calls of the kernel stands in comments ("syscall:", see tools/syscalls),
 * beside the calls.
 */
int worker_serve(struct worker *worker);

/* All three; 1 if it could not be opened. */
int worker_run(int control_fd, uint8_t n_lanes);
