/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules that hold for every kind, told from the tables: what must be written is there, and a
 * name that is nearly a declared one is a slip. A name that nothing here resembles is somebody
 * else's device, which must exist at `up`; only the system can say whether it does. Rules of
 * single kinds are the kinds' own.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/load.h"
#include "model/cascade.h"

/* A device, or the naming of one. */
struct name {
	const char *ns;
	const char *text;
	const struct object *object;
};

struct names {
	struct name *names;
	size_t len;
};

static int by_name(const void *a, const void *b)
{
	const struct name *left = a, *right = b;
	int order = strcmp(left->ns, right->ns);

	return order ? order : strcmp(left->text, right->text);
}

static int by_object(const void *a, const void *b)
{
	const struct name *left = a, *right = b;

	return (left->object > right->object) - (left->object < right->object);
}

static bool names_has(const struct names *names, const char *ns, const char *text)
{
	struct name like = {.ns = ns, .text = text};

	return names->len &&
	       bsearch(&like, names->names, names->len, sizeof(like), by_name) != NULL;
}

static void names_add(struct load *load, struct names *names, const struct object *object,
		      const char *text)
{
	names->names = arena_room(load->arena, names->names, names->len, sizeof(*names->names));
	names->names[names->len++] =
		(struct name){.ns = object->ns, .text = text, .object = object};
}

/* A field that names a device somebody wrote. */
static const char *named_device(const struct object *object, unsigned int i)
{
	const struct field *field = kind_field(object->kind, i);
	const char *text;

	if (!field->type->device || !object_has(object, i) || !field_written(field) ||
	    field->flags & FIELD_OWNER)
		return NULL;
	text = *(const char *const *)object_at(object, i);
	return strchr(text, '/') ? NULL : text; /* elsewhere: the plan sees whether it is there */
}

static void gather(struct load *load, struct names *devices, struct names *used)
{
	for (size_t k = 0; k < load->state->len; k++) {
		const struct object *object = load->state->objects[k];
		unsigned int count = kind_field_count(object->kind);

		if (kind_device(object->kind) && object_name(object) && !object->kind->device)
			names_add(load, devices, object, object_name(object));
		for (unsigned int i = 0; i < count; i++)
			if (named_device(object, i))
				names_add(load, used, object, named_device(object, i));
	}
	if (devices->len)
		qsort(devices->names, devices->len, sizeof(*devices->names), by_name);
	if (used->len)
		qsort(used->names, used->len, sizeof(*used->names), by_name);
}

/* tap0 and tap1, eth1.10 and eth2.10: two of a row, not a slip of the finger. */
static bool same_row(const char *a, const char *b)
{
	while (*a || *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			while (isdigit((unsigned char)*a))
				a++;
			while (isdigit((unsigned char)*b))
				b++;
		} else if (*a++ != *b++) {
			return false;
		}
	}
	return true;
}

/*
 * Could `text` have been meant to be this device? One of the same row is likely to be another that
 * exists, unless the one declared is made here and nobody names it.
 */
static bool meant(const struct names *used, const struct name *device, const char *text)
{
	if (!text_near(text, device->text))
		return false;
	if (!same_row(text, device->text))
		return true;
	return !(device->object->kind->flags & KIND_EXISTING) &&
	       !object_number(device->object, "existing", 0) &&
	       !names_has(used, device->ns, device->text);
}

static void check_named(struct load *load, const struct names *devices, const struct names *used,
			const struct object *object, unsigned int i)
{
	const char *text = named_device(object, i), *label;

	if (!text || names_has(devices, object->ns, text))
		return;
	for (size_t k = 0; k < devices->len && load->near_budget; k++) {
		const struct name *device = &devices->names[k];

		if (!text_same(device->ns, object->ns))
			continue;
		load->near_budget--;
		if (!meant(used, device, text))
			continue;
		label = object->kind->owner && object_owner(object)
				? arena_print(load->arena, "%s%s%s", object->ns,
					      object->ns[0] ? "/" : "", object_owner(object))
				: object_label(object, load->arena);
		err_hint(load_error(load, object_place(object, i), label,
				    "there is no %s here; did you mean \"%s\"%s?", text,
				    device->text, load_line(load, device->object->place)),
			 "%s", device->text);
		return;
	}
}

/* The namespace of an object, declared nowhere, that is nearly a declared one. */
static void check_ns(struct load *load, const struct names *spaces, const struct object *object)
{
	if (!object->ns[0] || names_has(spaces, "", object->ns))
		return;
	for (size_t k = 0; k < spaces->len && load->near_budget; k++) {
		const struct name *space = &spaces->names[k];

		load->near_budget--;
		if (!text_near(object->ns, space->text) || same_row(object->ns, space->text))
			continue;
		err_hint(load_error(load, object->place, object_label(object, load->arena),
				    "there is no namespace %s here; did you mean \"%s\"%s?",
				    object->ns, space->text, load_line(load, space->object->place)),
			 "%s/%s", space->text, object_name(object) ?: "");
		return;
	}
}

static void check_needs(struct load *load, const struct object *object)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);

		if (!(field->flags & FIELD_NEED) || object_has(object, i))
			continue;
		err_hint(load_error(load, object->place, object_label(object, load->arena),
				    "%s is missing; expected one: %s", field->key, field->doc),
			 "%s: %s", field->key, field->type->example);
	}
}

/* A device whose mtu stands here has no IPv6 below 1280; the kernel says only "invalid". */
static void check_mtu(struct load *load, const struct object *object)
{
	const struct object *device = state_owner(load->state, object);

	if (!device || !object_has_key(device, "mtu") ||
	    object_number(device, "mtu", 0) >= LINK_IPV6_MTU || link_admits(device, object))
		return;
	if (object_is_ipv6(object) || object_is_ipv6_value(object))
		err_hint(load_error(load, object->place, object_label(object, load->arena),
				    "%s has an mtu of %d, with which there is no IPv6; expected %d "
				    "or more (RFC 8200)%s",
				    object_name(device), (int)object_number(device, "mtu", 0),
				    LINK_IPV6_MTU, load_line(load, object_place_of(device, "mtu"))),
			 "mtu: %d", LINK_IPV6_MTU);
}

/* What was refused when it was read is not told again as missing. */
static void gather_faulty(struct load *load, struct names *faulty)
{
	for (size_t i = 0; i < load->len; i++)
		if (load->loaded[i].faulty)
			names_add(load, faulty, load->loaded[i].object, "");
	if (faulty->len)
		qsort(faulty->names, faulty->len, sizeof(*faulty->names), by_object);
}

static bool is_faulty(const struct names *faulty, const struct object *object)
{
	struct name like = {.object = object};

	return faulty->len &&
	       bsearch(&like, faulty->names, faulty->len, sizeof(like), by_object) != NULL;
}

static void refuse_twice(struct load *load, const struct object *a, const struct object *b)
{
	bool order = a->place.line < b->place.line ||
		     (a->place.line == b->place.line && a->place.column < b->place.column);
	const struct object *first = order ? a : b, *again = order ? b : a;

	load_error(load, again->place, object_label(again, load->arena),
		   "stands here twice%s; expected it once", load_line(load, first->place));
}

/* What an object says is none of this host's goes, before anything is made of it. */
static void drop(struct state *state, const struct object *because)
{
	size_t kept = 0;

	for (size_t i = 0; i < state->len; i++)
		if (!because->kind->ops->drops(because, state->objects[i], state))
			state->objects[kept++] = state->objects[i];
	state->len = kept;
}

void load_expand(struct load *load)
{
	struct state *state = load->state;
	size_t len = state->len;
	/* each of them is asked, whatever goes meanwhile */
	struct object **all =
		arena_copy(load->arena, state->objects, len * sizeof(*state->objects));

	for (size_t i = 0; i < len; i++)
		if (all[i]->kind->ops && all[i]->kind->ops->drops)
			drop(state, all[i]);
	/* expansion adds objects behind: they are expanded in their turn */
	for (size_t i = 0; i < state->len; i++)
		kind_expand(state->objects[i], state, load->diag);
	if (state->len > CONF_OBJECTS_MAX)
		load_error(load, state->objects[0]->place, load->host,
			   "there are more than %d objects", CONF_OBJECTS_MAX);
	state_sort(state);
	/* what differed in a key that only expansion has filled in (a route's table) */
	for (size_t i = 1; i < state->len; i++)
		if (object_order(state->objects[i - 1], state->objects[i]) == 0)
			refuse_twice(load, state->objects[i - 1], state->objects[i]);
}

static bool same_place(struct place a, struct place b)
{
	return text_same(a.file, b.file) && a.line == b.line && a.column == b.column;
}

void drop_repeated(struct diag *diag, size_t from, struct place but)
{
	size_t kept = from;

	for (size_t i = from; i < diag->error_count; i++) {
		struct place place = diag->errors[i].place;
		bool repeated = place.file && same_place(place, but);

		for (size_t k = 0; !repeated && place.file && k < kept; k++)
			repeated = same_place(place, diag->errors[k].place);
		if (!repeated && kept < CONF_ERRORS_MAX)
			diag->errors[kept++] = diag->errors[i];
	}
	diag->error_count = kept;
}

static void check_rules(struct load *load, const struct object *object, bool faulty)
{
	size_t before = load->diag->error_count;

	kind_check(object, load->state, load->diag);
	drop_repeated(load->diag, before, faulty ? object->place : (struct place){0});
}

void load_check(struct load *load)
{
	struct names devices = {0}, used = {0}, spaces = {0}, faulty = {0};

	gather(load, &devices, &used);
	gather_faulty(load, &faulty);
	for (size_t i = 0; i < load->state->len; i++)
		if (load->state->objects[i]->kind->door == DOOR_NETNS)
			names_add(load, &spaces, load->state->objects[i],
				  object_name(load->state->objects[i]));
	if (spaces.len)
		qsort(spaces.names, spaces.len, sizeof(*spaces.names), by_name);
	for (size_t k = 0; k < load->state->len; k++) {
		const struct object *object = load->state->objects[k];
		unsigned int count = kind_field_count(object->kind);

		if (!is_faulty(&faulty, object))
			check_needs(load, object);
		check_rules(load, object, is_faulty(&faulty, object));
		for (unsigned int i = 0; i < count; i++)
			check_named(load, &devices, &used, object, i);
		check_ns(load, &spaces, object);
		check_mtu(load, object);
	}
}
