/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TAP and TUN devices through /dev/net/tun, in the network namespace of the calling thread. A
 * device lives as long as its descriptor until it is made persistent, which is the last step of
 * making one: whoever is killed before leaves nothing.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct tun_wish {
	const char *name;
	uint16_t flags;	  /* IFF_TAP or IFF_TUN, with IFF_MULTI_QUEUE, IFF_VNET_HDR, IFF_NO_PI */
	uint32_t ifindex; /* number it shall get; 0: any */
	int64_t owner, group; /* uid and gid; -1: none */
};

/* Makes a device; -EBUSY: there is one of that name, or number. */
int tun_make(const struct tun_wish *wish, int *fd, struct err *err);

/* Opens a persistent device; -ENODEV: there is none; -EBUSY: somebody holds its only queue. */
int tun_attach(const char *name, uint16_t flags, int *fd, struct err *err);
/* The same, but the device gets no carrier by it, nor what comes with one. */
int tun_attach_quietly(const char *name, uint16_t flags, int *fd, struct err *err);

/*
 * As tun_attach for a data plane: a queue with virtio headers, of a device with one queue or more.
 * `sort`: IFF_TAP or IFF_TUN, which the device has to be.
 */
int tun_open_queue(const char *name, uint16_t sort, int *fd, struct err *err);

/*
 * Opens a queue of a persistent multi-queue device and sets it aside: it takes no packets, and the
 * device has a carrier for as long as it is open, whoever else comes and goes. `flags`: IFF_NO_PI
 * and IFF_VNET_HDR, which hold for all who open the device meanwhile. -EINVAL: it has one queue
 * only; -EBUSY: a process holds it open with the other IFF_VNET_HDR.
 */
int tun_hold(const char *name, uint16_t flags, int *fd, struct err *err);

int tun_persist(int fd, bool stays, struct err *err);
int tun_owner_set(int fd, int64_t owner, int64_t group, struct err *err); /* -1: as it is */

/* Of a device that is held open: its name, one more queue (of a multi-queue one), its carrier. */
int tun_name(int fd, char name[16], struct err *err);
int tun_queue_add(int fd, int *more, struct err *err);
int tun_carrier_on(int fd, struct err *err);
