/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ctrl-C and its like while a run is on its way. They end neither the run nor who watches it: they
 * are passed on to the run, which looks for them between two breaths, and takes back what it did.
 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct stop {
	sigset_t before;
	int fd;
	int signal; /* the last that came while the run was on its way; 0: none */
};

/* Holds the signals back, for this process and those it forks from here on. */
void stop_begin(struct stop *stop);
/* In the run: has one come? */
bool stop_asked(void);
/* Waits for the child, and passes on to it what comes meanwhile. Its status, as from waitpid(). */
int stop_wait(struct stop *stop, pid_t child);
/* heeded: the run was taken back for it. What was not heeded takes its usual effect now. */
void stop_end(struct stop *stop, bool heeded);
