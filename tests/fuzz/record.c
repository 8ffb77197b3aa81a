/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records, and through them every value type's parse and print: what is taken prints as a record
 * that is taken and prints the same.
 *
 * covers: src/model/record.c src/model/value.c src/model/value_text.c src/model/value_address.c
 * covers: src/model/kind.c
 */
#include <libmnl/libmnl.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/record.h"
#include "sys/link_names.h"

const char fuzz_name[] = "record";
const unsigned int fuzz_sample = 20000;
const size_t fuzz_most = 4096;

/* What a value says of itself: it is the same as its copy, travels to the kernel and back. */
static void check_value(const struct object *object, unsigned int i, struct arena *arena)
{
	const struct field *field = kind_field(object->kind, i);
	struct object *copy = object_copy(arena, object);
	char bytes[16384] __attribute__((aligned(8)));
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	struct link_names names = {0};
	struct text printed TEXT_CLEANUP = {0};

	FUZZ_CHECK(value_same(field, object_at(object, i), object_at(copy, i)));
	object_print(object, i, &printed);
	FUZZ_CHECK(strlen(text_get(&printed)) == printed.size);
	if (!field->attr || field->flags & FIELD_HEADER || !field->type->put || !field->type->get ||
	    field->type->device || field->type->presence)
		return;
	FUZZ_CHECK(field->type->put(field, object_at(object, i), &names, message) == 0);
	FUZZ_CHECK(field->type->get(field, mnl_nlmsg_get_payload(message), &names, arena,
				    object_at(copy, i)) == 0);
	FUZZ_CHECK(value_same(field, object_at(object, i), object_at(copy, i)));
}

void fuzz_one(const uint8_t *bytes, size_t size)
{
	struct text printed TEXT_CLEANUP = {0}, again TEXT_CLEANUP = {0};
	struct object *object, *second;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena);
	if (record_get((const char *)bytes, size, &arena, &object, &err)) {
		check_err(&err);
		arena_fini(&arena);
		return;
	}
	record_put(object, &printed);
	FUZZ_CHECK(record_get(text_get(&printed), printed.size, &arena, &second, &err) == 0);
	record_put(second, &again);
	FUZZ_CHECK(text_same(text_get(&printed), text_get(&again)));
	FUZZ_CHECK(object_order(object, second) == 0);
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++)
		if (object_has(object, i))
			check_value(object, i, &arena);
	arena_fini(&arena);
}

void fuzz_seeds(struct seeds *seeds)
{
	struct arena arena;

	arena_init(&arena);
	for (size_t k = 0; kinds[k]; k++)
		for (unsigned int variant = 0; variant < 8; variant++) {
			struct text text TEXT_CLEANUP = {0};

			record_put(example_object(kinds[k], variant % 2 ? "ns1" : "", UINT64_MAX,
						  variant, variant > 3, &arena),
				   &text);
			seed_text(seeds, &text);
		}
	for (size_t k = 0; kinds[k]; k++)
		for (size_t h = 0; example_hostile[h]; h++) {
			struct text text TEXT_CLEANUP = {0};

			text_add(&text, "%s /", kinds[k]->name);
			for (unsigned int i = h % 5; i < kind_field_count(kinds[k]); i += 5) {
				text_add(&text, " %s=", kind_field(kinds[k], i)->key);
				record_escape(example_hostile[h], &text);
			}
			seed_text(seeds, &text);
		}
	example_words(seeds);
	seed_word(seeds, "%00");
	seed_word(seeds, "%2");
	arena_fini(&arena);
}
