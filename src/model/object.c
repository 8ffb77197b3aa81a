/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the kernel or the text says for itself, and no plan compares. */
#define NEVER_COMPARED                                                                             \
	(FIELD_KEY | FIELD_READ | FIELD_ASIDE | FIELD_COUNTS | FIELD_FACE | FIELD_IDENT)

struct object *object_make(struct arena *arena, const struct kind *kind, const char *ns)
{
	struct object *object = arena_make(arena, struct object);

	object->kind = kind;
	object->ns = arena_text(arena, ns);
	object->data = arena_alloc(arena, kind->size);
	return object;
}

struct object *object_copy(struct arena *arena, const struct object *object)
{
	struct object *copy = object_make(arena, object->kind, object->ns);
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++)
		if (object_has(object, i))
			object_take(copy, i, object, i, arena);
	copy->place = object->place;
	copy->automatic = object->automatic;
	if (object->places)
		copy->places = arena_copy(arena, object->places, count * sizeof(struct place));
	return copy;
}

void *object_at(const struct object *object, unsigned int i)
{
	return (unsigned char *)object->data + kind_field(object->kind, i)->offset;
}

static void place_put(struct object *object, unsigned int i, struct place place,
		      struct arena *arena)
{
	if (!place.file)
		return;
	if (!object->places)
		object->places =
			arena_alloc(arena, kind_field_count(object->kind) * sizeof(struct place));
	object->places[i] = place;
}

int object_parse(struct object *object, unsigned int i, const char *text, struct place place,
		 struct arena *arena, struct err *err)
{
	const struct field *field = kind_field(object->kind, i);
	int r = field->type->parse(field, text, arena, object_at(object, i), err);

	if (r)
		return r;
	object->set |= UINT64_C(1) << i;
	place_put(object, i, place, arena);
	return 0;
}

void object_print(const struct object *object, unsigned int i, struct text *out)
{
	const struct field *field = kind_field(object->kind, i);

	field->type->print(field, object_at(object, i), out);
}

void object_write(const struct object *object, unsigned int i, struct text *out)
{
	const struct field *field = kind_field(object->kind, i);

	(field->type->write ? field->type->write : field->type->print)(field, object_at(object, i),
								       out);
}

bool object_place_own(const struct object *object, unsigned int i)
{
	return object->places && object->places[i].line;
}

struct place object_place(const struct object *object, unsigned int i)
{
	if (object->places && object->places[i].file)
		return object->places[i];
	return object->place;
}

bool object_has_of(const struct object *object, const struct kind *kind, unsigned int i)
{
	return i < kind_field_count(object->kind) && object_has(object, i) &&
	       kind_field(object->kind, i) == kind_field(kind, i);
}

void object_take(struct object *to, unsigned int i, const struct object *from, unsigned int j,
		 struct arena *arena)
{
	value_copy(kind_field(to->kind, i), arena, object_at(to, i), object_at(from, j));
	to->set |= UINT64_C(1) << i;
	if (from->places)
		place_put(to, i, from->places[j], arena);
}

static int find_set(const struct object *object, const char *key)
{
	int i = kind_field_find(object->kind, key);

	return i >= 0 && object_has(object, (unsigned int)i) ? i : -1;
}

const char *object_text(const struct object *object, const char *key)
{
	int i = find_set(object, key);

	if (i < 0 || !kind_field(object->kind, (unsigned int)i)->type->text)
		return NULL;
	return *(const char *const *)object_at(object, (unsigned int)i);
}

int64_t object_number(const struct object *object, const char *key, int64_t otherwise)
{
	int i = find_set(object, key);
	const struct vtype *type;

	if (i < 0)
		return otherwise;
	type = kind_field(object->kind, (unsigned int)i)->type;
	if (type->size != 1 && type->size != 2 && type->size != 4 &&
	    (type->size != 8 || type->text))
		return otherwise;
	return (int64_t)value_number(object_at(object, (unsigned int)i), type->size);
}

const char *object_initial(const struct object *object, unsigned int i)
{
	const struct field *field = kind_field(object->kind, i);

	return field->native && object_number(object, "bare", 0) ? field->native : field->initial;
}

const void *object_value(const struct object *object, const char *key, const struct vtype *type)
{
	int i = find_set(object, key);

	if (i < 0 || kind_field(object->kind, (unsigned int)i)->type != type)
		return NULL;
	return object_at(object, (unsigned int)i);
}

struct place object_place_of(const struct object *object, const char *key)
{
	int i = kind_field_find(object->kind, key);

	return i < 0 ? object->place : object_place(object, (unsigned int)i);
}

bool object_has_key(const struct object *object, const char *key)
{
	return find_set(object, key) >= 0;
}

void object_set(struct object *object, const char *key, const char *text, struct arena *arena)
{
	int i = kind_field_find(object->kind, key);
	struct err err = {.message = "no such key"};

	if (i >= 0 &&
	    object_parse(object, (unsigned int)i, text, (struct place){0}, arena, &err) == 0)
		return;
	fprintf(stderr, "lanloom: %s: %s=%s: %s\n", object->kind->name, key, text, err.message);
	abort();
}

int object_parse_any(struct object *object, unsigned int i, const char *text, struct arena *arena,
		     struct err *err)
{
	struct field field = *kind_field(object->kind, i);
	int r;

	field.flags |= FIELD_ANY;
	field.min = field.max = 0;
	r = field.type->parse(&field, text, arena, object_at(object, i), err);
	if (!r)
		object->set |= UINT64_C(1) << i;
	return r;
}

int object_recall(struct object *object, const char *key, const char *text, struct arena *arena)
{
	int i = kind_field_find(object->kind, key);
	struct err unused;

	return i < 0 ? i : object_parse_any(object, (unsigned int)i, text, arena, &unused);
}

/* Of a field of the root, which stands at the same number and place in both. */
static int key_order(const struct object *a, const struct object *b, const struct field *field,
		     unsigned int i)
{
	const char *left = (const char *)a->data + field->offset,
		   *right = (const char *)b->data + field->offset;

	if (object_has(a, i) != object_has(b, i))
		return object_has(a, i) - object_has(b, i);
	if (!object_has(a, i))
		return 0;
	if (field->type->text)
		return text_compare(*(const char *const *)left, *(const char *const *)right);
	return memcmp(left, right, field->type->size);
}

int object_order(const struct object *a, const struct object *b)
{
	const struct kind *left = kind_root(a->kind), *right = kind_root(b->kind);
	int order = text_compare(a->ns, b->ns);

	if (order)
		return order;
	if (left != right) {
		order = (left->rank > right->rank) - (left->rank < right->rank);
		return order ? order : strcmp(left->name, right->name);
	}
	/* the keys belong to the root, whose fields come first and stand at the same numbers */
	for (unsigned int i = 0; !order && i < left->field_count; i++)
		if (left->fields[i].flags & FIELD_KEY)
			order = key_order(a, b, &left->fields[i], i);
	return order;
}

uint64_t object_differs(const struct object *want, const struct object *have)
{
	unsigned int count = kind_field_count(want->kind);
	uint64_t mask = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(want->kind, i);

		if (!object_has(want, i) || field->flags & NEVER_COMPARED)
			continue;
		if (field->type->text && !object_has(have, i) &&
		    !**(const char **)object_at(want, i))
			continue; /* an empty text is told by its absence */
		/* another kind of link has the base's fields only */
		if (!object_has_of(have, want->kind, i) ||
		    !value_same(field, object_at(want, i), object_at(have, i)))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

bool object_other(const struct object *a, const struct object *b)
{
	unsigned int count = kind_field_count(kind_root(a->kind));

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(a->kind, i);

		if (field->flags & FIELD_IDENT && object_has(a, i) && object_has(b, i) &&
		    memcmp(object_at(a, i), object_at(b, i), field->type->size) != 0)
			return true;
	}
	return false;
}

const char *object_name(const struct object *object)
{
	return object_text(object, "name");
}

const char *object_title(const struct object *object)
{
	const char *name = object_name(object);

	for (unsigned int i = 0; !name && i < kind_field_count(object->kind); i++)
		if (kind_field(object->kind, i)->flags & FIELD_KEY &&
		    kind_field(object->kind, i)->type->device && object_has(object, i))
			name = *(const char *const *)object_at(object, i);
	return name;
}

const char *object_owner(const struct object *object)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++)
		if (kind_field(object->kind, i)->flags & FIELD_OWNER && object_has(object, i))
			return *(const char **)object_at(object, i);
	return NULL;
}

const char *object_label(const struct object *object, struct arena *arena)
{
	const char *slash = object->ns[0] ? "/" : "", *owner = object_owner(object);
	unsigned int count = kind_field_count(object->kind);
	struct text key TEXT_CLEANUP = {0};

	if (kind_is(object->kind, "link") && object_name(object))
		return arena_print(arena, "%s%s%s", object->ns, slash, object_name(object));
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);

		if (!(field->flags & FIELD_KEY) || field->flags & FIELD_OWNER ||
		    !object_has(object, i))
			continue;
		if (key.size)
			text_add(&key, " %s ", field->key);
		object_print(object, i, &key);
	}
	if (owner && !key.size)
		return arena_print(arena, "%s %s%s%s", object->kind->name, object->ns, slash,
				   owner);
	if (owner)
		return arena_print(arena, "%s %s on %s%s%s", object->kind->name, text_get(&key),
				   object->ns, slash, owner);
	return arena_print(arena, "%s %s%s%s", object->kind->name, object->ns, slash,
			   text_get(&key));
}
