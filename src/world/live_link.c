/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps on devices: made by one message (a pair with both ends), changed and deleted by number,
 * never by name. What the kernel does not take at creation follows in a second message, whose
 * refusal takes the device away again; a change that is refused in part is put back.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/random.h>

#include "model/cascade.h"
#include "world/live.h"

static int found_get(const struct nlmsghdr *answer, void *data)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(answer);
	const struct nlattr *attrs[IFLA_MASTER + 1];
	struct found *found = data;

	nl_attrs(answer, sizeof(*header), attrs, IFLA_MASTER + 1);
	if (answer->nlmsg_type != RTM_NEWLINK || !nl_text(attrs[IFLA_IFNAME]))
		return 0;
	found->ifindex = (uint32_t)header->ifi_index;
	found->master = nl_u32(attrs[IFLA_MASTER], 0);
	found->up = header->ifi_flags & 1; /* IFF_UP */
	strncpy(found->name, nl_text(attrs[IFLA_IFNAME]), sizeof(found->name) - 1);
	return 0;
}

int live_find(struct site *site, uint32_t ifindex, const char *name, struct found *found)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_GETLINK, 0, sizeof(*header));
	int r;

	*found = (struct found){0};
	header->ifi_index = (int)ifindex;
	mnl_attr_put_u32(&msg.head, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (!ifindex)
		mnl_attr_put_strz(&msg.head, IFLA_IFNAME, name);
	r = nl_ask(site->nl, &msg.head, found_get, found, NULL);
	if (!r && !found->ifindex)
		r = -ENODEV;
	if (!r)
		link_names_set(&site->names, found->ifindex, found->name);
	return r;
}

int live_find_object(struct site *site, const struct object *object, struct found *found)
{
	return live_find(site, (uint32_t)object_number(object, "ifindex", 0), object_name(object),
			 found);
}

int live_link_remove(struct site *site, uint32_t ifindex)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_DELLINK, 0, sizeof(*header));
	int r;

	header->ifi_index = (int)ifindex;
	r = nl_talk(site->nl, &msg.head, NULL);
	if (!r)
		link_names_drop(&site->names, ifindex);
	return r;
}

/* What a device of ours has where the text is silent, and where a field goes back to nothing. */
static struct object *filled(const struct object *object, uint64_t mask, unsigned int flag,
			     struct arena *arena)
{
	struct object *copy = object_copy(arena, object);
	struct err unused;

	for (unsigned int i = 0; i < kind_field_count(copy->kind); i++) {
		const struct field *field = kind_field(copy->kind, i);

		if (!object_has(copy, i) && field->initial &&
		    (mask >> i & 1 || field->flags & flag))
			object_parse(copy, i, object_initial(copy, i), (struct place){0}, arena,
				     &unused);
	}
	return copy;
}

/* Setting it, even to what it is, ends that the kernel chooses it. */
static bool pins(const struct kind *kind, const struct field *field)
{
	return kind->flags & KIND_PINS_MTU && field->flags & FIELD_TOP && field->attr == IFLA_MTU;
}

static bool was_read(const struct object *object)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i) && kind_field(object->kind, i)->flags & FIELD_READ &&
		    !(kind_field(object->kind, i)->flags & FIELD_IDENT))
			return true;
	return false;
}

static void mac_choose(struct object *object, struct arena *arena)
{
	uint8_t b[5];

	if (!(object->kind->flags & KIND_HIGH_MAC) || object_number(object, "bare", 0) ||
	    object_has_key(object, "macaddress") || getrandom(b, sizeof(b), 0) != sizeof(b))
		return;
	object_set(object, "macaddress",
		   arena_print(arena, "fe:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4]),
		   arena);
}

struct object *live_said(const struct object *object, struct arena *arena)
{
	unsigned int flag = object_number(object, "bare", 0) ? 0 : FIELD_SAY;
	struct object *copy = filled(object, 0, flag, arena);

	mac_choose(copy, arena);

	for (unsigned int i = 0; was_read(object) && i < kind_field_count(copy->kind); i++) {
		const struct field *field = kind_field(copy->kind, i);
		struct text value TEXT_CLEANUP = {0};

		if (!object_has(copy, i) || !field->initial || field->flags & FIELD_SAY ||
		    (field->flags & FIELD_TOP && !pins(copy->kind, field)))
			continue;
		object_print(copy, i, &value);
		if (text_same(text_get(&value), field->initial))
			copy->set &= ~(UINT64_C(1) << i);
	}
	return copy;
}

static int change_send(struct site *site, uint32_t ifindex, const struct object *object,
		       uint64_t mask, struct sent *sent, struct nl_refusal *refusal)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));
	struct nlattr *info;
	int r;

	sent->len = 0;
	*refusal = (struct nl_refusal){0};
	header->ifi_index = (int)ifindex;
	r = live_put_top(&msg.head, header, object, mask, site, sent);
	if (!r && live_has_nest(object, mask)) {
		info = mnl_attr_nest_start(&msg.head, IFLA_LINKINFO);
		mnl_attr_put_strz(&msg.head, IFLA_INFO_KIND, object->kind->word);
		r = live_put_nest(&msg.head, IFLA_INFO_DATA, object, mask, site, sent);
		mnl_attr_nest_end(&msg.head, info);
	}
	return r ? r : nl_talk(site->nl, &msg.head, refusal);
}

static int set_up(struct site *site, uint32_t ifindex, bool up)
{
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));

	header->ifi_index = (int)ifindex;
	header->ifi_flags = up;
	header->ifi_change = 1; /* IFF_UP */
	return nl_talk(site->nl, &msg.head, NULL);
}

static bool sets_mac(const struct object *object, uint64_t mask)
{
	int mac = kind_field_find(object->kind, "macaddress");

	return mac >= 0 && mask >> mac & 1;
}

/* Some NICs take a new address only while they are down. */
static int change_while_down(struct site *site, uint32_t ifindex, const struct object *object,
			     uint64_t mask, struct sent *sent, struct nl_refusal *refusal)
{
	struct found found;
	int r;

	if (live_find(site, ifindex, NULL, &found) || !found.up || set_up(site, ifindex, false))
		return -EBUSY;
	r = change_send(site, ifindex, object, mask, sent, refusal);
	if (object_number(object, "up", 1) || r)
		set_up(site, ifindex, true);
	return r;
}

/* The kernel did not say which: each field alone. -1: alone, each is taken. */
static int culprit(struct site *site, uint32_t ifindex, const struct object *object, uint64_t mask,
		   struct nl_refusal *refusal, int *code)
{
	struct sent sent;

	for (unsigned int i = 0; mask >> i; i++) {
		if (!(mask >> i & 1))
			continue;
		*code = change_send(site, ifindex, object, UINT64_C(1) << i, &sent, refusal);
		if (*code)
			return (int)i;
	}
	return -1;
}

/* What some kinds need beyond the fields that differ: all others, and what is to go. */
static uint64_t complete(struct object *after, const struct object *before, uint64_t mask,
			 struct arena *arena)
{
	for (unsigned int i = 0; before && i < kind_field_count(after->kind); i++) {
		const struct field *field = kind_field(after->kind, i);
		bool nested = !(field->flags & (FIELD_TOP | FIELD_HEADER));
		const char **text = object_at(after, i);

		if (!object_has(before, i))
			continue;
		if (mask >> i & 1 && object_has(after, i) && field->type->over)
			*text = field->type->over(*(const char **)object_at(before, i), *text,
						  arena);
		if (!(after->kind->flags & KIND_WHOLE) || !nested || !field->attr)
			continue;
		if (!object_has(after, i))
			object_take(after, i, before, i, arena);
		mask |= UINT64_C(1) << i;
	}
	return mask;
}

int live_link_change(struct site *site, uint32_t ifindex, const struct step *step, struct err *err)
{
	struct object *after = filled(step->after, step->mask, 0, site->arena);
	uint64_t mask =
		complete(after, step->before, step->mask, site->arena) & live_settable(after);
	struct nl_refusal refusal;
	struct sent sent;
	unsigned int field;
	const struct object *its;
	int r, code, found;

	if (!mask)
		return 0;
	r = change_send(site, ifindex, after, mask, &sent, &refusal);
	if (r == -EBUSY && sets_mac(after, mask))
		r = change_while_down(site, ifindex, after, mask, &sent, &refusal);
	if (!r)
		return 0;
	code = r;
	if ((mask & (mask - 1)) && !sent_find(&sent, &refusal, &its, &field)) {
		found = culprit(site, ifindex, after, mask, &refusal, &code);
		if (found < 0)
			return 0; /* all stand now: the kernel wanted them one by one */
		r = refusal_tell_field(err, code, &refusal, after, (unsigned int)found);
	} else if (!sent.len) {
		r = refusal_tell_field(err, r, &refusal, after,
				       (unsigned int)__builtin_ctzll(mask));
	} else {
		r = refusal_tell(err, r, &refusal, &sent, after, "change it");
	}
	if (step->before) {
		struct object *before = filled(step->before, mask, 0, site->arena);

		for (unsigned int i = 0; mask >> i;
		     i++) /* one that is refused must not keep the others */
			if (mask >> i & 1)
				change_send(site, ifindex, before, UINT64_C(1) << i, &sent,
					    &refusal);
	}
	return r;
}

/* Attributes the kernel looks at while it makes a device (net/core/rtnetlink.c, rtnl_create_link).
 */
static bool at_creation(const struct object *object, const struct field *field)
{
	/* an end of a pair cannot be opened before the other is there (veth_open) */
	if (field->flags & FIELD_HEADER)
		return !(object->kind->flags & KIND_PAIR);
	if (!(field->flags & FIELD_TOP))
		return true;
	if (field->attr == IFLA_MTU)
		return !pins(object->kind, field);
	return field->attr == IFLA_ADDRESS || field->attr == IFLA_TXQLEN ||
	       field->attr == IFLA_LINK;
}

static uint64_t late_mask(const struct object *object)
{
	uint64_t mask = live_settable(object);

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);

		if (at_creation(object, field))
			mask &= ~(UINT64_C(1) << i);
		/* one that was read, not written, has followed its ports: let it follow them again
		 */
		if (field->attr == IFLA_MTU && field->flags & FIELD_TOP &&
		    object_has_key(object, "type") && object_number(object, "mtu", 0) == 1500)
			mask &= ~(UINT64_C(1) << i);
	}
	return mask;
}

/* The far end of a pair cannot be set up while the near one is not there yet (veth.c, veth_open).
 */
static uint64_t peer_late(const struct object *object)
{
	uint64_t mask = late_mask(object);

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i) && kind_field(object->kind, i)->flags & FIELD_HEADER)
			mask |= UINT64_C(1) << i;
	return mask;
}

/*
 * A bridge keeps its MTU against its ports' from the first change on, and setting what it has
 * already is none: so it takes a step aside first.
 */
static void mtu_pin(struct site *site, uint32_t ifindex, const struct object *object)
{
	int64_t mtu = object_number(object, "mtu", 0);
	struct nl_msg msg;
	struct ifinfomsg *header = nl_msg_start(&msg, RTM_NEWLINK, 0, sizeof(*header));

	header->ifi_index = (int)ifindex;
	mnl_attr_put_u32(&msg.head, IFLA_MTU, (uint32_t)(mtu > 68 ? mtu - 1 : mtu + 1));
	nl_talk(site->nl, &msg.head,
		NULL); /* if it is refused, so is what follows, and that is told */
}

static int finish(struct site *site, uint32_t ifindex, const struct object *object, uint64_t late,
		  struct err *err)
{
	struct step step = {.after = object, .mask = late};
	int mtu = kind_field_find(object->kind, "mtu");

	if (object->kind->flags & KIND_PINS_MTU && step.mask >> mtu & 1)
		mtu_pin(site, ifindex, object);
	return live_link_change(site, ifindex, &step, err);
}

struct making {
	struct site *site, *peer_site;
	const struct object *object, *peer; /* peer NULL: no pair */
	struct sent sent;
};

static int end_put(struct nlmsghdr *message, struct ifinfomsg *header, const struct object *object,
		   uint64_t late, const struct site *site, struct sent *sent)
{
	uint32_t start = message->nlmsg_len;
	int name = kind_field_find(object->kind, "name");

	header->ifi_index = (int)object_number(object, "ifindex", 0);
	mnl_attr_put_strz(message, IFLA_IFNAME, object_name(object));
	sent_note(sent, object, (unsigned int)name, start, message);
	return live_put_top(message, header, object, live_settable(object) & ~late, site, sent);
}

static int peer_put(struct nlmsghdr *message, struct making *making)
{
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	struct nlattr *nest = mnl_attr_nest_start(message, VETH_INFO_PEER);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	int r = end_put(message, header, making->peer, peer_late(making->peer), making->peer_site,
			&making->sent);

	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)making->peer_site->ns_fd);
	mnl_attr_nest_end(message, nest);
	mnl_attr_nest_end(message, data);
	return r;
}

/* The namespace of the device it stands on: its own, unless that is elsewhere. */
static int lower_site(const struct making *making, struct site **site)
{
	const struct object *object = making->object;
	struct err unused;

	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i) && kind_field(object->kind, i)->type == &vtype_lower)
			return site_open(making->site->sites, device_place_of(object, i).ns, site,
					 &unused);
	return 0;
}

static int make_send(struct making *making, struct nl_refusal *refusal)
{
	const struct object *object = making->object;
	struct site *from = making->site;
	struct nlattr *info;
	struct nl_msg msg;
	struct ifinfomsg *header =
		nl_msg_start(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*header));
	int r = end_put(&msg.head, header, object, late_mask(object), making->site, &making->sent);

	if (!r)
		r = lower_site(making, &from);
	/* what it stands on is looked up where the request comes from */
	if (from != making->site)
		mnl_attr_put_u32(&msg.head, IFLA_NET_NS_FD, (uint32_t)making->site->ns_fd);
	info = mnl_attr_nest_start(&msg.head, IFLA_LINKINFO);

	mnl_attr_put_strz(&msg.head, IFLA_INFO_KIND, object->kind->word);
	if (!r && making->peer)
		r = peer_put(&msg.head, making);
	else if (!r && live_has_nest(object, object->set))
		r = live_put_nest(&msg.head, IFLA_INFO_DATA, object, live_settable(object),
				  making->site, &making->sent);
	mnl_attr_nest_end(&msg.head, info);
	return r ? r : nl_talk(from->nl, &msg.head, refusal);
}

/* The object of the other end: its step of the breath, or one that has no more than its name. */
static int peer_find(struct live *live, struct making *making, const struct breath *breath,
		     struct err *err)
{
	const char *peer = object_text(making->object, "peer");
	struct device_place place;
	struct object *bare;

	if (!(making->object->kind->flags & KIND_PAIR) || !peer)
		return 0;
	place = device_place_get(peer, making->object->ns);
	for (size_t i = 0; i < breath->len; i++) {
		const struct object *other = breath->steps[i].after;

		if (other && other->kind == making->object->kind &&
		    text_same(other->ns, place.ns) && text_same(object_name(other), place.name))
			making->peer = live_said(other, &live->scratch);
	}
	if (!making->peer) {
		bare = object_make(&live->scratch, making->object->kind, place.ns);
		/* what is put back may be called what nobody could write */
		if (object_recall(bare, "name", place.name, &live->scratch))
			return err_set(err, -EINVAL, "its peer %s has no name of a device", peer);
		making->peer = bare;
	}
	return live_site(live, place.ns, &making->peer_site, err);
}

/*
 * The kernel refused to make it and did not say why: a bare one is made, asked for one field after
 * the other, and taken away again.
 */
static int make_narrowed(struct making *making, int refused, const struct nl_refusal *refusal,
			 struct err *err)
{
	uint64_t mask = live_settable(making->object);
	struct making bare = {.site = making->site};
	struct object *object = object_copy(making->site->arena, making->object);
	struct nl_refusal its;
	struct found found;
	int code, field = -1;

	object->set &= ~mask;
	bare.object = object;
	if (make_send(&bare, &its) == 0 &&
	    live_find(making->site, 0, object_name(object), &found) == 0) {
		field = culprit(making->site, found.ifindex, making->object, mask, &its, &code);
		live_link_remove(making->site, found.ifindex);
	}
	if (field < 0)
		return refusal_tell(err, refused, refusal, &making->sent, making->object,
				    "make it");
	return refusal_tell_field(err, code, &its, making->object, (unsigned int)field);
}

static int make_refused(struct making *making, int code, const struct nl_refusal *refusal,
			struct err *err)
{
	const struct object *its;
	unsigned int field;

	if (making->peer || (code != -EINVAL && code != -ERANGE && code != -EOPNOTSUPP) ||
	    sent_find(&making->sent, refusal, &its, &field))
		return refusal_tell(err, code, refusal, &making->sent, making->object, "make it");
	return make_narrowed(making, code, refusal, err);
}

static int make(struct live *live, struct site *site, const struct breath *breath, struct err *err)
{
	const struct object *wish = breath->steps[breath->leader].after;
	struct making making = {.site = site, .object = live_said(wish, &live->scratch)};
	struct found found, far;
	struct nl_refusal refusal = {0};
	int r = peer_find(live, &making, breath, err);

	if (r)
		return r;
	r = make_send(&making, &refusal);
	if (r)
		return make_refused(&making, r, &refusal, err);
	r = live_find(site, 0, object_name(wish), &found);
	if (!r && making.peer)
		r = live_find(making.peer_site, 0, object_name(making.peer), &far);
	if (r)
		return err_errno(err, r, "find the device just made");
	r = finish(site, found.ifindex, making.object, late_mask(making.object), err);
	if (!r && making.peer)
		r = finish(making.peer_site, far.ifindex, making.peer, peer_late(making.peer), err);
	if (r)
		live_link_remove(site, found.ifindex);
	return r;
}

static int change(struct site *site, const struct step *step, struct err *err)
{
	struct found found;
	int r = live_find_object(site, step->before, &found);

	if (r)
		return err_set(err, -ENODEV, "the device is gone");
	return live_link_change(site, found.ifindex, step, err);
}

/* By the number it was made or read with; one that has gone, or is another now, is gone. */
static int unmake(struct live *live, struct site *site, const struct breath *breath,
		  struct err *err)
{
	const struct object *object = breath->steps[breath->leader].before;
	struct found found;
	struct err unused;
	int r = live_find_object(site, object, &found);

	if (r == -ENODEV)
		return 0;
	if (!r)
		r = live_link_remove(site, found.ifindex);
	if (r && r != -ENODEV)
		return refusal_tell(err, r, NULL, &(struct sent){0}, object, "delete it");
	for (size_t i = 0; i < breath->len; i++) { /* the other end of a pair went along */
		const struct object *other = breath->steps[i].before;
		struct site *there;

		if (other && kind_is(other->kind, "link") && other != object &&
		    live_site(live, other->ns, &there, &unused) == 0)
			link_names_drop(&there->names,
					link_names_index(&there->names, object_name(other)));
	}
	return 0;
}

int live_link_apply(struct live *live, struct site *site, const struct breath *breath,
		    struct err *err)
{
	const struct step *step = &breath->steps[breath->leader];

	if (!step->before)
		return make(live, site, breath, err);
	return step->after ? change(site, step, err) : unmake(live, site, breath, err);
}
