/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VLAN that a port's (or the bridge's own) frames without a tag belong to. Each has one or
 * none, so it is a value: another takes the place of what was there, and what was there before
 * comes back. Where nobody says, it is what the bridge gives new ports.
 */
#include <errno.h>
#include <linux/if_bridge.h>

#include "model/message.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/bridge_vlans.h"
#include "sys/site.h"

struct pvid {
	const char *device;
	uint16_t id;
	uint8_t tagged, self;
};

extern const struct kind kind_pvid;

enum { DEVICE, ID, TAGGED, SELF };

/* clang-format off */
static const struct field fields[] = {
	[DEVICE] = {"device", &vtype_ref, FIELD(pvid, device),
		    .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the port, or the bridge"},
	[ID] = {"id", &vtype_u16, FIELD(pvid, id), .flags = FIELD_INNER, .max = 4094,
		.doc = "number of the VLAN; 0: frames without a tag are dropped"},
	[TAGGED] = {"tagged", &vtype_bool, FIELD(pvid, tagged), .flags = FIELD_INNER,
		    .doc = "its frames leave with a tag all the same"},
	[SELF] = {"self", &vtype_bool, FIELD(pvid, self), .flags = FIELD_INNER | FIELD_ASIDE,
		  .doc = "the device is the bridge"},
};
/* clang-format on */

/* As it shall be; without a step's after, what the bridge gives its ports. */
static struct pvid target(struct site *site, const struct step *step, uint32_t ifindex)
{
	if (step->after)
		return *(const struct pvid *)step_merged(step, site->arena)->data;
	return (struct pvid){.id = bridge_default_pvid(site->nl, ifindex),
			     .self = ((const struct pvid *)step->before->data)->self};
}

static int old_take(struct site *site, uint32_t ifindex, const struct pvid *now,
		    const struct bridge_vlan *old)
{
	struct nl_msg msg;

	if (!old || old->first == now->id)
		return 0;
	bridge_vlan_message(&msg, false, ifindex, now->self, old->first, 0);
	return nl_talk(site->nl, &msg.head, NULL);
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_object(step);
	uint32_t ifindex = link_names_index(&site->names, object_owner(object));
	const struct bridge_vlan *old;
	struct bridge_vlan *vlans = NULL;
	struct sent sent = {0};
	struct nl_msg msg;
	struct pvid now;
	size_t len = 0;
	int r;

	if (!ifindex)
		return step->after ? refusal_tell_field(err, -ENODEV, NULL, object, DEVICE) : 0;
	r = bridge_vlans_read(site->nl, ifindex, site->arena, &vlans, &len, err);
	if (r)
		return r;
	old = bridge_vlans_pvid(vlans, len);
	now = target(site, step, ifindex);
	if (now.id) {
		bridge_vlan_message(&msg, true, ifindex, now.self, now.id,
				    BRIDGE_VLAN_INFO_PVID |
					    (now.tagged ? 0 : BRIDGE_VLAN_INFO_UNTAGGED));
		r = message_send(&msg.head, step, &sent, -ENOENT, site, err);
	}
	if (!r)
		r = old_take(site, ifindex, &now, old);
	return r && step->after ? refusal_tell_field(err, r, NULL, object, ID) : 0;
}

static const struct kind_ops ops = {.apply = apply};

const struct kind kind_pvid = {
	.name = "pvid",
	.config = "CONFIG_BRIDGE_VLAN_FILTERING",
	.summary = "the VLAN of frames without a tag; made by the key pvid of ports and bridges",
	.owner = "port",
	.flags = KIND_HIDDEN | KIND_VALUE,
	KIND_FIELDS(fields),
	.size = sizeof(struct pvid),
	.rank = RANK_PORT,
	.door = DOOR_OWN,
	.ops = &ops,
};
