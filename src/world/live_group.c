/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many devices deleted by one message. A single deletion waits some 17 ms for the kernel to see
 * that nobody looks at the device any more; a group's deletion waits once. A free number is drawn
 * and set on the victims just before, and the members are read again: with one stranger among
 * them, or one missing, they are deleted one by one.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/random.h>

#include "sys/nl_dump.h"
#include "world/live.h"

struct victims {
	uint32_t *ifindex; /* ascending */
	size_t len;
};

static int by_number(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

/* Those that are still what was planned; what is gone is gone. */
static void victims_find(struct live *live, struct site *site, const struct breath *breath,
			 struct victims *victims)
{
	victims->len = 0;
	victims->ifindex = arena_alloc(&live->scratch, breath->len * sizeof(uint32_t));
	for (size_t i = 0; i < breath->len; i++) {
		const struct step *step = &breath->steps[i];
		struct found found;

		if (!(step->flags & STEP_RIDES) && !live_find_object(site, step->before, &found))
			victims->ifindex[victims->len++] = found.ifindex;
	}
	qsort(victims->ifindex, victims->len, sizeof(uint32_t), by_number);
}

static bool is_victim(const struct victims *victims, uint32_t ifindex)
{
	return bsearch(&ifindex, victims->ifindex, victims->len, sizeof(uint32_t), by_number);
}

/* How many links are in the group; SIZE_MAX when a stranger is among them, or on failure. */
static size_t members(struct site *site, uint32_t group, const struct victims *victims)
{
	struct nl_dump dump = {0};
	struct nl_msg msg;
	struct err unused;
	size_t count = 0;

	nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	if (nl_dump_read(site->nl, &msg.head, &dump, &unused))
		return SIZE_MAX;
	for (const struct nlmsghdr *m = nl_dump_first(&dump); m; m = nl_dump_next(&dump, m)) {
		const struct ifinfomsg *link = mnl_nlmsg_get_payload(m);
		const struct nlattr *attrs[IFLA_GROUP + 1];

		nl_attrs(m, sizeof(*link), attrs, IFLA_GROUP + 1);
		if (nl_u32(attrs[IFLA_GROUP], 0) != group)
			continue;
		if (count != SIZE_MAX)
			count++;
		if (!is_victim(victims, (uint32_t)link->ifi_index))
			count = SIZE_MAX;
	}
	nl_dump_free(&dump);
	return count;
}

static int group_set(struct site *site, uint32_t ifindex, uint32_t group)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));

	header->ifi_index = (int)ifindex;
	mnl_attr_put_u32(&msg.head, IFLA_GROUP, group);
	return nl_talk(site->nl, &msg.head, NULL);
}

static int group_delete(struct site *site, uint32_t group)
{
	struct nl_msg msg;

	nl_msg_start(&msg, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(&msg.head, IFLA_GROUP, group);
	return nl_talk(site->nl, &msg.head, NULL);
}

/* A group that no link is in. Numbers below are people's: /etc/iproute2/group. */
static uint32_t group_draw(struct site *site)
{
	static const struct victims none;
	uint32_t group;

	do {
		if (getrandom(&group, sizeof(group), 0) != sizeof(group))
			abort();
		group |= UINT32_C(1) << 30;
		group &= INT32_MAX;
	} while (members(site, group, &none) == SIZE_MAX);
	return group;
}

static int delete_together(struct site *site, const struct victims *victims)
{
	uint32_t group = group_draw(site);
	int r = 0;

	for (size_t i = 0; !r && i < victims->len; i++)
		r = group_set(site, victims->ifindex[i], group);
	if (!r && members(site, group, victims) != victims->len)
		r = -EBUSY;
	if (!r)
		r = group_delete(site, group);
	for (size_t i = 0; i < victims->len; i++) {
		if (r)
			group_set(site, victims->ifindex[i], 0); /* as it was: nobody keeps ours */
		else
			link_names_drop(&site->names, victims->ifindex[i]);
	}
	return r;
}

bool live_is_group(const struct breath *breath)
{
	size_t leaders = 0;

	for (size_t i = 0; i < breath->len; i++)
		leaders += !(breath->steps[i].flags & STEP_RIDES);
	return leaders > 1;
}

int live_group_remove(struct live *live, struct site *site, const struct breath *breath,
		      struct err *err)
{
	struct victims victims;
	int first = 0;

	victims_find(live, site, breath, &victims);
	if (!victims.len || !delete_together(site, &victims))
		return 0;
	for (size_t i = 0; i < victims.len; i++) {
		int r = live_link_remove(site, victims.ifindex[i]);

		if (r && r != -ENODEV && !first)
			first = r;
	}
	return first ? err_errno(err, first, "delete it") : 0;
}
