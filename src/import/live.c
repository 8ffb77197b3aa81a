/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a system has, as wishes. What the kernel makes by itself is left out (lo's own addresses,
 * link-local ones, prefix routes), and so is a value that a device of ours has where the text is
 * silent. NICs and what has a place in a description go over; what is of no kind is named.
 */
#include <string.h>

#include "base/text.h"
#include "import/import.h"
#include "model/kind.h"

static bool is_loopback(const struct object *object)
{
	return text_same(object_name(object), "lo");
}

/* Devices are their own owners; of all else it is asked whether the device goes over. */
static bool owner_goes(const struct state *actual, const struct object *object)
{
	const struct object *owner = state_owner(actual, object);

	if (owner && !owner->kind->section && owner->kind->owner) /* a VLAN of a port */
		return owner_goes(actual, owner);
	return !object_owner(object) || (owner && owner->kind->section) ||
	       text_same(object_owner(object), "lo");
}

/* 127.0.0.1/8 and ::1/128 come with lo. */
static bool comes_with_lo(const struct object *object)
{
	const char *address = object_text(object, "address");

	return text_same(object_owner(object), "lo") && address &&
	       (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1/128") == 0);
}

/* Names of namespaces are machine-wide: where nothing was read in one it is another's. */
static bool namespace_used(const struct state *actual, const char *name)
{
	for (size_t i = 0; i < actual->len; i++)
		if (text_same(actual->objects[i]->ns, name))
			return true;
	return false;
}

static bool goes(const struct state *actual, const struct object *object, struct diag *diag)
{
	const struct kind *kind = object->kind;
	const char *type;

	if (object->automatic)
		return false;
	if (kind->door == DOOR_NETNS)
		return namespace_used(actual, object_name(object));
	if (kind->flags & KIND_VALUE)
		return false;
	if (object_owner(object))
		return owner_goes(actual, object) && !comes_with_lo(object);
	if (kind->section)
		return true;
	if (kind->device) /* told by a key of its device (a carrier) */
		return false;
	type = object_text(object, "type");
	if (!is_loopback(object))
		diag_warning(diag, (struct place){0}, object_name(object),
			     "a device of the sort %s has no counterpart; left out",
			     type ? type : kind->name);
	return false;
}

/* What the kernel makes of the initial value: 31.25 s become 31.24. */
static bool rounds_to(const struct object *object, unsigned int i)
{
	const struct field *field = kind_field(object->kind, i);
	struct object *like;
	struct arena arena;
	struct err err;
	bool same;

	arena_init(&arena);
	like = object_make(&arena, object->kind, "");
	same = object_parse(like, i, field->initial, (struct place){0}, &arena, &err) == 0 &&
	       value_same(field, object_at(like, i), object_at(object, i));
	arena_fini(&arena);
	return same;
}

/* What nobody has to say: it is so anyway, or only the kernel says it. */
static bool is_silent(const struct object *object, unsigned int i)
{
	const struct field *field = kind_field(object->kind, i);
	struct text value TEXT_CLEANUP = {0};

	if (field->flags & (FIELD_KEY | FIELD_OWNER | FIELD_NEED))
		return false;
	if (field->flags & (FIELD_READ | FIELD_IDENT | FIELD_COUNTS))
		return true;
	if (field->flags & FIELD_ASIDE) /* with it they last, and other defaults hold */
		return !object_number(object, "keep-carrier", 0);
	object_print(object, i, &value);
	if (field->initial && (text_same(text_get(&value), field->initial) || rounds_to(object, i)))
		return true;
	/* the kernel's, or a NIC's own */
	return object->kind->flags & KIND_EXISTING && strcmp(field->key, "macaddress") == 0;
}

/*
 * One end of a wire whose other end is where nothing was read (a container's, without a name):
 * nobody could make such a one, so it is left to those who do.
 */
static bool is_half(const struct object *object)
{
	int peer = kind_field_find(object->kind, "peer");

	return peer >= 0 && !object->kind->owner && !object_has(object, (unsigned int)peer) &&
	       kind_field_find(object->kind, "existing") >= 0;
}

/* lo is of no kind that is written; with an address of its own it stands among the NICs. */
static void lo_add(struct state *desired)
{
	struct object *lo;

	for (size_t i = 0; i < desired->len; i++) {
		const struct object *object = desired->objects[i];

		if (!text_same(object_owner(object), "lo") ||
		    state_named(desired, "ethernet", object->ns, "lo"))
			continue;
		lo = object_make(desired->arena, kind_find("ethernet"), object->ns);
		object_set(lo, "name", "lo", desired->arena);
		state_add(desired, lo);
	}
}

void import_live(const struct state *actual, struct state *desired, struct diag *diag)
{
	for (size_t i = 0; i < actual->len; i++) {
		struct object *object;

		if (!goes(actual, actual->objects[i], diag))
			continue;
		object = object_copy(desired->arena, actual->objects[i]);
		for (unsigned int k = 0; k < kind_field_count(object->kind); k++)
			if (object_has(object, k) && is_silent(object, k))
				object->set &= ~(UINT64_C(1) << k);
		if (is_half(object))
			object_set(object, "existing", "true", desired->arena);
		state_add(desired, object);
	}
	lo_add(desired);
	state_sort(desired);
}
