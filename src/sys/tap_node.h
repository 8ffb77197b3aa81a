/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device nodes of MACVTAPs and IPVTAPs. /dev/tapN has the device's number, which is unique within
 * a network namespace only, while /dev is shared by all; so nodes of our own are made, by the
 * device's major and minor.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The character device of a link of the calling thread's network namespace. */
int tap_node_number(uint32_t ifindex, const char *name, dev_t *number, struct err *err);

/* Makes a node at `path`, with the folders above it, or gives it to another owner. */
int tap_node_make(const char *path, dev_t number, uid_t owner, gid_t group, struct err *err);
