/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A worker is one thread in one loop: what is ready at TAP, sockets and control socket is taken in
 * small turns, so that none starves the others; what a turn produced goes to the wire before the
 * next. Super-frames, which take long, wait in `ahead` and `backlog` and go one at a time, so that
 * small frames of others pass them. Everything the engine needs from outside is here: descriptors,
 * clock, random bytes.
 *
 * What libc calls of the kernel by itself, for malloc and when something is wrong enough to abort:
 *
 * syscall: brk, mmap(2 & PROT_EXEC = 0), munmap
 * syscall: mremap; a list of many thousand peers grows
 * syscall: restart_syscall; after a stop and a SIGCONT
 * syscall: futex(1 = FUTEX_WAKE_PRIVATE); libcrypto ends an initialisation of its own
 * syscall: rt_sigprocmask, gettid, getpid, tgkill(0 = self, 2 = SIGABRT); abort
 */
#include "tunnel/worker.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/vault.h"
#include "tunnel/worker_state.h"

#define TAP_TURN 64 /* frames */
#define TAP_BURST 8 /* small ones that are read before the first is looked at */
#define MS_NS 1000000
#define LOG_LINES 10 /* a second */

enum event_source { SOURCE_CONTROL, SOURCE_TAP, SOURCE_UDP4, SOURCE_UDP6 };

static uint8_t *datagram_room(void *context, size_t size)
{
	struct worker *worker = context;

	return io_udp_room(&worker->udp, size);
}

static void datagram_send(void *context, const struct endpoint *to, uint8_t *datagram, size_t size,
			  uint32_t peer_id)
{
	struct worker *worker = context;

	io_udp_send(&worker->udp, to, datagram, size, peer_id);
}

static void frame_deliver(void *context, struct frame *frame)
{
	struct worker *worker = context;

	join_frame(&worker->join, frame);
}

static void write_frame(void *context, const struct frame *frame, const struct iovec *parts,
			uint32_t n, uint32_t header_size)
{
	struct worker *worker = context;

	if (io_tap_write(&worker->tap, frame, parts, n, header_size))
		worker->drops[DROP_TAP_ERROR] += n;
}

static void let_wait(void *context, const struct frame *frame, const struct iovec *parts,
		     uint32_t n, uint32_t header_size)
{
	struct worker *worker = context;

	backlog_take(&worker->backlog, frame, parts, n, header_size);
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

	if (now - worker->log_ns >= 1000 * MS_NS) {
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

static void watch(struct worker *worker, int fd, enum event_source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	/* syscall: epoll_ctl */
	/* A descriptor that cannot be watched is one that carries nothing: the peer will see. */
	if (fd >= 0)
		(void)epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Closing alone would not do: the keeper has the same descriptor open. */
static void unwatch(struct worker *worker, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void worker_take_tap(struct worker *worker, int fd)
{
	unwatch(worker, worker->tap.fd);
	io_tap_set(&worker->tap, fd);
	worker->join.tcp = worker->tap.tcp;
	worker->join.udp = worker->tap.udp;
	watch(worker, fd, SOURCE_TAP);
}

void worker_take_socket(struct worker *worker, enum udp_family family, int fd)
{
	unwatch(worker, worker->udp.fds[family]);
	io_udp_set(&worker->udp, family, fd);
	watch(worker, fd, family == UDP_IPV4 ? SOURCE_UDP4 : SOURCE_UDP6);
}

/* Sends what has gathered; what was too big may make the engine send more. */
static void flush(struct worker *worker, uint64_t now)
{
	struct io_udp *udp = &worker->udp;

	io_udp_flush(udp);
	while (udp->n_refused && worker->engine) {
		struct udp_refused refused[UDP_REFUSED];
		uint32_t n = udp->n_refused;

		memcpy(refused, udp->refused, n * sizeof(*refused));
		udp->n_refused = 0;
		for (uint32_t i = 0; i < n; i++)
			engine_too_big(worker->engine, refused[i].peer_id, refused[i].size, now);
		io_udp_flush(udp);
	}
}

static void send_frame_on(struct worker *worker, struct frame *frame, uint64_t now)
{
	if (worker->engine)
		engine_frame(worker->engine, frame, now);
	/* What is much goes at once; small frames gather until the TAP has no more. */
	if (io_udp_is_full(&worker->udp))
		flush(worker, now);
}

static void send_ahead(struct worker *worker, uint64_t now)
{
	struct frame *frame;

	while ((frame = ahead_next(&worker->ahead)))
		send_frame_on(worker, frame, now);
}

static void order_frame(struct worker *worker, struct frame *frame, uint32_t buffer, uint64_t now)
{
	switch (ahead_take(&worker->ahead, frame, buffer)) {
	case AHEAD_LAST:
		send_ahead(worker, now);
		send_frame_on(worker, frame, now);
		break;
	case AHEAD_NOW:
		send_frame_on(worker, frame, now);
		break;
	case AHEAD_WAITS:
		break;
	}
}

/*
 * Small frames are read several at a time, so that the memory is asked for all their addresses at
 * once; while something waits, and when something is large, one. What io_tap_read answered last.
 */
static int take_burst(struct worker *worker, int *n_frames, uint64_t now)
{
	struct ahead *ahead = &worker->ahead;
	struct frame frames[TAP_BURST];
	uint32_t buffers[TAP_BURST], n = 0;
	int rc = 0;

	while (n < TAP_BURST && ahead_room(ahead, n, &buffers[n])) {
		rc = io_tap_read(&worker->tap, buffers[n], &frames[n]);
		if (rc != 1)
			break;
		if (frames[n++].gso_type != GSO_NONE || ahead->n)
			break;
	}
	if (worker->engine)
		engine_expect(worker->engine, frames, n);
	for (uint32_t i = 0; i < n; i++)
		order_frame(worker, &frames[i], buffers[i], now);
	*n_frames += (int)n;
	return rc;
}

static void take_frames(struct worker *worker, uint64_t now)
{
	int rc = 1, n = 0;

	while (rc == 1 && n < TAP_TURN)
		rc = take_burst(worker, &n, now);
	if (rc >= 0)
		return;
	/* The device is gone; the keeper will send a new one, or end us. */
	fprintf(stderr, "the TAP is gone\n");
	unwatch(worker, worker->tap.fd);
	io_tap_set(&worker->tap, -1);
}

static void take_datagrams(struct worker *worker, enum udp_family family, uint64_t now)
{
	const struct endpoint *from;
	uint8_t *datagram;
	size_t size;

	if (!io_udp_receive(&worker->udp, family))
		return;
	worker->backlog.mark = io_udp_batch(&worker->udp);
	while (worker->engine && (datagram = io_udp_next(&worker->udp, &size, &from)))
		engine_datagram(worker->engine, from, datagram, size, now);
	join_flush(&worker->join);
	io_udp_release(&worker->udp, backlog_oldest(&worker->backlog));
}

/* Milliseconds until the engine wants its tick; -1: it does not. */
static int timeout(const struct worker *worker, uint64_t now)
{
	uint64_t due = worker->engine ? engine_due(worker->engine) : UINT64_MAX;

	if (worker->backlog.n || worker->ahead.n)
		return 0;
	if (due == UINT64_MAX)
		return -1;
	return due <= now ? 0 : (int)((due - now + MS_NS - 1) / MS_NS % 3600000);
}

static void serve(struct worker *worker, const struct epoll_event *event)
{
	switch (event->data.u32) {
	case SOURCE_CONTROL:
		worker->ended = !worker_hear(worker);
		break;
	case SOURCE_TAP:
		take_frames(worker, clock_now_ns());
		break;
	case SOURCE_UDP4:
		take_datagrams(worker, UDP_IPV4, clock_now_ns());
		break;
	case SOURCE_UDP6:
		take_datagrams(worker, UDP_IPV6, clock_now_ns());
		break;
	}
}

/*
 * What takes long waits until TAP and socket have nothing more, and goes one by one: what is small
 * does not wait for what is large. More is written only to make room.
 */
static void serve_waiting(struct worker *worker)
{
	struct backlog *backlog = &worker->backlog;
	struct frame *frame = ahead_next(&worker->ahead);

	if (frame) {
		uint64_t now = clock_now_ns();

		send_frame_on(worker, frame, now);
		flush(worker, now);
	}
	while (backlog->n) {
		backlog_write(backlog);
		io_udp_release(&worker->udp, backlog_oldest(backlog));
		if (!io_udp_is_crowded(&worker->udp))
			break;
	}
}

static void loop(struct worker *worker)
{
	struct epoll_event events[4];

	/* syscall: epoll_wait */
	/* syscall: epoll_pwait; where there is no epoll_wait */
	while (!worker->ended) {
		int n = epoll_wait(worker->epoll_fd, events, 4, timeout(worker, clock_now_ns()));

		for (int i = 0; i < n && !worker->ended; i++) {
			serve(worker, &events[i]);
			flush(worker, clock_now_ns());
		}
		serve_waiting(worker);
		uint64_t now = clock_now_ns();
		if (worker->engine && engine_due(worker->engine) <= now) {
			engine_tick(worker->engine, now);
			flush(worker, now);
		}
	}
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

struct worker *worker_open(int control_fd)
{
	close_all_but(control_fd);
	struct worker *worker = vault_new(sizeof(*worker));

	if (!worker) {
		fprintf(stderr, "tunnel: no memory for a worker\n");
		return NULL;
	}
	/* Keys must not end in a core file, nor be read by another process of the same user. */
	prctl(PR_SET_DUMPABLE, 0);
	worker->control_fd = control_fd;
	worker->tap.fd = -1;
	worker->join.write = let_wait;
	worker->join.context = worker;
	worker->backlog.write = write_frame;
	worker->backlog.context = worker;
	worker->udp.fds[UDP_IPV4] = worker->udp.fds[UDP_IPV6] = -1;
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll_fd < 0) {
		fprintf(stderr, "tunnel: epoll: %s\n", strerror(errno));
		vault_free(worker);
		return NULL;
	}
	watch(worker, control_fd, SOURCE_CONTROL);
	return worker;
}

int worker_serve(struct worker *worker)
{
	loop(worker);
	worker_forget_staged(worker);
	engine_free(worker->engine);
	io_tap_set(&worker->tap, -1);
	io_udp_set(&worker->udp, UDP_IPV4, -1);
	io_udp_set(&worker->udp, UDP_IPV6, -1);
	close(worker->epoll_fd);
	vault_free(worker);
	return 0; /* syscall: exit_group */
}

int worker_run(int control_fd)
{
	struct worker *worker = worker_open(control_fd);

	return worker ? worker_serve(worker) : 1;
}
