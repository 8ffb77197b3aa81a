/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device moves into a bridge with its addresses and routes, or back: many calls, all or nothing,
 * in an order without a moment in which this host has no address or no way out. Two things beside
 * the steps keep packets from being lost: what is known of neighbours is known on the new device
 * too, so nobody has to be asked for while the port changes hands; and a bridge that has just got
 * its first port drops what it sends until the kernel has noticed its carrier, which is waited
 * for.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <poll.h>

#include "base/clock.h"
#include "sys/nl_dump.h"
#include "world/live.h"

#define CARRIER_MS 1000
#define OPER_UP 6 /* IF_OPER_UP of linux/if.h */

/* One neighbour, told of another device; as somebody not heard of for a while. */
static void seed_one(struct site *site, const struct nlmsghdr *m, uint32_t to)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(m);
	const struct nlattr *attrs[NDA_LLADDR + 1];
	struct nl_msg msg;
	struct ndmsg *made = nl_msg_start(&msg, RTM_NEWNEIGH, NLM_F_CREATE, sizeof(*made));

	nl_attrs(m, sizeof(*header), attrs, NDA_LLADDR + 1);
	if (!attrs[NDA_DST] || !attrs[NDA_LLADDR])
		return;
	made->ndm_family = header->ndm_family;
	made->ndm_ifindex = (int)to;
	made->ndm_state = NUD_STALE;
	made->ndm_flags = header->ndm_flags & NTF_ROUTER;
	for (unsigned int i = NDA_DST; i <= NDA_LLADDR; i++)
		mnl_attr_put(&msg.head, (uint16_t)i, mnl_attr_get_payload_len(attrs[i]),
			     mnl_attr_get_payload(attrs[i]));
	nl_talk(site->nl, &msg.head, NULL); /* it would be asked for, that is all */
}

static void neighbours_seed(struct site *site, uint32_t from, uint32_t to)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct err unused;
	struct nl_msg msg;

	nl_msg_start(&msg, RTM_GETNEIGH, 0, sizeof(struct ndmsg));
	if (nl_dump_read(site->nl, &msg.head, &dump, &unused))
		return;
	for (const struct nlmsghdr *m = nl_dump_first(&dump); m; m = nl_dump_next(&dump, m)) {
		const struct ndmsg *header = mnl_nlmsg_get_payload(m);

		if (m->nlmsg_type == RTM_NEWNEIGH && header->ndm_ifindex == (int)from &&
		    header->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE))
			seed_one(site, m, to);
	}
}

static int operstate_get(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[IFLA_OPERSTATE + 1];

	nl_attrs(answer, sizeof(struct ifinfomsg), attrs, IFLA_OPERSTATE + 1);
	*(uint32_t *)data = nl_u32(attrs[IFLA_OPERSTATE], 0);
	return 0;
}

static bool runs(struct site *site, uint32_t ifindex)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(*header));
	uint32_t state = 0;

	header->ifi_index = (int)ifindex;
	return nl_ask(site->nl, &msg.head, operstate_get, &state, NULL) == 0 && state == OPER_UP;
}

/* As long as its port has a carrier, it will have one soon. */
static void carrier_wait(struct site *site, uint32_t port, uint32_t bridge)
{
	uint64_t end = clock_now_ns() + CARRIER_MS * UINT64_C(1000000);

	while (runs(site, port) && !runs(site, bridge) && clock_now_ns() < end)
		poll(NULL, 0, 2);
}

static int one(struct live *live, const struct step *step, struct err *err)
{
	struct step alone = *step;

	alone.flags = 0;
	return live_step_apply(live, &(struct breath){.steps = &alone, .len = 1}, err);
}

static void prepare(struct site *site, const struct step *port)
{
	const struct object *object = step_object(port);
	uint32_t device = link_names_index(&site->names, object_title(object));
	uint32_t bridge = link_names_index(&site->names, object_owner(object));

	if (device && bridge)
		neighbours_seed(site, port->after ? device : bridge, port->after ? bridge : device);
}

/*
 * Neighbours once more: until the port was in, some may have been asked for in vain, and a bridge
 * forgets them all when it learns that it has no carrier, which it does late. Who is asked for in
 * vain is not asked for again for a second.
 */
static void settle(struct site *site, const struct step *port)
{
	const struct object *object = port->after;
	uint32_t device, bridge;

	if (object) {
		device = link_names_index(&site->names, object_title(object));
		bridge = link_names_index(&site->names, object_owner(object));
		carrier_wait(site, device, bridge);
	}
	prepare(site, port);
}

int live_uplink_apply(struct live *live, struct site *site, const struct breath *breath,
		      struct err *err)
{
	const struct step *done[STEP_MOVE_MOST];
	struct err unused;
	size_t len = 0;
	int r = 0;

	if (breath->len > STEP_MOVE_MOST)
		return err_set(err, -E2BIG, "more than %d addresses and routes to move at once",
			       STEP_MOVE_MOST);
	for (size_t i = 0; i < breath->len; i++)
		if (step_object(&breath->steps[i])->kind->flags & KIND_SLAVE)
			prepare(site, &breath->steps[i]);
	for (unsigned int order = 0; order <= STEP_MOVE_LAST; order++)
		for (size_t i = 0; !r && i < breath->len; i++) {
			const struct step *step = &breath->steps[i];
			bool port = step_object(step)->kind->flags & KIND_SLAVE;

			if (step_move_order(step) != order)
				continue;
			r = one(live, step, err);
			if (r == -EEXIST && step_object(step)->automatic)
				r = 0;
			if (!r)
				done[len++] = step;
			if (!r && port)
				settle(site, step);
		}
	while (r && len--) {
		struct step back = step_swapped(done[len]);

		one(live, &back, &unused);
	}
	return r;
}
