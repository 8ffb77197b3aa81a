/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes in on a device is led through another (an ifb), which can hold it back: only what
 * leaves a device can be made to wait. It takes the device's ingress discipline and one filter that
 * fits all; where somebody has an ingress discipline already, theirs stays and this is refused.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <string.h>

#include "model/message.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/nl_dump.h"
#include "sys/nl_msg.h"
#include "sys/site.h"

#define INGRESS TC_H_MAKE(TC_H_INGRESS, 0)

struct inflow {
	const char *device, *through;
};

extern const struct kind kind_inflow;

enum { DEVICE, THROUGH };

/* clang-format off */
static const struct field fields[] = {
	[DEVICE] = {"device", &vtype_ref, FIELD(inflow, device),
		    .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "where it comes in"},
	[THROUGH] = {"through", &vtype_ref, FIELD(inflow, through),
		     .flags = FIELD_FIXED | FIELD_INNER,
		     .doc = "the device that it is led through"},
};
/* clang-format on */

static const char *redirect_get(const struct nlmsghdr *message, const struct site *site)
{
	const struct nlattr *attrs[TCA_OPTIONS + 1], *action, *parms;
	struct tc_mirred mirred;

	nl_attrs(message, sizeof(struct tcmsg), attrs, TCA_OPTIONS + 1);
	action = nl_nest_find(nl_nest_find(attrs[TCA_OPTIONS], TCA_U32_ACT), 1);
	parms = nl_nest_find(nl_nest_find(action, TCA_ACT_OPTIONS), TCA_MIRRED_PARMS);
	if (!parms || mnl_attr_get_payload_len(parms) < sizeof(mirred))
		return NULL;
	memcpy(&mirred, mnl_attr_get_payload(parms), sizeof(mirred));
	return mirred.eaction == TCA_EGRESS_REDIR ? link_names_name(&site->names, mirred.ifindex)
						  : NULL;
}

static int read_device(struct site *site, const char *device, uint32_t ifindex, struct state *out,
		       struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	struct tcmsg *header = nl_msg_start(&msg, RTM_GETTFILTER, 0, sizeof(*header));
	int r;

	header->tcm_ifindex = (int)ifindex;
	header->tcm_parent = INGRESS;
	r = nl_dump_read(site->nl, &msg.head, &dump, err);
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m)) {
		const char *through =
			m->nlmsg_type == RTM_NEWTFILTER ? redirect_get(m, site) : NULL;
		struct object *object;

		if (!through)
			continue;
		object = object_make(out->arena, &kind_inflow, site->ns);
		object_set(object, "device", device, out->arena);
		object_set(object, "through", through, out->arena);
		state_add(out, object);
		return 0;
	}
	return r == -EINVAL || r == -EOPNOTSUPP || r == -ENOENT ? 0 : r;
}

static int read_wanted(struct site *site, const struct state *wanted, struct state *out,
		       struct err *err)
{
	const struct object *object;
	int r = 0;

	for (size_t i = 0; !r && (object = state_next(wanted, "inflow", &i));) {
		uint32_t ifindex = link_names_index(&site->names, object_owner(object));

		if (text_same(object->ns, site->ns) && ifindex)
			r = read_device(site, object_owner(object), ifindex, out, err);
	}
	return r;
}

static struct tcmsg *start(struct nl_msg *msg, uint16_t type, uint16_t flags, uint32_t ifindex)
{
	struct tcmsg *header = nl_msg_start(msg, type, flags, sizeof(*header));

	header->tcm_ifindex = (int)ifindex;
	return header;
}

static int discipline_set(struct site *site, uint32_t ifindex, bool there)
{
	struct nl_msg msg;
	struct tcmsg *header = start(&msg, there ? RTM_NEWQDISC : RTM_DELQDISC,
				     there ? NLM_F_CREATE | NLM_F_EXCL : 0, ifindex);

	header->tcm_parent = TC_H_INGRESS;
	header->tcm_handle = INGRESS;
	mnl_attr_put_strz(&msg.head, TCA_KIND, "ingress");
	return nl_talk(site->nl, &msg.head, NULL);
}

/* u32 match u32 0 0: no bit is looked at, so it fits every packet. */
static void filter_put(struct nlmsghdr *message, uint32_t to)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} all = {.sel = {.flags = TC_U32_TERMINAL, .nkeys = 1}};
	struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = to};
	struct nlattr *options, *actions, *action, *inner;

	mnl_attr_put_strz(message, TCA_KIND, "u32");
	options = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put(message, TCA_U32_SEL, sizeof(all), &all);
	actions = mnl_attr_nest_start(message, TCA_U32_ACT);
	action = mnl_attr_nest_start(message, 1);
	mnl_attr_put_strz(message, TCA_ACT_KIND, "mirred");
	inner = mnl_attr_nest_start(message, TCA_ACT_OPTIONS);
	mnl_attr_put(message, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	mnl_attr_nest_end(message, inner);
	mnl_attr_nest_end(message, action);
	mnl_attr_nest_end(message, actions);
	mnl_attr_nest_end(message, options);
}

static int lead(struct site *site, const struct step *step, uint32_t ifindex, struct err *err)
{
	const struct object *object = step->after;
	uint32_t to = link_names_index(&site->names, object_text(object, "through"));
	struct sent sent = {0};
	struct nl_msg msg;
	struct tcmsg *header = start(&msg, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, ifindex);
	int r;

	if (!to)
		return refusal_tell_field(err, -ENODEV, NULL, object, THROUGH);
	r = discipline_set(site, ifindex, true);
	if (r == -EEXIST || r == -EBUSY) {
		err_set(err, r, "it has an ingress discipline of somebody's; expected none");
		return err_hint(err, "tc qdisc delete dev %s ingress", object_owner(object));
	}
	if (r)
		return err_errno(err, r, "look at what comes in");
	header->tcm_parent = INGRESS;
	header->tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL));
	filter_put(&msg.head, to);
	r = message_send(&msg.head, step, &sent, 0, site, err);
	if (r)
		discipline_set(site, ifindex, false);
	return r;
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_object(step);
	uint32_t ifindex = link_names_index(&site->names, object_owner(object));
	int r;

	if (step->after)
		return ifindex ? lead(site, step, ifindex, err)
			       : refusal_tell_field(err, -ENODEV, NULL, object, DEVICE);
	r = ifindex ? discipline_set(site, ifindex, false) : 0;
	return r == -ENOENT || r == -EINVAL || r == -ENODEV || !r
		       ? 0
		       : err_errno(err, r, "let it come in as before");
}

static const struct kind_ops ops = {.read = read_wanted, .apply = apply};

const struct kind kind_inflow = {
	.name = "inflow",
	.config = "CONFIG_NET_ACT_MIRRED",
	.module = "act_mirred",
	.summary = "what comes in on a device is led through another; made by its key shape",
	.flags = KIND_HIDDEN,
	KIND_FIELDS(fields),
	.size = sizeof(struct inflow),
	.rank = RANK_NEIGHBOUR,
	.door = DOOR_OWN,
	.ops = &ops,
};
