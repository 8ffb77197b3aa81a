/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel variables of a network namespace: /proc/sys/net, nothing outside of it. They are those
 * of the namespace the calling thread is in.
 *
 * Names: "net.ipv4.ip_forward" or "net/ipv4/ip_forward"; the first separator says which. A dot in
 * a device's name is a slash in the dotted spelling (sysctl(8)); below conf and neigh a plain dot
 * is understood, too, as only the device stands there. One spelling is kept: the dotted one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

#define SYSCTL_NAME_MAX 192

/* Brings a name into the one spelling. -EINVAL: it is none, or not below net. */
int sysctl_name(const char *text, char name[SYSCTL_NAME_MAX], struct err *err);

/* The device a name belongs to ("net.ipv4.conf.eth1/1000.forwarding": "eth1.1000"); false: none. */
bool sysctl_device(const char *name, char device[16]);

/* The variable that new devices get the value of `name`, a device's, from. False: there is none. */
bool sysctl_default(const char *name, char out[SYSCTL_NAME_MAX]);

/* A value in one spelling: blanks at the ends gone, runs of them one space. */
void sysctl_value(const char *text, struct text *value);

/* -ENOENT: this kernel has no such variable. `name` in the one spelling. */
int sysctl_read(const char *name, struct text *value, struct err *err);
int sysctl_write(const char *name, const char *value, struct err *err);

/*
 * IPv6's variables of a device that can be written and are other than a new device's, each handed
 * to `each`, which says 0 to go on. They go when the device's MTU falls below 1280, and come back
 * as a new device's. Without its own MTU there.
 */
int sysctl_unlike_new(const char *device,
		      int (*each)(void *data, const char *name, const char *value), void *data);

/*
 * IPv6 forwarding: the kernel's switch for all devices also writes each device's own value, which
 * says whether it is a router there, and lets go of the default routes that routers told those that
 * are no hosts any more (addrconf_fixup_forwarding of net/ipv6/addrconf.c).
 */

/* The devices that forward, and "default": "on eth1 default"; "on": none. */
int sysctl_forwarders(struct text *out, struct err *err);

/* Writes the switch; the devices of the list, and of those there only these, forward then. */
int sysctl_forward_all(const char *value, const char *forwarders, struct err *err);

/* Whether the list has this device. */
bool sysctl_forwards(const char *forwarders, const char *device);
