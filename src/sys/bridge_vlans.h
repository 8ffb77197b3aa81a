/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What VLANs a filtering bridge has on its ports and on itself. They are a table of their own,
 * with questions of their own (RTM_GETVLAN, since Linux 5.6).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "sys/nl_msg.h"
#include "sys/nl_sock.h"

struct bridge_vlan {
	uint32_t ifindex; /* the port, or the bridge itself */
	uint16_t first, last;
	uint16_t flags;	 /* BRIDGE_VLAN_INFO_PVID, BRIDGE_VLAN_INFO_UNTAGGED */
	uint32_t tunnel; /* number of the tunnel that the first is, the next one's is one more; 0:
			    none */
};

/*
 * Those of one device, or of all (`ifindex` 0), by ifindex and number. A kernel without them has
 * none. 0 or -errno.
 */
int bridge_vlans_read(struct nl_sock *nl, uint32_t ifindex, struct arena *arena,
		      struct bridge_vlan **vlans, size_t *len, struct err *err);

/* The first that is the device's, of a list of all; NULL: it has none. */
const struct bridge_vlan *bridge_vlans_of(const struct bridge_vlan *vlans, size_t len,
					  uint32_t ifindex);

/* The one that frames without a tag belong to, of one device's; NULL: none. */
const struct bridge_vlan *bridge_vlans_pvid(const struct bridge_vlan *vlans, size_t len);

/* What the bridge gives each new port; 0: nothing, or no bridge is there. */
uint16_t bridge_default_pvid(struct nl_sock *nl, uint32_t ifindex);

/* The message that gives a device a VLAN, or takes it away. `self`: the device is a bridge. */
void bridge_vlan_message(struct nl_msg *msg, bool add, uint32_t ifindex, bool self, uint16_t id,
			 uint16_t flags);
/* The same for the tunnel that a port's VLAN is. */
void bridge_vlan_tunnel_message(struct nl_msg *msg, bool add, uint32_t ifindex, uint16_t id,
				uint32_t tunnel);
