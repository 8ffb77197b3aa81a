/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker is a process with a thread for each lane (porter.c), nearly always one. What is slow is
 * the kernel's: its network stack runs inside the write to a TAP and the send to a socket. That is
 * where threads are side by side. The engine stays one, and knows nothing of threads: it is one
 * porter's at a time, for as long as it takes to seal a super-frame or to open a batch, and no
 * porter reads or writes meanwhile. So no counter, window, table or timer is ever seen by two.
 *
 * The first porter hears the keeper, too. What that changes (descriptors, the engine itself) it
 * changes while the others stand between two turns.
 *
 * What libc calls of the kernel by itself, for malloc, for locks, and when something is wrong
 * enough to abort:
 *
 * syscall: brk, mmap(2 & PROT_EXEC = 0), munmap
 * syscall: mremap; a list of many thousand peers grows
 * syscall: restart_syscall; after a stop and a SIGCONT
 * syscall: futex(1 = FUTEX_WAKE_PRIVATE); libcrypto ends an initialisation of its own
 * syscall: futex(1 = FUTEX_WAIT_PRIVATE); where there is more than one lane
 * syscall: rt_sigprocmask, gettid, getpid, tgkill(0 = self, 2 = SIGABRT); abort
 */
#include "tunnel/worker.h"
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/vault.h"
#include "tunnel/worker_state.h"

#define LOG_LINES 10 /* a second */
#define LOG_SECOND_NS 1000000000ULL
#define STACK_SIZE (1 << 20) /* little of it is touched; a sanitizer wants that much */

struct engine *engine_take(struct porter *porter)
{
	struct worker *worker = porter->worker;

	if (worker->n_porters > 1)
		pthread_mutex_lock(&worker->lock);
	worker->holder = porter;
	return worker->engine;
}

void engine_give(struct porter *porter)
{
	struct worker *worker = porter->worker;

	/* Whoever makes something due earlier sees it here, and wakes in time. */
	porter->due_ns = worker->engine ? engine_due(worker->engine) : UINT64_MAX;
	if (worker->n_porters > 1)
		pthread_mutex_unlock(&worker->lock);
}

void worker_halt(struct worker *worker)
{
	if (worker->n_porters == 1)
		return;
	pthread_mutex_lock(&worker->gate);
	atomic_store(&worker->gate_shut, true);
	for (uint8_t i = 1; i < worker->n_porters; i++)
		pthread_mutex_lock(&worker->porters[i]->turn);
}

void worker_resume(struct worker *worker)
{
	if (worker->n_porters == 1)
		return;
	for (uint8_t i = 1; i < worker->n_porters; i++)
		pthread_mutex_unlock(&worker->porters[i]->turn);
	atomic_store(&worker->gate_shut, false);
	pthread_mutex_unlock(&worker->gate);
}

static uint8_t *datagram_room(void *context, size_t size)
{
	struct worker *worker = context;

	return io_udp_room(&worker->holder->udp, size);
}

static void datagram_send(void *context, const struct endpoint *to, uint8_t *datagram, size_t size,
			  uint32_t peer_id)
{
	struct worker *worker = context;

	io_udp_send(&worker->holder->udp, to, datagram, size, peer_id);
}

/* With others waiting for the engine nothing is written to a TAP here. */
static void frame_deliver(void *context, struct frame *frame)
{
	struct worker *worker = context;
	struct porter *porter = worker->holder;

	if (worker->n_porters == 1) {
		join_frame(&porter->join, frame);
		return;
	}
	struct frame *kept = &porter->kept[porter->n_kept++];
	*kept = *frame;
	if (!frame->lasting) {
		kept->data = porter->whole + FRAME_HEADROOM;
		memcpy(kept->data, frame->data, frame->size);
	}
	porter->kept_enough = !frame->lasting || porter->n_kept == PORTER_KEEPS;
}

static void fill_random(void *context, void *out, size_t size)
{
	uint8_t *at = out;

	(void)context;
	while (size) {
		ssize_t n = getrandom(at, size, 0); /* syscall: getrandom */

		if (n < 0 && errno != EINTR)
			abort(); /* no keys without it */
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
}

/* At most so many lines a second: what strangers send must not fill the log. */
static bool may_log(struct worker *worker)
{
	uint64_t now = clock_now_ns();

	if (now - worker->log_ns >= LOG_SECOND_NS) {
		worker->log_ns = now;
		worker->log_lines = 0;
	}
	return worker->log_lines++ < LOG_LINES;
}

static void report(void *context, enum engine_event event, const struct peer *peer)
{
	struct worker *worker = context;

	if (may_log(worker)) /* syscall: write */
		fprintf(stderr, "peer %s %s\n", engine_peer_name(peer),
			event == ENGINE_CONNECTED ? "is connected" : "does not answer");
}

struct engine_ops worker_ops(struct worker *worker)
{
	return (struct engine_ops){
		.context = worker,
		.datagram_room = datagram_room,
		.datagram_send = datagram_send,
		.frame_deliver = frame_deliver,
		.random = fill_random,
		.event = report,
	};
}

/*
 * The process was forked off one that may hold other workers' control sockets: with a copy here,
 * they would not see it close.
 */
static void close_all_but(int control_fd)
{
	if (control_fd > 3)
		close_range(3, (unsigned)control_fd - 1, 0);
	close_range((unsigned)control_fd + 1, ~0U, 0);
}

static void free_all(struct worker *worker)
{
	for (uint8_t i = 0; i < worker->n_porters; i++) {
		porter_close(worker->porters[i]);
		vault_free(worker->porters[i]);
	}
	vault_free(worker);
}

static int add_porter(struct worker *worker)
{
	struct porter *porter = vault_new(sizeof(*porter));
	int rc = porter ? porter_open(porter, worker, worker->n_porters) : -ENOMEM;

	if (rc) {
		vault_free(porter);
		return rc;
	}
	worker->sockets[worker->n_porters] = &porter->udp;
	worker->porters[worker->n_porters++] = porter;
	return 0;
}

struct worker *worker_open(int control_fd, uint8_t n_lanes)
{
	close_all_but(control_fd);
	struct worker *worker = vault_new(sizeof(*worker));
	int rc = worker ? 0 : -ENOMEM;

	/* Keys must not end in a core file, nor be read by another process of the same user. */
	prctl(PR_SET_DUMPABLE, 0);
	/* A heap of a thread's own would grow by mprotect(2), which is not allowed. */
	if (n_lanes > 1)
		mallopt(M_ARENA_MAX, 1);
	for (uint8_t i = 0; i < n_lanes && rc == 0; i++)
		rc = add_porter(worker);
	if (rc) {
		fprintf(stderr, "tunnel: start a worker: %s\n", strerror(-rc));
		if (worker)
			free_all(worker);
		return NULL;
	}
	worker->control_fd = control_fd;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_mutex_init(&worker->gate, NULL);
	sem_init(&worker->spawned, 0, 0);
	porter_watch_control(worker->porters[0], control_fd);
	preempt_open(&worker->porters[0]->preempt); /* the others start when there are no files */
	return worker;
}

static void *carry(void *context)
{
	struct porter *porter = context;

	sem_post(&porter->worker->spawned);
	porter_run(porter);
	return NULL;
}

/* Keys pass over the stack, so it is in a vault; in front of it is a page that nobody may touch. */
static int spawn(struct porter *porter)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *stack = vault_new(STACK_SIZE + 2 * page);
	pthread_attr_t attributes;
	pthread_t thread;

	if (!stack)
		return -ENOMEM;
	uint8_t *guard = stack + page - (uintptr_t)stack % page;
	if (mprotect(guard, page, PROT_NONE))
		return -errno;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int rc = pthread_attr_setstack(&attributes, guard + page, STACK_SIZE);
	if (rc == 0)
		rc = pthread_create(&thread, &attributes, carry, porter);
	pthread_attr_destroy(&attributes);
	return -rc;
}

int worker_spawn(struct worker *worker)
{
	int rc = 0;

	for (uint8_t i = 1; i < worker->n_porters && rc == 0; i++)
		rc = spawn(worker->porters[i]);
	/* What libc does at a thread's start, it has done before the filter comes. */
	for (uint8_t i = 1; i < worker->n_porters && rc == 0; i++)
		while (sem_wait(&worker->spawned))
			;
	if (rc)
		fprintf(stderr, "tunnel: start a lane: %s\n", strerror(-rc));
	return rc;
}

int worker_serve(struct worker *worker)
{
	porter_run(worker->porters[0]);
	/* From here on the others stand still. */
	worker_forget_staged(worker);
	engine_free(worker->engine);
	worker->engine = NULL;
	crypto_wipe(worker->private_key, sizeof(worker->private_key));
	for (uint8_t i = 0; i < worker->n_porters; i++)
		porter_drop(worker->porters[i]);
	if (worker->n_porters == 1)
		free_all(worker);
	return 0; /* syscall: exit_group */
}

int worker_run(int control_fd, uint8_t n_lanes)
{
	struct worker *worker = worker_open(control_fd, n_lanes);

	return worker && worker_spawn(worker) == 0 ? worker_serve(worker) : 1;
}
