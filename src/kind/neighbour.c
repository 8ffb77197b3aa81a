/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fixed entry of the neighbour table, or an address that is answered for (proxy ARP, proxy ND).
 * What the kernel learned itself is not read, and gives way to a fixed entry.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "model/message.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/nl_dump.h"
#include "sys/nl_msg.h"
#include "sys/site.h"

struct neighbour {
	const char *device;
	struct ip address;
	struct mac macaddress;
	uint8_t proxy, router;
};

extern const struct kind kind_neighbour;

enum { DEVICE, ADDRESS, PROXY, MACADDRESS, ROUTER };

/* clang-format off */
static const struct field fields[] = {
	[DEVICE] = {"device", &vtype_ref, FIELD(neighbour, device),
		    .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the device it is behind"},
	[ADDRESS] = {"address", &vtype_ip, FIELD(neighbour, address), .attr = NDA_DST,
		     .flags = FIELD_KEY | FIELD_NEED, .doc = "its IP address"},
	[PROXY] = {"proxy", &vtype_bool, FIELD(neighbour, proxy), .flags = FIELD_KEY,
		   .initial = "false",
		   .doc = "this host answers ARP or ND for it on the device, and routes to it"},
	[MACADDRESS] = {"macaddress", &vtype_mac, FIELD(neighbour, macaddress),
			.attr = NDA_LLADDR, .doc = "its hardware address"},
	[ROUTER] = {"router", &vtype_bool, FIELD(neighbour, router), .initial = "false",
		    .doc = "it is a router (IPv6)"},
};
/* clang-format on */

/* NULL: learned, or of another family. */
static struct object *get(const struct site *site, const struct nlmsghdr *message,
			  struct arena *arena)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const char *device = link_names_name(&site->names, (uint32_t)header->ndm_ifindex);
	const struct nlattr *attrs[NDA_LLADDR + 1];
	struct object *object;
	struct neighbour *neighbour;

	if (!device || (header->ndm_family != AF_INET && header->ndm_family != AF_INET6) ||
	    !(header->ndm_flags & NTF_PROXY || header->ndm_state & NUD_PERMANENT))
		return NULL;
	object = object_make(arena, &kind_neighbour, site->ns);
	neighbour = object->data;
	neighbour->device = arena_text(arena, device);
	neighbour->proxy = (header->ndm_flags & NTF_PROXY) != 0;
	neighbour->router = (header->ndm_flags & NTF_ROUTER) != 0;
	object->set = 1 << DEVICE | 1 << PROXY | 1 << ROUTER;
	nl_attrs(message, sizeof(*header), attrs, NDA_LLADDR + 1);
	message_get(object, attrs, NDA_LLADDR + 1, site, arena);
	return object_has(object, ADDRESS) ? object : NULL;
}

/* The kernel has two tables; the second is dumped when the header asks for it alone. */
static int read_table(struct site *site, uint8_t flags, struct state *out, struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	struct ndmsg *header = nl_msg_start(&msg, RTM_GETNEIGH, 0, sizeof(*header));
	int r;

	header->ndm_flags = flags;
	r = nl_dump_read(site->nl, &msg.head, &dump, err);
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m)) {
		struct object *object =
			m->nlmsg_type == RTM_NEWNEIGH ? get(site, m, out->arena) : NULL;

		if (object)
			state_add(out, object);
	}
	return r;
}

static int read_all(struct site *site, const struct state *wanted, struct state *out,
		    struct err *err)
{
	int r = read_table(site, 0, out, err);

	return r ? r : read_table(site, NTF_PROXY, out, err);
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_merged(step, site->arena);
	const struct neighbour *neighbour = object->data;
	uint16_t flags = step->after ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	struct sent sent = {0};
	struct nl_msg msg;
	struct ndmsg *header = nl_msg_start(&msg, step->after ? RTM_NEWNEIGH : RTM_DELNEIGH, flags,
					    sizeof(*header));

	header->ndm_family = neighbour->address.family;
	header->ndm_ifindex = (int)link_names_index(&site->names, neighbour->device);
	header->ndm_state = NUD_PERMANENT;
	if (neighbour->proxy)
		header->ndm_flags |= NTF_PROXY;
	if (object_has(object, ROUTER) && neighbour->router)
		header->ndm_flags |= NTF_ROUTER;
	if (!header->ndm_ifindex)
		return step->after ? refusal_tell_field(err, -ENODEV, NULL, object, DEVICE) : 0;
	message_put(&msg.head, object, site, &sent);
	return message_send(&msg.head, step, &sent, -ENOENT, site, err);
}

/* The kernel answers ND for others only where that is allowed. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	const struct neighbour *neighbour = object->data;
	char device[16];

	if (!object_has(object, PROXY)) /* part of what it is known by */
		object_set(object, "proxy", "false", state->arena);
	if (!neighbour->proxy || neighbour->address.family != AF_INET6)
		return;
	snprintf(device, sizeof(device), "%s", neighbour->device);
	for (char *c = device; *c; c++)
		if (*c == '.')
			*c = '/';
	state_want_value(state, object->ns,
			 arena_print(state->arena, "net.ipv6.conf.%s.proxy_ndp", device), "1",
			 object_place(object, PROXY));
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct neighbour *neighbour = object->data;

	if (neighbour->proxy && object_has(object, MACADDRESS))
		diag_error(diag, object_place(object, MACADDRESS),
			   object_label(object, state->arena),
			   "who is answered for has no macaddress: this host's own is told; "
			   "expected proxy or macaddress");
	if (!neighbour->proxy && !object_has(object, MACADDRESS))
		err_hint(diag_error(diag, object->place, object_label(object, state->arena),
				    "macaddress is missing; expected it, or proxy: true"),
			 "macaddress: 02:00:00:00:00:01");
}

static const struct kind_ops ops = {
	.read = read_all, .apply = apply, .expand = expand, .check = check};

const struct kind kind_neighbour = {
	.name = "neighbour",
	.summary = "a fixed hardware address of a neighbour, or one that this host answers for",
	.owner = "link",
	.listed = "neighbours",
	.listing = LISTING_ITEMS,
	KIND_FIELDS(fields),
	.size = sizeof(struct neighbour),
	.rank = RANK_NEIGHBOUR,
	.door = DOOR_OWN,
	.ops = &ops,
};
