/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VLAN beside the untagged one, of a port or of the bridge itself: the two differ in their owner.
 */
#pragma once
#include "model/kind.h"

struct portvlan {
	const char *device;
	uint16_t id, to;
	uint32_t tunnel;
	uint8_t untagged;
};

extern const struct kind kind_portvlan, kind_selfvlan;

int portvlan_apply(struct site *site, const struct step *step, struct err *err);
