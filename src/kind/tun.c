/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A point-to-point IP device whose other end is a process. */
#include <linux/if_link.h>
#include <linux/if_tun.h>

#include "base/diag.h"
#include "kind/tuntap.h"
#include "model/state.h"

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	if (object_has_key(object, "macaddress"))
		diag_error(
			diag, object_place_of(object, "macaddress"),
			object_label(object, state->arena),
			"a TUN carries IP packets and has no macaddress; expected none, or a TAP");
}

static const struct kind_ops ops = {.check = check};

const struct kind kind_tun = {
	.name = "tun",
	.section = "tuns",
	.word = "tun",
	.config = "CONFIG_TUN",
	.module = "tun",
	.summary = "an IP device whose other end is a process (a VPN)",
	.base = &kind_tuntap,
	.variant_attr = IFLA_TUN_TYPE,
	.variant = IFF_TUN,
	.size = sizeof(struct tuntap),
	.rank = RANK_LINK,
	.door = DOOR_TUN,
	.ops = &ops,
};
