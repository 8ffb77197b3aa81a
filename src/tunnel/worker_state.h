/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What worker.c (the loop) and worker_control.c (what the keeper wants) share. */
#pragma once
#include "tunnel/ahead.h"
#include "tunnel/backlog.h"
#include "tunnel/control_wire.h"
#include "tunnel/engine.h"
#include "tunnel/io_tap.h"
#include "tunnel/io_udp.h"
#include "tunnel/join.h"

/* A configuration on its way in: complete, or not there. */
struct staged {
	bool begun;
	struct control_begin begin;
	int fds[CONTROL_FDS];
	struct control_peer *peers;	    /* begin.n_peers of them, in a vault */
	const struct control_peer **sorted; /* the same by their keys: secrets are not moved */
	uint32_t n_peers;
	int error;
};

struct worker {
	int control_fd, epoll_fd;
	bool ended; /* the keeper has closed */
	char name[CONTROL_NAME_SIZE];
	struct engine *engine; /* NULL until the first configuration */
	uint8_t private_key[KEY_SIZE];
	struct staged staged;
	uint64_t drops[DROP_COUNT]; /* at the doors */
	uint64_t log_ns;
	uint32_t log_lines;
	struct io_tap tap;
	struct io_udp udp;
	struct ahead ahead; /* between TAP and engine */
	/* Between engine and TAP. */
	struct join join;
	struct backlog backlog;
};

/* worker.c */
struct engine_ops worker_ops(struct worker *worker);
void worker_take_tap(struct worker *worker, int fd);
void worker_take_socket(struct worker *worker, enum udp_family family, int fd);

/* worker_control.c: serves one message. False: the keeper has closed, or speaks nonsense. */
bool worker_hear(struct worker *worker);
void worker_forget_staged(struct worker *worker);
