/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A NIC goes to another namespace, or home. The kernel takes it down and its addresses away on the
 * way, so all that is wanted of it is set again where it arrives.
 */
#include <errno.h>
#include <linux/if_link.h>

#include "model/cascade.h"
#include "world/live.h"

/* Where it stands, by what name; where it goes. */
struct way {
	struct device_place from, to;
	const struct object *there, *wish; /* as it is; as it shall be. NULL: nobody says */
};

static struct way way_of(const struct step *step)
{
	const struct object *object = step_object(step);
	const char *home = object_text(object, "home");
	struct device_place here = device_place_get(object_name(object), object->ns);
	struct device_place other = device_place_get(home ? home : object_name(object), "");

	if (step->before && step->after)
		return (struct way){
			.from = device_place_get(object_name(step->before), step->before->ns),
			.to = here,
			.there = step->before,
			.wish = step->after};
	if (step->after)
		return (struct way){.from = other, .to = here, .wish = step->after};
	return (struct way){.from = here, .to = other, .there = step->before};
}

bool live_moves(const struct step *step)
{
	if (step->before && step->after)
		return !text_same(step->before->ns, step->after->ns);
	return step_object(step)->kind->flags & KIND_MOVES && step_object(step)->ns[0];
}

static int hand_over(struct site *from, uint32_t ifindex, const struct site *to, const char *name)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	int r;

	header->ifi_index = (int)ifindex;
	mnl_attr_put_u32(&msg.head, IFLA_NET_NS_FD, (uint32_t)to->ns_fd);
	mnl_attr_put_strz(&msg.head, IFLA_IFNAME, name);
	r = nl_talk(from->nl, &msg.head, NULL);
	if (!r)
		link_names_drop(&from->names, ifindex);
	return r;
}

static void send_back(struct site *from, struct site *to, const struct way *way)
{
	struct step back = {.after = way->there, .mask = way->there ? ~UINT64_C(0) : 0};
	struct found found;
	struct err unused;

	if (live_find(to, 0, way->to.name, &found) == 0 &&
	    hand_over(to, found.ifindex, from, way->from.name) == 0 &&
	    live_find(from, 0, way->from.name, &found) == 0 && way->there)
		live_link_change(from, found.ifindex, &back, &unused);
}

int live_move_apply(struct live *live, const struct step *step, struct err *err)
{
	struct way way = way_of(step);
	struct step rest = {.after = way.wish, .mask = way.wish ? way.wish->set : 0};
	struct site *from, *to;
	struct found found;
	int r = live_site(live, way.from.ns, &from, err);

	if (!r)
		r = live_site(live, way.to.ns, &to, err);
	if (r)
		return r;
	r = way.there ? live_find_object(from, way.there, &found)
		      : live_find(from, 0, way.from.name, &found);
	if (r == -ENODEV && !step->after)
		return 0; /* it has gone home by itself */
	if (r)
		return err_set(err, r, "there is no device %s in namespace \"%s\"", way.from.name,
			       way.from.ns);
	r = hand_over(from, found.ifindex, to, way.to.name);
	if (r == -EEXIST)
		return err_set(err, r, "namespace \"%s\" has another device of the name %s",
			       way.to.ns, way.to.name);
	if (r)
		return err_errno(err, r, "move it to namespace \"%s\"", way.to.ns);
	r = live_find(to, 0, way.to.name, &found);
	if (!r && way.wish)
		r = live_link_change(to, found.ifindex, &rest, err);
	else if (r)
		err_errno(err, r, "find the device just moved");
	if (r)
		send_back(from, to, &way);
	return r;
}
