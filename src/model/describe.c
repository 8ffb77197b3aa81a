/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/describe.h"

#include <stdlib.h>
#include <string.h>

json_t *describe_text(const char *bytes)
{
	struct text safe TEXT_CLEANUP = {0};
	json_t *json = json_string(bytes);

	for (; !json && *bytes; bytes++)
		text_add(&safe, (unsigned char)*bytes < 0x80 ? "%c" : "\\x%02x",
			 (unsigned char)*bytes);
	return json ? json : json_string(text_get(&safe));
}

static void text_put(json_t *to, const char *key, const char *text)
{
	if (text)
		json_object_set_new(to, key, describe_text(text));
}

static void truth_put(json_t *to, const char *key, bool truth)
{
	if (truth)
		json_object_set_new(to, key, json_true());
}

static json_t *number(const char *text)
{
	if (strpbrk(text, ".eE"))
		return json_real(strtod(text, NULL));
	return json_integer(strtoll(text, NULL, 10));
}

static json_t *shaped(enum shape shape, const char *text)
{
	switch (shape) {
	case SHAPE_NUMBER:
		return number(text);
	case SHAPE_BOOL:
		return json_boolean(strcmp(text, "true") == 0);
	case SHAPE_TEXT:
		break;
	}
	return describe_text(text);
}

static json_t *words_list(const char *words, enum shape shape)
{
	json_t *list = json_array();

	for (size_t size; *words; words += size + (words[size] == ' ')) {
		size = strcspn(words, " ");
		if (shape == SHAPE_NUMBER)
			json_array_append_new(list, json_integer(strtoll(words, NULL, 10)));
		else
			json_array_append_new(list, json_stringn(words, size));
	}
	return list;
}

json_t *describe_value(const struct object *object, unsigned int i)
{
	struct text text TEXT_CLEANUP = {0};

	object_print(object, i, &text);
	if (kind_field(object->kind, i)->type->list)
		return words_list(text_get(&text), kind_field(object->kind, i)->type->shape);
	return shaped(kind_field(object->kind, i)->type->shape, text_get(&text));
}

json_t *describe_place(struct place place)
{
	if (!place.file)
		return json_null();
	return json_pack("{s:o, s:i, s:i}", "file", describe_text(place.file), "line",
			 (int)place.line, "column", (int)place.column);
}

/* Sets a value under a dotted key. Takes the reference. */
static void put_dotted(json_t *to, const char *key, json_t *value)
{
	const char *dot = strchr(key, '.');
	char head[64];
	json_t *inner;

	if (!dot || (size_t)(dot - key) >= sizeof(head)) {
		if (json_object_get(to, key))
			json_decref(value);
		else
			json_object_set_new(to, key, value);
		return;
	}
	memcpy(head, key, (size_t)(dot - key));
	head[dot - key] = '\0';
	inner = json_object_get(to, head);
	if (!inner) {
		inner = json_object();
		json_object_set_new(to, head, inner);
	}
	put_dotted(inner, dot + 1, value);
}

void describe_fields(const struct object *object, unsigned int without, json_t *to)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);

		if (object_has(object, i) && !(field->flags & without))
			put_dotted(to, field->key, describe_value(object, i));
	}
}

static json_t *describe_field(const struct field *field)
{
	json_t *key = json_object();

	text_put(key, "key", field->key);
	text_put(key, "type", field->words ? "word" : field->type->name);
	text_put(key, "example", field->type->example);
	/* a truth has limits only to say how wide the kernel holds it */
	if ((field->min || field->max) && field->type->shape != SHAPE_BOOL && !field->type->list) {
		json_object_set_new(key, "min", json_integer(field->min));
		json_object_set_new(key, "max", json_integer(field->max));
	}
	if (field->words) {
		json_t *words = json_array();

		for (size_t i = 0; field->words[i]; i++)
			json_array_append_new(words, json_string(field->words[i]));
		json_object_set_new(key, "words", words);
	}
	if (field->initial)
		json_object_set_new(key, "default",
				    field->type->list
					    ? words_list(field->initial, field->type->shape)
					    : shaped(field->type->shape, field->initial));
	text_put(key, "spread", field->spread);
	truth_put(key, "identity", field->flags & FIELD_KEY);
	truth_put(key, "needed", field->flags & FIELD_NEED);
	truth_put(key, "fixed", field->flags & FIELD_FIXED);
	truth_put(key, "read-only", field->flags & (FIELD_READ | FIELD_COUNTS));
	truth_put(key, "secret", field->flags & FIELD_SECRET);
	truth_put(key, "at-creation", field->flags & FIELD_ASIDE);
	text_put(key, "help", field->doc);
	return key;
}

/* What may stand in lists under an object of `kind`: addresses, routes, ports … */
static json_t *describe_lists(const struct kind *kind)
{
	static const char *const forms[] = {NULL, "items", "names", "map"};
	json_t *lists = json_array();

	for (size_t i = 0; kinds[i]; i++) {
		const struct kind *child = kinds[i];

		if (!child->owner || !child->listed || !kind_is(kind, child->owner))
			continue;
		json_array_append_new(lists,
				      json_pack("{s:s, s:s, s:s, s:s}", "key", child->listed,
						"kind", child->name, "form", forms[child->listing],
						"help", child->summary));
		if (child->listed_map)
			json_array_append_new(lists,
					      json_pack("{s:s, s:s, s:s, s:s}", "key",
							child->listed_map, "kind", child->name,
							"form", "map", "help", child->summary));
	}
	return lists;
}

json_t *describe_kind(const struct kind *kind)
{
	unsigned int count = kind_field_count(kind);
	json_t *out = json_object(), *keys = json_array();

	text_put(out, "name", kind->name);
	text_put(out, "section", kind->section);
	text_put(out, "mode", kind->mode);
	text_put(out, "summary", kind->summary);
	text_put(out, "config", kind->config);
	text_put(out, "module", kind->module);
	text_put(out, "base", kind->base ? kind->base->name : NULL);
	text_put(out, "owner", kind->owner);
	text_put(out, "listed", kind->listed);
	truth_put(out, "existing", kind->flags & KIND_EXISTING);
	truth_put(out, "hidden", kind->flags & KIND_HIDDEN);
	for (unsigned int i = 0; i < count; i++)
		if (!(kind_field(kind, i)->flags & FIELD_INNER))
			json_array_append_new(keys, describe_field(kind_field(kind, i)));
	json_object_set_new(out, "keys", keys);
	json_object_set_new(out, "lists", describe_lists(kind));
	return out;
}
