/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The base of all devices, and the kind of those whose own kind has no table. What every device
 * has in common stands here once; a kind of its own adds fields and rules.
 */
#include "kind/link.h"

#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "base/diag.h"
#include "model/cascade.h"
#include "model/state.h"

/* RFC 2863 section 3.1.14, in the order of linux/if.h. */
static const char *const operstates[] = {
	"unknown", "not-present", "down", "lower-layer-down", "testing", "dormant", "up", NULL,
};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_device, FIELD(link, name), .attr = IFLA_IFNAME,
	 .flags = FIELD_KEY | FIELD_NEED | FIELD_TOP, .doc = "name, at most 15 bytes"},
	{"existing", &vtype_bool, FIELD(link, existing), .flags = FIELD_FACE, .initial = "false",
	 .doc = "made by others: never created or deleted, only added to and given back"},
	{"bare", &vtype_bool, FIELD(link, bare), .flags = FIELD_FACE, .initial = "false",
	 .doc = "left as the kernel makes it: not set up, no MAC or value but those written"},
	{"up", &vtype_bool, FIELD(link, up), .attr = IFF_UP, .flags = FIELD_HEADER | FIELD_SAY,
	 .initial = "true", .native = "false", .doc = "whether the device is set up"},
	/* ETH_MIN_MTU and ETH_MAX_MTU of linux/if_ether.h */
	{"mtu", &vtype_u32, FIELD(link, mtu), .attr = IFLA_MTU, .flags = FIELD_TOP, .min = 68,
	 .max = 65535, .initial = "1500",
	 .doc = "largest packet in bytes, without the Ethernet header; IPv6 needs 1280"},
	{"macaddress", &vtype_mac, FIELD(link, macaddress), .attr = IFLA_ADDRESS,
	 .flags = FIELD_TOP, .doc = "hardware address of the host's side of the device"},
	{"txqueuelen", &vtype_u32, FIELD(link, txqueuelen), .attr = IFLA_TXQLEN,
	 .flags = FIELD_TOP, .min = 0, .max = 1000000, .initial = "1000",
	 .doc = "length of the transmit queue in packets"},
	/* IFALIASZ of linux/if.h, less the NUL */
	{"alias", &vtype_text, FIELD(link, alias), .attr = IFLA_IFALIAS, .flags = FIELD_TOP,
	 .max = 255, .initial = "", .doc = "a note for people, at most 255 bytes"},
	{"link-group", &vtype_u32, FIELD(link, link_group), .attr = IFLA_GROUP,
	 .flags = FIELD_TOP, .initial = "0",
	 .doc = "number of a group of devices, for rules (`group` of ip link)"},
	{"proxy-arp", &vtype_bool, FIELD(link, proxy_arp), .flags = FIELD_FACE,
	 .doc = "answers ARP for what this host routes elsewhere; needs net.ipv4.ip_forward"},
	{"shape.egress", &vtype_rate, FIELD(link, egress), .flags = FIELD_FACE,
	 .doc = "bits per second that may leave, as 100mbit"},
	{"shape.ingress", &vtype_rate, FIELD(link, ingress), .flags = FIELD_FACE,
	 .doc = "bits per second that may come in; an ifb of lanloom's own holds the rest back"},
	{"ifindex", &vtype_u32, FIELD(link, ifindex), .flags = FIELD_READ | FIELD_IDENT,
	 .doc = "the kernel's number of the device"},
	{"type", &vtype_text, FIELD(link, type), .flags = FIELD_READ,
	 .doc = "the kernel's word for this sort of device"},
	{"operstate", &vtype_word, FIELD(link, operstate), .attr = IFLA_OPERSTATE,
	 .flags = FIELD_TOP | FIELD_READ | FIELD_COUNTS, .words = operstates,
	 .doc = "whether it can pass packets now"},
	{"carrier", &vtype_bool, FIELD(link, carrier), .attr = IFLA_CARRIER,
	 .flags = FIELD_TOP | FIELD_READ | FIELD_COUNTS, .doc = "whether the wire is plugged in"},
	{"master", &vtype_ref, FIELD(link, master), .attr = IFLA_MASTER,
	 .flags = FIELD_TOP | FIELD_READ | FIELD_COUNTS, .doc = "the device it is a port of"},
};
/* clang-format on */

/* The variable's name, with the device's dots as `/`, as sysctl(8) has it. */
static const char *device_value(const struct object *object, const char *family, const char *value,
				const struct state *state)
{
	char *name = arena_text(state->arena, object_name(object));

	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = '/';
	return arena_print(state->arena, "net.%s.conf.%s.%s", family, name, value);
}

/* What expansion makes of a key: by hand it is there from the last time. */
static struct object *derived(struct state *state, const char *kind, const char *ns,
			      const char *device)
{
	struct object *object;

	for (size_t i = 0; (object = state_next(state, kind, &i));)
		if (text_same(object->ns, ns) && text_same(object_owner(object), device))
			return object;
	object = object_make(state->arena, kind_find(kind), ns);
	object_set(object, "device", device, state->arena);
	state_add(state, object);
	return object;
}

/* The device sends no faster. */
static void queue_add(const char *ns, const char *device, const struct object *from,
		      const char *key, struct state *state)
{
	struct object *queue = derived(state, "queue", ns, device);
	struct text rate TEXT_CLEANUP = {0};

	object_print(from, (unsigned int)kind_field_find(from->kind, key), &rate);
	queue->place = object_place_of(from, key);
	object_set(queue, "rate", text_get(&rate), state->arena);
}

/* Name of the ifb that a device's traffic comes in through: of its own name where that fits. */
static const char *shaper_name(const char *device, struct arena *arena)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	if (strlen(device) <= IFNAMSIZ - 1 - 3)
		return arena_print(arena, "in-%s", device);
	for (const char *c = device; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return arena_print(arena, "in-%.6s-%05x", device, hash & 0xfffff);
}

static void inflow_add(const struct object *object, struct state *state)
{
	const char *through = shaper_name(object_name(object), state->arena);
	struct object *ifb = object_make(state->arena, kind_find("ifb"), object->ns);
	struct object *inflow = derived(state, "inflow", object->ns, object_name(object));

	ifb->place = inflow->place = object_place_of(object, "shape.ingress");
	object_set(ifb, "name", through, state->arena);
	if (!state_named(state, "ifb", object->ns, through)) /* it may be written, too */
		state_add(state, ifb);
	object_set(inflow, "through", through, state->arena);
	queue_add(object->ns, through, object, "shape.ingress", state);
}

/* One spelling: bare where it is the same namespace, as it is read. */
static void lower_spell(struct object *object, unsigned int i, struct arena *arena)
{
	struct device_place place = device_place_of(object, i);

	*(const char **)object_at(object, i) =
		text_same(place.ns, object->ns) ? arena_text(arena, place.name)
						: arena_print(arena, "%s/%s", place.ns, place.name);
}

/* A device that is described is meant to run. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i) && kind_field(object->kind, i)->type == &vtype_lower)
			lower_spell(object, i, state->arena);
	if (!object_has_key(object, "up") && !object_number(object, "bare", 0))
		object_set(object, "up", "true", state->arena);
	if (object_has_key(object, "shape.egress"))
		queue_add(object->ns, object_name(object), object, "shape.egress", state);
	if (object_has_key(object, "shape.ingress"))
		inflow_add(object, state);
	if (object_has_key(object, "proxy-arp"))
		state_want_value(state, object->ns,
				 device_value(object, "ipv4", "proxy_arp", state),
				 object_number(object, "proxy-arp", 0) ? "1" : "0",
				 object_place_of(object, "proxy-arp"));
}

/*
 * A TAP or port with its guest's own MAC: the bridge holds that address for its own and keeps the
 * guest's frames for itself, so nothing ever arrives.
 */
static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct mac *mac = object_value(object, "macaddress", &vtype_mac), *other;
	const struct object *guest;

	for (size_t i = 0; mac && (guest = state_next(state, "guest", &i));) {
		other = object_value(guest, "macaddress", &vtype_mac);
		if (!other || memcmp(mac, other, sizeof(*mac)) != 0)
			continue;
		err_hint(diag_error(diag, object_place_of(object, "macaddress"),
				    object_label(object, state->arena),
				    "macaddress is that of the guest %s; expected one of the "
				    "host's own: "
				    "the bridge would keep the guest's frames for itself",
				    object_name(guest)),
			 "leave macaddress out here; it belongs into the guest");
	}
}

static const struct kind_ops ops = {.expand = expand, .check = check};

const struct kind kind_link = {
	.name = "link",
	.summary = "any device; what all kinds of devices have in common",
	KIND_FIELDS(fields),
	.flags = KIND_HIDDEN,
	.size = sizeof(struct link),
	.rank = RANK_LINK,
	.door = DOOR_LINK,
	.ops = &ops,
};
