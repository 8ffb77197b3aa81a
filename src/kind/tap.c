/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An Ethernet device whose other end is a process: a VM, a tunnel. */
#include <linux/if_link.h>
#include <linux/if_tun.h>

#include "base/diag.h"
#include "kind/tuntap.h"
#include "model/state.h"

/* 52:54:00 is what QEMU and libvirt give to guests: on the TAP it is the wrong end's. */
static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct mac *mac = object_value(object, "macaddress", &vtype_mac);

	if (!mac || mac->bytes[0] != 0x52 || mac->bytes[1] != 0x54 || mac->bytes[2] != 0)
		return;
	err_hint(diag_error(diag, object_place_of(object, "macaddress"),
			    object_label(object, state->arena),
			    "macaddress is of QEMU's range 52:54:00, so the guest's; expected one "
			    "of the "
			    "host's own: the bridge would keep the guest's frames for itself"),
		 "leave macaddress out here; it belongs into the guest");
}

static const struct kind_ops ops = {.check = check};

const struct kind kind_tap = {
	.name = "tap",
	.section = "taps",
	.word = "tun",
	.config = "CONFIG_TUN",
	.module = "tun",
	.summary = "an Ethernet device whose other end is a process (a VM, a tunnel)",
	.base = &kind_tuntap,
	.variant_attr = IFLA_TUN_TYPE,
	.variant = IFF_TAP,
	.flags = KIND_HIGH_MAC,
	.size = sizeof(struct tuntap),
	.rank = RANK_LINK,
	.door = DOOR_TUN,
	.ops = &ops,
};
