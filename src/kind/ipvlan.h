/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What IPVLANs and IPVTAPs have in common. */
#pragma once
#include "kind/link.h"

struct ipvlan {
	struct link link;
	const char *lower;
	uint8_t mode, flags;
};

extern const struct kind kind_ipvlan;
