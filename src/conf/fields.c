/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tables of kinds say about writing: which key a name gives, which one a user may write.
 */
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

bool field_written(const struct field *field)
{
	return !(field->flags & (FIELD_READ | FIELD_INNER | FIELD_COUNTS | FIELD_IDENT));
}

int field_exact(const struct kind *kind, const char *key)
{
	unsigned int count = kind_field_count(kind);

	for (unsigned int i = 0; i < count; i++)
		if (strcmp(kind_field(kind, i)->key, key) == 0)
			return (int)i;
	return -1;
}

int field_title(const struct kind *kind)
{
	unsigned int count = kind_field_count(kind);
	int owner = -1;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int flags = kind_field(kind, i)->flags;

		if (!(flags & FIELD_KEY))
			continue;
		if (!(flags & FIELD_OWNER))
			return (int)i;
		if (owner < 0)
			owner = (int)i;
	}
	return owner; /* a port's name is that of the device it dies with */
}

int field_under(const struct kind *kind)
{
	unsigned int count = kind_field_count(kind);
	int title = field_title(kind), device = -1;

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(kind, i);

		if ((int)i == title)
			continue;
		if (field->flags & FIELD_OWNER)
			return (int)i;
		if (device < 0 && field->type->device)
			device = (int)i;
	}
	return device;
}

int field_value(const struct kind *kind)
{
	unsigned int count = kind_field_count(kind);

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(kind, i);

		if (field_written(field) && !(field->flags & (FIELD_KEY | FIELD_OWNER)))
			return (int)i;
	}
	return -1;
}

int field_secret(const struct kind *kind)
{
	unsigned int count = kind_field_count(kind);

	for (unsigned int i = 0; i < count; i++)
		if (kind_field(kind, i)->flags & FIELD_SECRET &&
		    kind_field(kind, i)->type == &vtype_path)
			return (int)i;
	return -1;
}

int field_public(const struct kind *kind)
{
	unsigned int count = kind_field_count(kind);

	for (unsigned int i = 0; i < count; i++)
		if (kind_field(kind, i)->type == &vtype_key)
			return (int)i;
	return -1;
}

int field_digest(const struct kind *kind)
{
	unsigned int count = kind_field_count(kind);

	for (unsigned int i = 0; i < count; i++)
		if (kind_field(kind, i)->flags & FIELD_INNER &&
		    kind_field(kind, i)->type == &vtype_key)
			return (int)i;
	return -1;
}

bool kind_device(const struct kind *kind)
{
	return kind->device || kind->door == DOOR_LINK || kind->door == DOOR_TUN;
}

const struct kind *kind_choose(const char *section, const char *mode)
{
	const struct kind *any = NULL;

	for (size_t i = 0; kinds[i]; i++) {
		if (!text_same(kinds[i]->section, section))
			continue;
		if (mode && text_same(kinds[i]->mode, mode))
			return kinds[i];
		if (!kinds[i]->mode && !any)
			any = kinds[i];
	}
	return any;
}
