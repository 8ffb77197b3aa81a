/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device with a MAC of its own on another device's wire. The kernel keeps a device's sort of
 * place there: `passthru` (it has the wire for itself) and `source` (it has a list) are neither
 * entered nor left (macvlan_changelink of drivers/net/macvlan.c).
 */
#include "kind/macvlan.h"

#include <linux/if_link.h>

#include "base/diag.h"
#include "model/state.h"

enum { PRIVATE, VEPA, BRIDGE, PASSTHRU, SOURCE };

static const char *const modes[] = {"private", "vepa", "bridge", "passthru", "source", NULL};
static const uint32_t numbers[] = {MACVLAN_MODE_PRIVATE, MACVLAN_MODE_VEPA, MACVLAN_MODE_BRIDGE,
				   MACVLAN_MODE_PASSTHRU, MACVLAN_MODE_SOURCE};

/* clang-format off */
static const struct field fields[] = {
	{"link", &vtype_lower, FIELD(macvlan, lower), .attr = IFLA_LINK,
	 .flags = FIELD_TOP | FIELD_NEED | FIELD_FIXED, .doc = "the device on whose wire it is"},
	{"mode", &vtype_word, FIELD(macvlan, mode), .attr = IFLA_MACVLAN_MODE, .max = UINT32_MAX,
	 .flags = FIELD_SAY, .words = modes, .numbers = numbers, .initial = "vepa",
	 .doc = "whom it reaches on its own host: see who reaches whom in lanloom(1)"},
	{"source-macs", &vtype_macs, FIELD(macvlan, sources), .attr = IFLA_MACVLAN_MACADDR_DATA,
	 .initial = "", .doc = "mode source: whose frames it gets"},
	{"broadcast-queue", &vtype_u32, FIELD(macvlan, queue), .attr = IFLA_MACVLAN_BC_QUEUE_LEN,
	 .initial = "1000", .doc = "broadcasts kept for the devices of its link, the largest of all counts"},
	{"no-promiscuous", &vtype_bit16, FIELD(macvlan, quiet), .attr = IFLA_MACVLAN_FLAGS,
	 .min = MACVLAN_FLAG_NOPROMISC, .initial = "false",
	 .doc = "mode passthru: the device below hears what is for it only"},
	{"no-destination", &vtype_bit16, FIELD(macvlan, alone), .attr = IFLA_MACVLAN_FLAGS,
	 .min = MACVLAN_FLAG_NODST, .initial = "false",
	 .doc = "mode source: nobody else gets a frame that one of the list sent"},
};
/* clang-format on */

static uint64_t fixed(const struct object *have, const struct object *want)
{
	int64_t from = object_number(have, "mode", VEPA), to = object_number(want, "mode", from);
	bool bound = from == PASSTHRU || from == SOURCE || to == PASSTHRU || to == SOURCE;

	return from != to && bound ? UINT64_C(1) << kind_field_find(want->kind, "mode") : 0;
}

static void only_in(const struct object *object, const char *key, int mode, struct arena *arena,
		    struct diag *diag)
{
	if (object_has_key(object, key) && object_number(object, "mode", VEPA) != mode)
		err_hint(diag_error(diag, object_place_of(object, key), object_label(object, arena),
				    "%s is of no use here; expected mode: %s beside it", key,
				    modes[mode]),
			 "mode: %s", modes[mode]);
}

/* One in mode passthru has the wire for itself. */
static void check_alone(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct object *other;

	if (object_number(object, "mode", VEPA) != PASSTHRU)
		return;
	for (size_t i = 0; (other = state_next(state, "macvlan", &i));)
		if (other != object && text_same(other->ns, object->ns) &&
		    text_same(object_text(other, "link"), object_text(object, "link")))
			diag_error(diag, object_place_of(object, "mode"),
				   object_label(object, state->arena),
				   "mode passthru has %s for itself, but %s (line %u) is on it, "
				   "too; expected one of them",
				   object_text(object, "link"), object_name(other),
				   other->place.line);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	only_in(object, "source-macs", SOURCE, state->arena, diag);
	only_in(object, "no-destination", SOURCE, state->arena, diag);
	only_in(object, "no-promiscuous", PASSTHRU, state->arena, diag);
	check_alone(object, state, diag);
}

static const struct kind_ops ops = {.fixed = fixed, .check = check};

const struct kind kind_macvlan = {
	.name = "macvlan",
	.section = "macvlans",
	.word = "macvlan",
	.config = "CONFIG_MACVLAN",
	.module = "macvlan",
	.summary = "a device with a MAC address of its own on another device's wire",
	.base = &kind_link,
	KIND_FIELDS(fields),
	.size = sizeof(struct macvlan),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
