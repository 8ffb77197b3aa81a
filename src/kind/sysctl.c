/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel variable below net. It is always there: only its value changes. */
#include "sys/sysctl.h"

#include <errno.h>

#include "base/diag.h"
#include "model/object.h"
#include "model/state.h"
#include "model/step.h"
#include "sys/site.h"

struct sysctl {
	const char *name, *value, *device;
	uint8_t late;
};

/* clang-format off */
static const struct field fields[] = {
	{"name", &vtype_text, FIELD(sysctl, name), .flags = FIELD_KEY | FIELD_NEED,
	 .max = SYSCTL_NAME_MAX - 1, .doc = "name, as net.ipv4.ip_forward or net/ipv4/ip_forward"},
	{"value", &vtype_text, FIELD(sysctl, value), .flags = FIELD_NEED, .max = 4095,
	 .doc = "value"},
	{"device", &vtype_ref, FIELD(sysctl, device), .flags = FIELD_INNER | FIELD_OWNER,
	 .doc = "the device whose variable it is"},
	{"late", &vtype_bool, FIELD(sysctl, late), .flags = FIELD_INNER | FIELD_ASIDE | FIELD_LATER,
	 .doc = "written behind the others, since it overwrites some"},
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
	struct text value;
};

static int value_read(void *data, struct err *err)
{
	struct wish *wish = data;

	return sysctl_read(object_name(wish->object), &wish->value, err);
}

static int value_write(void *data, struct err *err)
{
	const struct object *object = data;

	return sysctl_write(object_name(object), object_text(object, "value"), err);
}

/* A variable that is not there (yet: its device may come) is no object. */
static int read_wanted(struct site *site, const struct state *wanted, struct state *out,
		       struct err *err)
{
	struct wish wish = {0};
	int r = 0;

	for (size_t i = 0; !r && (wish.object = state_next(wanted, "sysctl", &i));) {
		struct object *object;

		if (!text_same(wish.object->ns, site->ns))
			continue;
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
		object->set = 3; /* the first two of the table */
		device_set(object, out->arena);
		state_add(out, object);
	}
	text_fini(&wish.value);
	return r;
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
	r = site_inside(site, value_write, (void *)step->after, err);
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

static const struct kind_ops ops = {.read = read_wanted, .apply = apply, .expand = expand};

const struct kind kind_sysctl = {
	.name = "sysctl",
	.section = "sysctls",
	.summary = "a variable of the kernel's network, put back at down",
	.listing = LISTING_MAP,
	KIND_FIELDS(fields),
	.flags = KIND_VALUE,
	.size = sizeof(struct sysctl),
	.rank = RANK_SYSCTL,
	.door = DOOR_SYSCTL,
	.ops = &ops,
};
