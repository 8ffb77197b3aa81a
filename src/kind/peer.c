/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another host at the far end of a tunnel. */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "model/object.h"
#include "model/state.h"

struct peer {
	const char *tunnel, *name, *endpoint, *shared;
	struct public_key public, shared_digest;
	uint16_t keepalive;
	uint8_t cipher, relay;
	uint32_t mac_limit, storm_limit;
};

static const char *const ciphers[] = {"inherit", "auto", "aes256gcm", "chacha20poly1305", NULL};

/* clang-format off */
static const struct field fields[] = {
	{"tunnel", &vtype_device, FIELD(peer, tunnel),
	 .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the tunnel it belongs to"},
	{"name", &vtype_text, FIELD(peer, name), .flags = FIELD_KEY, .max = 63,
	 .doc = "name for people; without one, the public key"},
	{"keys.public", &vtype_key, FIELD(peer, public), .flags = FIELD_NEED,
	 .doc = "its public key: who it is"},
	{"keys.shared", &vtype_path, FIELD(peer, shared), .flags = FIELD_SECRET,
	 .doc = "file with a key both ends share besides (lanloom key new FILE)"},
	{"keys.shared-digest", &vtype_key, FIELD(peer, shared_digest), .flags = FIELD_INNER,
	 .doc = "what tells that file's content from another, without telling it"},
	{"endpoint", &vtype_endpoint, FIELD(peer, endpoint),
	 .doc = "host:port where it listens; without one, it must begin"},
	{"keepalive", &vtype_u16, FIELD(peer, keepalive), .initial = "0",
	 .doc = "seconds between signs of life to it; 0: none; behind NAT 25"},
	{"cipher", &vtype_word, FIELD(peer, cipher), .words = ciphers, .initial = "inherit",
	 .doc = "what is accepted of it; inherit: as the tunnel has it"},
	{"relay", &vtype_bool, FIELD(peer, relay), .initial = "false",
	 .doc = "frames pass between it and the other peers (never without: split horizon)"},
	{"mac-limit", &vtype_u32, FIELD(peer, mac_limit), .min = 1, .max = 65536,
	 .initial = "4096", .doc = "addresses learned behind it at most"},
	{"storm-limit", &vtype_u32, FIELD(peer, storm_limit), .min = 1, .max = 10000000,
	 .initial = "10000", .doc = "broadcast and multicast frames per second from it at most"},
};
/* clang-format on */

static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct text key TEXT_CLEANUP = {0};
	int i = kind_field_find(object->kind, "keys.public");

	if (object_has_key(object, "name") || !object_has(object, (unsigned int)i))
		return;
	object_print(object, (unsigned int)i, &key);
	object_set(object, "name", text_get(&key), state->arena);
}

static bool endpoint_ip(const char *endpoint, struct ip *ip)
{
	const char *colon = strrchr(endpoint, ':');
	char host[64];

	if (endpoint[0] == '[')
		snprintf(host, sizeof(host), "%.*s", (int)(colon - endpoint - 2), endpoint + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)(colon - endpoint), endpoint);
	return ip_parse(host, ip) == 0;
}

static bool covers(const struct prefix *prefix, const struct ip *ip)
{
	for (unsigned int bit = 0; bit < prefix->len; bit++)
		if ((prefix->ip.bytes[bit / 8] ^ ip->bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return prefix->ip.family == ip->family;
}

/*
 * The device through which the text itself would reach `ip`: the longest prefix among addresses
 * and routes of the main table. NULL: the text does not say.
 */
static const char *way_to(const struct state *state, const char *ns, const struct ip *ip)
{
	const char *device = NULL;
	int longest = -1;

	for (size_t i = 0; i < state->len; i++) {
		const struct object *object = state->objects[i];
		const struct prefix *prefix = object_value(object, "address", &vtype_prefix);

		if (!prefix && object_number(object, "table", 0) == 254)
			prefix = object_value(object, "to", &vtype_target);
		if (!prefix || !text_same(object->ns, ns) || !object_owner(object) ||
		    !covers(prefix, ip) || prefix->len <= longest ||
		    object_number(object, "no-prefix-route", 0))
			continue;
		longest = prefix->len;
		device = object_owner(object);
	}
	return device;
}

/* A peer is its key: two of one would be one to the tunnel. Told at the later of the two. */
static void check_key(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct public_key *key = object_value(object, "keys.public", &vtype_key), *other;
	const struct object *peer;

	for (size_t i = 0; key && (peer = state_next(state, "peer", &i)) && peer != object;) {
		other = object_value(peer, "keys.public", &vtype_key);
		if (other && text_same(peer->ns, object->ns) &&
		    text_same(object_owner(peer), object_owner(object)) &&
		    memcmp(other, key, sizeof(*key)) == 0)
			diag_error(diag, object_place_of(object, "keys.public"),
				   object_label(object, state->arena),
				   "keys.public is that of the peer %s (line %u), too; expected "
				   "a key for each",
				   object_name(peer), object_place_of(peer, "keys.public").line);
	}
}

/* Its datagrams would enter the bridge, whose port the tunnel is, and go round for ever. */
static void check_way(const struct object *object, const struct state *state, struct diag *diag)
{
	const char *tunnel = object_owner(object), *endpoint = object_text(object, "endpoint"),
		   *way;
	const struct object *port;
	struct ip ip;

	if (!endpoint || !tunnel || !endpoint_ip(endpoint, &ip))
		return;
	way = way_to(state, object->ns, &ip);
	for (size_t i = 0; way && (port = state_next(state, "port", &i));)
		if (text_same(port->ns, object->ns) &&
		    text_same(object_text(port, "device"), tunnel) &&
		    text_same(object_owner(port), way))
			err_hint(diag_error(diag, object_place_of(object, "endpoint"),
					    object_label(object, state->arena),
					    "endpoint %s is reached through %s, of which the "
					    "tunnel %s is "
					    "a port: its packets would travel in itself",
					    endpoint, way, tunnel),
				 "an endpoint outside of the network of %s", way);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	check_key(object, state, diag);
	check_way(object, state, diag);
}

static const struct kind_ops ops = {.expand = expand, .check = check};

const struct kind kind_peer = {
	.name = "peer",
	.summary = "another host at the far end of a tunnel",
	.owner = "tunnel",
	.listed = "peers",
	.listing = LISTING_ITEMS,
	KIND_FIELDS(fields),
	.size = sizeof(struct peer),
	.rank = RANK_PEER,
	.door = DOOR_KEEPER,
	.ops = &ops,
};
