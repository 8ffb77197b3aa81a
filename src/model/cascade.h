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

/* The least MTU of a link that carries IPv6, in bytes (RFC 8200 section 5). */
#define LINK_IPV6_MTU 1280

/*
 * Does the kernel take `object` on `link` as this one is now? No routes on a link that is down, no
 * IPv6 with an MTU below 1280 (RFC 8200 section 5).
 */
bool link_admits(const struct object *link, const struct object *object);

/* Holds an IPv6 address or prefix: what a link loses when it goes down. */
bool object_is_ipv6(const struct object *object);

/* A variable of IPv6 (a sysctl below net.ipv6): a link with an MTU below 1280 has none. */
bool object_is_ipv6_value(const struct object *object);

/* The first of `gone` (sorted) that takes `object` along directly; NULL: none. Looks up, does not
 * walk. */
struct object *state_killer(const struct state *gone, const struct object *object);

/* Takes `gone` and all that dies with it, and with that, out of `state` (sorted); adds them to
 * `taken` (same pointers), `gone` first, unless it is NULL. */
void state_cascade(struct state *state, const struct object *gone, struct state *taken);

/* The same for all of `going` (sorted), which grows by what goes along. */
void state_cascade_all(struct state *state, struct state *going, struct state *taken);

/* "ns1/tap2", "/tap2" or "tap2" (in `ns`) taken apart. */
struct device_place {
	char ns[256];
	char name[64];
};
struct device_place device_place_get(const char *text, const char *ns);
/* The same of a field that names a device. */
struct device_place device_place_of(const struct object *object, unsigned int i);
