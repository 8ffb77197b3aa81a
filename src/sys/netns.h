/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network namespaces with names, as ip-netns has them: a file under /run/netns on which the
 * namespace is mounted. This file has the only setns of the program.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NETNS_FOLDER "/run/netns"

/* A handle. "" is the namespace of the calling thread. -ENOENT: no namespace has that name. */
int netns_open(const char *name, int *fd, struct err *err);

/* Runs `act` with this thread inside, and comes back; cannot come back: the process ends. */
int netns_inside(int fd, int (*act)(void *data, struct err *err), void *data, struct err *err);

/* The kernel's number of a namespace, never used twice since boot. */
int netns_cookie(int fd, uint64_t *cookie, struct err *err);

/*
 * Makes a namespace with a name and lo set up. A file of that name on which nothing is mounted
 * (left by a crash) is used; -EEXIST: there is a namespace of that name.
 */
int netns_make(const char *name, struct err *err);

/* Takes the name away; the namespace goes when nothing in it runs any more. */
int netns_remove(const char *name, struct err *err);

/* Calls `each` for every name; files without a namespace on them are left out. 0 or what each said.
 */
int netns_list(int (*each)(const char *name, void *data), void *data);

/*
 * Puts this process into a namespace for good, to run a command there (the caller exec's next):
 * mounts of its own, /sys of that namespace, and the files of /etc/netns/NAME over those of /etc.
 */
int netns_become(const char *name, struct err *err);
