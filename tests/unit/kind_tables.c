/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every table is sound in itself, and every initial value is a value. */
#include "test.h"

#include <ctype.h>
#include <string.h>

#include "model/object.h"

static void sorted(void)
{
	CHECK(kinds[0] != NULL);
	for (size_t i = 0; kinds[i] && kinds[i + 1]; i++)
		CHECK(strcmp(kinds[i]->name, kinds[i + 1]->name) < 0);
	for (size_t i = 0; kinds[i]; i++)
		CHECK(kind_find(kinds[i]->name) == kinds[i]);
}

static bool inside(const struct kind *kind, const struct field *field)
{
	return field->offset + (size_t)field->type->size <= kind->size &&
	       field->offset % (field->type->text ? sizeof(char *) : 1) == 0;
}

static bool apart(const struct field *a, const struct field *b)
{
	return a->offset + a->type->size <= b->offset || b->offset + b->type->size <= a->offset;
}

/* Two fields of a kind have neither a key, nor bytes, nor an attribute in common. */
static void distinct(const struct kind *kind, unsigned int i, unsigned int j)
{
	const struct field *a = kind_field(kind, i), *b = kind_field(kind, j);
	unsigned int nest = FIELD_TOP | FIELD_HEADER;
	bool bits =
		a->type == b->type && a->min != b->min &&
		(a->type == &vtype_bit || a->type == &vtype_bit16 || a->type == &vtype_bit_be16);

	CHECK(strcmp(a->key, b->key) != 0);
	CHECK(apart(a, b));
	CHECK(!a->attr || a->attr != b->attr || bits || (a->flags & nest) != (b->flags & nest));
}

static void fields_sound(void)
{
	for (size_t k = 0; kinds[k]; k++) {
		const struct kind *kind = kinds[k];
		unsigned int count = kind_field_count(kind), keys = 0, owners = 0;

		CHECK(count > 0 && count <= 64);
		CHECK(kind->summary && islower((unsigned char)kind->summary[0]));
		for (unsigned int i = 0; i < count; i++) {
			const struct field *field = kind_field(kind, i);

			CHECK(field->key && field->type && inside(kind, field));
			CHECK(field->doc && strlen(field->doc) < 100);
			CHECK((field->type == &vtype_word) == (field->words != NULL));
			CHECK(!(field->flags & FIELD_IDENT) || field->flags & FIELD_READ);
			keys += (field->flags & FIELD_KEY) != 0;
			owners += (field->flags & FIELD_OWNER) != 0;
			for (unsigned int j = 0; j < i; j++)
				distinct(kind, i, j);
		}
		CHECK(keys > 0 && owners <= 1);
	}
}

static void initials_parse(void)
{
	struct arena arena;

	arena_init(&arena);
	for (size_t k = 0; kinds[k]; k++)
		for (unsigned int i = 0; i < kind_field_count(kinds[k]); i++) {
			const struct field *field = kind_field(kinds[k], i);
			struct object *object = object_make(&arena, kinds[k], "");
			struct text printed TEXT_CLEANUP = {0};
			struct err err;

			if (!field->initial)
				continue;
			CHECK(!object_parse(object, i, field->initial, (struct place){0}, &arena,
					    &err));
			object_print(object, i, &printed);
			if (field->type != &vtype_user && field->type != &vtype_group)
				CHECK_TEXT(text_get(&printed), field->initial);
		}
	arena_fini(&arena);
}

static void relations_hold(void)
{
	for (size_t k = 0; kinds[k]; k++) {
		const struct kind *kind = kinds[k];

		CHECK(!kind->base ||
		      (kind->size >= kind->base->size && kind->rank == kind_root(kind)->rank));
		CHECK(!kind->owner ||
		      (kind_find(kind->owner) &&
		       (kind->flags & KIND_HIDDEN || (kind->listed && kind->listing))));
		CHECK(!kind->device || kind_find(kind->device));
		CHECK(kind->section || kind->owner || kind->flags & KIND_HIDDEN);
		CHECK(!(kind->flags & KIND_SLAVE) || kind_find(kind->owner)->word);
		CHECK(!kind->word || kind->config);
		/* what is hidden, or has a base, may be read by the kind it belongs to (pvid) */
		CHECK(kind->door != DOOR_OWN ||
		      (kind->ops && kind->ops->apply &&
		       (kind->ops->read || kind->base || kind->flags & KIND_HIDDEN)));
		if (kind->owner) {
			unsigned int owners = 0;

			for (unsigned int i = 0; i < kind_field_count(kind); i++)
				owners += (kind_field(kind, i)->flags & FIELD_OWNER) != 0;
			CHECK(owners == 1);
		}
	}
}

int main(void)
{
	TEST(sorted);
	TEST(fields_sound);
	TEST(initials_parse);
	TEST(relations_hold);
	return test_done();
}
