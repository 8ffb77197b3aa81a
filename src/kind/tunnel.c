/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An encrypted tunnel that carries Ethernet between lanloom hosts. Its device is a TAP of the same
 * name, an object of its own; this one is what the keeper runs.
 */
#include "base/diag.h"
#include "model/state.h"

struct tunnel {
	const char *name, *key;
	struct public_key public;
	uint16_t port;
	uint8_t cipher, priority;
	uint32_t segment;
	uint16_t lanes;
};

static const char *const ciphers[] = {"auto", "aes256gcm", "chacha20poly1305", NULL};
static const char *const priorities[] = {"high", "normal", "realtime", NULL};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_device, FIELD(tunnel, name), .flags = FIELD_KEY | FIELD_NEED,
	 .doc = "name, also of its device"},
	{"key", &vtype_path, FIELD(tunnel, key), .flags = FIELD_NEED | FIELD_SECRET,
	 .doc = "file with the private key (lanloom key new FILE)"},
	{"keys.public", &vtype_key, FIELD(tunnel, public),
	 .doc = "public half of that key, where it is not the host's"},
	{"port", &vtype_u16, FIELD(tunnel, port), .min = 1, .max = 65535,
	 .doc = "UDP port to listen on; without one, any: others cannot begin then"},
	{"cipher", &vtype_word, FIELD(tunnel, cipher), .words = ciphers, .initial = "auto",
	 .doc = "what is accepted; auto takes both and sends what this CPU does faster"},
	{"priority", &vtype_word, FIELD(tunnel, priority), .words = priorities, .initial = "high",
	 .doc = "share of the processors: high is six times normal; realtime goes before all others"},
	{"segment", &vtype_u32, FIELD(tunnel, segment), .initial = "0",
	 .doc = "number of the virtual LAN; only equal ones hear each other"},
	{"lanes", &vtype_u16, FIELD(tunnel, lanes), .min = 1, .max = 16, .initial = "1",
	 .doc = "threads that carry frames, each with a queue of the device and a UDP port"},
};
/* clang-format on */

/* A queue for each lane. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct object *tap = state_named(state, "tap", object->ns, object_name(object));

	if (object_number(object, "lanes", 1) == 1 || !tap)
		return;
	if (!object_has_key(tap, "multi-queue"))
		object_set(tap, "multi-queue", "true", state->arena);
	else if (!object_number(tap, "multi-queue", 0))
		diag_error(diag, object_place_of(object, "lanes"),
			   object_label(object, state->arena),
			   "several lanes, and multi-queue is false; expected true, or one lane");
}

static const struct kind_ops ops = {.expand = expand};

const struct kind kind_tunnel = {
	.name = "tunnel",
	.section = "tunnels",
	.mode = "lan",
	.config = "CONFIG_TUN",
	.module = "tun",
	.summary = "an encrypted wire that carries Ethernet to other lanloom hosts",
	.device = "tap",
	KIND_FIELDS(fields),
	.size = sizeof(struct tunnel),
	.rank = RANK_TUNNEL,
	.door = DOOR_KEEPER,
	.ops = &ops,
};
