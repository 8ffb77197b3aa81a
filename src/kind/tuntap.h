/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What TAP and TUN have in common. */
#pragma once
#include "kind/link.h"

struct tuntap {
	struct link link;
	uint32_t owner, group; /* uid, gid */
	uint8_t multi_queue, keep_carrier, vnet_hdr, packet_info, persistent;
};

extern const struct kind kind_tuntap;
