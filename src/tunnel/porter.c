/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lane's loop: what is ready at TAP and sockets is taken in small turns, so that none starves the
 * others; what a turn produced goes to the wire before the next. Super-frames, which take long,
 * wait in `ahead` and `backlog` and go one at a time, so that small frames of others pass them.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/clock.h"
#include "tunnel/worker_state.h"

#define TAP_TURN 64	/* frames */
#define TAP_BURST 8	/* small ones that are read before the first is looked at */
#define SMALL_FRAME 256 /* bytes, at most */
#define MS_NS 1000000
#define EVENTS 4 /* as many sources as there are */

enum event_source { SOURCE_CONTROL, SOURCE_TAP, SOURCE_UDP4, SOURCE_UDP6 };

static void write_frame(void *context, const struct frame *frame, const struct iovec *parts,
			uint32_t n, uint32_t header_size)
{
	struct porter *porter = context;

	preempt_count(&porter->preempt, n, frame->gso_type != GSO_NONE);
	if (io_tap_write(&porter->tap, frame, parts, n, header_size))
		porter->tap_errors += n;
}

static void let_wait(void *context, const struct frame *frame, const struct iovec *parts,
		     uint32_t n, uint32_t header_size)
{
	struct porter *porter = context;

	backlog_take(&porter->backlog, frame, parts, n, header_size);
}

static void watch(struct porter *porter, int fd, enum event_source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	/* syscall: epoll_ctl */
	/* A descriptor that cannot be watched is one that carries nothing: the peer will see. */
	if (fd >= 0)
		(void)epoll_ctl(porter->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Closing alone would not do: the keeper has the same descriptor open. */
static void unwatch(struct porter *porter, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(porter->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void porter_watch_control(struct porter *porter, int fd)
{
	watch(porter, fd, SOURCE_CONTROL);
}

void porter_take_tap(struct porter *porter, int fd)
{
	unwatch(porter, porter->tap.fd);
	io_tap_set(&porter->tap, fd);
	porter->join.tcp = porter->tap.tcp;
	porter->join.udp = porter->tap.udp;
	watch(porter, fd, SOURCE_TAP);
}

void porter_take_socket(struct porter *porter, enum udp_family family, int fd)
{
	unwatch(porter, porter->udp.fds[family]);
	io_udp_set(&porter->udp, family, fd);
	watch(porter, fd, family == UDP_IPV4 ? SOURCE_UDP4 : SOURCE_UDP6);
}

/* Sends what has gathered; what was too big may make the engine send more. */
static void flush(struct porter *porter, uint64_t now)
{
	struct io_udp *udp = &porter->udp;

	io_udp_flush(udp);
	while (udp->n_refused) {
		struct udp_refused refused[UDP_REFUSED];
		uint32_t n = udp->n_refused;
		struct engine *engine = engine_take(porter);

		memcpy(refused, udp->refused, n * sizeof(*refused));
		udp->n_refused = 0;
		for (uint32_t i = 0; i < n && engine; i++)
			engine_too_big(engine, refused[i].peer_id, refused[i].size, now);
		engine_give(porter);
		io_udp_flush(udp);
	}
}

static void send_frame_on(struct porter *porter, struct frame *frame, uint64_t now)
{
	struct engine *engine = engine_take(porter);

	frame->lane = porter->lane;
	if (engine)
		engine_frame(engine, frame, now);
	engine_give(porter);
	/* What is much goes at once; small frames gather until the TAP has no more. */
	if (io_udp_is_full(&porter->udp))
		flush(porter, now);
}

static void send_ahead(struct porter *porter, uint64_t now)
{
	struct frame *frame;

	while ((frame = ahead_next(&porter->ahead)))
		send_frame_on(porter, frame, now);
}

/* Somebody may wait for an answer to it: it is short, and no acknowledgement alone. */
static bool is_small(const struct frame *frame)
{
	struct headers headers;

	if (frame->gso_type != GSO_NONE || frame->size > SMALL_FRAME)
		return false;
	return !headers_read(frame, &headers) || !headers.tcp || headers.size < headers.end;
}

static void count_frame(struct porter *porter, const struct frame *frame)
{
	struct preempt *preempt = &porter->preempt;

	preempt_count(preempt, 1, frame->gso_type != GSO_NONE);
	if (!preempt->period.small)
		preempt->period.small = is_small(frame);
}

static void order_frame(struct porter *porter, struct frame *frame, uint32_t buffer, uint64_t now)
{
	count_frame(porter, frame);
	switch (ahead_take(&porter->ahead, frame, buffer)) {
	case AHEAD_LAST:
		send_ahead(porter, now);
		send_frame_on(porter, frame, now);
		break;
	case AHEAD_NOW:
		send_frame_on(porter, frame, now);
		break;
	case AHEAD_WAITS:
		break;
	}
}

/* One alone is not worth taking the engine from others twice. */
static void expect(struct porter *porter, const struct frame *frames, uint32_t n)
{
	if (n < 2 && porter->worker->n_porters > 1)
		return;
	struct engine *engine = engine_take(porter);

	if (engine)
		engine_expect(engine, frames, n);
	engine_give(porter);
}

/*
 * Small frames are read several at a time, so that the memory is asked for all their addresses at
 * once; while something waits, and when something is large, one. What io_tap_read answered last.
 */
static int take_burst(struct porter *porter, int *n_frames, uint64_t now)
{
	struct ahead *ahead = &porter->ahead;
	struct frame frames[TAP_BURST];
	uint32_t buffers[TAP_BURST], n = 0;
	int rc = 0;

	while (n < TAP_BURST && ahead_room(ahead, n, &buffers[n])) {
		rc = io_tap_read(&porter->tap, buffers[n], &frames[n]);
		if (rc != 1)
			break;
		if (frames[n++].gso_type != GSO_NONE || ahead->n)
			break;
	}
	expect(porter, frames, n);
	for (uint32_t i = 0; i < n; i++)
		order_frame(porter, &frames[i], buffers[i], now);
	*n_frames += (int)n;
	return rc;
}

static void take_frames(struct porter *porter, uint64_t now)
{
	int rc = 1, n = 0;

	while (rc == 1 && n < TAP_TURN)
		rc = take_burst(porter, &n, now);
	if (rc >= 0)
		return;
	/* The device is gone; the keeper will send a new one, or end us. */
	fprintf(stderr, "the TAP is gone\n");
	unwatch(porter, porter->tap.fd);
	io_tap_set(&porter->tap, -1);
}

/* What was delivered goes on, now that others may have the engine. */
static void hand_over(struct porter *porter)
{
	for (uint32_t i = 0; i < porter->n_kept; i++)
		join_frame(&porter->join, &porter->kept[i]);
	porter->n_kept = 0;
	porter->kept_enough = false;
}

/* Opens datagrams until there are none, or enough frames. False: there are none. */
static bool open_some(struct porter *porter, uint64_t now)
{
	struct engine *engine = engine_take(porter);
	const struct endpoint *from;
	uint8_t *datagram = NULL;
	size_t size;

	/* With other lanes what is delivered is kept, and no more of it than there is room for. */
	if (engine && porter->worker->n_porters == 1)
		engine_gather(engine);
	while (engine && !porter->kept_enough &&
	       (datagram = io_udp_next(&porter->udp, &size, &from)))
		engine_datagram(engine, from, datagram, size, now);
	if (engine)
		engine_settle(engine, now);
	engine_give(porter);
	return datagram;
}

/* Datagrams may be overwritten that nothing lies in any more. */
static void release(struct porter *porter)
{
	uint64_t joins = join_oldest_mark(&porter->join);
	uint64_t waits = backlog_oldest_mark(&porter->backlog);

	io_udp_release(&porter->udp, joins < waits ? joins : waits);
}

static void take_datagrams(struct porter *porter, enum udp_family family, uint64_t now)
{
	if (!io_udp_receive(&porter->udp, family))
		return;
	porter->join.mark = io_udp_batch(&porter->udp);
	while (open_some(porter, now))
		hand_over(porter);
	hand_over(porter);
	porter->preempt.period.trains |= porter->udp.in.trains;
	join_settle(&porter->join);
	release(porter);
}

/* Milliseconds until the engine wants its tick; -1: it does not. */
static int timeout(const struct porter *porter, uint64_t now)
{
	uint64_t due = porter->due_ns;

	if (porter->backlog.n || porter->join.n || porter->ahead.n)
		return 0;
	if (due == UINT64_MAX)
		return -1;
	return due <= now ? 0 : (int)((due - now + MS_NS - 1) / MS_NS % 3600000);
}

static void hear(struct porter *porter)
{
	struct worker *worker = porter->worker;

	worker_halt(worker);
	engine_take(porter);
	worker->ended = !worker_hear(worker);
	engine_give(porter);
	/* At the end they stay where they are. */
	if (!worker->ended)
		worker_resume(worker);
}

static void serve(struct porter *porter, const struct epoll_event *event)
{
	switch (event->data.u32) {
	case SOURCE_CONTROL:
		hear(porter);
		break;
	case SOURCE_TAP:
		take_frames(porter, clock_now_ns());
		break;
	case SOURCE_UDP4:
		take_datagrams(porter, UDP_IPV4, clock_now_ns());
		break;
	case SOURCE_UDP6:
		take_datagrams(porter, UDP_IPV6, clock_now_ns());
		break;
	}
}

/*
 * What takes long waits until TAP and socket have nothing more, and goes one by one: what is small
 * does not wait for what is large. More is written only to make room.
 */
static void serve_waiting(struct porter *porter)
{
	struct backlog *backlog = &porter->backlog;
	struct frame *frame = ahead_next(&porter->ahead);

	if (frame) {
		uint64_t now = clock_now_ns();

		send_frame_on(porter, frame, now);
		flush(porter, now);
	}
	while (backlog->n || porter->join.n) {
		/* Unfinished ones, which may yet grow, are the last. */
		if (!backlog->n)
			join_write_oldest(&porter->join);
		backlog_write(backlog);
		release(porter);
		if (!io_udp_is_crowded(&porter->udp))
			break;
	}
}

/* Whoever wakes first at that time. */
static void tick(struct porter *porter, uint64_t now)
{
	if (porter->due_ns > now)
		return;
	struct engine *engine = engine_take(porter);
	if (engine && engine_due(engine) <= now)
		engine_tick(engine, now);
	engine_give(porter);
	flush(porter, now);
}

static void begin_turn(struct porter *porter)
{
	struct worker *worker = porter->worker;

	if (!porter->lane)
		return;
	if (atomic_load(&worker->gate_shut)) {
		pthread_mutex_lock(&worker->gate);
		pthread_mutex_unlock(&worker->gate);
	}
	pthread_mutex_lock(&porter->turn);
}

static void end_turn(struct porter *porter)
{
	if (porter->lane)
		pthread_mutex_unlock(&porter->turn);
}

/* What has happened: at once, or within that time. */
static int await(struct porter *porter, struct epoll_event events[EVENTS], int wait_ms)
{
	uint64_t start = clock_now_ns();

	/* syscall: epoll_wait */
	/* syscall: epoll_pwait; where there is no epoll_wait */
	while (wait_ms && porter->preempt.lingers && clock_now_ns() - start < PREEMPT_LINGER_NS) {
		int n = epoll_wait(porter->epoll_fd, events, EVENTS, 0);

		if (n)
			return n;
		sched_yield(); /* syscall: sched_yield; where bulk comes without trains */
	}
	return epoll_wait(porter->epoll_fd, events, EVENTS, wait_ms);
}

void porter_run(struct porter *porter)
{
	struct worker *worker = porter->worker;
	struct epoll_event events[EVENTS];
	int wait_ms = timeout(porter, clock_now_ns());

	for (;;) {
		int n = await(porter, events, wait_ms);

		begin_turn(porter);
		for (int i = 0; i < n && !worker->ended; i++) {
			serve(porter, &events[i]);
			flush(porter, clock_now_ns());
		}
		if (worker->ended)
			return;
		serve_waiting(porter);
		uint64_t now = clock_now_ns();
		tick(porter, now);
		preempt_look(&porter->preempt, now);
		wait_ms = timeout(porter, now);
		end_turn(porter);
	}
}

int porter_open(struct porter *porter, struct worker *worker, uint8_t lane)
{
	porter->worker = worker;
	porter->lane = lane;
	porter->due_ns = UINT64_MAX;
	porter->tap.fd = -1;
	porter->preempt.fd = -1;
	porter->join.write = let_wait;
	porter->join.context = porter;
	porter->backlog.write = write_frame;
	porter->backlog.context = porter;
	porter->udp.fds[UDP_IPV4] = porter->udp.fds[UDP_IPV6] = -1;
	porter->udp.lanes = worker->sockets;
	pthread_mutex_init(&porter->turn, NULL);
	porter->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return porter->epoll_fd < 0 ? -errno : 0;
}

void porter_drop(struct porter *porter)
{
	io_tap_set(&porter->tap, -1);
	io_udp_set(&porter->udp, UDP_IPV4, -1);
	io_udp_set(&porter->udp, UDP_IPV6, -1);
}

void porter_close(struct porter *porter)
{
	porter_drop(porter);
	preempt_close(&porter->preempt);
	if (porter->epoll_fd >= 0)
		close(porter->epoll_fd);
	porter->epoll_fd = -1;
}
