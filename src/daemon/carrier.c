/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The carrier of a TAP or TUN that nobody has open: a queue that is set aside, so that it takes no
 * packets and others may open theirs. While it is open the kernel leaves the carrier on when the
 * last of the others goes, so nothing has to be put right then; what has to be is a device made
 * anew, or a carrier that somebody took away. There is no process: the keeper itself holds it.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/inside.h"
#include "sys/netns.h"
#include "sys/tun.h"

#define RETRY_MS 1000

struct holding {
	const char *name;
	uint16_t flags;
	int fd;
};

static int hold_inside(void *data, struct err *err)
{
	struct holding *holding = data;

	return tun_hold(holding->name, holding->flags, &holding->fd, err);
}

static void drop(struct service *service)
{
	if (service->tap_fd >= 0)
		close(service->tap_fd);
	service->tap_fd = -1;
	service->device_index = 0;
}

static int take(struct service *service, const struct setup *setup, struct err *err)
{
	const struct object *object = setup->object;
	struct holding holding = {
		.name = object_name(object),
		.flags = (object_number(object, "vnet-hdr", 0) ? IFF_VNET_HDR : 0) |
			 (object_number(object, "packet-info", 0) ? 0 : IFF_NO_PI),
		.fd = -1,
	};
	int ns_fd FD_CLEANUP = -1;
	int r = netns_open(object->ns, &ns_fd, err);

	if (!r)
		r = netns_inside(ns_fd, hold_inside, &holding, err);
	if (r)
		return r;
	service->tap_fd = holding.fd;
	service->device_index = service_device_index(service);
	service->problem[0] = '\0';
	return 0;
}

/* The queue of a device that was deleted leads nowhere, also when a new one has its number. */
static bool alive(const struct service *service)
{
	struct ifreq request = {0};

	return service->tap_fd >= 0 && ioctl(service->tap_fd, TUNGETIFF, &request) == 0 &&
	       service_device_index(service) == service->device_index;
}

/* A device that is down does not tell. */
static bool carries(const struct service *service)
{
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", service_name(service));
	if (ioctl(service->device_fd, SIOCGIFFLAGS, &request) < 0 || !(request.ifr_flags & IFF_UP))
		return true;
	request.ifr_data = (char *)&link;
	return ioctl(service->device_fd, SIOCETHTOOL, &request) < 0 || link.data;
}

static int start(struct service *service, struct err *err)
{
	if (alive(service) && carries(service))
		return 0;
	drop(service);
	return take(service, service->setup, err);
}

/* Our own queue keeps the device's flags as they are, so it goes first. */
static int change(struct service *service, struct setup *setup, const struct secrets *secrets,
		  bool sockets, struct err *err)
{
	struct err ignored;
	int r;

	drop(service);
	r = take(service, setup, err);
	if (r)
		take(service, service->setup, &ignored);
	return r;
}

static void refresh(struct service *service)
{
	bool was_alive = alive(service);
	struct err err;

	if (was_alive && carries(service))
		return;
	if (start(service, &err)) {
		supervise_trouble(service, &err);
		loop_timer_set(&service->restart, RETRY_MS);
		return;
	}
	log_note(&service->keeper->log, "carrier %s: %s (%u)", service_name(service),
		 was_alive ? "given back" : "took up its device", service->device_index);
}

const struct craft craft_carrier = {
	.kind = "carrier",
	.word = "carrier",
	.start = start,
	.stop = drop,
	.change = change,
	.refresh = refresh,
};
