/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/fd.h"

static int tun_open(int *fd, struct err *err)
{
	*fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0)
		return 0;
	err_errno(err, -errno, "open /dev/net/tun");
	if (err->code == -ENOENT || err->code == -ENODEV)
		err_hint(err, "modprobe tun, or a kernel with CONFIG_TUN");
	return err->code;
}

/* Since 6.1; headers may be older, and older kernels pay no heed. */
#ifndef IFF_NO_CARRIER
#define IFF_NO_CARRIER 0x0040
#endif

static int set_iff(int fd, const char *name, uint16_t flags)
{
	struct ifreq request = {.ifr_flags = (short)flags};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
}

/*
 * The maker's descriptor is no guest: with a carrier the device would get IPv6 addresses and routes
 * when it is set up, and lose them when the descriptor is closed, which is half the price of a TAP.
 * A kernel before 5.0 cannot (tun.c, TUNSETCARRIER); then it is as it was.
 */
static void no_carrier(int fd)
{
	int carrier = 0;

	(void)ioctl(fd, TUNSETCARRIER, &carrier);
}

int tun_make(const struct tun_wish *wish, int *fd, struct err *err)
{
	int opened FD_CLEANUP = -1;
	unsigned int ifindex = wish->ifindex;
	int r = tun_open(&opened, err);

	if (r)
		return r;
	if (ifindex && ioctl(opened, TUNSETIFINDEX, &ifindex) < 0)
		return err_errno(err, -errno, "ask for the device number %u", ifindex);
	r = set_iff(opened, wish->name, wish->flags | IFF_TUN_EXCL);
	if (r == -EBUSY || r == -EEXIST)
		return err_set(err, -EEXIST, "a device of this name is there already");
	if (r)
		return err_errno(err, r, "make the device");
	r = tun_owner_set(opened, wish->owner, wish->group, err);
	if (r)
		return r;
	no_carrier(opened);
	*fd = fd_take(&opened);
	return 0;
}

int tun_attach(const char *name, uint16_t flags, int *fd, struct err *err)
{
	int opened FD_CLEANUP = -1;
	struct ifreq got = {0};
	int r;

	if (!if_nametoindex(name))
		return err_set(err, -ENODEV, "there is no device %s", name);
	r = tun_open(&opened, err);
	if (r)
		return r;
	r = set_iff(opened, name, flags);
	if (r == -EBUSY)
		return err_set(err, r, "a process holds %s open, which has one queue only", name);
	if (r)
		return err_errno(err, r, "open a queue of %s", name);
	/* it went away in between, and the same call made another */
	if (ioctl(opened, TUNGETIFF, &got) < 0 || !(got.ifr_flags & IFF_PERSIST))
		return err_set(err, -ENODEV, "there is no device %s", name);
	*fd = fd_take(&opened);
	return 0;
}

int tun_attach_quietly(const char *name, uint16_t flags, int *fd, struct err *err)
{
	return tun_attach(name, flags | IFF_NO_CARRIER, fd, err);
}

int tun_open_queue(const char *name, uint16_t sort, int *fd, struct err *err)
{
	uint16_t flags = sort | IFF_NO_PI | IFF_VNET_HDR;
	int r = tun_attach(name, flags, fd, err);

	if (r == -EINVAL)
		r = tun_attach(name, flags | IFF_MULTI_QUEUE, fd, err);
	return r;
}

int tun_persist(int fd, bool stays, struct err *err)
{
	if (ioctl(fd, TUNSETPERSIST, (unsigned long)stays) < 0)
		return err_errno(err, -errno, "make the device %s", stays ? "stay" : "go");
	return 0;
}

int tun_owner_set(int fd, int64_t owner, int64_t group, struct err *err)
{
	if (owner >= 0 && ioctl(fd, TUNSETOWNER, (unsigned long)owner) < 0)
		return err_errno(err, -errno, "set the owner %lld", (long long)owner);
	if (group >= 0 && ioctl(fd, TUNSETGROUP, (unsigned long)group) < 0)
		return err_errno(err, -errno, "set the group %lld", (long long)group);
	return 0;
}

int tun_name(int fd, char name[16], struct err *err)
{
	struct ifreq got = {0};

	if (ioctl(fd, TUNGETIFF, &got) < 0)
		return err_errno(err, -errno, "ask for the device's name");
	snprintf(name, 16, "%.15s", got.ifr_name);
	return 0;
}

int tun_queue_add(int fd, int *more, struct err *err)
{
	int opened FD_CLEANUP = -1;
	struct ifreq got = {0};
	int r;

	/* `fd` holds the device, so its name is no other's */
	if (ioctl(fd, TUNGETIFF, &got) < 0)
		return err_errno(err, -errno, "ask for the device's name");
	r = tun_open(&opened, err);
	if (!r && ioctl(opened, TUNSETIFF, &got) < 0)
		r = err_errno(err, -errno, "open one more queue of %.15s", got.ifr_name);
	if (!r)
		*more = fd_take(&opened);
	return r;
}

int tun_carrier_on(int fd, struct err *err)
{
	int carrier = 1;

	/* a kernel before 5.0 cannot, and tun_make did not take it away there */
	if (ioctl(fd, TUNSETCARRIER, &carrier) < 0 && errno != EINVAL && errno != ENOTTY)
		return err_errno(err, -errno, "give the device a carrier");
	return 0;
}

static int queue_set_aside(int fd)
{
	struct ifreq request = {.ifr_flags = IFF_DETACH_QUEUE};

	return ioctl(fd, TUNSETQUEUE, &request) < 0 ? -errno : 0;
}

/* Only one of the two sorts fits. */
static int attach_several(const char *name, uint16_t flags, int *fd, struct err *err)
{
	int r = tun_attach(name, flags | IFF_MULTI_QUEUE | IFF_TAP, fd, err);

	return r == -EINVAL ? tun_attach(name, flags | IFF_MULTI_QUEUE | IFF_TUN, fd, err) : r;
}

int tun_hold(const char *name, uint16_t flags, int *fd, struct err *err)
{
	int opened FD_CLEANUP = -1;
	struct ifreq got = {0};
	int r = attach_several(name, flags, &opened, err);

	if (r == -EINVAL)
		return err_set(err, r, "%s has one queue only; expected multi-queue", name);
	if (r)
		return r;
	/* where there was a queue before, its flags are the device's (tun.c, tun_set_iff); of
	 * IFF_NO_PI TUNGETIFF tells nothing, since IFF_NOFILTER has the same bit */
	if (ioctl(opened, TUNGETIFF, &got) == 0 &&
	    ((uint16_t)got.ifr_flags ^ flags) & IFF_VNET_HDR) {
		err_set(err, -EBUSY,
			"a process holds %s open with vnet-hdr: %s; expected none, or the same "
			"here",
			name, got.ifr_flags & IFF_VNET_HDR ? "true" : "false");
		return err->code;
	}
	r = tun_carrier_on(opened, err);
	if (r)
		return r;
	r = queue_set_aside(opened);
	if (r)
		return err_errno(err, r, "set a queue of %s aside", name);
	*fd = fd_take(&opened);
	return 0;
}
