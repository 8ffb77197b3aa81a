/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What MACVLANs and MACVTAPs have in common. */
#pragma once
#include "kind/link.h"

struct macvlan {
	struct link link;
	const char *lower, *sources;
	uint32_t queue; /* packets */
	uint8_t mode, quiet, alone;
};

extern const struct kind kind_macvlan;
