/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv6's switch for all devices, without what it does to each. */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sys/sysctl.h"

#define FOLDER "/proc/sys/net/ipv6/conf"
#define ALL "net.ipv6.conf.all.forwarding"

/* "net.ipv6.conf.eth1/1000.forwarding" */
static void name_of(const char *device, const char *value, char name[SYSCTL_NAME_MAX])
{
	char spelled[IFNAMSIZ], *dot;

	snprintf(spelled, sizeof(spelled), "%.15s", device);
	while ((dot = strchr(spelled, '.')))
		*dot = '/';
	snprintf(name, SYSCTL_NAME_MAX, "net.ipv6.conf.%s.%s", spelled, value);
}

static bool is(const char *device, const char *variable, const char *wanted)
{
	struct text value TEXT_CLEANUP = {0};
	char name[SYSCTL_NAME_MAX];
	struct err unused;

	name_of(device, variable, name);
	return sysctl_read(name, &value, &unused) == 0 && text_same(text_get(&value), wanted);
}

static int put(const char *device, const char *variable, const char *value, struct err *err)
{
	char name[SYSCTL_NAME_MAX];
	int r;

	name_of(device, variable, name);
	r = sysctl_write(name, value, err);
	return r == -ENOENT ? 0 : r; /* it has gone meanwhile */
}

/* The names below FOLDER but "all"; a device may come or go meanwhile. */
static const char *device_next(DIR *folder)
{
	const struct dirent *entry;

	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && !text_same(entry->d_name, "all"))
			return entry->d_name;
	return NULL;
}

static int folder_open(DIR **folder, struct err *err)
{
	*folder = opendir(FOLDER);
	return *folder ? 0 : err_errno(err, -errno, "look into " FOLDER);
}

int sysctl_forwarders(struct text *out, struct err *err)
{
	const char *device;
	DIR *folder;
	int r = folder_open(&folder, err);

	if (r)
		return r;
	text_add(out, "on");
	while ((device = device_next(folder)))
		if (!is(device, "forwarding", "0"))
			text_add(out, " %s", device);
	closedir(folder);
	return 0;
}

bool sysctl_forwards(const char *forwarders, const char *device)
{
	size_t size = strlen(device);

	for (const char *at = forwarders; (at = strchr(at, ' '));) {
		at++;
		if (strncmp(at, device, size) == 0 && (!at[size] || at[size] == ' '))
			return true;
	}
	return false;
}

/* Those that hear routers as hosts go on doing so while others become routers: "on eth0". */
static int hearers_hold(struct text *held, struct err *err)
{
	const char *device;
	DIR *folder;
	int r = folder_open(&folder, err);

	if (r)
		return r;
	text_add(held, "on");
	while (!r && (device = device_next(folder)))
		if (!text_same(device, "default") && is(device, "accept_ra", "1") &&
		    is(device, "forwarding", "0")) {
			text_add(held, " %s", device);
			r = put(device, "accept_ra", "2", err);
		}
	closedir(folder);
	return r;
}

/* Each device: as the list says, and what was held is let go. */
static int each_put(const char *forwarders, const char *held, struct err *err)
{
	const char *device;
	DIR *folder;
	int r = folder_open(&folder, err);

	while (!r && (device = device_next(folder))) {
		const char *wanted = sysctl_forwards(forwarders, device) ? "1" : "0";

		if (!is(device, "forwarding", wanted))
			r = put(device, "forwarding", wanted, err);
	}
	if (!r)
		rewinddir(folder);
	while (!r && (device = device_next(folder)))
		if (sysctl_forwards(held, device))
			r = put(device, "accept_ra", "1", err);
	if (folder)
		closedir(folder);
	return r;
}

int sysctl_forward_all(const char *value, const char *forwarders, struct err *err)
{
	struct text held TEXT_CLEANUP = {0};
	int r = hearers_hold(&held, err);

	if (!r)
		r = sysctl_write(ALL, value, err);
	return r ? r : each_put(forwarders, text_get(&held), err);
}
