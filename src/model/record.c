/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/record.h"

#include <errno.h>
#include <string.h>

void record_escape(const char *text, struct text *out)
{
	size_t plain = 0;

	for (;; plain++) {
		unsigned char c = (unsigned char)text[plain];

		if (c > 0x20 && c < 0x7f && c != '%' && c != '=')
			continue;
		text_addn(out, text, plain);
		if (!c)
			return;
		text_add(out, "%%%02x", c);
		text += plain + 1;
		plain = (size_t)-1;
	}
}

void record_put(const struct object *object, struct text *out)
{
	unsigned int count = kind_field_count(object->kind);
	struct text value TEXT_CLEANUP = {0};

	text_add(out, "%s ", object->kind->name);
	record_escape(object->ns, out);
	text_add(out, "/");
	for (unsigned int i = 0; i < count; i++) {
		if (!object_has(object, i))
			continue;
		text_clear(&value);
		object_write(object, i, &value);
		text_add(out, " %s=", kind_field(object->kind, i)->key);
		record_escape(text_get(&value), out);
	}
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *record_word(const char *line, size_t size, size_t *at, struct arena *arena)
{
	const char *stop;
	char *word, *end;

	while (*at < size && line[*at] == ' ')
		(*at)++;
	if (*at >= size)
		return NULL;
	stop = memchr(line + *at, ' ', size - *at);
	word = end = arena_alloc(arena, stop ? (size_t)(stop - line) - *at + 1 : size - *at + 1);
	for (; *at < size && line[*at] != ' '; (*at)++) {
		if (line[*at] != '%') {
			*end++ = line[*at];
			continue;
		}
		if (*at + 2 >= size || hex(line[*at + 1]) < 0 || hex(line[*at + 2]) < 0)
			return NULL;
		*end = (char)(hex(line[*at + 1]) << 4 | hex(line[*at + 2]));
		if (!*end++)
			return NULL;
		*at += 2;
	}
	return word;
}

static int field_get(struct object *object, char *word, bool limits, struct arena *arena,
		     struct err *err)
{
	char *value = strchr(word, '=');
	int i, r;

	if (!value)
		return err_set(err, -EINVAL, "record: \"%.60s\" is not key=value", word);
	*value++ = 0;
	i = kind_field_find(object->kind, word);
	if (i < 0)
		return err_set(err, -EINVAL, "record: %s has no key \"%.60s\"", object->kind->name,
			       word);
	r = limits ? object_parse(object, (unsigned int)i, value, (struct place){0}, arena, err)
		   : object_parse_any(object, (unsigned int)i, value, arena, err);
	return r ? err_context(err, "record") : 0;
}

static int get(const char *line, size_t size, bool limits, struct arena *arena, struct object **out,
	       struct err *err)
{
	size_t at = 0;
	char *name = record_word(line, size, &at, arena), *ns = NULL, *word;
	const struct kind *kind = name ? kind_find(name) : NULL;
	struct object *object;

	if (!kind)
		return err_set(err, -EINVAL, "record: \"%.60s\" is not a kind", name ? name : "");
	ns = record_word(line, size, &at, arena);
	if (!ns || !ns[0] || ns[strlen(ns) - 1] != '/')
		return err_set(err, -EINVAL, "record: \"%.60s\" is not a namespace", ns ? ns : "");
	ns[strlen(ns) - 1] = 0;
	object = object_make(arena, kind, ns);
	while ((word = record_word(line, size, &at, arena)))
		if (field_get(object, word, limits, arena, err))
			return err->code;
	if (at < size)
		return err_set(err, -EINVAL, "record: a broken %%-escape");
	*out = object;
	return 0;
}

int record_get(const char *line, size_t size, struct arena *arena, struct object **object,
	       struct err *err)
{
	return get(line, size, true, arena, object, err);
}

int record_recall(const char *line, size_t size, struct arena *arena, struct object **object,
		  struct err *err)
{
	return get(line, size, false, arena, object, err);
}
