/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes when something goes, told from the tables alone: an object dies with the device that
 * a FIELD_OWNER or FIELD_NEED key of it names (addresses, routes, a port with its bridge), a
 * paired object with its peer, a keeper's object with the device under it, and all of a namespace
 * with the namespace.
 */
#pragma once
#include "model/state.h"

/* Does `object` die when `gone` goes? One step only, not what follows from it. */
bool object_dies_with(const struct object *object, const struct object *gone);

/*
 * Can `object` stand on `link` as this one is now? A link that is down has no routes and no IPv6;
 * one with an MTU below 1280 (RFC 8200 section 5) no IPv6.
 */
bool link_carries(const struct object *link, const struct object *object);

/* Takes `gone` and all that dies with it, and with that, out of `state`; adds them to `taken`
 * (same pointers), `gone` first, unless it is NULL. */
void state_cascade(struct state *state, const struct object *gone, struct state *taken);

/* "ns1/tap2", "/tap2" or "tap2" (in `ns`) taken apart. */
struct device_place {
	char ns[256];
	char name[64];
};
struct device_place device_place_get(const char *text, const char *ns);
