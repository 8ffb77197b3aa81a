/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects made of nothing but the kinds' tables. */
#include <inttypes.h>
#include <string.h>

#include "fuzz/fuzz.h"

#define CANDIDATES 16

const char *const example_hostile[] = {
	"18446744073709551617",
	"-1",
	"0x10",
	"1e9",
	"t%d",
	"../x",
	"a/b",
	".",
	"..",
	"/",
	"abcdefghijklmnop",
	"fe80::1%1",
	"::ffff:1.2.3.4/96",
	"256.1.1.1",
	"10.0.0.1/33",
	"::/129",
	"ff:ff:ff:ff:ff:ff",
	"null",
	"~",
	"true",
	"off",
	"",
	" ",
	"%n%s",
	"[::1]:0",
	"a:65536",
	NULL,
};

/* The name that an example of this kind has: its kind's, cut to what a device takes. */
static const char *name_of(const struct kind *kind, struct arena *arena)
{
	return arena_textn(arena, kind->name, strnlen(kind->name, 15));
}

/* The kind whose example a field that names an owner means. */
static const char *owner_name(const struct kind *kind, struct arena *arena)
{
	const struct kind *owner = kind->owner ? kind_find(kind->owner) : NULL;

	for (size_t i = 0; owner && !owner->section && kinds[i]; i++)
		if (kinds[i]->section && kind_is(kinds[i], kind->owner))
			owner = kinds[i]; /* any that is based on it */
	return owner ? name_of(owner, arena) : "eth0";
}

static size_t candidates(const struct kind *kind, const struct field *field, unsigned int variant,
			 const char *list[CANDIDATES], struct arena *arena)
{
	size_t len = 0, words = 0;

	if (field->flags & FIELD_OWNER)
		list[len++] = owner_name(kind, arena);
	if (field->flags & FIELD_KEY && field->type->shape == SHAPE_TEXT && field->type->text &&
	    !field->type->device)
		list[len++] = name_of(kind, arena);
	while (field->words && field->words[words])
		words++;
	if (words)
		list[len++] = field->words[variant % words];
	if (field->min || field->max) {
		list[len++] = arena_print(arena, "%" PRId64, variant % 2 ? field->max : field->min);
		list[len++] = arena_print(arena, "%" PRId64, field->min + 1);
	}
	if (variant % 3 == 0 && field->initial)
		list[len++] = field->initial;
	list[len++] = field->type->example;
	if (field->initial)
		list[len++] = field->initial;
	list[len++] = "1";
	list[len++] = "tap";
	list[len++] = "10.0.0.1";
	return len;
}

const char *example_value(const struct kind *kind, unsigned int i, unsigned int variant,
			  struct arena *arena)
{
	struct object *trial = object_make(arena, kind, "");
	const char *list[CANDIDATES];
	size_t len = candidates(kind, kind_field(kind, i), variant, list, arena);
	struct err unused;

	for (size_t at = 0; at < len; at++)
		if (list[at][0] &&
		    object_parse(trial, i, list[at], (struct place){0}, arena, &unused) == 0)
			return list[at];
	return NULL;
}

struct object *example_object(const struct kind *kind, const char *ns, uint64_t mask,
			      unsigned int variant, bool read, struct arena *arena)
{
	struct object *object = object_make(arena, kind, ns);
	struct err unused;

	for (unsigned int i = 0; i < kind_field_count(kind); i++) {
		unsigned int flags = kind_field(kind, i)->flags;
		bool needed = flags & (FIELD_KEY | FIELD_NEED);
		const char *value;

		if ((!needed && !(mask >> i & 1)) ||
		    (!read && !needed && flags & (FIELD_READ | FIELD_INNER)))
			continue;
		value = example_value(kind, i, variant, arena);
		if (value)
			object_parse(object, i, value, (struct place){0}, arena, &unused);
	}
	return object;
}

void example_state(struct state *state, unsigned int variant, struct arena *arena)
{
	state_init(state, arena);
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i]->section || kinds[i]->owner)
			state_put(state,
				  example_object(kinds[i], variant % 4 == 3 ? "namespace" : "",
						 variant % 4 == 1 ? 0 : UINT64_MAX, variant, false,
						 arena));
	state_sort(state);
}

/* A key's parts are words, too: "parameters.stp". */
static void words_of_key(struct seeds *seeds, const char *key, struct arena *arena)
{
	for (const char *dot; (dot = strchr(key, '.')); key = dot + 1)
		seed_word(seeds, arena_textn(arena, key, (size_t)(dot - key)));
	seed_word(seeds, key);
}

static void words_of_field(struct seeds *seeds, const struct kind *kind, unsigned int i,
			   struct arena *arena)
{
	const struct field *field = kind_field(kind, i);
	const char *value = example_value(kind, i, i, arena);

	words_of_key(seeds, field->key, arena);
	if (field->spread)
		words_of_key(seeds, field->spread, arena);
	for (size_t w = 0; field->words && field->words[w]; w++)
		seed_word(seeds, field->words[w]);
	if (value)
		seed_word(seeds, value);
}

void example_words(struct seeds *seeds)
{
	struct arena arena;

	arena_init(&arena);
	for (size_t k = 0; kinds[k]; k++) {
		const char *of_kind[] = {kinds[k]->name, kinds[k]->section, kinds[k]->mode,
					 kinds[k]->word, kinds[k]->listed,  kinds[k]->listed_map};

		for (size_t i = 0; i < sizeof(of_kind) / sizeof(of_kind[0]); i++)
			if (of_kind[i])
				seed_word(seeds, of_kind[i]);
		for (unsigned int i = 0; i < kind_field_count(kinds[k]); i++)
			words_of_field(seeds, kinds[k], i, &arena);
	}
	for (size_t i = 0; example_hostile[i]; i++)
		seed_word(seeds, example_hostile[i]);
	arena_fini(&arena);
}
