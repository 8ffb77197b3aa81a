/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a tunnel's lanes from the second on have of their own: a queue of its TAP, and sockets on
 * ports that nobody chose. As those of the first they outlive the worker.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"
#include "sys/netns.h"
#include "sys/tun.h"
#include "tunnel/io_udp.h"

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void lanes_init(struct service *service)
{
	for (int i = 0; i < CONTROL_LANES_MAX - 1; i++)
		service->lanes[i] = (struct control_lane){-1, -1, -1};
}

void lanes_drop_queues(struct service *service)
{
	for (int i = 0; i < CONTROL_LANES_MAX - 1; i++)
		drop(&service->lanes[i].tap_fd);
}

/* A queue that stays open would be given frames that nobody reads. */
static void drop_from(struct service *service, uint32_t first)
{
	for (uint32_t i = first; i < CONTROL_LANES_MAX - 1; i++) {
		drop(&service->lanes[i].tap_fd);
		drop(&service->lanes[i].udp4_fd);
		drop(&service->lanes[i].udp6_fd);
	}
}

void lanes_close(struct service *service)
{
	drop_from(service, 0);
}

static int socket_bind(int family, int *out, struct err *err)
{
	int fd FD_CLEANUP = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool is_six = family == AF_INET6;
	int on = 1;

	if (fd >= 0 && is_six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (fd < 0 || bind(fd, is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four,
			   is_six ? sizeof(six) : sizeof(four)) < 0)
		return err_errno(err, -errno, "open a lane's socket");
	io_udp_widen(fd); /* which the worker may not */
	*out = fd_take(&fd);
	return 0;
}

/* The families are those of the listening sockets. */
static int lane_fill(struct service *service, struct control_lane *lane, struct err *err)
{
	int r = 0;

	if (lane->tap_fd < 0)
		r = tun_queue_add(service->tap_fd, &lane->tap_fd, err);
	if (!r && lane->udp4_fd < 0 && service->udp_fds[0] >= 0)
		r = socket_bind(AF_INET, &lane->udp4_fd, err);
	if (!r && lane->udp6_fd < 0 && service->udp_fds[1] >= 0)
		r = socket_bind(AF_INET6, &lane->udp6_fd, err);
	return r;
}

static int open_inside(void *data, struct err *err)
{
	struct service *service = data;
	int r = 0;

	for (uint32_t i = 0; i + 1 < service->secrets->config.n_lanes && !r; i++)
		r = lane_fill(service, &service->lanes[i], err);
	return r;
}

int lanes_open(struct service *service, struct err *err)
{
	uint32_t more = service->secrets->config.n_lanes - 1;
	int ns_fd FD_CLEANUP = -1;
	int r;

	drop_from(service, more);
	if (!more)
		return 0;
	r = netns_open(service->setup->object->ns, &ns_fd, err);
	if (!r)
		r = netns_inside(ns_fd, open_inside, service, err);
	if (r)
		lanes_close(service);
	return r ? err_context(err, "its lanes") : 0;
}

int lanes_send_queues(struct service *service, struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; i + 1 < service->secrets->config.n_lanes && !r; i++)
		r = control_send_tap(service->control_fd, i + 1, service->lanes[i].tap_fd, err);
	return r;
}
