/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/kind.h"

#include <string.h>

#include "model/object.h"

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; kinds[i]; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

const struct kind *kind_of_word(const char *word)
{
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i]->word && strcmp(kinds[i]->word, word) == 0)
			return kinds[i];
	return NULL;
}

const struct kind *kind_of_section(const char *section, const char *mode)
{
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i]->section && strcmp(kinds[i]->section, section) == 0 &&
		    (!mode || !kinds[i]->mode || strcmp(kinds[i]->mode, mode) == 0))
			return kinds[i];
	return NULL;
}

const struct kind *kind_root(const struct kind *kind)
{
	while (kind->base)
		kind = kind->base;
	return kind;
}

bool kind_is(const struct kind *kind, const char *name)
{
	/* asked of every kind for every key: nearly all differ in their first letter */
	for (; kind; kind = kind->base)
		if (kind->name == name ||
		    (kind->name[0] == name[0] && strcmp(kind->name, name) == 0))
			return true;
	return false;
}

unsigned int kind_field_count(const struct kind *kind)
{
	unsigned int count = 0;

	for (; kind; kind = kind->base)
		count += kind->field_count;
	return count;
}

const struct field *kind_field(const struct kind *kind, unsigned int i)
{
	unsigned int before = kind_field_count(kind->base);

	while (i < before) {
		kind = kind->base;
		before -= kind->field_count;
	}
	return &kind->fields[i - before];
}

int kind_field_find(const struct kind *kind, const char *key)
{
	unsigned int count = kind_field_count(kind);
	int found = -1;

	for (unsigned int i = 0; i < count; i++)
		if (text_same(kind_field(kind, i)->key, key))
			return (int)i;
	for (unsigned int i = 0; i < count; i++) {
		const char *dot = strrchr(kind_field(kind, i)->key, '.');

		if (!dot || strcmp(dot + 1, key) != 0)
			continue;
		if (found >= 0)
			return -1; /* not unique */
		found = (int)i;
	}
	return found;
}

/*
 * Steps of these doors carry whole objects; a device keeps what it was last told, but a text can
 * be told empty.
 */
bool field_drops(const struct kind *kind, unsigned int i)
{
	const char *initial = kind_field(kind, i)->initial;

	return kind->door == DOOR_OWN || kind->door == DOOR_KEEPER || (initial && !initial[0]);
}

static void expand_as(const struct kind *kind, struct object *object, struct state *state,
		      struct diag *diag)
{
	if (kind->base)
		expand_as(kind->base, object, state, diag);
	if (kind->ops && kind->ops->expand)
		kind->ops->expand(object, state, diag);
}

void kind_expand(struct object *object, struct state *state, struct diag *diag)
{
	expand_as(object->kind, object, state, diag);
}

static void check_as(const struct kind *kind, const struct object *object,
		     const struct state *state, struct diag *diag)
{
	if (kind->base)
		check_as(kind->base, object, state, diag);
	if (kind->ops && kind->ops->check)
		kind->ops->check(object, state, diag);
}

void kind_check(const struct object *object, const struct state *state, struct diag *diag)
{
	check_as(object->kind, object, state, diag);
}
