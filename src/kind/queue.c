/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a device sends through (the root queueing discipline): a token bucket where it is shaped.
 * Every device has one, so this is a value like a sysctl: what stood there before is written down
 * and put back. A discipline of others is kept as the kernel tells of it, kind and options, which
 * it takes in the same form; one that has classes cannot be told so, and is not replaced.
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "model/message.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/nl_dump.h"
#include "sys/nl_msg.h"
#include "sys/site.h"

#define DEFAULT "default" /* what the kernel gives a device by itself */
#define BUCKET "tbf"
#define QUEUE_MS 50		/* how long a packet may wait */
#define BURST_PER_S 100		/* a hundredth of a second may leave at once … */
#define BURST_LEAST (32u << 10) /* … but a super-frame's half always may */
#define TOLD_MOST 4096		/* a message has room for half as many bytes of options, and more */
#define LINKLAYER_ETHERNET 1	/* TC_LINKLAYER_ETHERNET of net/pkt_sched.h: no table of rates */

struct queue {
	const char *device, *discipline;
	uint64_t rate; /* bits/s */
};

extern const struct kind kind_queue;

enum { DEVICE, DISCIPLINE, RATE };

/* clang-format off */
static const struct field fields[] = {
	[DEVICE] = {"device", &vtype_ref, FIELD(queue, device),
		    .flags = FIELD_KEY | FIELD_NEED | FIELD_OWNER, .doc = "the device that sends"},
	[DISCIPLINE] = {"discipline", &vtype_text, FIELD(queue, discipline), .flags = FIELD_INNER,
			.doc = "kind of the root discipline, and options where it is another's"},
	[RATE] = {"rate", &vtype_rate, FIELD(queue, rate), .flags = FIELD_INNER,
		  .doc = "bits per second that may leave"},
};
/* clang-format on */

static void has(struct object *object, unsigned int field)
{
	object->set |= UINT64_C(1) << field;
}

static void rate_get(struct object *object, const struct nlattr *options)
{
	const struct nlattr *parms = nl_nest_find(options, TCA_TBF_PARMS);
	const struct nlattr *large = nl_nest_find(options, TCA_TBF_RATE64);
	struct tc_tbf_qopt qopt;
	struct queue *queue = object->data;

	if (!parms || mnl_attr_get_payload_len(parms) < sizeof(qopt))
		return;
	memcpy(&qopt, mnl_attr_get_payload(parms), sizeof(qopt));
	queue->rate = qopt.rate.rate;
	if (large && mnl_attr_get_payload_len(large) == sizeof(uint64_t))
		memcpy(&queue->rate, mnl_attr_get_payload(large), sizeof(uint64_t));
	queue->rate *= 8;
	has(object, RATE);
}

/* "fq_codel:8001:0a1b…": as much as is needed to make it again. */
static const char *told(const char *kind, uint32_t handle, const struct nlattr *options,
			struct arena *arena)
{
	struct text all TEXT_CLEANUP = {0};
	const unsigned char *bytes = options ? mnl_attr_get_payload(options) : NULL;

	text_add(&all, "%s:%x:", kind, TC_H_MAJ(handle) >> 16);
	for (uint16_t i = 0; options && i < mnl_attr_get_payload_len(options); i++)
		text_add(&all, "%02x", bytes[i]);
	return arena_text(arena, text_get(&all));
}

static struct object *get(const struct site *site, const struct nlmsghdr *message,
			  struct arena *arena)
{
	const struct tcmsg *header = mnl_nlmsg_get_payload(message);
	const char *device = link_names_name(&site->names, (uint32_t)header->tcm_ifindex);
	const struct nlattr *attrs[TCA_OPTIONS + 1];
	const char *kind;
	struct object *object;
	struct queue *queue;

	nl_attrs(message, sizeof(*header), attrs, TCA_OPTIONS + 1);
	kind = nl_text(attrs[TCA_KIND]);
	if (message->nlmsg_type != RTM_NEWQDISC || header->tcm_parent != TC_H_ROOT || !device ||
	    !kind)
		return NULL;
	object = object_make(arena, &kind_queue, site->ns);
	queue = object->data;
	queue->device = arena_text(arena, device);
	object->set = 1 << DEVICE | 1 << DISCIPLINE;
	if (!header->tcm_handle)
		queue->discipline = DEFAULT;
	else if (strcmp(kind, BUCKET) == 0)
		queue->discipline = BUCKET;
	else
		queue->discipline = told(kind, header->tcm_handle, attrs[TCA_OPTIONS], arena);
	if (header->tcm_handle && strcmp(kind, BUCKET) == 0)
		rate_get(object, attrs[TCA_OPTIONS]);
	return object;
}

static bool is_wanted(const struct state *wanted, const struct object *object)
{
	return state_find(wanted, object) != NULL;
}

static int read_wanted(struct site *site, const struct state *wanted, struct state *out,
		       struct err *err)
{
	struct nl_dump dump NL_DUMP_CLEANUP = {0};
	struct nl_msg msg;
	int r;

	nl_msg_start(&msg, RTM_GETQDISC, NLM_F_ROOT, sizeof(struct tcmsg));
	r = nl_dump_read(site->nl, &msg.head, &dump, err);
	if (r == -EOPNOTSUPP)
		return 0; /* a kernel without queueing disciplines: apply says so */
	for (const struct nlmsghdr *m = nl_dump_first(&dump); !r && m; m = nl_dump_next(&dump, m)) {
		struct object *object = get(site, m, out->arena);

		if (object && is_wanted(wanted, object))
			state_add(out, object);
	}
	return r;
}

static void bucket_put(struct nlmsghdr *message, uint64_t bits)
{
	uint64_t bytes = bits / 8, burst = bytes / BURST_PER_S;
	struct tc_tbf_qopt qopt = {.rate = {.linklayer = LINKLAYER_ETHERNET}};
	struct nlattr *nest;

	burst = burst < BURST_LEAST ? BURST_LEAST : burst;
	burst = burst > UINT32_MAX / 2 ? UINT32_MAX / 2 : burst;
	qopt.rate.rate = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	qopt.limit = (uint32_t)(burst + bytes / 1000 * QUEUE_MS > UINT32_MAX
					? UINT32_MAX
					: burst + bytes / 1000 * QUEUE_MS);
	mnl_attr_put_strz(message, TCA_KIND, BUCKET);
	nest = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put(message, TCA_TBF_PARMS, sizeof(qopt), &qopt);
	mnl_attr_put_u32(message, TCA_TBF_BURST, (uint32_t)burst);
	if (bytes > UINT32_MAX)
		mnl_attr_put_u64(message, TCA_TBF_RATE64, bytes);
	mnl_attr_nest_end(message, nest);
}

/* What get() wrote down. */
static void told_put(struct nlmsghdr *message, struct tcmsg *header, const char *discipline)
{
	const char *colon = strchr(discipline, ':'), *hex = strrchr(discipline, ':') + 1;
	char kind[IFNAMSIZ];
	struct nlattr *nest;
	unsigned int byte;

	header->tcm_handle = TC_H_MAKE((uint32_t)strtoul(colon + 1, NULL, 16) << 16, 0);
	snprintf(kind, sizeof(kind), "%.*s", (int)(colon - discipline), discipline);
	mnl_attr_put_strz(message, TCA_KIND, kind);
	if (!*hex)
		return;
	nest = mnl_attr_nest_start(message, TCA_OPTIONS);
	for (char *to = (char *)nest + MNL_ATTR_HDRLEN; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		*to++ = (char)byte;
		message->nlmsg_len++;
	}
	message->nlmsg_len = MNL_ALIGN(message->nlmsg_len);
	mnl_attr_nest_end(message, nest);
}

/* Those whose classes and filters would be lost, and what is too long to be written down. */
static bool has_classes(const char *discipline)
{
	static const char *const kinds_with[] = {
		"htb:", "hfsc:",   "prio:", "drr:",    "qfq:",	  "cbq:",   "ets:",
		"atm:", "dsmark:", "mq:",   "mqprio:", "multiq:", "taprio:"};

	for (size_t i = 0; discipline && i < sizeof(kinds_with) / sizeof(kinds_with[0]); i++)
		if (text_starts(discipline, kinds_with[i]))
			return true;
	return discipline && strlen(discipline) > TOLD_MOST;
}

static int refuse_classes(const struct object *before, struct err *err)
{
	const struct queue *queue = before->data;

	err_set(err, -EBUSY,
		"it sends through classes of somebody's (%.*s), which could not be put back; "
		"expected none",
		(int)strcspn(queue->discipline, ":"), queue->discipline);
	return err_hint(err, "tc qdisc delete dev %s root", queue->device);
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	const struct object *object = step_object(step);
	const struct queue *queue = object->data;
	bool clears = !step->after || strcmp(queue->discipline, DEFAULT) == 0;
	struct sent sent = {0};
	struct nl_msg msg;
	struct tcmsg *header =
		nl_msg_start(&msg, clears ? RTM_DELQDISC : RTM_NEWQDISC,
			     clears ? 0 : NLM_F_CREATE | NLM_F_REPLACE, sizeof(*header));
	struct step as = *step;

	if (step->before && step->after &&
	    has_classes(((const struct queue *)step->before->data)->discipline))
		return refuse_classes(step->before, err);
	header->tcm_ifindex = (int)link_names_index(&site->names, queue->device);
	header->tcm_parent = TC_H_ROOT;
	if (!header->tcm_ifindex)
		return step->after ? refusal_tell_field(err, -ENODEV, NULL, object, DEVICE) : 0;
	if (clears)
		as.after = NULL; /* there is none to delete: as it shall be */
	else if (strcmp(queue->discipline, BUCKET) == 0)
		bucket_put(&msg.head,
			   ((const struct queue *)step_merged(step, site->arena)->data)->rate);
	else
		told_put(&msg.head, header, queue->discipline);
	if (clears) {
		int r = nl_talk(site->nl, &msg.head, NULL);

		return r == -ENOENT || r == -EINVAL || r == -ENODEV || !r
			       ? 0
			       : err_errno(err, r, "take the shaping away");
	}
	return message_send(&msg.head, &as, &sent, -ENOENT, site, err);
}

static void expand(struct object *object, struct state *state, struct diag *diag)
{
	if (!object_has(object, DISCIPLINE))
		object_set(object, "discipline", BUCKET, state->arena);
}

static const struct kind_ops ops = {.read = read_wanted, .apply = apply, .expand = expand};

const struct kind kind_queue = {
	.name = "queue",
	.config = "CONFIG_NET_SCH_TBF",
	.module = "sch_tbf",
	.summary = "what a device sends through; made by its key shape",
	.flags = KIND_HIDDEN | KIND_VALUE,
	KIND_FIELDS(fields),
	.size = sizeof(struct queue),
	.rank = RANK_NEIGHBOUR,
	.door = DOOR_OWN,
	.ops = &ops,
};
