/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that runs, whatever it is. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"
#include "sys/netns.h"

#define RETRY_MS 1000

static const struct craft *craft_of(const struct object *object)
{
	static const struct craft *const crafts[] = {&craft_tunnel, &craft_dhcp, &craft_carrier};

	for (size_t i = 0; i < sizeof(crafts) / sizeof(crafts[0]); i++)
		if (kind_is(object->kind, crafts[i]->kind))
			return crafts[i];
	return NULL;
}

const struct craft *service_craft(const struct object *object)
{
	return object_owner(object) ? &craft_tunnel : craft_of(object);
}

int service_check(struct setup *setup, struct secrets **secrets, struct err *err)
{
	const struct craft *craft = craft_of(setup->object);

	if (!craft)
		return err_set(err, -EINVAL, "a %s is nothing that runs",
			       setup->object->kind->name);
	return craft->check ? craft->check(setup, secrets, err) : 0;
}

static int socket_open(void *data, struct err *err)
{
	int *fd = data;

	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return *fd < 0 ? err_errno(err, -errno, "open a socket") : 0;
}

/* A socket of a namespace knows its devices, without going there. */
static int device_watch(struct service *service, struct err *err)
{
	int ns_fd FD_CLEANUP = -1;
	int r = netns_open(service->setup->object->ns, &ns_fd, err);

	return r ? r : netns_inside(ns_fd, socket_open, &service->device_fd, err);
}

static bool device_ask(const struct service *service, unsigned long what, struct ifreq *request)
{
	*request = (struct ifreq){0};
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", service_name(service));
	return ioctl(service->device_fd, what, request) == 0;
}

uint32_t service_device_index(const struct service *service)
{
	struct ifreq request;

	return device_ask(service, SIOCGIFINDEX, &request) ? (uint32_t)request.ifr_ifindex : 0;
}

uint32_t service_device_mtu(const struct service *service)
{
	struct ifreq request;

	return device_ask(service, SIOCGIFMTU, &request) && request.ifr_mtu > 0
		       ? (uint32_t)request.ifr_mtu
		       : 0;
}

static void restart(void *data, int what)
{
	struct service *service = data;
	struct err err;

	if (service->pid || service->craft->start(service, &err) == 0)
		return;
	supervise_trouble(service, &err);
	loop_timer_set(&service->restart, RETRY_MS);
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
		.craft = craft_of(setup->object),
		.setup = setup,
		.secrets = secrets,
		.device_fd = -1,
		.tap_fd = -1,
		.udp_fds = {udp_fds[0], udp_fds[1]},
		.control_fd = -1,
	};
	lanes_init(service);
	names_identity(setup->object->ns, &service->ns_device, &service->ns_inode);
	r = loop_timer(&keeper->loop, &service->restart, restart, service, err);
	if (!r)
		r = device_watch(service, err);
	if (!r)
		r = service->craft->start(service, err);
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
	const int fds[] = {service->device_fd, service->tap_fd, service->udp_fds[0],
			   service->udp_fds[1]};

	service->craft->stop(service);
	loop_remove(&service->keeper->loop, &service->restart);
	lanes_close(service);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	secrets_free(service->secrets);
	setup_free(service->setup);
	free(service);
}

struct service *service_find(const struct keeper *keeper, const struct craft *craft, const char *ns,
			     const char *name)
{
	for (size_t i = 0; i < keeper->len; i++) {
		struct service *service = keeper->services[i];

		if (service->craft == craft && text_same(service->setup->object->ns, ns) &&
		    text_same(service_name(service), name))
			return service;
	}
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
