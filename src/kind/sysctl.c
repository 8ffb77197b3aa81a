/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel variable below net. It is always there: only its value changes. IPv6's forwarding of all
 * devices has two ways: as written in a description it does what the kernel does; as a network
 * wants it (`others: kept`) it leaves each device's own value as it is.
 */
#include "sys/sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "model/object.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/site.h"

struct sysctl {
	const char *name, *value, *device, *others;
	uint8_t late, last;
};

#define FORWARD_ALL "net.ipv6.conf.all.forwarding"
#define KEPT "kept"

enum { NAME, VALUE, DEVICE, LATE, LAST, OTHERS };

/* clang-format off */
static const struct field fields[] = {
	[NAME] = {"name", &vtype_text, FIELD(sysctl, name), .flags = FIELD_KEY | FIELD_NEED,
		  .max = SYSCTL_NAME_MAX - 1,
		  .doc = "name, as net.ipv4.ip_forward or net/ipv4/ip_forward"},
	[VALUE] = {"value", &vtype_text, FIELD(sysctl, value), .flags = FIELD_NEED, .max = 4095,
		   .doc = "value"},
	[DEVICE] = {"device", &vtype_ref, FIELD(sysctl, device),
		    .flags = FIELD_INNER | FIELD_OWNER, .doc = "the device whose variable it is"},
	[LATE] = {"late", &vtype_bool, FIELD(sysctl, late),
		  .flags = FIELD_INNER | FIELD_ASIDE | FIELD_LATER,
		  .doc = "written behind the others, since it overwrites some"},
	[LAST] = {"last", &vtype_bool, FIELD(sysctl, last),
		  .flags = FIELD_INNER | FIELD_ASIDE | FIELD_LATER,
		  .doc = "written behind those, too"},
	[OTHERS] = {"others", &vtype_text, FIELD(sysctl, others), .flags = FIELD_INNER | FIELD_ASIDE,
		    .doc = "kept: what it overwrites is put back; read: which forward; own: a device's all"},
};
/* clang-format on */

extern const struct kind kind_sysctl;

static void device_set(struct object *object, struct arena *arena)
{
	char device[16];

	if (sysctl_device(object_name(object), device))
		object_set(object, "device", device, arena);
}

struct wish {
	const struct object *object;
	struct text value, others;
	bool spares;
};

static int value_read(void *data, struct err *err)
{
	struct wish *wish = data;
	int r = sysctl_read(object_name(wish->object), &wish->value, err);

	return r || !wish->spares ? r : sysctl_forwarders(&wish->others, err);
}

/* Which devices shall forward behind the switch for all; NULL: whichever the kernel says. */
static const char *spared(const struct step *step)
{
	const char *then = object_text(step->after, "others");

	/* undoing knows what was before; else it is as it is now */
	if (then && strcmp(then, KEPT) != 0)
		return then;
	return object_text(step->before, "others");
}

static int value_write(void *data, struct err *err)
{
	const struct step *step = data;
	const char *name = object_name(step->after), *value = object_text(step->after, "value");

	if (text_same(name, FORWARD_ALL) && spared(step))
		return sysctl_forward_all(value, spared(step), err);
	return sysctl_write(name, value, err);
}

/* A network wants it, or did: then it matters which devices forward besides. */
static bool spares(const struct state *wanted, const struct object *object)
{
	const struct object *other;

	for (size_t i = 0; (other = state_next(wanted, "sysctl", &i));)
		if (object_has(other, OTHERS) && object_order(other, object) == 0)
			return true;
	return false;
}

struct unlike {
	struct site *site;
	const char *device;
	struct state *out;
};

static int unlike_add(void *data, const char *name, const char *value)
{
	const struct unlike *unlike = data;
	struct object *object = object_make(unlike->out->arena, &kind_sysctl, unlike->site->ns);

	object_set(object, "name", name, unlike->out->arena);
	object_set(object, "value", value, unlike->out->arena);
	device_set(object, unlike->out->arena);
	state_add(unlike->out, object);
	return 0;
}

static int unlike_read(void *data, struct err *err)
{
	const struct unlike *unlike = data;

	return sysctl_unlike_new(unlike->device, unlike_add, data);
}

/* What a device would lose: see state_want_own_values. */
static int read_own_values(struct site *site, const struct object *wish, struct state *out,
			   struct err *err)
{
	struct unlike unlike = {.site = site, .device = object_text(wish, "device"), .out = out};

	return site_inside(site, unlike_read, &unlike, err);
}

/* A variable that is not there (yet: its device may come) is no object. */
static int read_wanted(struct site *site, const struct state *wanted, struct state *out,
		       struct err *err)
{
	struct wish wish = {0};
	struct sysctl *its;
	int r = 0;

	for (size_t i = 0; !r && (wish.object = state_next(wanted, "sysctl", &i));) {
		struct object *object;

		if (!text_same(wish.object->ns, site->ns))
			continue;
		if (text_same(object_text(wish.object, "others"), STATE_OWN_VALUES)) {
			r = read_own_values(site, wish.object, out, err);
			continue;
		}
		text_clear(&wish.others);
		wish.spares = text_same(object_name(wish.object), FORWARD_ALL) &&
			      spares(wanted, wish.object);
		r = site_inside(site, value_read, &wish, err);
		if (r == -ENOENT || r == -EACCES || r == -EPERM) {
			r = 0; /* write-only ones, too */
			continue;
		}
		object = object_make(out->arena, &kind_sysctl, site->ns);
		*(struct sysctl *)object->data = (struct sysctl){
			.name = arena_text(out->arena, object_name(wish.object)),
			.value = arena_text(out->arena, text_get(&wish.value)),
		};
		object->set = 1 << NAME | 1 << VALUE;
		if (wish.spares) {
			its = object->data;
			its->others = arena_text(out->arena, text_get(&wish.others));
			object->set |= 1 << OTHERS;
		}
		device_set(object, out->arena);
		state_add(out, object);
	}
	text_fini(&wish.value);
	text_fini(&wish.others);
	return r;
}

/* Whose forwarding `own`, the description's promises, has switched on. */
static bool forwards_by_us(const struct state *own, const struct object *object, const char *device)
{
	char name[16], *dot;
	const struct object *ours;

	snprintf(name, sizeof(name), "%s", device);
	while ((dot = strchr(name, '.')))
		*dot = '/';
	ours = state_named(own, "sysctl", object->ns,
			   arena_print(own->arena, "net.ipv6.conf.%s.forwarding", name));
	return ours && text_same(object_text(ours, "value"), "1");
}

/*
 * Devices that have come to forward since, neither before nor by us: whoever wanted that counts on
 * the switch for all, which was on when he came.
 */
static const char *relied_on(const struct object *prior, const struct object *actual,
			     const struct state *own)
{
	const char *before = object_text(prior, "others"), *now = object_text(actual, "others");
	char *save = NULL, *list, *device;

	if (!before || !now || text_same(object_text(prior, "value"), "1"))
		return NULL;
	list = arena_text(own->arena, now);
	strtok_r(list, " ", &save);
	while ((device = strtok_r(NULL, " ", &save)))
		if (!sysctl_forwards(before, device) && !forwards_by_us(own, actual, device))
			return arena_print(own->arena, "%s forwards, too, by somebody else's will",
					   device);
	return NULL;
}

/* What a device of ours has where the text is silent: what new devices are given. */
static int value_forget(void *data, struct err *err)
{
	const struct object *object = data;
	struct text value TEXT_CLEANUP = {0};
	char name[SYSCTL_NAME_MAX];

	if (sysctl_default(object_name(object), name) && sysctl_read(name, &value, err) == 0)
		sysctl_write(object_name(object), text_get(&value), err);
	return 0; /* it may have gone with its device */
}

static int apply(struct site *site, const struct step *step, struct err *err)
{
	int r;

	if (!step->after)
		return site_inside(site, value_forget, (void *)step->before, err);
	r = site_inside(site, value_write, (void *)step, err);
	if (r)
		err_at(err, object_label(step->after, site->arena),
		       object_place_of(step->after, "value"));
	return r;
}

static void expand(struct object *object, struct state *state, struct diag *diag)
{
	struct sysctl *sysctl = object->data;
	struct text value TEXT_CLEANUP = {0};
	char name[SYSCTL_NAME_MAX];
	struct err err;

	if (sysctl_name(sysctl->name, name, &err)) {
		diag_error(diag, object_place_of(object, "name"),
			   object_label(object, state->arena), "%s", err.message);
		return;
	}
	sysctl->name = arena_text(state->arena, name);
	if (object_has_key(object, "value")) {
		sysctl_value(sysctl->value, &value);
		sysctl->value = arena_text(state->arena, text_get(&value));
	}
	device_set(object, state->arena);
}

static const struct kind_ops ops = {
	.read = read_wanted, .apply = apply, .expand = expand, .relied_on = relied_on};

const struct kind kind_sysctl = {
	.name = "sysctl",
	.section = "sysctls",
	.summary = "a variable of the kernel's network, put back at down",
	.listing = LISTING_MAP,
	KIND_FIELDS(fields),
	.flags = KIND_VALUE | KIND_MADE, /* or it is written */
	.size = sizeof(struct sysctl),
	.rank = RANK_SYSCTL,
	.door = DOOR_SYSCTL,
	.ops = &ops,
};
