/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tunnel that runs: its TAP queue and sockets, which outlive its workers. */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"
#include "sys/netns.h"
#include "sys/tun.h"

#define MTU_MIN 68
#define MTU_MAX 16000

struct opening {
	const char *name;
	int fd;
};

static int queue_open(void *data, struct err *err)
{
	struct opening *opening = data;

	return tun_open_queue(opening->name, IFF_TAP, &opening->fd, err);
}

static int tap_open(struct service *service, struct err *err)
{
	struct opening opening = {.name = service_name(service), .fd = -1};
	int ns_fd FD_CLEANUP = -1;
	int r = netns_open(service->setup->object->ns, &ns_fd, err);

	if (!r)
		r = netns_inside(ns_fd, queue_open, &opening, err);
	if (!r)
		service->tap_fd = opening.fd;
	return r;
}

static uint32_t frame_size(const struct service *service)
{
	uint32_t mtu = service_device_mtu(service);

	return mtu < MTU_MIN ? MTU_MIN : mtu > MTU_MAX ? MTU_MAX : mtu;
}

static int tap_take(struct service *service, struct err *err)
{
	int r = tap_open(service, err);

	if (!r)
		r = lanes_open(service, err);
	if (r)
		return err_context(err, "its device");
	service->device_index = service_device_index(service);
	service->secrets->config.mtu = frame_size(service);
	return 0;
}

static void tap_drop(struct service *service)
{
	if (service->tap_fd >= 0)
		close(service->tap_fd);
	service->tap_fd = -1;
	lanes_drop_queues(service);
	service->device_index = 0;
}

/* The queue of a device that was deleted leads nowhere, also when a new one has its number. */
static bool tap_alive(const struct service *service)
{
	struct ifreq request = {0};

	return service->tap_fd >= 0 && ioctl(service->tap_fd, TUNGETIFF, &request) == 0 &&
	       service_device_index(service) == service->device_index;
}

/* The device was made anew: the worker goes on with it, sessions and all. */
static void tap_renew(struct service *service)
{
	struct err err;

	tap_drop(service);
	if (tap_take(service, &err)) {
		supervise_trouble(service, &err);
		return;
	}
	log_note(&service->keeper->log, "tunnel %s: took up its device (%u)", service_name(service),
		 service->device_index);
	service->problem[0] = '\0';
	if (!service->pid)
		loop_timer_set(&service->restart, 1);
	else if (control_send_tap(service->control_fd, 0, service->tap_fd, &err) ||
		 lanes_send_queues(service, &err))
		worker_distrust(service);
}

static void mtu_follow(struct service *service)
{
	uint32_t mtu = frame_size(service), before = service->secrets->config.mtu;
	struct err err;

	if (mtu == before || service->tap_fd < 0)
		return;
	service->secrets->config.mtu = mtu;
	if (!service->pid)
		return;
	if (control_send_config(service->control_fd, &service->secrets->config, &err)) {
		supervise_trouble(service, &err);
		if (err.code != -EINVAL)
			worker_distrust(service);
	}
}

static void refresh(struct service *service)
{
	if (!tap_alive(service))
		tap_renew(service);
	mtu_follow(service);
}

static int start(struct service *service, struct err *err)
{
	if (!tap_alive(service)) {
		tap_drop(service);
		if (tap_take(service, err))
			return err->code;
	} else if (lanes_open(service, err)) {
		return err->code;
	}
	if (worker_start(service, err))
		return err->code;
	if (priority_give(service, service->setup, err)) {
		worker_stop(service);
		return err->code;
	}
	return 0;
}

static int change(struct service *service, struct setup *setup, const struct secrets *secrets,
		  bool sockets, struct err *err)
{
	struct err ignored;
	bool same = priority_same(service->setup, setup);

	/* Threads and queues are made at a worker's start, which gives it its priority, too. */
	if (secrets->config.n_lanes != service->secrets->config.n_lanes) {
		worker_stop(service);
		loop_timer_set(&service->restart, 1);
		return 0;
	}
	if (!same && priority_give(service, setup, err))
		return err->code;
	if (!worker_change(service, secrets, sockets, err))
		return 0;
	if (!same)
		priority_give(service, service->setup, &ignored);
	return err->code;
}

static void stop(struct service *service)
{
	worker_stop(service);
}

const struct craft craft_tunnel = {
	.kind = "tunnel",
	.word = "tunnel",
	.check = secrets_make,
	.start = start,
	.stop = stop,
	.change = change,
	.refresh = refresh,
	.describe = tunnel_describe,
};
