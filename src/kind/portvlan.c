/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A VLAN that a port of a filtering bridge is in. The one of frames without a tag is no member of
 * this list but a value of the port, which always has one or none (pvid): the kernel moves that
 * mark when another gets it, and so nothing here ever moves it. This kind reads both, and tells
 * the port its own value. Where the bridge does not look at VLANs, they are nobody's concern.
 */
#include "kind/portvlan.h"

#include <errno.h>
#include <linux/if_bridge.h>

#include "base/diag.h"
#include "model/message.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/bridge_vlans.h"
#include "sys/site.h"

enum { DEVICE, ID, TO, UNTAGGED, TUNNEL };

/* clang-format off */
static const struct field fields[] = {
	[DEVICE] = {"device", &vtype_ref, FIELD(portvlan, device),
		    .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the port, or the bridge"},
	[ID] = {"id", &vtype_u16, FIELD(portvlan, id), .flags = FIELD_KEY | FIELD_NEED, .min = 1,
		.max = 4094, .doc = "number of the VLAN"},
	[TO] = {"to", &vtype_u16, FIELD(portvlan, to), .flags = FIELD_FACE, .min = 1, .max = 4094,
		.doc = "also all up to this one"},
	[UNTAGGED] = {"untagged", &vtype_bool, FIELD(portvlan, untagged), .initial = "false",
		      .doc = "its frames leave without a tag"},
	[TUNNEL] = {"tunnel-id", &vtype_u32, FIELD(portvlan, tunnel), .initial = "0",
		    .max = (1 << 24) - 1,
		    .doc = "number of the tunnel that it is, on a port with vlan-tunnel; counts up with to"},
};
/* clang-format on */

struct reading {
	struct site *site;
	struct state *out;
	const struct bridge_vlan *vlans;
	size_t len;
	bool wanted; /* somebody asks for VLANs here, also of bridges that do not look at them yet
		      */
	const char *bridge; /* looked at last */
	bool filters;
	uint16_t usual; /* what it gives new ports */
};

static bool concerns(struct reading *reading, const char *name)
{
	const struct object *bridge;

	if (!reading->bridge || !text_same(reading->bridge, name)) {
		bridge = state_link(reading->out, reading->site->ns, name);
		reading->bridge = name;
		reading->filters = bridge && object_number(bridge, "parameters.vlan-filtering", 0);
		reading->usual =
			(uint16_t)(bridge ? object_number(bridge, "parameters.vlan-default-pvid", 0)
					  : 0);
	}
	return reading->filters || reading->wanted;
}

static void pvid_add(struct reading *reading, struct object *owner, const char *device,
		     const struct bridge_vlan *vlan, bool self)
{
	struct arena *arena = reading->out->arena;
	struct object *object = object_make(arena, kind_find("pvid"), reading->site->ns);
	const char *id = arena_print(arena, "%u", vlan ? vlan->first : 0);
	bool tagged = vlan && !(vlan->flags & BRIDGE_VLAN_INFO_UNTAGGED);

	object_set(object, "device", device, arena);
	object_set(object, "id", id, arena);
	object_set(object, "self", self ? "true" : "false", arena);
	object_set(object, "tagged", tagged ? "true" : "false", arena);
	state_add(reading->out, object);
	if ((vlan ? vlan->first : 0) == reading->usual && !tagged)
		return;
	object_set(owner, "pvid", id, arena);
	if (tagged)
		object_set(owner, "pvid-tagged", "true", arena);
}

static void member_add(struct reading *reading, const char *device, uint16_t id,
		       const struct bridge_vlan *from, bool self)
{
	struct object *object = object_make(
		reading->out->arena, self ? &kind_selfvlan : &kind_portvlan, reading->site->ns);
	struct portvlan *vlan = object->data;

	vlan->device = arena_text(reading->out->arena, device);
	vlan->id = id;
	vlan->untagged = (from->flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0;
	vlan->tunnel = from->tunnel ? from->tunnel + (id - from->first) : 0;
	object->set = 1 << DEVICE | 1 << ID | 1 << UNTAGGED;
	if (!self)
		object->set |= 1 << TUNNEL;
	state_add(reading->out, object);
}

/* All of one port, or of the bridge itself. */
static void owner_read(struct reading *reading, struct object *owner, const char *device, bool self)
{
	uint32_t ifindex = link_names_index(&reading->site->names, device);
	const struct bridge_vlan *vlan = bridge_vlans_of(reading->vlans, reading->len, ifindex);
	const struct bridge_vlan *end = reading->vlans + reading->len, *pvid = NULL;

	for (; vlan && vlan < end && vlan->ifindex == ifindex; vlan++) {
		if (vlan->flags & BRIDGE_VLAN_INFO_PVID) {
			pvid = vlan;
			continue;
		}
		for (unsigned int id = vlan->first; id <= vlan->last; id++)
			member_add(reading, device, (uint16_t)id, vlan, self);
	}
	pvid_add(reading, owner, device, pvid, self);
}

static bool any_wanted(const struct state *wanted, const char *kind, const char *ns)
{
	const struct object *object;

	for (size_t i = 0; (object = state_next(wanted, kind, &i));)
		if (text_same(object->ns, ns))
			return true;
	return false;
}

static int read_all(struct site *site, const struct state *wanted, struct state *out,
		    struct err *err)
{
	struct reading reading = {.site = site, .out = out};
	size_t count = out->len; /* what is added below is looked at no more */
	struct bridge_vlan *vlans = NULL;
	int r = bridge_vlans_read(site->nl, 0, site->arena, &vlans, &reading.len, err);

	if (r || !reading.len)
		return r;
	reading.vlans = vlans;
	reading.wanted =
		any_wanted(wanted, "portvlan", site->ns) || any_wanted(wanted, "pvid", site->ns);
	for (size_t i = 0; i < count; i++) {
		struct object *object = out->objects[i];

		if (!text_same(object->ns, site->ns))
			continue;
		if (kind_is(object->kind, "port") && concerns(&reading, object_owner(object)))
			owner_read(&reading, object, object_title(object), false);
		else if (kind_is(object->kind, "bridge") && concerns(&reading, object_name(object)))
			owner_read(&reading, object, object_name(object), true);
	}
	return 0;
}

/* Frames without a tag belong to it by now: it is no longer a mere member. */
static bool is_pvid(struct site *site, uint32_t ifindex, uint16_t id)
{
	const struct bridge_vlan *pvid;
	struct bridge_vlan *vlans = NULL;
	struct err unused;
	size_t len = 0;

	bridge_vlans_read(site->nl, ifindex, site->arena, &vlans, &len, &unused);
	pvid = bridge_vlans_pvid(vlans, len);
	return pvid && pvid->first == id;
}

/* The tunnel that it was goes first: the kernel puts none in another's place. */
static int tunnel_apply(struct site *site, const struct step *step, const struct object *object,
			uint32_t ifindex, struct err *err)
{
	uint32_t before = step->before ? (uint32_t)object_number(step->before, "tunnel-id", 0) : 0;
	uint32_t after = (uint32_t)object_number(object, "tunnel-id", 0);
	uint16_t id = ((const struct portvlan *)object->data)->id;
	struct nl_msg msg;
	int r = 0;

	if (before == after)
		return 0;
	if (before) {
		bridge_vlan_tunnel_message(&msg, false, ifindex, id, before);
		r = nl_talk(site->nl, &msg.head, NULL);
	}
	if (!r && after) {
		bridge_vlan_tunnel_message(&msg, true, ifindex, id, after);
		r = nl_talk(site->nl, &msg.head, NULL);
	}
	if (!r)
		return 0;
	if (!step->before) { /* all or nothing */
		bridge_vlan_message(&msg, false, ifindex, false, id, 0);
		nl_talk(site->nl, &msg.head, NULL);
	}
	return refusal_tell_field(err, r, NULL, object, TUNNEL);
}

int portvlan_apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_merged(step, site->arena);
	const struct portvlan *vlan = object->data;
	uint32_t ifindex = link_names_index(&site->names, vlan->device);
	bool untagged = object_has(object, UNTAGGED) && vlan->untagged;
	struct sent sent = {0};
	struct nl_msg msg;
	int r;

	if (!ifindex)
		return step->after ? refusal_tell_field(err, -ENODEV, NULL, object, DEVICE) : 0;
	if (!step->after && is_pvid(site, ifindex, vlan->id))
		return 0;
	bridge_vlan_message(&msg, step->after, ifindex, object->kind == &kind_selfvlan, vlan->id,
			    untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
	sent_note(&sent, object, ID, MNL_NLMSG_HDRLEN + sizeof(struct ifinfomsg), &msg.head);
	r = message_send(&msg.head, step, &sent, -ENOENT, site, err);
	return r || !step->after ? r : tunnel_apply(site, step, object, ifindex, err);
}

static bool written(const struct state *state, const struct object *like, unsigned int id)
{
	const struct object *other;

	for (size_t i = 0; (other = state_next(state, "portvlan", &i));)
		if (text_same(other->ns, like->ns) && object_number(other, "id", 0) == id &&
		    text_same(object_owner(other), object_owner(like)))
			return true;
	return false;
}

/* 30 to 40: one object for each. One that is written with keys of its own has those. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct portvlan *vlan = object->data;

	if (!object_has(object, UNTAGGED)) /* a member has tags, unless it says otherwise */
		object_set(object, "untagged", "false", state->arena);
	for (unsigned int id = vlan->id + 1u; object_has(object, TO) && id <= vlan->to; id++) {
		struct object *one;

		if (written(state, object, id))
			continue;
		one = object_copy(state->arena, object);
		((struct portvlan *)one->data)->id = (uint16_t)id;
		if (vlan->tunnel)
			((struct portvlan *)one->data)->tunnel += id - vlan->id;
		one->set &= ~(UINT64_C(1) << TO);
		state_add(state, one);
	}
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct portvlan *vlan = object->data;
	const struct object *pvid = state_named(state, "pvid", object->ns, vlan->device);
	const struct object *port = state_named(state, "port", object->ns, vlan->device);

	if (object_has(object, TO) && vlan->to < vlan->id)
		diag_error(diag, object_place(object, TO), object_label(object, state->arena),
			   "to is below %u; expected a number up from it", vlan->id);
	if (vlan->tunnel &&
	    (object->kind != &kind_portvlan || (port && !object_number(port, "vlan-tunnel", 0))))
		err_hint(diag_error(diag, object_place(object, TUNNEL),
				    object_label(object, state->arena),
				    "tunnel-id is of a port whose VLANs are tunnels; expected "
				    "vlan-tunnel: true there"),
			 "ports: {%s: {vlan-tunnel: true, …}}", vlan->device);
	if (pvid && object_number(pvid, "id", 0) == vlan->id)
		err_hint(diag_error(diag, object->place, object_label(object, state->arena),
				    "VLAN %u is the pvid already (line %u); expected it there or "
				    "here",
				    vlan->id, pvid->place.line),
			 "pvid-tagged: true where its frames leave with a tag");
}

static const struct kind_ops ops = {
	.read = read_all, .apply = portvlan_apply, .expand = expand, .check = check};

const struct kind kind_portvlan = {
	.name = "portvlan",
	.config = "CONFIG_BRIDGE_VLAN_FILTERING",
	.summary = "a VLAN that a port of a bridge is in",
	.owner = "port",
	.listed = "vlans",
	.listing = LISTING_NAMES,
	KIND_FIELDS(fields),
	.size = sizeof(struct portvlan),
	.rank = RANK_PORT,
	.door = DOOR_OWN,
	.ops = &ops,
};
