/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base of all devices: a kind of link begins its struct with this one. */
#pragma once
#include "model/kind.h"

struct link {
	const char *name;
	uint8_t existing;
	uint8_t bare;
	uint8_t proxy_arp;
	uint64_t egress, ingress; /* bits/s */
	uint8_t up;
	uint32_t mtu; /* bytes */
	struct mac macaddress;
	uint32_t txqueuelen; /* packets */
	const char *alias;
	uint32_t link_group;
	uint32_t ifindex;
	const char *type;
	uint8_t operstate;
	uint8_t carrier;
	const char *master;
};

extern const struct kind kind_link;
