/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A route. The kernel tells routes apart by target, table and metric (a second one with all three
 * is refused), so those are the keys, and another way for the same three is a change. What the
 * kernel and router advertisements make by themselves, and the table of own addresses, is not
 * read; nor are routes of several ways at once or for one type of service, which have no words
 * here.
 */
#include <errno.h>
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

#define ROUTE_TABLE_SIZE (RTA_VIA + 1)
#define METRIC_OF_IPV6 1024 /* IP6_RT_PRIO_USER: what the kernel takes for none */

struct route {
	struct prefix to;
	uint32_t table, metric;
	struct ip via, from;
	const char *device;
	uint32_t mtu, congestion_window, receive_window;
	uint8_t type, scope, on_link, protocol;
};

/* In the order of their numbers in linux/rtnetlink.h. */
static const char *const types[] = {
	"unspecified", "unicast",     "local",	  "broadcast", "anycast", "multicast",
	"blackhole",   "unreachable", "prohibit", "throw",     NULL,
};
static const char *const scopes[] = {"global", "site", "link", "host", NULL};
static const uint8_t scope_numbers[] = {RT_SCOPE_UNIVERSE, RT_SCOPE_SITE, RT_SCOPE_LINK,
					RT_SCOPE_HOST};

enum { TO, TABLE, METRIC, DEVICE, VIA, TYPE, SCOPE, FROM, MTU, CWND, RWND, ON_LINK, PROTOCOL };

/* clang-format off */
static const struct field fields[] = {
	[TO] = {"to", &vtype_target, FIELD(route, to), .flags = FIELD_KEY | FIELD_NEED,
		.doc = "where it leads: a network, an address, or default"},
	[TABLE] = {"table", &vtype_u32, FIELD(route, table), .flags = FIELD_KEY, .min = 1,
		   .max = UINT32_MAX, .initial = "254", .doc = "routing table; 254 is the main one"},
	[METRIC] = {"metric", &vtype_u32, FIELD(route, metric), .flags = FIELD_KEY,
		    .doc = "the lowest wins; without one 0, for IPv6 1024"},
	[DEVICE] = {"device", &vtype_ref, FIELD(route, device), .flags = FIELD_OWNER,
		    .doc = "the device it leads through"},
	[VIA] = {"via", &vtype_ip, FIELD(route, via), .flags = FIELD_LATER,
		 .doc = "the gateway; without one, the target is on the device's own wire"},
	[TYPE] = {"type", &vtype_word, FIELD(route, type), .words = types, .initial = "unicast",
		  .doc = "what happens to packets; other than unicast it leads nowhere"},
	[SCOPE] = {"scope", &vtype_word, FIELD(route, scope), .words = scopes, .flags = FIELD_ANEW,
		   .doc = "how far away the target is; told by via where it is not said"},
	[FROM] = {"from", &vtype_ip, FIELD(route, from),
		  .doc = "address of this host that packets on this route leave with"},
	/* RTAX_MTU: the kernel takes at most 65535 - 15 (fib_metrics.c) */
	[MTU] = {"mtu", &vtype_u32, FIELD(route, mtu), .min = 68, .max = 65520,
		 .doc = "largest packet in bytes on this route"},
	[CWND] = {"congestion-window", &vtype_u32, FIELD(route, congestion_window), .min = 1,
		  .max = UINT16_MAX, .doc = "packets TCP begins with"},
	[RWND] = {"advertised-receive-window", &vtype_u32, FIELD(route, receive_window), .min = 1,
		  .max = UINT16_MAX, .doc = "packets TCP lets the other side begin with"},
	[ON_LINK] = {"on-link", &vtype_bool, FIELD(route, on_link), .initial = "false",
		     .doc = "the gateway is on the wire although no address of the device says so"},
	[PROTOCOL] = {"protocol", &vtype_u8, FIELD(route, protocol),
		      .flags = FIELD_INNER | FIELD_ASIDE, .doc = "who made it, for display only"},
};
/* clang-format on */

extern const struct kind kind_route;

static void has(struct object *object, unsigned int field)
{
	object->set |= UINT64_C(1) << field;
}

static bool ip_get(uint8_t family, const struct nlattr *attr, struct ip *ip)
{
	*ip = (struct ip){.family = family};
	if (!attr || mnl_attr_get_payload_len(attr) < ip_bits(ip) / 8)
		return false;
	memcpy(ip->bytes, mnl_attr_get_payload(attr), ip_bits(ip) / 8);
	return true;
}

static bool leads_somewhere(uint8_t type)
{
	return type < RTN_BLACKHOLE;
}

static void way_get(struct object *object, const struct rtmsg *header, const struct nlattr **attrs,
		    const struct site *site, struct arena *arena)
{
	struct route *route = object->data;
	const struct rtvia *via = attrs[RTA_VIA] ? mnl_attr_get_payload(attrs[RTA_VIA]) : NULL;
	const char *device = link_names_name(&site->names, nl_u32(attrs[RTA_OIF], 0));

	if (!leads_somewhere(route->type))
		return;
	if (device) {
		route->device = arena_text(arena, device);
		has(object, DEVICE);
	}
	if (ip_get(header->rtm_family, attrs[RTA_GATEWAY], &route->via))
		has(object, VIA);
	if (via && via->rtvia_family == AF_INET6 &&
	    mnl_attr_get_payload_len(attrs[RTA_VIA]) >= sizeof(*via) + 16) {
		route->via = (struct ip){.family = AF_INET6};
		memcpy(route->via.bytes, via->rtvia_addr, 16);
		has(object, VIA);
	}
}

static void metrics_get(struct object *object, const struct nlattr *nest)
{
	static const struct {
		uint16_t attr, field;
	} metrics[] = {{RTAX_MTU, MTU}, {RTAX_INITCWND, CWND}, {RTAX_INITRWND, RWND}};

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		uint32_t value = nl_u32(nl_nest_find(nest, metrics[i].attr), 0);

		if (!value)
			continue;
		*(uint32_t *)object_at(object, metrics[i].field) = value;
		has(object, metrics[i].field);
	}
}

static bool is_read(const struct nlmsghdr *message, const struct nlattr **attrs)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);

	return !(header->rtm_flags & RTM_F_CLONED) && header->rtm_protocol != RTPROT_KERNEL &&
	       header->rtm_protocol != RTPROT_REDIRECT && header->rtm_protocol != RTPROT_RA &&
	       !header->rtm_tos && !header->rtm_src_len && !attrs[RTA_MULTIPATH] &&
	       header->rtm_type <= RTN_THROW &&
	       nl_u32(attrs[RTA_TABLE], header->rtm_table) != RT_TABLE_LOCAL;
}

/* The network; no address is none of its bits. False: it is none of IPv4 or IPv6. */
static bool target_get(const struct rtmsg *header, const struct nlattr *attr, struct prefix *to)
{
	uint8_t family = header->rtm_family;

	if ((family != AF_INET && family != AF_INET6) ||
	    (!ip_get(family, attr, &to->ip) && header->rtm_dst_len))
		return false;
	to->len = header->rtm_dst_len;
	for (unsigned int bit = to->len; bit < ip_bits(&to->ip); bit++)
		to->ip.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return to->len <= ip_bits(&to->ip);
}

static struct object *get(struct site *site, const struct nlmsghdr *message, struct arena *arena)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[ROUTE_TABLE_SIZE];
	struct object *object;
	struct prefix to;
	struct route *route;

	if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE)
		return NULL;
	nl_attrs(message, sizeof(*header), attrs, ROUTE_TABLE_SIZE);
	if (!is_read(message, attrs) || !target_get(header, attrs[RTA_DST], &to))
		return NULL;
	object = object_make(arena, &kind_route, site->ns);
	route = object->data;
	route->to = to;
	route->table = nl_u32(attrs[RTA_TABLE], header->rtm_table);
	route->metric = nl_u32(attrs[RTA_PRIORITY], 0);
	route->type = header->rtm_type;
	route->on_link = (header->rtm_flags & RTNH_F_ONLINK) != 0;
	route->protocol = header->rtm_protocol;
	object->set = 1 << TO | 1 << TABLE | 1 << METRIC | 1 << TYPE | 1 << ON_LINK | 1 << PROTOCOL;
	for (uint8_t i = 0; i < sizeof(scope_numbers); i++)
		if (scope_numbers[i] == header->rtm_scope) {
			route->scope = i;
			has(object, SCOPE);
		}
	if (ip_get(header->rtm_family, attrs[RTA_PREFSRC], &route->from))
		has(object, FROM);
	way_get(object, header, attrs, site, arena);
	metrics_get(object, attrs[RTA_METRICS]);
	return object;
}

static int read_family(struct site *site, uint8_t family, struct state *out, struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	struct rtmsg *header = nl_msg_start(&msg, RTM_GETROUTE, 0, sizeof(*header));
	int r;

	header->rtm_family = family;
	r = nl_dump_read(site->nl, &msg.head, &dump, err);
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

static void ip_put(struct nlmsghdr *message, uint16_t attr, const struct ip *ip)
{
	mnl_attr_put(message, attr, ip_bits(ip) / 8, ip->bytes);
}

static void via_put(struct nlmsghdr *message, const struct route *route)
{
	struct {
		__kernel_sa_family_t family;
		uint8_t bytes[16];
	} other = {.family = route->via.family};

	if (route->via.family == route->to.ip.family) {
		ip_put(message, RTA_GATEWAY, &route->via);
		return;
	}
	memcpy(other.bytes, route->via.bytes, sizeof(other.bytes));
	mnl_attr_put(message, RTA_VIA, sizeof(other.family) + ip_bits(&route->via) / 8, &other);
}

static void metrics_put(struct nlmsghdr *message, const struct object *object)
{
	const struct route *route = object->data;
	struct nlattr *nest = mnl_attr_nest_start(message, RTA_METRICS);

	if (object_has(object, MTU))
		mnl_attr_put_u32(message, RTAX_MTU, route->mtu);
	if (object_has(object, CWND))
		mnl_attr_put_u32(message, RTAX_INITCWND, route->congestion_window);
	if (object_has(object, RWND))
		mnl_attr_put_u32(message, RTAX_INITRWND, route->receive_window);
	mnl_attr_nest_end(message, nest);
}

static void header_put(struct rtmsg *header, const struct object *object)
{
	const struct route *route = object->data;

	header->rtm_family = route->to.ip.family;
	header->rtm_dst_len = route->to.len;
	header->rtm_table = route->table < 256 ? (uint8_t)route->table : RT_TABLE_UNSPEC;
	header->rtm_protocol = object_has(object, PROTOCOL) ? route->protocol : RTPROT_STATIC;
	header->rtm_type = object_has(object, TYPE) ? route->type : RTN_UNICAST;
	if (object_has(object, SCOPE))
		header->rtm_scope = scope_numbers[route->scope];
	else if (header->rtm_type == RTN_LOCAL)
		header->rtm_scope = RT_SCOPE_HOST;
	else if (header->rtm_type == RTN_BROADCAST || header->rtm_type == RTN_MULTICAST ||
		 header->rtm_type == RTN_ANYCAST ||
		 (header->rtm_type == RTN_UNICAST && !object_has(object, VIA)))
		header->rtm_scope = RT_SCOPE_LINK;
	if (object_has(object, ON_LINK) && route->on_link)
		header->rtm_flags |= RTNH_F_ONLINK;
}

/* One field after the other, noted, so that a refusal finds its line. -ENODEV: no such device. */
static int route_put(struct nlmsghdr *message, const struct object *object, struct sent *sent,
		     const struct site *site)
{
	const struct route *route = object->data;
	uint32_t ifindex = 0, start = message->nlmsg_len;

	if (route->to.len)
		ip_put(message, RTA_DST, &route->to.ip);
	sent_note(sent, object, TO, start, message);
	mnl_attr_put_u32(message, RTA_TABLE, route->table);
	if (route->metric)
		mnl_attr_put_u32(message, RTA_PRIORITY, route->metric);
	if (object_has(object, DEVICE)) {
		start = message->nlmsg_len;
		ifindex = link_names_index(&site->names, route->device);
		mnl_attr_put_u32(message, RTA_OIF, ifindex);
		sent_note(sent, object, DEVICE, start, message);
	}
	if (object_has(object, VIA)) {
		start = message->nlmsg_len;
		via_put(message, route);
		sent_note(sent, object, VIA, start, message);
	}
	if (object_has(object, FROM)) {
		start = message->nlmsg_len;
		ip_put(message, RTA_PREFSRC, &route->from);
		sent_note(sent, object, FROM, start, message);
	}
	if (object->set & (1 << MTU | 1 << CWND | 1 << RWND)) {
		start = message->nlmsg_len;
		metrics_put(message, object);
		sent_note(sent, object, MTU, start, message);
	}
	return object_has(object, DEVICE) && !ifindex ? -ENODEV : 0;
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	struct object *object = step_merged(step, site->arena);
	bool gone = !step->after;
	/* one that changes its device went with the old one, if that is down by now */
	uint16_t flags = gone ? 0 : NLM_F_CREATE | (step->before ? NLM_F_REPLACE : NLM_F_EXCL);
	struct sent sent = {0};
	struct nl_refusal refusal = {0};
	struct nl_msg msg;
	struct rtmsg *header =
		nl_msg_start(&msg, gone ? RTM_DELROUTE : RTM_NEWROUTE, flags, sizeof(*header));
	int r;

	/* a scope that was only read follows the gateway, which may come or go */
	if (step->before && step->after && !object_has(step->after, SCOPE))
		object->set &= ~(UINT64_C(1) << SCOPE);
	header_put(header, object);
	r = route_put(&msg.head, object, &sent, site);
	if (!r)
		r = nl_talk(site->nl, &msg.head, &refusal);
	if (gone && (r == -ESRCH || r == -ENODEV))
		return 0; /* somebody was faster */
	if (r == -ENODEV && object_has(object, DEVICE))
		return refusal_tell_field(err, r, &refusal, object, DEVICE);
	return r ? refusal_tell(err, r, &refusal, &sent, step_object(step),
				gone	       ? "take it away"
				: step->before ? "change it"
					       : "add it")
		 : 0;
}

/* `default` is IPv4's unless the gateway is not; keys are written out, as the kernel has them. */
static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct route *route = object->data;

	if (object_has(object, VIA) && route->via.family == AF_INET6 && !route->to.len)
		route->to.ip.family = AF_INET6;
	if (!object_has(object, TABLE))
		object_set(object, "table", "254", state->arena);
	if (!object_has(object, METRIC))
		object_set(object, "metric", "0", state->arena);
	if (route->to.ip.family == AF_INET6 && !route->metric)
		route->metric = METRIC_OF_IPV6;
	if (object_has(object, TYPE) && !leads_somewhere(route->type))
		object->set &= ~(UINT64_C(1) << DEVICE); /* it leads nowhere, through nothing */
}

static void check_via(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct route *route = object->data;
	const struct prefix *own;
	const struct object *other;
	struct place place = object_place(object, VIA);

	if (route->to.ip.family == AF_INET6 && route->via.family == AF_INET)
		diag_error(diag, place, object_label(object, state->arena),
			   "an IPv6 network has no IPv4 gateway; expected an IPv6 one");
	for (size_t i = 0; (other = state_next(state, "address", &i));) {
		own = object_value(other, "address", &vtype_prefix);
		if (own && text_same(other->ns, object->ns) &&
		    memcmp(&own->ip, &route->via, sizeof(own->ip)) == 0)
			err_hint(
				diag_error(
					diag, place, object_label(object, state->arena),
					"via is this host's own address (%s line %u); expected the "
					"gateway's",
					object_owner(other), other->place.line),
				"the address of the router on the wire of %s", object_owner(other));
	}
}

static void check(const struct object *object, const struct state *state, struct diag *diag)
{
	const struct route *route = object->data;

	if (object_has(object, VIA))
		check_via(object, state, diag);
	if (object_has(object, FROM) && route->from.family != route->to.ip.family)
		diag_error(diag, object_place(object, FROM), object_label(object, state->arena),
			   "from and to are of different families; expected one");
	if (object_has(object, ON_LINK) && route->on_link && !object_has(object, VIA))
		diag_error(diag, object_place(object, ON_LINK), object_label(object, state->arena),
			   "on-link is about the gateway, and there is none; expected via");
}

/* The router's own address on this host: what leaves by the route then comes back at once. */
static void check_beside(const struct object *foreign, const struct state *fresh, struct diag *diag)
{
	const struct route *route = foreign->data;
	const struct prefix *own;
	const struct object *address;

	if (!object_has(foreign, VIA) || route->to.len)
		return;
	for (size_t i = 0; (address = state_next(fresh, "address", &i));) {
		own = object_value(address, "address", &vtype_prefix);
		if (!own || !text_same(address->ns, foreign->ns) ||
		    memcmp(&own->ip, &route->via, sizeof(own->ip)) != 0)
			continue;
		err_hint(diag_error(diag, address->place, object_label(address, fresh->arena),
				    "is the gateway of the default route through %s; expected "
				    "another address: with this one the host would send to itself",
				    route->device ? route->device : "another device"),
			 "an address of this host's own; its gateway is another machine");
	}
}

static const struct kind_ops ops = {.read = read_all,
				    .get = get,
				    .apply = apply,
				    .expand = expand,
				    .check = check,
				    .check_beside = check_beside};

const struct kind kind_route = {
	.name = "route",
	.summary = "a way to a network",
	.owner = "link",
	.listed = "routes",
	.listing = LISTING_ITEMS,
	KIND_FIELDS(fields),
	.size = sizeof(struct route),
	.rank = RANK_ROUTE,
	.door = DOOR_OWN,
	.ops = &ops,
};
