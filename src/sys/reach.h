/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether targets can be reached from the namespace of the calling thread: an address that answers
 * an ICMP echo, or a host:port that takes a TCP connection.
 */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define REACH_NAME_SIZE 96

struct reach_target {
	char name[REACH_NAME_SIZE]; /* its address, as reach_parse reads it again */
	struct sockaddr_storage address;
	bool tcp;
	bool reached;
};

/*
 * "192.0.2.1", "2001:db8::1", "192.0.2.1:22", "[2001:db8::1]:22", or with a name in place of the
 * address, which is looked up now. -EINVAL: it is none of these; -ENOENT: the name is unknown.
 */
int reach_parse(const char *text, struct reach_target *target, struct err *err);

/* Fills in the name of a target that was not parsed but made of an address. */
void reach_name(struct reach_target *target);

/*
 * Asks all of them at once, again and again, until all were reached or `ms` have passed. Sets
 * `reached` of each; returns how many were not. -EPERM and the like: it cannot be asked.
 */
int reach_all(struct reach_target *targets, size_t count, int ms, struct err *err);
