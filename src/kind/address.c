/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An IP address on a device. The kernel tells addresses apart by device, address and prefix
 * length; IPv4's label and flags are fixed when it is added. Broadcast addresses are computed.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "model/refusal.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/nl_dump.h"
#include "sys/nl_msg.h"
#include "sys/site.h"

#ifndef IFAPROT_KERNEL_LL
#define IFAPROT_KERNEL_LO 1
#define IFAPROT_KERNEL_RA 2
#define IFAPROT_KERNEL_LL 3
#endif
#define IFA_TABLE_SIZE (IFA_PROTO + 1)
/* What others asked for with an address and no key says: kept when it is put back. */
#define MARKS (IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_MCAUTOJOIN)

struct address {
	const char *device, *label;
	struct prefix address;
	struct ip peer, broadcast;
	uint32_t metric, valid_for, preferred_for;
	uint32_t origin, marks;
	uint8_t lifetime, no_prefix_route, scope, secondary, settled, unasked;
};

extern const struct kind kind_address;

static const char *const lifetimes[] = {"forever", "0", NULL};
static const char *const scopes[] = {"global", "site", "link", "host", NULL};
static const uint8_t scope_numbers[] = {RT_SCOPE_UNIVERSE, RT_SCOPE_SITE, RT_SCOPE_LINK,
					RT_SCOPE_HOST};

enum {
	DEVICE,
	ADDRESS,
	LABEL,
	PEER,
	LIFETIME,
	METRIC,
	NO_PREFIX_ROUTE,
	SCOPE,
	BROADCAST,
	VALID_FOR,
	PREFERRED_FOR,
	SECONDARY,
	SETTLED,
	UNASKED,
	ORIGIN,
	FLAGS,
};

/* clang-format off */
static const struct field fields[] = {
	[DEVICE] = {"device", &vtype_ref, FIELD(address, device),
		    .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the device that has it"},
	[ADDRESS] = {"address", &vtype_prefix, FIELD(address, address),
		     .flags = FIELD_KEY | FIELD_NEED, .doc = "address and length of its network"},
	[LABEL] = {"label", &vtype_text, FIELD(address, label), .attr = IFA_LABEL,
		   .flags = FIELD_FIXED, .max = 15,
		   .doc = "name of the address, as br0:0 (IPv4); older tools show it as a device"},
	[PEER] = {"peer", &vtype_ip, FIELD(address, peer), .flags = FIELD_FIXED,
		  .doc = "address of the other end; the length is then of its network"},
	[LIFETIME] = {"lifetime", &vtype_word, FIELD(address, lifetime), .words = lifetimes,
		      .initial = "forever",
		      .doc = "0: it stays, but new connections do not choose it by themselves"},
	[METRIC] = {"metric", &vtype_u32, FIELD(address, metric), .attr = IFA_RT_PRIORITY,
		    .doc = "metric of the route to its network"},
	[NO_PREFIX_ROUTE] = {"no-prefix-route", &vtype_bool, FIELD(address, no_prefix_route),
			     .flags = FIELD_FIXED, .initial = "false",
			     .doc = "its network is not reached through this device"},
	[SCOPE] = {"scope", &vtype_word, FIELD(address, scope), .flags = FIELD_FIXED,
		   .words = scopes, .doc = "how far it is valid"},
	[BROADCAST] = {"broadcast", &vtype_ip, FIELD(address, broadcast), .flags = FIELD_READ,
		       .doc = "broadcast address of its network"},
	[VALID_FOR] = {"valid-for", &vtype_u32, FIELD(address, valid_for),
		       .flags = FIELD_READ | FIELD_COUNTS, .doc = "seconds until it goes"},
	[PREFERRED_FOR] = {"preferred-for", &vtype_u32, FIELD(address, preferred_for),
			   .flags = FIELD_READ | FIELD_COUNTS,
			   .doc = "seconds until it is no longer chosen"},
	[SECONDARY] = {"secondary", &vtype_bool, FIELD(address, secondary), .flags = FIELD_READ,
		       .doc = "goes when the first address of its network goes (IPv4)"},
	/* IFA_F_NODAD: what was there before, or on another device, need not be asked for again */
	[SETTLED] = {"settled", &vtype_bool, FIELD(address, settled),
		     .flags = FIELD_INNER | FIELD_ASIDE,
		     .doc = "it is known that nobody else on the wire has it (IPv6)"},
	[UNASKED] = {"unasked", &vtype_bool, FIELD(address, unasked),
		     .flags = FIELD_INNER | FIELD_ASIDE,
		     .doc = "whether somebody has it is never asked (nodad of ip, IPv6)"},
	[ORIGIN] = {"origin", &vtype_u32, FIELD(address, origin),
		    .flags = FIELD_INNER | FIELD_ASIDE,
		    .doc = "who made it, a number (proto of ip; IFA_PROTO of linux/if_addr.h)"},
	[FLAGS] = {"marks", &vtype_u32, FIELD(address, marks), .flags = FIELD_INNER | FIELD_ASIDE,
		   .doc = "home, mngtmpaddr and autojoin of ip (IFA_F_… of linux/if_addr.h)"},
};
/* clang-format on */

static void has(struct object *object, unsigned int field)
{
	object->set |= UINT64_C(1) << field;
}

static bool ip_get(uint8_t family, const struct nlattr *attr, struct ip *ip)
{
	*ip = (struct ip){.family = family};
	if (!attr || mnl_attr_get_payload_len(attr) != ip_bits(ip) / 8)
		return false;
	memcpy(ip->bytes, mnl_attr_get_payload(attr), ip_bits(ip) / 8);
	return true;
}

/* Made by the kernel itself: by its mark, or where it has none (before 5.18) by what it looks like.
 */
static bool is_automatic(const struct address *address, const struct nlattr **attrs, uint32_t flags)
{
	const uint8_t *bytes = address->address.ip.bytes;
	bool six = address->address.ip.family == AF_INET6;

	if (attrs[IFA_PROTO]) {
		uint32_t proto = nl_u32(attrs[IFA_PROTO], 0);

		return proto >= IFAPROT_KERNEL_LO && proto <= IFAPROT_KERNEL_LL;
	}
	if (strcmp(address->device, "lo") == 0 && address->scope == 3)
		return true;
	return six && ((bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80 &&
			(bytes[11] == 0xff && bytes[12] == 0xfe)) ||
		       (!(flags & IFA_F_PERMANENT) && flags & IFA_F_MANAGETEMPADDR) ||
		       flags & IFA_F_TEMPORARY);
}

/* Of an IPv4 address that is valid for ever the kernel says by its flags only that it is not
 * preferred. */
static void lifetime_get(struct object *object, const struct nlattr *attr, uint32_t flags)
{
	const struct ifa_cacheinfo *cache = NULL;
	struct address *address = object->data;

	if (attr && mnl_attr_get_payload_len(attr) >= sizeof(*cache))
		cache = mnl_attr_get_payload(attr);

	if (!cache || cache->ifa_valid == UINT32_MAX) {
		address->lifetime = flags & IFA_F_DEPRECATED || (cache && cache->ifa_prefered == 0);
		if (!cache || cache->ifa_prefered == UINT32_MAX || cache->ifa_prefered == 0)
			has(object, LIFETIME);
		return;
	}
	address->valid_for = cache->ifa_valid;
	address->preferred_for = cache->ifa_prefered;
	has(object, VALID_FOR);
	has(object, PREFERRED_FOR);
}

static void label_get(struct object *object, const struct nlattr *attr, struct arena *arena)
{
	struct address *address = object->data;
	const char *label = nl_text(attr);

	if (!label || strcmp(label, address->device) == 0)
		return; /* the kernel's own filling */
	address->label = arena_text(arena, label);
	has(object, LABEL);
}

/* False: it says no address of its family. */
static bool ends_get(struct object *object, const struct nlattr **attrs, uint8_t family)
{
	struct address *address = object->data;
	struct ip far;

	if (!ip_get(family, attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
		    &address->address.ip))
		return false;
	has(object, ADDRESS);
	if (ip_get(family, attrs[IFA_ADDRESS], &far) &&
	    memcmp(&far, &address->address.ip, sizeof(far)) != 0) {
		address->peer = far;
		has(object, PEER);
	}
	if (ip_get(family, attrs[IFA_BROADCAST], &address->broadcast))
		has(object, BROADCAST);
	return address->address.len <= ip_bits(&far);
}

static struct object *get(struct site *site, const struct nlmsghdr *message, struct arena *arena)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[IFA_TABLE_SIZE];
	const char *device;
	struct object *object;
	struct address *address;
	uint32_t flags;

	if (message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR)
		return NULL;
	nl_attrs(message, sizeof(*header), attrs, IFA_TABLE_SIZE);
	device = link_names_name(&site->names, header->ifa_index);
	if (!device || (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
		return NULL;
	object = object_make(arena, &kind_address, site->ns);
	address = object->data;
	flags = nl_u32(attrs[IFA_FLAGS], header->ifa_flags);
	address->device = arena_text(arena, device);
	address->address.len = header->ifa_prefixlen;
	address->no_prefix_route = (flags & IFA_F_NOPREFIXROUTE) != 0;
	has(object, DEVICE);
	has(object, NO_PREFIX_ROUTE);
	if (header->ifa_family == AF_INET) { /* for IPv6 the same bit says something else */
		address->secondary = (flags & IFA_F_SECONDARY) != 0;
		has(object, SECONDARY);
	}
	for (uint8_t i = 0; i < sizeof(scope_numbers); i++)
		if (scope_numbers[i] == header->ifa_scope) {
			address->scope = i;
			has(object, SCOPE);
		}
	if (header->ifa_family == AF_INET6 && !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))) {
		address->settled = true;
		address->unasked = (flags & IFA_F_NODAD) != 0;
		has(object, SETTLED);
		has(object, UNASKED);
	}
	address->marks = flags & (header->ifa_family == AF_INET6 ? MARKS : IFA_F_MCAUTOJOIN);
	if (address->marks)
		has(object, FLAGS);
	if (!ends_get(object, attrs, header->ifa_family))
		return NULL;
	lifetime_get(object, attrs[IFA_CACHEINFO], flags);
	label_get(object, attrs[IFA_LABEL], arena);
	if (attrs[IFA_RT_PRIORITY]) {
		address->metric = nl_u32(attrs[IFA_RT_PRIORITY], 0);
		has(object, METRIC);
	}
	object->automatic = is_automatic(address, attrs, flags);
	if (attrs[IFA_PROTO] && !object->automatic) { /* the kernel's own marks are its to give */
		address->origin = nl_u32(attrs[IFA_PROTO], 0);
		has(object, ORIGIN);
	}
	return object;
}

static int read_all(struct site *site, const struct state *wanted, struct state *out,
		    struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	int r;

	nl_msg_start(&msg, RTM_GETADDR, 0, sizeof(struct ifaddrmsg));
	r = nl_dump_read(site->nl, &msg.head, &dump, err);
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m)) {
		struct object *object = get(site, m, out->arena);

		if (object)
			state_add(out, object);
	}
	return r;
}

static void ip_put(struct nlmsghdr *message, uint16_t attr, const struct ip *ip)
{
	mnl_attr_put(message, attr, ip_bits(ip) / 8, ip->bytes);
}

/*
 * As read, or of one that was written: all host bits set, unless there is no room for one (RFC
 * 3021).
 */
static void broadcast_put(struct nlmsghdr *message, const struct object *object)
{
	const struct address *address = object->data;
	struct ip ip = address->address.ip;

	if (object_has(object, BROADCAST)) {
		ip_put(message, IFA_BROADCAST, &address->broadcast);
		return;
	}
	if (ip.family != AF_INET || address->address.len > 30 || object_has(object, PEER) ||
	    object_has(object, SECONDARY))
		return;
	for (unsigned int bit = address->address.len; bit < 32; bit++)
		ip.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	ip_put(message, IFA_BROADCAST, &ip);
}

static void lifetime_put(struct nlmsghdr *message, const struct object *object)
{
	const struct address *address = object->data;
	struct ifa_cacheinfo cache = {.ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX};

	if (object_has(object, VALID_FOR)) {
		cache.ifa_valid = address->valid_for;
		cache.ifa_prefered = address->preferred_for;
	} else if (object_has(object, LIFETIME) && address->lifetime == 1) {
		cache.ifa_prefered = 0;
	}
	mnl_attr_put(message, IFA_CACHEINFO, sizeof(cache), &cache);
}

/* What is settled need not be asked for: an address that is asked for is of no use for a second. */
static uint32_t flags_of(const struct object *object)
{
	const struct address *address = object->data;
	uint32_t flags = 0;

	if (object_has(object, NO_PREFIX_ROUTE) && address->no_prefix_route)
		flags |= IFA_F_NOPREFIXROUTE;
	if (object_has(object, SETTLED) && address->settled &&
	    address->address.ip.family == AF_INET6)
		flags |= IFA_F_NODAD;
	if (object_has(object, FLAGS))
		flags |= address->marks & MARKS;
	return flags;
}

/* The fields in the order of the table, each noted, so that a refusal finds its line. */
static void address_put(struct nlmsghdr *message, const struct object *object, uint32_t flags,
			struct sent *sent)
{
	const struct address *address = object->data;
	uint32_t start = message->nlmsg_len;

	ip_put(message, IFA_LOCAL, &address->address.ip);
	ip_put(message, IFA_ADDRESS,
	       object_has(object, PEER) ? &address->peer : &address->address.ip);
	sent_note(sent, object, ADDRESS, start, message);
	broadcast_put(message, object);
	if (object_has(object, LABEL)) {
		start = message->nlmsg_len;
		mnl_attr_put_strz(message, IFA_LABEL, address->label);
		sent_note(sent, object, LABEL, start, message);
	}
	if (object_has(object, METRIC)) {
		start = message->nlmsg_len;
		mnl_attr_put_u32(message, IFA_RT_PRIORITY, address->metric);
		sent_note(sent, object, METRIC, start, message);
	}
	if (object_has(object, ORIGIN))
		mnl_attr_put_u8(message, IFA_PROTO, (uint8_t)address->origin);
	if (flags)
		mnl_attr_put_u32(message, IFA_FLAGS, flags);
	lifetime_put(message, object);
}

/* The message about an address, by its step and the IFA_F_ flags it shall have. */
static void message_make(struct nl_msg *msg, const struct site *site, const struct step *step,
			 const struct object *object, uint32_t address_flags, struct sent *sent)
{
	const struct address *address = object->data;
	bool gone = !step->after;
	uint16_t flags = gone ? 0 : step->before ? NLM_F_REPLACE : NLM_F_CREATE | NLM_F_EXCL;
	struct ifaddrmsg *header =
		nl_msg_start(msg, gone ? RTM_DELADDR : RTM_NEWADDR, flags, sizeof(*header));

	header->ifa_family = address->address.ip.family;
	header->ifa_prefixlen = address->address.len;
	header->ifa_index = link_names_index(&site->names, address->device);
	if (object_has(object, SCOPE))
		header->ifa_scope = scope_numbers[address->scope];
	address_put(&msg->head, object, address_flags, sent);
}

/*
 * One that was not asked for just now, though it is of those that are: a change takes the mark
 * away, and the address stays usable (inet6_addr_modify of net/ipv6/addrconf.c).
 */
static void mark_asked(struct site *site, const struct object *object)
{
	const struct address *address = object->data;
	const struct step again = {.before = object, .after = object};
	uint32_t flags = flags_of(object);
	struct nl_refusal refusal;
	struct sent sent = {0};
	struct nl_msg msg;

	if (!(flags & IFA_F_NODAD) || !object_has(object, UNASKED) || address->unasked)
		return;
	message_make(&msg, site, &again, object, flags & ~(uint32_t)IFA_F_NODAD, &sent);
	if (nl_talk(site->nl, &msg.head, &refusal))
		nl_talk(site->nl, &msg.head, &refusal); /* once more; it works with the mark, too */
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_merged(step, site->arena);
	const struct address *address = object->data;
	bool gone = !step->after, device = link_names_index(&site->names, address->device) != 0;
	struct sent sent = {0};
	struct nl_refusal refusal;
	struct nl_msg msg;
	int r;

	if (gone && !device)
		return 0;
	message_make(&msg, site, step, object, flags_of(object), &sent);
	r = device ? nl_talk(site->nl, &msg.head, &refusal) : -ENODEV;
	if (gone && (r == -EADDRNOTAVAIL || r == -ENODEV))
		return 0; /* somebody was faster */
	if (!r && !step->before)
		mark_asked(site, object);
	return r ? refusal_tell(err, r, &refusal, &sent, step_object(step),
				gone	       ? "take it away"
				: step->before ? "change it"
					       : "add it")
		 : 0;
}

/* The same address on the bridge that `object`'s device is a port of. */
static const struct object *on_bridge(const struct object *object, const struct state *state)
{
	const struct address *own = object->data;
	const struct object *port, *other;

	for (size_t i = 0; (port = state_next(state, "port", &i));) {
		if (!text_same(port->ns, object->ns) ||
		    !text_same(object_text(port, "device"), own->device))
			continue;
		for (size_t j = 0; (other = state_next(state, "address", &j));) {
			const struct address *its = other->data;

			if (text_same(other->ns, object->ns) &&
			    text_same(its->device, object_owner(port)) &&
			    memcmp(&its->address.ip, &own->address.ip, sizeof(struct ip)) == 0)
				return other;
		}
	}
	return NULL;
}

/* With two routes to one network the port's would win half of the time, and lead nowhere. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	if (!object_has(object, NO_PREFIX_ROUTE) && on_bridge(object, state))
		object_set(object, "no-prefix-route", "true", state->arena);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct address *address = object->data;
	const uint8_t *bytes = address->address.ip.bytes;
	bool four = address->address.ip.family == AF_INET;

	if (!four && object_has(object, LABEL))
		diag_error(diag, object_place(object, LABEL), object_label(object, state->arena),
			   "an IPv6 address has no label; expected none");
	if (four ? bytes[0] >= 224 || bytes[0] == 0 : bytes[0] == 0xff)
		diag_error(diag, object_place(object, ADDRESS), object_label(object, state->arena),
			   "this is no address a device can have; expected a host's own");
	if (object_has(object, PEER) && address->peer.family != address->address.ip.family)
		diag_error(diag, object_place(object, PEER), object_label(object, state->arena),
			   "peer and address are of different families; expected one");
}

static const struct kind_ops ops = {
	.read = read_all, .get = get, .apply = apply, .expand = expand, .check = check};

const struct kind kind_address = {
	.name = "address",
	.summary = "an IP address on a device",
	.owner = "link",
	.listed = "addresses",
	.listing = LISTING_NAMES,
	KIND_FIELDS(fields),
	.size = sizeof(struct address),
	.rank = RANK_ADDRESS,
	.door = DOOR_OWN,
	.ops = &ops,
};
