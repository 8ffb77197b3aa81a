/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fixed entry of a forwarding table: of the bridge that a device is a port of (`master`), or the
 * device's own (a VXLAN's far ends, a card's filter). What bridges learn is not read. To a VXLAN an
 * address of one machine has one far end, which can change; one of many (and that of all it does
 * not know) has several, told apart by all that says where they are, so those are known by that.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "model/message.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/nl_dump.h"
#include "sys/nl_msg.h"
#include "sys/site.h"

#define FDB_TABLE_SIZE (NDA_SRC_VNI + 1)

struct fdb {
	const char *device, *via, *far_end;
	struct mac macaddress;
	struct ip destination;
	uint32_t id, source_id;
	uint16_t vlan, port;
	uint8_t master, type, sticky;
};

extern const struct kind kind_fdb;

static const char *const types[] = {"static", "local", NULL};

enum {
	DEVICE,
	MACADDRESS,
	MASTER,
	VLAN,
	DESTINATION,
	PORT,
	ID,
	SOURCE_ID,
	VIA,
	TYPE,
	STICKY,
	FAR_END
};

/* clang-format off */
static const struct field fields[] = {
	[DEVICE] = {"device", &vtype_ref, FIELD(fdb, device),
		    .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the device it leads to"},
	[MACADDRESS] = {"macaddress", &vtype_any_mac, FIELD(fdb, macaddress), .attr = NDA_LLADDR,
			.flags = FIELD_KEY | FIELD_NEED,
			.doc = "address that frames are for; 00:00:00:00:00:00: all others (VXLAN)"},
	[MASTER] = {"master", &vtype_bool, FIELD(fdb, master), .flags = FIELD_KEY,
		    .doc = "in the table of its bridge (so where it is a port here), or its own"},
	[VLAN] = {"vlan", &vtype_u16, FIELD(fdb, vlan), .attr = NDA_VLAN, .flags = FIELD_KEY,
		  .min = 1, .max = 4094, .doc = "in this VLAN only"},
	[DESTINATION] = {"destination", &vtype_ip, FIELD(fdb, destination), .attr = NDA_DST,
			 .doc = "the host behind a VXLAN that has it"},
	[PORT] = {"port", &vtype_be16, FIELD(fdb, port), .attr = NDA_PORT, .min = 1,
		  .max = 65535, .doc = "UDP port of that host, where it is another"},
	[ID] = {"id", &vtype_u32, FIELD(fdb, id), .attr = NDA_VNI, .min = 1,
		.max = (1 << 24) - 1, .doc = "number of the VXLAN there, where it is another"},
	[SOURCE_ID] = {"source-id", &vtype_u32, FIELD(fdb, source_id), .attr = NDA_SRC_VNI,
		       .flags = FIELD_KEY, .min = 1, .max = (1 << 24) - 1,
		       .doc = "number of the VXLAN here, on a device that has many"},
	[VIA] = {"via", &vtype_ref, FIELD(fdb, via), .attr = NDA_IFINDEX,
		 .doc = "device by which that host is reached"},
	[TYPE] = {"type", &vtype_word, FIELD(fdb, type), .words = types,
		  .doc = "static: behind the device; local: of this host itself"},
	[STICKY] = {"sticky", &vtype_bool, FIELD(fdb, sticky), .initial = "false",
		    .doc = "frames from elsewhere do not move it"},
	[FAR_END] = {"far-end", &vtype_text, FIELD(fdb, far_end), .flags = FIELD_KEY | FIELD_INNER,
		     .max = 120, .doc = "of an address that has several: which"},
};
/* clang-format on */

static bool has_several(const struct mac *mac)
{
	static const struct mac all;

	return mac->bytes[0] & 1 || memcmp(mac, &all, sizeof(all)) == 0;
}

static void far_end_name(struct object *object, struct arena *arena)
{
	static const unsigned int parts[] = {DESTINATION, PORT, ID, VIA};
	struct fdb *fdb = object->data;
	struct text text TEXT_CLEANUP = {0};

	if (!object_has(object, DESTINATION) || !has_several(&fdb->macaddress))
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!object_has(object, parts[i]))
			continue;
		if (i)
			text_add(&text, " %s ", fields[parts[i]].key);
		object_print(object, parts[i], &text);
	}
	fdb->far_end = arena_text(arena, text_get(&text));
	object->set |= 1 << FAR_END;
}

/* NULL: learned, or of no device known. */
static struct object *get(const struct site *site, const struct nlmsghdr *message,
			  struct arena *arena)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const char *device = link_names_name(&site->names, (uint32_t)header->ndm_ifindex);
	const struct nlattr *attrs[FDB_TABLE_SIZE];
	struct object *object;
	struct fdb *fdb;

	if (message->nlmsg_type != RTM_NEWNEIGH || header->ndm_family != AF_BRIDGE || !device ||
	    !(header->ndm_state & (NUD_PERMANENT | NUD_NOARP)) ||
	    header->ndm_flags & NTF_EXT_LEARNED)
		return NULL;
	nl_attrs(message, sizeof(*header), attrs, FDB_TABLE_SIZE);
	object = object_make(arena, &kind_fdb, site->ns);
	fdb = object->data;
	fdb->device = arena_text(arena, device);
	fdb->master = attrs[NDA_MASTER] && !(header->ndm_flags & NTF_SELF);
	fdb->type = (header->ndm_state & NUD_PERMANENT) != 0;
	fdb->sticky = (header->ndm_flags & NTF_STICKY) != 0;
	object->set = 1 << DEVICE | 1 << MASTER | 1 << TYPE | 1 << STICKY;
	message_get(object, attrs, FDB_TABLE_SIZE, site, arena);
	far_end_name(object, arena);
	/* the ports' own addresses, what a device listens to, a VXLAN's `remote` (vxlan_core.c) */
	object->automatic = header->ndm_state & NUD_PERMANENT &&
			    (!object_has(object, DESTINATION) || header->ndm_state & NUD_REACHABLE);
	return object_has(object, MACADDRESS) ? object : NULL;
}

static int read_all(struct site *site, const struct state *wanted, struct state *out,
		    struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	struct ndmsg *header = nl_msg_start(&msg, RTM_GETNEIGH, 0, sizeof(*header));
	int r;

	header->ndm_family = AF_BRIDGE;
	r = nl_dump_read(site->nl, &msg.head, &dump, err);
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m)) {
		struct object *object = get(site, m, out->arena);

		if (object)
			state_add(out, object);
	}
	return r;
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_merged(step, site->arena);
	const struct fdb *fdb = object->data;
	/* one that was learned gives way; where there are several another is added */
	uint16_t flags = !step->after		       ? 0
			 : object_has(object, FAR_END) ? NLM_F_CREATE | NLM_F_APPEND
						       : NLM_F_CREATE | NLM_F_REPLACE;
	struct sent sent = {0};
	struct nl_msg msg;
	struct ndmsg *header = nl_msg_start(&msg, step->after ? RTM_NEWNEIGH : RTM_DELNEIGH, flags,
					    sizeof(*header));
	int r;

	header->ndm_family = AF_BRIDGE;
	header->ndm_ifindex = (int)link_names_index(&site->names, fdb->device);
	header->ndm_state = fdb->type ? NUD_PERMANENT : NUD_NOARP;
	header->ndm_flags = fdb->master ? NTF_MASTER : NTF_SELF;
	if (object_has(object, STICKY) && fdb->sticky)
		header->ndm_flags |= NTF_STICKY;
	if (!header->ndm_ifindex)
		return step->after ? refusal_tell_field(err, -ENODEV, NULL, object, DEVICE) : 0;
	r = message_put(&msg.head, object, site, &sent);
	if (r)
		return refusal_tell_field(err, r, NULL, object, VIA);
	return message_send(&msg.head, step, &sent, -ENOENT, site, err);
}

/* The kernel does not tell what is as the VXLAN itself has it. */
static void forget_usual(struct object *object, const struct state *state)
{
	const struct object *vxlan = state_named(state, "vxlan", object->ns, object_owner(object));
	const struct fdb *fdb = object->data;

	if (!vxlan)
		return;
	if (object_has(object, PORT) && fdb->port == object_number(vxlan, "port", 4789))
		object->set &= ~(UINT64_C(1) << PORT);
	if (object_has(object, ID) && fdb->id == object_number(vxlan, "id", 0))
		object->set &= ~(UINT64_C(1) << ID);
}

/* Which table is meant, and what the entry is there. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	const struct fdb *fdb = object->data;

	if (!object_has(object, MASTER))
		object_set(object, "master",
			   state_named(state, "port", object->ns, fdb->device) ? "true" : "false",
			   state->arena);
	if (!object_has(object, TYPE))
		object_set(object, "type", fdb->master ? "static" : "local", state->arena);
	forget_usual(object, state);
	far_end_name(object, state->arena);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct fdb *fdb = object->data;

	if (fdb->master && object_has(object, DESTINATION))
		diag_error(
			diag, object_place(object, DESTINATION), object_label(object, state->arena),
			"a bridge's table leads to ports, not to hosts; expected no destination, "
			"or master: false");
}

static const struct kind_ops ops = {
	.read = read_all,
	.apply = apply,
	.identify = far_end_name,
	.expand = expand,
	.check = check,
};

const struct kind kind_fdb = {
	.name = "fdb",
	.summary = "a fixed entry of a bridge's or a device's forwarding table",
	.owner = "link",
	.listed = "fdb",
	.listing = LISTING_ITEMS,
	KIND_FIELDS(fields),
	.flags = KIND_IN_MASTER,
	.size = sizeof(struct fdb),
	.rank = RANK_NEIGHBOUR,
	.door = DOOR_OWN,
	.ops = &ops,
};
