/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The SSH session that this process was started from, if it was. */
#pragma once
#include <netinet/in.h>

/*
 * SSH_CONNECTION of this process, or of the nearest ancestor that has it, as sudo takes it away.
 * peer: where the session comes from; own: the address of this host that it came to. -ENOENT: none.
 */
int ssh_find(struct sockaddr_storage *peer, struct sockaddr_storage *own);
