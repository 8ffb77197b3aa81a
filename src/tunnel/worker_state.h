/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What worker.c (the process, its threads, the engine's door), porter.c (a lane's loop) and
 * worker_control.c (what the keeper wants) share.
 */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "tunnel/ahead.h"
#include "tunnel/backlog.h"
#include "tunnel/control_wire.h"
#include "tunnel/engine.h"
#include "tunnel/io_tap.h"
#include "tunnel/io_udp.h"
#include "tunnel/join.h"
#include "tunnel/preempt.h"

#define PORTER_KEEPS 64

/* A configuration on its way in: complete, or not there. */
struct staged {
	bool begun;
	struct control_begin begin;
	int fds[CONTROL_LANES_MAX][CONTROL_FDS];
	struct control_peer *peers;	    /* begin.n_peers of them, in a vault */
	const struct control_peer **sorted; /* the same by their keys: secrets are not moved */
	uint32_t n_peers;
	int error;
};

struct worker;

/* One lane: a thread between a TAP queue and its sockets. Its thread's, but where the world stands.
 */
struct porter {
	struct worker *worker;
	uint8_t lane;
	int epoll_fd;
	pthread_mutex_t turn; /* held while it is at work, not while it waits */
	uint64_t due_ns;      /* the engine's, when this one had it last */
	uint64_t tap_errors;
	struct io_tap tap;
	struct io_udp udp;
	struct preempt preempt;
	struct ahead ahead; /* between TAP and engine */
	/* Between engine and TAP. */
	struct join join;
	struct backlog backlog;
	/* What the engine delivered while this one had it: goes on when it has been given back. */
	struct frame kept[PORTER_KEEPS];
	uint32_t n_kept;
	bool kept_enough;
	uint8_t whole[FRAME_HEADROOM + UDP_DATAGRAM_MAX + FRAME_TAILROOM];
};

struct worker {
	int control_fd;
	bool ended; /* the keeper has closed */
	char name[CONTROL_NAME_SIZE];
	/*
	 * The engine is one porter's at a time: engine_take, engine_give. Everything below up to
	 * the porters goes with it.
	 */
	pthread_mutex_t lock;
	struct porter *holder;
	struct engine *engine; /* NULL until the first configuration */
	uint8_t private_key[KEY_SIZE];
	uint64_t log_ns;
	uint32_t log_lines;
	struct staged staged;
	/* Porter 0 wants the others to stand still: they wait at the gate. */
	pthread_mutex_t gate;
	atomic_bool gate_shut;
	sem_t spawned; /* once for each thread that has begun */
	uint8_t n_porters;
	struct porter *porters[CONTROL_LANES_MAX];
	struct io_udp *sockets[CONTROL_LANES_MAX];
};

/* worker.c */
struct engine_ops worker_ops(struct worker *worker);

/* The engine and what goes with it is this porter's; NULL: there is none yet (but give it back). */
struct engine *engine_take(struct porter *porter);
void engine_give(struct porter *porter);

/* All porters but 0, which calls it, stand still between turns. */
void worker_halt(struct worker *worker);
void worker_resume(struct worker *worker);

/* porter.c */
int porter_open(struct porter *porter, struct worker *worker, uint8_t lane);
void porter_drop(struct porter *porter); /* all descriptors that it was given */
void porter_close(struct porter *porter);
void porter_run(struct porter *porter);
void porter_watch_control(struct porter *porter, int fd);
/* While it stands. */
void porter_take_tap(struct porter *porter, int fd);
void porter_take_socket(struct porter *porter, enum udp_family family, int fd);

/* worker_control.c: serves one message. False: the keeper has closed, or speaks nonsense. */
bool worker_hear(struct worker *worker);
void worker_forget_staged(struct worker *worker);
