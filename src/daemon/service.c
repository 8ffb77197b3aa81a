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

	return tun_open_queue(opening->name, &opening->fd, err);
}

static int tap_open(struct service *service, struct err *err)
{
	struct opening opening = {.name = service_name(service), .fd = -1};
	int ns_fd FD_CLEANUP = -1;
	int r = netns_open(service->setup->tunnel->ns, &ns_fd, err);

	if (!r)
		r = netns_inside(ns_fd, queue_open, &opening, err);
	if (!r)
		service->tap_fd = opening.fd;
	return r;
}

/* A socket of a namespace knows its devices, without going there. */
static uint32_t device_index(const struct service *service, struct ifreq *request)
{
	*request = (struct ifreq){0};
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", service_name(service));
	return ioctl(service->udp_fds[0], SIOCGIFINDEX, request) < 0
		       ? 0
		       : (uint32_t)request->ifr_ifindex;
}

static uint32_t device_mtu(const struct service *service)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", service_name(service));
	if (ioctl(service->udp_fds[0], SIOCGIFMTU, &request) < 0 || request.ifr_mtu < MTU_MIN)
		return MTU_MIN;
	return request.ifr_mtu < MTU_MAX ? (uint32_t)request.ifr_mtu : MTU_MAX;
}

static int tap_take(struct service *service, struct err *err)
{
	struct ifreq request;
	int r = tap_open(service, err);

	if (r)
		return err_context(err, "its device");
	service->tap_index = device_index(service, &request);
	service->secrets->config.mtu = device_mtu(service);
	return 0;
}

static void tap_drop(struct service *service)
{
	if (service->tap_fd >= 0)
		close(service->tap_fd);
	service->tap_fd = -1;
	service->tap_index = 0;
}

/* The queue of a device that was deleted leads nowhere, also when a new one has its number. */
static bool tap_alive(const struct service *service)
{
	struct ifreq request = {0};

	return service->tap_fd >= 0 && ioctl(service->tap_fd, TUNGETIFF, &request) == 0 &&
	       device_index(service, &request) == service->tap_index;
}

static void trouble(struct service *service, const struct err *err)
{
	if (strcmp(service->problem, err->message) == 0)
		return;
	snprintf(service->problem, sizeof(service->problem), "%.199s", err->message);
	log_warning(&service->keeper->log, "tunnel %s: %s", service_name(service), err->message);
}

/* The device was made anew: the worker goes on with it, sessions and all. */
static void tap_renew(struct service *service)
{
	struct err err;

	tap_drop(service);
	if (tap_take(service, &err)) {
		trouble(service, &err);
		return;
	}
	log_note(&service->keeper->log, "tunnel %s: took up its device (%u)", service_name(service),
		 service->tap_index);
	service->problem[0] = '\0';
	if (!service->pid)
		loop_timer_set(&service->restart, 1);
	else if (control_send_tap(service->control_fd, service->tap_fd, &err))
		worker_distrust(service);
}

static void mtu_follow(struct service *service)
{
	uint32_t mtu = device_mtu(service), before = service->secrets->config.mtu;
	struct err err;

	if (mtu == before || service->tap_fd < 0)
		return;
	service->secrets->config.mtu = mtu;
	if (!service->pid)
		return;
	if (control_send_config(service->control_fd, &service->secrets->config, &err)) {
		trouble(service, &err);
		if (err.code != -EINVAL)
			worker_distrust(service);
	}
}

void service_refresh(struct service *service)
{
	if (!tap_alive(service))
		tap_renew(service);
	mtu_follow(service);
}

static void restart(void *data, int what)
{
	struct service *service = data;
	struct err err;

	if (service->pid)
		return;
	if (!tap_alive(service)) {
		tap_drop(service);
		if (tap_take(service, &err)) {
			trouble(service, &err); /* the device's coming back is an event */
			return;
		}
	}
	if (worker_start(service, &err)) {
		trouble(service, &err);
		loop_timer_set(&service->restart, 1000);
	}
}

int service_new(struct keeper *keeper, struct setup *setup, struct secrets *secrets,
		const int udp_fds[2], struct service **out, struct err *err)
{
	struct service *service = calloc(1, sizeof(*service));
	int r;

	if (!service)
		abort();
	*service = (struct service){
		.keeper = keeper,
		.setup = setup,
		.secrets = secrets,
		.tap_fd = -1,
		.udp_fds = {udp_fds[0], udp_fds[1]},
		.control_fd = -1,
	};
	names_identity(setup->tunnel->ns, &service->ns_device, &service->ns_inode);
	r = loop_timer(&keeper->loop, &service->restart, restart, service, err);
	if (!r)
		r = tap_take(service, err);
	if (!r)
		r = worker_start(service, err);
	if (r) {
		/* what was given stays the caller's */
		service->setup = NULL;
		service->secrets = NULL;
		service->udp_fds[0] = service->udp_fds[1] = -1;
		service_free(service);
		return r;
	}
	*out = service;
	return 0;
}

void service_free(struct service *service)
{
	worker_stop(service);
	loop_remove(&service->keeper->loop, &service->restart);
	tap_drop(service);
	for (int i = 0; i < 2; i++)
		if (service->udp_fds[i] >= 0)
			close(service->udp_fds[i]);
	secrets_free(service->secrets);
	setup_free(service->setup);
	free(service);
}

struct service *service_find(const struct keeper *keeper, const char *ns, const char *name)
{
	for (size_t i = 0; i < keeper->len; i++)
		if (text_same(keeper->services[i]->setup->tunnel->ns, ns) &&
		    text_same(service_name(keeper->services[i]), name))
			return keeper->services[i];
	return NULL;
}

void service_add(struct keeper *keeper, struct service *service)
{
	keeper->services = realloc(keeper->services, (keeper->len + 1) * sizeof(*keeper->services));
	if (!keeper->services)
		abort();
	keeper->services[keeper->len++] = service;
}

void service_remove(struct keeper *keeper, struct service *service)
{
	size_t kept = 0;

	for (size_t i = 0; i < keeper->len; i++)
		if (keeper->services[i] != service)
			keeper->services[kept++] = keeper->services[i];
	keeper->len = kept;
	service_free(service);
}
