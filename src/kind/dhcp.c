/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What serves a network's guests leases and names: a dnsmasq that the keeper runs. Made by a
 * network; what dnsmasq is told is its one value, so that a change is a change of it.
 */
#include "base/diag.h"
#include "model/state.h"
#include "sys/process.h"

#define CONFIG_MOST (1 << 20)

struct dhcp {
	const char *name, *config;
};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_device, FIELD(dhcp, name), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "name of the network, and of its bridge"},
	{"config", &vtype_text, FIELD(dhcp, config), .flags = FIELD_INNER, .max = CONFIG_MOST,
	 .doc = "what dnsmasq is told"},
};
/* clang-format on */

/* Told before anything is changed. */
static void settle(const struct object *object, struct state *state, const struct state *actual,
		   struct diag *diag)
{
	char path[256];

	if (process_find("dnsmasq", path, sizeof(path)) == 0)
		return;
	err_hint(diag_error(diag, object->place, object_name(object),
			    "dnsmasq is not installed, and leases and names need it"),
		 "apt install dnsmasq-base");
}

static const struct kind_ops ops = {.settle = settle};

const struct kind kind_dhcp = {
	.name = "dhcp",
	.summary = "leases, names and router advertisements, made by a network",
	KIND_FIELDS(fields),
	.flags = KIND_HIDDEN | KIND_MADE,
	.size = sizeof(struct dhcp),
	.rank = RANK_TUNNEL,
	.door = DOOR_KEEPER,
	.ops = &ops,
};
