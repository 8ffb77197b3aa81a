/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device's place under a master: entered by setting the master, then the rest is sent, as the
 * kernel understands a slave's attributes only from the master it has already.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include "sys/nl_dump.h"
#include "world/live.h"

struct slot {
	struct live *live;
	struct site *site;
	const struct object *object;
	const struct kind *owner;
	unsigned int device, master; /* fields */
	uint32_t ifindex;
	bool was_up;
};

/* Has the master no slave yet? The kernel filters the dump. */
static bool is_empty(struct site *site, uint32_t master)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct err unused;
	struct nl_msg msg;

	nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(&msg.head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	mnl_attr_put_u32(&msg.head, IFLA_MASTER, master);
	return nl_dump_read(site->nl, &msg.head, &dump, &unused) == 0 && dump.size == 0;
}

static int mac_get(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[IFLA_ADDRESS + 1];

	nl_attrs(answer, sizeof(struct ifinfomsg), attrs, IFLA_ADDRESS + 1);
	if (attrs[IFLA_ADDRESS] && mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]) == 6)
		memcpy(data, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), 6);
	return 0;
}

static void mac_message(struct nl_msg *msg, uint32_t ifindex, const uint8_t mac[6])
{
	struct ifinfomsg *header = nl_msg_start(msg, RTM_NEWLINK, 0, sizeof(*header));

	header->ifi_index = (int)ifindex;
	mnl_attr_put(&msg->head, IFLA_ADDRESS, 6, mac);
}

/*
 * A bridge of others that nobody gave a MAC has a random one only as long as it is empty: the first
 * port gives it its own, and the last to leave takes it along. So it is told to keep the one it
 * has; by way of another one, since its bridge identity, still all zeroes, follows only a change
 * (br_set_mac_address): two bridges of the same identity would both be root. There and back is one
 * call, which may be refused once: no kill leaves the other one there.
 */
static void mac_keep(const struct slot *slot, uint32_t master)
{
	struct live *live = slot->live;
	struct nl_msg msg, there, back;
	struct nl_refusal unused;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(*header));
	uint8_t mac[6] = {0};

	if (!(slot->owner->flags & KIND_OWN_MAC))
		return;
	for (size_t i = 0; i < live->kept_count; i++)
		if (live->kept_macs[i] == master)
			return;
	live->kept_macs = arena_room(&live->scratch, live->kept_macs, live->kept_count,
				     sizeof(*live->kept_macs));
	live->kept_macs[live->kept_count++] = master;
	header->ifi_index = (int)master;
	if (!is_empty(slot->site, master) || nl_ask(slot->site->nl, &msg.head, mac_get, mac, NULL))
		return;
	mac_message(&back, master, mac);
	mac[5] ^= 1;
	mac_message(&there, master, mac);
	if (nl_talk_pair(slot->site->nl, &there.head, &back.head, &unused))
		nl_talk_pair(slot->site->nl, &there.head, &back.head, &unused);
}

static void up_message(struct nl_msg *msg, const struct slot *slot, bool up)
{
	struct ifinfomsg *header = nl_msg_start(msg, RTM_NEWLINK, 0, sizeof(*header));

	header->ifi_index = (int)slot->ifindex;
	header->ifi_flags = up;
	header->ifi_change = 1; /* IFF_UP */
}

/*
 * A master that takes in devices only while they are down sets them up itself, and sets them down
 * when they leave. What was up is never left down by a kill: both are one call.
 */
static int master_talk(const struct slot *slot, struct nl_msg *msg, bool enters,
		       struct nl_refusal *refusal)
{
	struct nl_msg other;

	if (!slot->was_up || !(slot->object->kind->flags & KIND_ENTERS_DOWN))
		return nl_talk(slot->site->nl, &msg->head, refusal);
	up_message(&other, slot, !enters);
	return enters ? nl_talk_pair(slot->site->nl, &other.head, &msg->head, refusal)
		      : nl_talk_pair(slot->site->nl, &msg->head, &other.head, refusal);
}

static int master_set(const struct slot *slot, const char *master, struct nl_refusal *refusal)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	uint32_t ifindex = 0;
	struct found found;

	*refusal = (struct nl_refusal){0};
	if (master) {
		/* by the number it was read or made with; a new one of its name is another's */
		int r = 0;

		ifindex = link_names_index(&slot->site->names, master);
		if (!ifindex) {
			r = live_find(slot->site, 0, master, &found);
			ifindex = found.ifindex;
		}
		if (r)
			return r;
		mac_keep(slot, ifindex);
	}
	header->ifi_index = (int)slot->ifindex;
	mnl_attr_put_u32(&msg.head, IFLA_MASTER, ifindex);
	return master_talk(slot, &msg, master != NULL, refusal);
}

static int data_set(const struct slot *slot, const struct object *object, uint64_t mask,
		    struct sent *sent, struct nl_refusal *refusal)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	struct nlattr *info;
	int r;

	sent->len = 0;
	*refusal = (struct nl_refusal){0};
	if (!live_has_nest(object, mask))
		return 0;
	header->ifi_index = (int)slot->ifindex;
	info = mnl_attr_nest_start(&msg.head, IFLA_LINKINFO);
	mnl_attr_put_strz(&msg.head, IFLA_INFO_SLAVE_KIND, slot->owner->word);
	r = live_put_nest(&msg.head, IFLA_INFO_SLAVE_DATA, object, mask, slot->site, sent);
	mnl_attr_nest_end(&msg.head, info);
	return r ? r : nl_talk(slot->site->nl, &msg.head, refusal);
}

/* All fields at once; a refusal that names none is narrowed down, one field after the other. */
static int data_apply(const struct slot *slot, const struct object *object, uint64_t mask,
		      struct err *err)
{
	struct nl_refusal refusal;
	struct sent sent;
	const struct object *its;
	unsigned int field;
	int r = data_set(slot, object, mask, &sent, &refusal), alone;

	if (!r)
		return 0;
	if (sent_find(&sent, &refusal, &its, &field))
		return refusal_tell(err, r, &refusal, &sent, object, "change it");
	for (unsigned int i = 0; mask >> i; i++) {
		if (!(mask >> i & 1))
			continue;
		alone = data_set(slot, object, UINT64_C(1) << i, &sent, &refusal);
		if (alone)
			return refusal_tell_field(err, alone, &refusal, object, i);
	}
	return refusal_tell(err, r, &refusal, &sent, object, "change it");
}

static const char *master_of(const struct slot *slot, const struct object *object)
{
	return *(const char *const *)object_at(object, slot->master);
}

/* Enters `object`'s master, and all it says there. */
static int enter(const struct slot *slot, const struct object *object, uint64_t mask,
		 struct err *err)
{
	struct nl_refusal refusal;
	struct sent nothing = {0};
	int r = master_set(slot, master_of(slot, object), &refusal);

	if (r)
		return refusal_tell(err, r, &refusal, &nothing, object, "plug it in");
	return data_apply(slot, object, mask, err);
}

static void up_set(const struct slot *slot, bool up)
{
	struct nl_msg msg;

	up_message(&msg, slot, up);
	nl_talk(slot->site->nl, &msg.head, NULL);
}

static int slot_find(struct slot *slot, struct found *found)
{
	const struct kind *kind = slot->object->kind;
	const char *device;

	slot->owner = kind_find(kind->owner);
	for (unsigned int i = 0; i < kind_field_count(kind); i++) {
		if (kind_field(kind, i)->flags & FIELD_OWNER)
			slot->master = i;
		else if (kind_field(kind, i)->flags & FIELD_KEY)
			slot->device = i;
	}
	device = *(const char *const *)object_at(slot->object, slot->device);
	slot->ifindex = link_names_index(&slot->site->names, device);
	return live_find(slot->site, slot->ifindex, device, found);
}

static int create(const struct slot *slot, const struct found *found, struct err *err)
{
	struct object *said = live_said(slot->object, slot->site->arena);
	struct nl_refusal unused;
	struct found master;
	int r;

	if (found->master) {
		r = live_find(slot->site, found->master, NULL, &master);
		return err_set(err, -EBUSY, "it is a port of %s already; expected none",
			       r ? "another device" : master.name);
	}
	r = enter(slot, said, live_settable(said), err);
	if (r)
		master_set(slot, NULL, &unused);
	if (r && found->up && slot->object->kind->flags & KIND_ENTERS_DOWN)
		up_set(slot, true);
	return r;
}

static int change(const struct slot *slot, const struct step *step, struct err *err)
{
	uint64_t mask = step->mask & live_settable(step->after), all = live_settable(step->before);
	struct nl_refusal unused;
	struct sent sent;
	bool moves = mask >> slot->master & 1;
	int r;

	if (moves && slot->object->kind->flags & KIND_ENTERS_DOWN)
		master_set(slot, NULL, &unused);
	if (moves) /* what it had in the old place does not come along */
		r = enter(slot, step_merged(step, slot->site->arena),
			  live_settable(step->after) | all, err);
	else
		r = data_apply(slot, step->after, mask, err);
	if (!r)
		return 0;
	if (moves)
		master_set(slot, master_of(slot, step->before), &unused);
	data_set(slot, step->before, moves ? all : mask & all, &sent, &unused);
	return r;
}

int live_slave_apply(struct live *live, struct site *site, const struct step *step, struct err *err)
{
	struct slot slot = {.live = live, .site = site, .object = step_object(step)};
	struct nl_refusal refusal;
	struct found found;
	const char *there;
	int r = slot_find(&slot, &found);

	slot.ifindex = found.ifindex;
	slot.was_up = found.up;
	if (!step->after) {
		there = r ? NULL : link_names_name(&site->names, found.master);
		if (!there || strcmp(there, master_of(&slot, step->before)) != 0)
			return 0; /* it is out already */
		r = master_set(&slot, NULL, &refusal);
		return r ? refusal_tell(err, r, &refusal, &(struct sent){0}, step->before,
					"unplug it")
			 : 0;
	}
	if (r)
		return err_set(err, -ENODEV, "there is no device %s",
			       *(const char *const *)object_at(slot.object, slot.device));
	return step->before ? change(&slot, step, err) : create(&slot, &found, err);
}
