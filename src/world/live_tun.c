/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TAP and TUN: made through /dev/net/tun and made to stay as the very last act; all else is done
 * to them as to any link. Owner and group go through an open queue, which a process that holds a
 * device of one queue keeps from us.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>

#include "base/fd.h"
#include "sys/tun.h"
#include "world/live.h"

struct opening {
	const struct object *object;
	struct tun_wish wish;
	int fd;
};

static uint16_t flags_of(const struct object *object)
{
	uint16_t flags = object->kind->variant;

	if (!object_number(object, "packet-info", 0))
		flags |= IFF_NO_PI;
	if (object_number(object, "vnet-hdr", 0))
		flags |= IFF_VNET_HDR;
	if (object_number(object, "multi-queue", 0))
		flags |= IFF_MULTI_QUEUE;
	return flags;
}

static struct opening opening_of(const struct object *object)
{
	return (struct opening){
		.object = object,
		.fd = -1,
		.wish = {.name = object_name(object),
			 .flags = flags_of(object),
			 .ifindex = (uint32_t)object_number(object, "ifindex", 0),
			 .owner = object_number(object, "owner", -1),
			 .group = object_number(object, "group", -1)},
	};
}

static int make_inside(void *data, struct err *err)
{
	struct opening *opening = data;

	return tun_make(&opening->wish, &opening->fd, err);
}

/* With the flags it has now: opening with others would change them. */
static int chown_inside(void *data, struct err *err)
{
	struct opening *opening = data;
	int fd FD_CLEANUP = -1;
	int r = tun_attach_quietly(opening->wish.name, opening->wish.flags, &fd, err);

	return r ? r : tun_owner_set(fd, opening->wish.owner, opening->wish.group, err);
}

/* The device is all there before it stays; closing it before that is its end. */
static int make(struct site *site, const struct object *wish, struct err *err)
{
	const struct object *object = live_said(wish, site->arena);
	struct opening opening = opening_of(object);
	struct step rest = {.after = object, .mask = live_settable(object)};
	int fd FD_CLEANUP = -1;
	struct found found;
	int r = site_inside(site, make_inside, &opening, err);

	fd = opening.fd;
	if (r)
		return r;
	/* being asked for, the link takes in that it has no carrier; when that came after it is
	 * up, the kernel would stop its queues and wait for all processors */
	r = live_find(site, opening.wish.ifindex, object_name(object), &found);
	if (r)
		return err_errno(err, r, "find the device just made");
	r = live_link_change(site, found.ifindex, &rest, err);
	return r ? r : tun_persist(fd, true, err);
}

static int owner_change(struct site *site, const struct object *there, const struct object *wish,
			uint64_t mask, struct err *err)
{
	static const char *const keys[] = {"owner", "group"};
	struct opening opening = opening_of(there);
	bool needed = false;
	int r;

	opening.wish.owner = opening.wish.group = -1;
	for (size_t i = 0; i < 2; i++) {
		int field = kind_field_find(wish->kind, keys[i]);

		if (field < 0 || !(mask >> field & 1))
			continue;
		if (!object_has(wish, (unsigned int)field))
			return err_set(err, -EOPNOTSUPP,
				       "the kernel cannot take the %s of a device away again",
				       keys[i]);
		*(i ? &opening.wish.group : &opening.wish.owner) = object_number(wish, keys[i], -1);
		needed = true;
	}
	r = needed ? site_inside(site, chown_inside, &opening, err) : 0;
	if (r)
		err_at(err, "", object_place_of(wish, "owner"));
	return r;
}

static int change(struct site *site, const struct step *step, struct err *err)
{
	struct found found;
	struct err unused;
	int r = live_find_object(site, step->before, &found);

	if (r)
		return err_set(err, -ENODEV, "the device is gone");
	r = owner_change(site, step->before, step->after, step->mask, err);
	if (r)
		return r;
	r = live_link_change(site, found.ifindex, step, err);
	if (r)
		owner_change(site, step->before, step->before, step->mask, &unused);
	return r;
}

int live_tun_apply(struct live *live, struct site *site, const struct breath *breath,
		   struct err *err)
{
	const struct step *step = &breath->steps[breath->leader];

	if (!step->after)
		return live_link_apply(live, site, breath, err);
	return step->before ? change(site, step, err) : make(site, step->after, err);
}
