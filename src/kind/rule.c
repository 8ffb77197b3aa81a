/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rule of the routing policy: which table is asked for which packets. netplan lists rules under a
 * device, and so do we, but the kernel has one list of them for the namespace, whatever goes.
 * Nearly all that a rule says is what it is known by; so another rule is made before the old one
 * goes, and no packet falls between. Of the kernel's own priorities (descending as rules come) none
 * is used: a rule without one has PRIORITY, since it has to be found again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <string.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "model/message.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/nl_dump.h"
#include "sys/nl_msg.h"
#include "sys/site.h"

#define PRIORITY "30000" /* before the main table's 32766 */
#define RULE_TABLE_SIZE (FRA_DPORT_RANGE + 1)
/* FRA_SPORT_MASK and FRA_DPORT_MASK of linux/fib_rules.h since 6.15: all bits unless told */
#define PORT_MASK_FIRST 28
#define PORT_MASK_LAST 29
#define PORT_MASK_ALL UINT16_MAX

struct range {
	uint32_t first, last;
};

struct rule {
	const char *device, *iif, *oif;
	struct prefix from, to;
	struct range source_port, destination_port, users;
	uint32_t priority, mark, mark_mask, table, suppress;
	uint8_t family, tos, protocol, invert, type, maker;
};

extern const struct kind kind_rule;

/* Digits alone, no sign and no space. What stands behind them; NULL: they are no number of 32 bits.
 */
static const char *digits_read(const char *text, uint32_t *number)
{
	const char *at = text;
	uint64_t sum = 0;

	for (; *at >= '0' && *at <= '9' && sum <= UINT32_MAX; at++)
		sum = sum * 10 + (uint64_t)(*at - '0');
	*number = (uint32_t)sum;
	return at > text && sum <= UINT32_MAX ? at : NULL;
}

static int range_parse(const struct field *field, const char *text, struct arena *arena,
		       void *value, struct err *err)
{
	struct range range;
	const char *rest = digits_read(text, &range.first);

	range.last = range.first;
	if (rest && *rest == '-')
		rest = digits_read(rest + 1, &range.last);
	if (!rest || *rest || range.first > range.last || (field->max && range.last > field->max))
		return err_set(err, -EINVAL,
			       "%s \"%.60s\" is no range; expected as 1000 or "
			       "1000-2000%s",
			       field->key, text, field->max == UINT16_MAX ? ", up to 65535" : "");
	*(struct range *)value = range;
	return 0;
}

static void range_print(const struct field *field, const void *value, struct text *out)
{
	const struct range *range = value;

	text_add(out, "%u", range->first);
	if (range->last != range->first)
		text_add(out, "-%u", range->last);
}

/* struct fib_rule_port_range, struct fib_rule_uid_range */
static int range_put(const struct field *field, const void *value, const struct link_names *names,
		     struct nlmsghdr *message)
{
	const struct range *range = value;
	uint16_t small[] = {(uint16_t)range->first, (uint16_t)range->last};

	if (field->max == UINT16_MAX)
		mnl_attr_put(message, field->attr, sizeof(small), small);
	else
		mnl_attr_put(message, field->attr, sizeof(*range), range);
	return 0;
}

static int range_get(const struct field *field, const struct nlattr *attr,
		     const struct link_names *names, struct arena *arena, void *value)
{
	const uint16_t *small = mnl_attr_get_payload(attr);

	if (mnl_attr_get_payload_len(attr) == sizeof(struct range))
		memcpy(value, small, sizeof(struct range));
	else if (mnl_attr_get_payload_len(attr) == 2 * sizeof(*small))
		*(struct range *)value = (struct range){small[0], small[1]};
	else
		return -EPROTO;
	return 0;
}

static const struct vtype vtype_range = {
	.name = "range",
	.example = "1000-2000",
	.size = sizeof(struct range),
	.parse = range_parse,
	.print = range_print,
	.put = range_put,
	.get = range_get,
};

static const char *const families[] = {"ipv4", "ipv6", NULL};
static const uint8_t family_numbers[] = {AF_INET, AF_INET6};
static const char *const types[] = {"lookup", "blackhole", "unreachable", "prohibit", NULL};
static const uint8_t type_numbers[] = {FR_ACT_TO_TBL, FR_ACT_BLACKHOLE, FR_ACT_UNREACHABLE,
				       FR_ACT_PROHIBIT};

enum {
	PRIORITY_OF,
	FROM,
	TO,
	FAMILY,
	IIF,
	OIF,
	MARK,
	MARK_MASK,
	TOS,
	PROTOCOL,
	SOURCE_PORT,
	DESTINATION_PORT,
	USERS,
	INVERT,
	TYPE,
	TABLE,
	SUPPRESS,
	DEVICE,
	MAKER,
};

/* clang-format off */
static const struct field fields[] = {
	[PRIORITY_OF] = {"priority", &vtype_u32, FIELD(rule, priority), .attr = FRA_PRIORITY,
			 .flags = FIELD_KEY, .min = 1, .max = UINT32_MAX, .initial = PRIORITY,
			 .doc = "the lowest is asked first; the main table is asked at 32766"},
	[FROM] = {"from", &vtype_target, FIELD(rule, from), .flags = FIELD_KEY,
		  .doc = "packets from this network"},
	[TO] = {"to", &vtype_target, FIELD(rule, to), .flags = FIELD_KEY,
		.doc = "packets to this network"},
	[FAMILY] = {"family", &vtype_word, FIELD(rule, family), .flags = FIELD_KEY,
		    .words = families, .doc = "told by from and to where they stand; else ipv4"},
	[IIF] = {"iif", &vtype_device, FIELD(rule, iif), .attr = FRA_IIFNAME, .flags = FIELD_KEY,
		 .doc = "packets that come in by this device; lo: made here"},
	[OIF] = {"oif", &vtype_device, FIELD(rule, oif), .attr = FRA_OIFNAME, .flags = FIELD_KEY,
		 .doc = "packets of sockets that are bound to this device"},
	[MARK] = {"mark", &vtype_u32, FIELD(rule, mark), .attr = FRA_FWMARK, .flags = FIELD_KEY,
		  .doc = "packets with this mark of the packet filter or socket"},
	[MARK_MASK] = {"mark-mask", &vtype_u32, FIELD(rule, mark_mask), .attr = FRA_FWMASK,
		       .flags = FIELD_KEY, .doc = "bits of the mark that count; all, if absent"},
	/* IPTOS_RT_MASK: the kernel takes IPv4's bits 2 to 4 of it */
	[TOS] = {"type-of-service", &vtype_u8, FIELD(rule, tos), .flags = FIELD_KEY, .min = 1,
		 .max = 255, .doc = "packets with this TOS"},
	[PROTOCOL] = {"ip-protocol", &vtype_u8, FIELD(rule, protocol), .attr = FRA_IP_PROTO,
		      .flags = FIELD_KEY, .min = 1, .max = 255,
		      .doc = "packets of this protocol: 6 TCP, 17 UDP"},
	[SOURCE_PORT] = {"source-port", &vtype_range, FIELD(rule, source_port),
			 .attr = FRA_SPORT_RANGE, .flags = FIELD_KEY, .max = UINT16_MAX,
			 .doc = "packets from these ports"},
	[DESTINATION_PORT] = {"destination-port", &vtype_range, FIELD(rule, destination_port),
			      .attr = FRA_DPORT_RANGE, .flags = FIELD_KEY, .max = UINT16_MAX,
			      .doc = "packets to these ports"},
	[USERS] = {"users", &vtype_range, FIELD(rule, users), .attr = FRA_UID_RANGE,
		   .flags = FIELD_KEY, .doc = "packets of sockets of these user ids"},
	/* the kernel takes no two rules that differ in this alone (rule_exists of fib_rules.c) */
	[INVERT] = {"invert", &vtype_bool, FIELD(rule, invert), .flags = FIELD_FIXED,
		    .initial = "false", .doc = "packets that all this does not fit"},
	[TYPE] = {"type", &vtype_word, FIELD(rule, type), .flags = FIELD_KEY, .words = types,
		  .initial = "lookup", .doc = "what is done with them; lookup asks the table"},
	[TABLE] = {"table", &vtype_u32, FIELD(rule, table), .attr = FRA_TABLE, .flags = FIELD_KEY,
		   .min = 1, .max = UINT32_MAX,
		   .doc = "routing table that is asked; 254, the main one, if absent"},
	[SUPPRESS] = {"suppress-prefix-length", &vtype_u32, FIELD(rule, suppress),
		      .attr = FRA_SUPPRESS_PREFIXLEN, .flags = FIELD_FIXED | FIELD_ANEW, .max = 128,
		      .doc = "routes this long or shorter in that table do not count; 0: no default"},
	[DEVICE] = {"device", &vtype_ref, FIELD(rule, device), .flags = FIELD_OWNER | FIELD_FACE,
		    .doc = "the device it is listed under; the kernel does not tie it to one"},
	[MAKER] = {"protocol", &vtype_u8, FIELD(rule, maker), .attr = FRA_PROTOCOL,
		   .flags = FIELD_INNER | FIELD_ASIDE, .doc = "who made it, for display only"},
};
/* clang-format on */

static bool prefix_get(uint8_t family, uint8_t len, const struct nlattr *attr,
		       struct prefix *prefix)
{
	*prefix = (struct prefix){.ip = {.family = family}, .len = len};
	if (!attr || !len || len > ip_bits(&prefix->ip) ||
	    mnl_attr_get_payload_len(attr) != ip_bits(&prefix->ip) / 8)
		return false;
	memcpy(prefix->ip.bytes, mnl_attr_get_payload(attr), ip_bits(&prefix->ip) / 8);
	return true;
}

static bool word_find(const uint8_t *numbers, size_t count, uint8_t number, uint8_t *word)
{
	for (*word = 0; *word < count; ++*word)
		if (numbers[*word] == number)
			return true;
	return false;
}

/* Attributes of kernels younger than this table (FRA_DSCP, FRA_FLOWLABEL and what will follow). */
static bool has_younger(const struct nlmsghdr *message)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message, sizeof(struct fib_rule_hdr))
	{
		uint16_t type = mnl_attr_get_type(attr);
		bool mask = type >= PORT_MASK_FIRST && type <= PORT_MASK_LAST;

		if (type >= RULE_TABLE_SIZE && !(mask && nl_u32(attr, 0) == PORT_MASK_ALL))
			return true;
	}
	return false;
}

/* What it says that has no word here: another rule than it would look like. */
static bool has_more(const struct nlattr *const *attrs)
{
	static const uint16_t unknown[] = {FRA_GOTO, FRA_FLOW, FRA_TUN_ID, FRA_SUPPRESS_IFGROUP,
					   FRA_L3MDEV};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (attrs[unknown[i]] && nl_u32(attrs[unknown[i]], 1) != UINT32_MAX &&
		    (unknown[i] != FRA_L3MDEV || nl_u32(attrs[unknown[i]], 1)))
			return true;
	return false;
}

static struct object *get(const struct site *site, const struct nlmsghdr *message,
			  struct arena *arena)
{
	const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[RULE_TABLE_SIZE];
	struct object *object = object_make(arena, &kind_rule, site->ns);
	struct rule *rule = object->data;

	nl_attrs(message, sizeof(*header), attrs, RULE_TABLE_SIZE);
	if (message->nlmsg_type != RTM_NEWRULE || has_more(attrs) || has_younger(message) ||
	    !word_find(type_numbers, sizeof(type_numbers), header->action, &rule->type) ||
	    !word_find(family_numbers, sizeof(family_numbers), header->family, &rule->family))
		return NULL;
	message_get(object, attrs, RULE_TABLE_SIZE, site, arena);
	object->set |= 1 << TYPE | 1 << FAMILY | 1 << INVERT | 1 << PRIORITY_OF;
	if (prefix_get(header->family, header->src_len, attrs[FRA_SRC], &rule->from))
		object->set |= 1 << FROM;
	if (prefix_get(header->family, header->dst_len, attrs[FRA_DST], &rule->to))
		object->set |= 1 << TO;
	rule->invert = (header->flags & FIB_RULE_INVERT) != 0;
	rule->tos = header->tos;
	if (header->tos)
		object->set |= 1 << TOS;
	if (header->action != FR_ACT_TO_TBL)
		object->set &= ~(UINT64_C(1) << TABLE);
	if (rule->suppress == UINT32_MAX)
		object->set &= ~(UINT64_C(1) << SUPPRESS);
	object->automatic = rule->maker == RTPROT_KERNEL || !rule->priority;
	return object;
}

static int read_family(struct site *site, uint8_t family, struct state *out, struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	struct fib_rule_hdr *header = nl_msg_start(&msg, RTM_GETRULE, 0, sizeof(*header));
	int r;

	header->family = family;
	r = nl_dump_read(site->nl, &msg.head, &dump, err);
	if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
		return 0; /* a kernel without rules, or without IPv6 */
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m)) {
		struct object *object = get(site, m, out->arena);

		if (object)
			state_add(out, object);
	}
	return r;
}

static int read_all(struct site *site, const struct state *wanted, struct state *out,
		    struct err *err)
{
	int r = read_family(site, AF_INET, out, err);

	return r ? r : read_family(site, AF_INET6, out, err);
}

static void prefix_put(struct nlmsghdr *message, const struct object *object, unsigned int field,
		       uint16_t attr, uint8_t *len, struct sent *sent)
{
	const struct prefix *prefix = object_at(object, field);
	uint32_t start = message->nlmsg_len;

	if (!object_has(object, field))
		return;
	*len = prefix->len;
	mnl_attr_put(message, attr, ip_bits(&prefix->ip) / 8, prefix->ip.bytes);
	sent_note(sent, object, field, start, message);
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_object(step);
	const struct rule *rule = object->data;
	uint16_t flags = step->after ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct sent sent = {0};
	struct nl_msg msg;
	struct fib_rule_hdr *header =
		nl_msg_start(&msg, step->after ? RTM_NEWRULE : RTM_DELRULE, flags, sizeof(*header));

	if (step->before && step->after)
		return 0; /* all it says is what it is known by */
	header->family = family_numbers[rule->family];
	header->action = type_numbers[rule->type];
	header->tos = object_has(object, TOS) ? rule->tos : 0;
	if (object_has(object, INVERT) && rule->invert)
		header->flags |= FIB_RULE_INVERT;
	prefix_put(&msg.head, object, FROM, FRA_SRC, &header->src_len, &sent);
	prefix_put(&msg.head, object, TO, FRA_DST, &header->dst_len, &sent);
	message_put(&msg.head, object, site, &sent);
	if (step->after && !object_has(object, MAKER))
		mnl_attr_put_u8(&msg.head, FRA_PROTOCOL, RTPROT_STATIC);
	return message_send(&msg.head, step, &sent, -ENOENT, site, err);
}

/* What the kernel adds by itself, since all of it is what the rule is known by. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct rule *rule = object->data;
	const struct prefix *some = object_has(object, FROM) ? &rule->from
				    : object_has(object, TO) ? &rule->to
							     : NULL;

	if (!object_has(object, FAMILY))
		object_set(object, "family", some && some->ip.family == AF_INET6 ? "ipv6" : "ipv4",
			   state->arena);
	for (unsigned int i = FROM; i <= TO; i++) /* of all is what no word says */
		if (object_has(object, i) && !((const struct prefix *)object_at(object, i))->len)
			object->set &= ~(UINT64_C(1) << i);
	if (!object_has(object, PRIORITY_OF))
		object_set(object, "priority", PRIORITY, state->arena);
	if (!object_has(object, INVERT))
		object_set(object, "invert", "false", state->arena);
	if (!object_has(object, TYPE))
		object_set(object, "type", "lookup", state->arena);
	if (!object_has(object, TABLE) && !rule->type)
		object_set(object, "table", "254", state->arena);
	if (object_has(object, MARK) && !object_has(object, MARK_MASK))
		object_set(object, "mark-mask", "4294967295", state->arena);
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct rule *rule = object->data;

	for (unsigned int i = FROM; i <= TO; i++)
		if (object_has(object, i) &&
		    ((const struct prefix *)object_at(object, i))->ip.family !=
			    family_numbers[rule->family])
			diag_error(diag, object_place(object, i),
				   object_label(object, state->arena),
				   "%s is not of the family %s; expected from, to and family to be "
				   "of one",
				   kind_field(object->kind, i)->key, families[rule->family]);
	if (object_has(object, TABLE) && rule->type)
		diag_error(diag, object_place(object, TABLE), object_label(object, state->arena),
			   "a rule of type %s asks no table; expected none", types[rule->type]);
}

static const struct kind_ops ops = {
	.read = read_all, .apply = apply, .expand = expand, .check = check};

const struct kind kind_rule = {
	.name = "rule",
	.config = "CONFIG_IP_MULTIPLE_TABLES",
	.summary = "which routing table is asked for which packets",
	.owner = "link",
	.listed = "routing-policy",
	.listing = LISTING_ITEMS,
	KIND_FIELDS(fields),
	.size = sizeof(struct rule),
	.rank = RANK_NEIGHBOUR,
	.door = DOOR_OWN,
	.ops = &ops,
};
