/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device with addresses of its own, but the MAC of the device whose wire it is on. Mode and flags
 * are the wire's: the kernel changes them for all that are on it (ipvlan_set_port_mode).
 */
#include "kind/ipvlan.h"

#include <linux/if_link.h>

#include "base/diag.h"
#include "model/state.h"

static const char *const modes[] = {"l2", "l3", "l3s", NULL};
static const char *const flags[] = {"bridge", "private", "vepa", NULL};

/* clang-format off */
static const struct field fields[] = {
	{"link", &vtype_lower, FIELD(ipvlan, lower), .attr = IFLA_LINK,
	 .flags = FIELD_TOP | FIELD_NEED | FIELD_FIXED, .doc = "the device on whose wire it is"},
	{"mode", &vtype_word, FIELD(ipvlan, mode), .attr = IFLA_IPVLAN_MODE, .max = UINT16_MAX,
	 .flags = FIELD_SAY, .words = modes, .initial = "l3",
	 .doc = "l2: ARP and broadcasts reach it; l3: it is routed to; l3s: and filtered by the host"},
	{"flags", &vtype_word, FIELD(ipvlan, flags), .attr = IFLA_IPVLAN_FLAGS, .max = UINT16_MAX,
	 .flags = FIELD_SAY, .words = flags, .initial = "bridge",
	 .doc = "whom it reaches on its own host: see who reaches whom in lanloom(1)"},
};
/* clang-format on */

static void same(const struct object *object, const struct object *other, const char *key,
		 int64_t initial, const char *const *words, const struct state *state,
		 struct diag *diag)
{
	int64_t a = object_number(object, key, initial), b = object_number(other, key, initial);

	if (a != b)
		diag_error(diag, object_place_of(other, key), object_label(other, state->arena),
			   "%s %s, but %s (line %u) has %s on the same %s; expected the same: the "
			   "kernel has one for all of a link",
			   key, words[b], object_name(object), object->place.line, words[a],
			   object_text(object, "link"));
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct object *other;

	for (size_t i = 0; (other = state_next(state, "ipvlan", &i)) && other != object;)
		if (text_same(other->ns, object->ns) &&
		    text_same(object_text(other, "link"), object_text(object, "link"))) {
			same(other, object, "mode", 1, modes, state, diag);
			same(other, object, "flags", 0, flags, state, diag);
		}
}

static const struct kind_ops ops = {.check = check};

const struct kind kind_ipvlan = {
	.name = "ipvlan",
	.section = "ipvlans",
	.word = "ipvlan",
	.config = "CONFIG_IPVLAN",
	.module = "ipvlan",
	.summary = "a device with addresses of its own and the MAC of another, on its wire",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.size = sizeof(struct ipvlan),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
