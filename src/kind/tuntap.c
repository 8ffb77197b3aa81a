/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base of TAP and TUN: devices whose other end is a process. */
#include "kind/tuntap.h"

#include <linux/if_link.h>
#include <linux/if_tun.h>

#include "base/diag.h"
#include "model/state.h"

/* clang-format off */
static const struct field fields[] = {
	{"owner", &vtype_user, FIELD(tuntap, owner), .attr = IFLA_TUN_OWNER,
	 .flags = FIELD_ANEW, .initial = "0",
	 .doc = "user who may open it; root, unless owner or group is said"},
	{"group", &vtype_group, FIELD(tuntap, group), .attr = IFLA_TUN_GROUP,
	 .flags = FIELD_ANEW,
	 .doc = "group whose members may open it (with owner: only that user in that group)"},
	{"multi-queue", &vtype_bool, FIELD(tuntap, multi_queue), .attr = IFLA_TUN_MULTI_QUEUE,
	 .flags = FIELD_FIXED | FIELD_ANEW, .initial = "false",
	 .doc = "may be opened several times; QEMU's ifname= then needs queues="},
	{"keep-carrier", &vtype_bool, FIELD(tuntap, keep_carrier), .flags = FIELD_FACE,
	 .initial = "false",
	 .doc = "has a carrier also while nobody has it open; makes it multi-queue, see there"},
	{"vnet-hdr", &vtype_bool, FIELD(tuntap, vnet_hdr), .attr = IFLA_TUN_VNET_HDR,
	 .flags = FIELD_ASIDE, .initial = "false",
	 .doc = "packets carry offload headers; who opens it says anew, not with keep-carrier"},
	{"packet-info", &vtype_bool, FIELD(tuntap, packet_info), .attr = IFLA_TUN_PI,
	 .flags = FIELD_ASIDE, .initial = "false",
	 .doc = "packets carry 4 bytes of protocol; who opens it says anew, not with keep-carrier"},
	{"persistent", &vtype_bool, FIELD(tuntap, persistent), .attr = IFLA_TUN_PERSIST,
	 .flags = FIELD_READ, .doc = "stays when nobody holds it open"},
};
/* clang-format on */

/*
 * The keeper holds a queue, so there have to be several. That queue also decides what stands before
 * packets; who opens a TAP of several queues by name is QEMU, which reads offload headers.
 */
static void carrier_add(struct object *object, struct object *carrier, struct state *state)
{
	const struct tuntap *tuntap = object->data;
	bool tap = object->kind->variant == IFF_TAP;

	if (!object_has_key(object, "multi-queue"))
		object_set(object, "multi-queue", "true", state->arena);
	if (tap && !object_has_key(object, "vnet-hdr"))
		object_set(object, "vnet-hdr", "true", state->arena);
	if (!carrier) {
		carrier = object_make(state->arena, kind_find("carrier"), object->ns);
		state_add(state, carrier);
	}
	carrier->place = object_place_of(object, "keep-carrier");
	object_set(carrier, "name", object_name(object), state->arena);
	object_set(carrier, "vnet-hdr", tuntap->vnet_hdr ? "true" : "false", state->arena);
	object_set(carrier, "packet-info", tuntap->packet_info ? "true" : "false", state->arena);
}

/*
 * A persistent device with neither owner nor group may be opened by everybody who may open
 * /dev/net/tun, and Debian lets everybody: so it is root's unless the text says whose.
 */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct object *carrier;

	if (!object_has_key(object, "owner") && !object_has_key(object, "group") &&
	    !object_number(object, "existing", 0) && !object_number(object, "bare", 0))
		object_set(object, "owner", "0", state->arena);
	if (!object_has_key(object, "keep-carrier"))
		return;
	/* by hand it may be there, from the last time */
	carrier = state_named(state, "carrier", object->ns, object_name(object));
	if (object_number(object, "keep-carrier", 0))
		carrier_add(object, carrier, state);
	else if (carrier)
		state_forget(state, carrier);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	struct place place = object_place_of(object, "keep-carrier");

	if (!object_number(object, "keep-carrier", 0))
		return;
	if (state_named(state, "tunnel", object->ns, object_name(object)))
		diag_error(diag, place, object_label(object, state->arena),
			   "is the device of a tunnel, which keeps its carrier itself; expected no "
			   "keep-carrier");
	else if (!object_number(object, "multi-queue", 0))
		err_hint(diag_error(diag, place, object_label(object, state->arena),
				    "keep-carrier needs a queue for lanloom, and multi-queue is "
				    "false (line %u); expected one or the other",
				    object_place_of(object, "multi-queue").line),
			 "leave multi-queue out here; QEMU then opens it with queues=2 or more");
}

static const struct kind_ops ops = {.expand = expand, .check = check};

const struct kind kind_tuntap = {
	.name = "tuntap",
	.summary = "what TAP and TUN devices have in common",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.flags = KIND_HIDDEN,
	.size = sizeof(struct tuntap),
	.rank = RANK_LINK,
	.door = DOOR_TUN,
	.ops = &ops,
};
