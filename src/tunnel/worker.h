/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tunnel's worker: a process of its own that the keeper forks, feeds over control.h and watches.
 */
#pragma once

/*
 * Runs a tunnel until the other end of `control_fd` (control_pair) closes; returns the process's
 * exit code: 0 then, 1 if it could not go on (said on stderr). It needs no privilege, opens no
 * file and no socket: TAP and UDP sockets come over control_fd. Every other descriptor above 2 is
 * closed first. Key material is wiped on the way out.
 */
int worker_run(int control_fd);
