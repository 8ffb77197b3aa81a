/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine behind a port. Without a network nothing is made of it: rules look at it. With one it
 * is a short form of the TAP that its hypervisor opens and of that TAP's place in the network, so
 * that its port is known by guest, and comes back with all its options when the bridge was made
 * anew, while the guest runs on.
 */
#include "base/diag.h"
#include "model/state.h"

#include <string.h>

#define PORT "port." /* keys that are handed on to the port */

struct guest {
	const char *name, *network, *device;
	struct mac macaddress;
	struct ip address;
	uint32_t owner, group;
	uint32_t cost;
	uint16_t priority;
	uint8_t queues, isolated, hairpin, learning, flood, guard, root_block, locked;
};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_text, FIELD(guest, name), .flags = FIELD_KEY | FIELD_NEED, .max = 63,
	 .doc = "name"},
	{"macaddress", &vtype_mac, FIELD(guest, macaddress), .flags = FIELD_FACE,
	 .doc = "of the guest's own card; without one lanloom vm makes one, which no DHCP knows"},
	{"address", &vtype_ip, FIELD(guest, address), .flags = FIELD_FACE,
	 .doc = "IP address the guest has"},
	{"network", &vtype_device, FIELD(guest, network), .flags = FIELD_FACE,
	 .doc = "network, or bridge, it is plugged into: makes its TAP and port"},
	{"device", &vtype_device, FIELD(guest, device), .flags = FIELD_FACE,
	 .doc = "name of its TAP (default: tap-NAME)"},
	{"queues", &vtype_u8, FIELD(guest, queues), .flags = FIELD_FACE, .min = 1, .max = 64,
	 .doc = "queues of its card, mostly as many as it has processors (default: 1)"},
	{"owner", &vtype_user, FIELD(guest, owner), .flags = FIELD_FACE,
	 .doc = "user who may start it (lanloom vm) and open its TAP"},
	{"group", &vtype_group, FIELD(guest, group), .flags = FIELD_FACE,
	 .doc = "group whose members may start it and open its TAP"},
	/* as of the kind port, which see; other keys of it stand under the network's ports */
	{PORT "isolated", &vtype_bool, FIELD(guest, isolated), .flags = FIELD_FACE,
	 .doc = "no frames from or to other isolated ports"},
	{PORT "hairpin", &vtype_bool, FIELD(guest, hairpin), .flags = FIELD_FACE,
	 .doc = "frames may leave where they came in"},
	{PORT "learning", &vtype_bool, FIELD(guest, learning), .flags = FIELD_FACE,
	 .doc = "learn addresses from its frames"},
	{PORT "flood", &vtype_bool, FIELD(guest, flood), .flags = FIELD_FACE,
	 .doc = "gets frames to unknown addresses"},
	{PORT "guard", &vtype_bool, FIELD(guest, guard), .flags = FIELD_FACE,
	 .doc = "the port is closed when an STP frame comes in"},
	{PORT "root-block", &vtype_bool, FIELD(guest, root_block), .flags = FIELD_FACE,
	 .doc = "never becomes the STP root port"},
	{PORT "locked", &vtype_bool, FIELD(guest, locked), .flags = FIELD_FACE,
	 .doc = "frames only from addresses that an fdb entry allows here"},
	{PORT "cost", &vtype_u32, FIELD(guest, cost), .flags = FIELD_FACE, .min = 1, .max = 65535,
	 .doc = "STP cost of the path through it"},
	{PORT "priority", &vtype_u16, FIELD(guest, priority), .flags = FIELD_FACE, .min = 0, .max = 63,
	 .doc = "STP priority"},
};
/* clang-format on */

static void hand_on(const struct object *from, const char *key, struct object *to,
		    const char *its_key, struct arena *arena)
{
	struct text text TEXT_CLEANUP = {0};
	int i = kind_field_find(from->kind, key);

	if (i < 0 || !object_has(from, (unsigned int)i) || object_has_key(to, its_key))
		return;
	object_print(from, (unsigned int)i, &text);
	object_set(to, its_key, text_get(&text), arena);
}

/* What the guest says of its TAP; one declared besides may say more, but nothing else. */
static void tap_say(const struct object *object, struct object *tap, const char *key,
		    const char *value, struct state *state, struct diag *diag)
{
	struct text text TEXT_CLEANUP = {0};
	int i = kind_field_find(tap->kind, key);

	/* not written there: nobody's, or what the TAP's own expansion put in */
	if (!object_has(tap, (unsigned int)i) || !object_place_own(tap, (unsigned int)i)) {
		object_set(tap, key, value, state->arena);
		return;
	}
	object_print(tap, (unsigned int)i, &text);
	if (!text_same(text_get(&text), value))
		diag_error(diag, object_place_of(tap, key), object_label(tap, state->arena),
			   "%s is %s, and its guest %s (line %u) wants %s; expected one of them",
			   key, text_get(&text), object_name(object), object->place.line, value);
}

static void tap_say_same(const struct object *object, struct object *tap, const char *key,
			 struct state *state, struct diag *diag)
{
	struct text text TEXT_CLEANUP = {0};
	int i = kind_field_find(object->kind, key);

	if (!object_has(object, (unsigned int)i))
		return;
	object_print(object, (unsigned int)i, &text);
	tap_say(object, tap, key, text_get(&text), state, diag);
}

/* A group alone is asked for: root, whom the TAP got for want of an owner, would have to be in it.
 */
static void owner_forget(struct object *tap)
{
	int i = kind_field_find(tap->kind, "owner");

	if (!object_place_own(tap, (unsigned int)i))
		tap->set &= ~(UINT64_C(1) << i);
}

static bool tap_make(const struct object *object, const struct guest *guest, struct state *state,
		     struct diag *diag)
{
	struct object *tap = state_link(state, object->ns, guest->device);
	bool several;

	if (tap && !kind_is(tap->kind, "tap")) {
		err_hint(diag_error(diag, object->place, object_label(object, state->arena),
				    "its TAP %s is a %s (line %u); expected a name of its own",
				    guest->device, tap->kind->name, tap->place.line),
			 "device: NAME");
		return false;
	}
	if (!tap) {
		tap = object_make(state->arena, kind_find("tap"), object->ns);
		tap->place = object->place;
		object_set(tap, "name", guest->device, state->arena);
		object_set(tap, "up", "true", state->arena);
		object_set(tap, "alias", guest->name, state->arena);
		state_add(state, tap);
	}
	several = object_number(object, "queues", 1) > 1 || object_number(tap, "keep-carrier", 0);
	tap_say(object, tap, "multi-queue", several ? "true" : "false", state, diag);
	if (!object_has_key(object, "owner") && object_has_key(object, "group"))
		owner_forget(tap);
	tap_say_same(object, tap, "owner", state, diag);
	tap_say_same(object, tap, "group", state, diag);
	return true;
}

/* It may stand under the network's interfaces or ports already, with more keys. */
static struct object *port_make(const struct object *object, const struct guest *guest,
				struct state *state)
{
	struct object *port = object_make(state->arena, kind_find("port"), object->ns);

	port->place = object->place;
	object_set(port, "device", guest->device, state->arena);
	object_set(port, "bridge", guest->network, state->arena);
	for (size_t i = 0; i < state->len; i++)
		if (object_order(state->objects[i], port) == 0)
			return state->objects[i];
	state_add(state, port);
	return port;
}

static bool device_name(struct object *object, struct state *state, struct diag *diag)
{
	const struct guest *guest = object->data;
	const char *name = arena_print(state->arena, "tap-%s", guest->name);
	struct err err;

	if (object_has_key(object, "device"))
		return true;
	if (device_name_check(name, &err) == 0) {
		object_set(object, "device", name, state->arena);
		return true;
	}
	err_hint(
		diag_error(diag, object->place, object_label(object, state->arena),
			   "its TAP cannot be called tap-%s; expected a device of at most 15 bytes",
			   guest->name),
		"device: tap-%.3s1", guest->name);
	return false;
}

static void expand(struct object *object, struct state *state, struct diag *diag)
{
	const struct guest *guest = object->data;
	struct object *port;

	if (!guest->network || !device_name(object, state, diag))
		return;
	if (!tap_make(object, guest, state, diag))
		return;
	port = port_make(object, guest, state);
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const char *key = kind_field(object->kind, i)->key;

		if (text_starts(key, PORT))
			hand_on(object, key, port, key + strlen(PORT), state->arena);
	}
}

static void refuse_alone(const struct object *object, const struct state *state, const char *key,
			 struct diag *diag)
{
	if (object_has_key(object, key))
		err_hint(diag_error(diag, object_place_of(object, key),
				    object_label(object, state->arena),
				    "has %s, and no network whose port this would be", key),
			 "network: NAME");
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct guest *guest = object->data;

	if (guest->network)
		return;
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const char *key = kind_field(object->kind, i)->key;

		if (text_starts(key, PORT) || text_same(key, "queues") || text_same(key, "owner") ||
		    text_same(key, "group") || text_same(key, "device"))
			refuse_alone(object, state, key, diag);
	}
}

static const struct kind_ops ops = {.expand = expand, .check = check};

const struct kind kind_guest = {
	.name = "guest",
	.section = "guests",
	.summary = "a machine behind a port, and with a network that port",
	KIND_FIELDS(fields),
	.size = sizeof(struct guest),
	.rank = RANK_FACT,
	.door = DOOR_NONE,
	.ops = &ops,
};
