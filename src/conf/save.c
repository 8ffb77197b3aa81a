/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A state as a description: loading backwards. Objects become a tree by the same tables that
 * loading walks, and the tree is printed. What expansion makes by itself is left out where it
 * comes back just so (`up: true`, a companion's name, the other end of a pair whose namespace is
 * not described).
 */
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

struct save {
	struct arena *arena;
	const struct state *state;
};

static const struct place nowhere;

static struct yaml_node *list_node(struct save *save, const char *words)
{
	struct yaml_node *list = yaml_make(save->arena, YAML_LIST, nowhere);

	for (size_t size; *words; words += size + (words[size] == ' ')) {
		size = strcspn(words, " ");
		yaml_append(
			list, NULL,
			yaml_scalar(save->arena, arena_textn(save->arena, words, size), nowhere));
	}
	return list;
}

static struct yaml_node *value_node(struct save *save, const struct object *object, unsigned int i)
{
	const struct field *field = kind_field(object->kind, i);
	struct text text TEXT_CLEANUP = {0};
	struct yaml_node *node;

	object_print(object, i, &text);
	if (field->type->list)
		return list_node(save, text_get(&text));
	node = yaml_scalar(save->arena, text_get(&text), nowhere);
	node->plain = field->type->shape != SHAPE_TEXT;
	return node;
}

static const char *value_text(struct save *save, const struct object *object, int i)
{
	struct text text TEXT_CLEANUP = {0};

	if (i >= 0 && object_has(object, (unsigned int)i))
		object_print(object, (unsigned int)i, &text);
	return arena_text(save->arena, text_get(&text));
}

static bool is_saved(struct save *save, const struct object *object, unsigned int i)
{
	const struct field *field = kind_field(object->kind, i);
	int title = field_title(object->kind);

	if (!object_has(object, i) || !field_written(field) || field->flags & FIELD_OWNER ||
	    ((int)i == title && object->kind->listing != LISTING_ITEMS))
		return false;
	/* a device that is described is set up */
	return !(field->flags & FIELD_HEADER) || !field->initial ||
	       strcmp(value_text(save, object, (int)i), field->initial) != 0;
}

static void save_fields(struct save *save, const struct object *object, struct yaml_node *map)
{
	unsigned int count = kind_field_count(object->kind);

	for (unsigned int i = 0; i < count; i++)
		if (is_saved(save, object, i))
			yaml_put(map, kind_field(object->kind, i)->key, value_node(save, object, i),
				 save->arena);
}

static bool belongs(const struct object *object, const struct object *owner,
		    const struct kind *kind)
{
	int under = field_under(kind);

	return object->kind == kind && text_same(object->ns, owner->ns) && under >= 0 &&
	       object_has(object, (unsigned int)under) && !object->automatic &&
	       text_same(*(const char **)object_at(object, (unsigned int)under),
			 object_title(owner));
}

static void save_children(struct save *save, const struct object *owner, struct yaml_node *map);

/* One child into the list, or the two forms, of its kind. */
static void save_child(struct save *save, const struct object *object, struct yaml_node *list,
		       struct yaml_node *beside)
{
	struct yaml_node *map = yaml_make(save->arena, YAML_MAP, nowhere), *one;
	const char *title = value_text(save, object, field_title(object->kind));
	struct yaml_node *name = yaml_scalar(save->arena, title, nowhere);

	save_fields(save, object, map);
	save_children(save, object, map);
	if (object->kind->listing == LISTING_ITEMS) {
		yaml_append(list, NULL, map);
	} else if (object->kind->listing == LISTING_MAP) {
		yaml_append(list, name, map);
	} else if (!map->len) {
		yaml_append(list, NULL, name);
	} else if (object->kind->listed_map) {
		yaml_append(list, NULL, name);
		yaml_append(beside, yaml_scalar(save->arena, title, nowhere), map);
	} else {
		one = yaml_make(save->arena, YAML_MAP, nowhere);
		yaml_append(one, name, map);
		yaml_append(list, NULL, one);
	}
}

static void save_kind_of_child(struct save *save, const struct object *owner,
			       const struct kind *kind, struct yaml_node *map)
{
	bool is_map = kind->listing == LISTING_MAP;
	struct yaml_node *beside = yaml_make(save->arena, YAML_MAP, nowhere);
	struct yaml_node *list = yaml_make(save->arena, is_map ? YAML_MAP : YAML_LIST, nowhere);

	for (size_t i = 0; i < save->state->len; i++)
		if (belongs(save->state->objects[i], owner, kind))
			save_child(save, save->state->objects[i], list, beside);
	if (list->len)
		yaml_put(map, kind->listed, list, save->arena);
	if (beside->len)
		yaml_put(map, kind->listed_map, beside, save->arena);
}

static void save_children(struct save *save, const struct object *owner, struct yaml_node *map)
{
	struct child child;
	const char *key;

	if (!object_title(owner))
		return;
	for (size_t k = 0; child_next(owner->kind, &k, &child, &key);)
		if (child.form == FORM_LISTED)
			save_kind_of_child(save, owner, child.kind, map);
}

/* The object of this kind and name that has `object` for its device. */
static bool is_companion(struct save *save, const struct object *object)
{
	for (size_t i = 0; i < save->state->len; i++) {
		const struct object *other = save->state->objects[i];

		if (other->kind->device && other->kind->section &&
		    kind_is(object->kind, other->kind->device) &&
		    text_same(other->ns, object->ns) &&
		    text_same(object_name(other), object_name(object)))
			return true;
	}
	return false;
}

static void save_object(struct save *save, const struct object *object, struct yaml_node *section)
{
	struct yaml_node *map = yaml_make(save->arena, YAML_MAP, nowhere);
	const char *title = value_text(save, object, field_title(object->kind));
	const struct object *device = NULL;

	if (object->kind->device)
		device = state_named(save->state, object->kind->device, object->ns, title);
	if (object->kind->mode)
		yaml_put(map, "mode", yaml_scalar(save->arena, object->kind->mode, nowhere),
			 save->arena);
	save_fields(save, object, map);
	if (device)
		save_fields(save, device, map);
	save_children(save, object, map);
	if (device)
		save_children(save, device, map);
	/* a map of values: what has one value is that value */
	if (object->kind->listing == LISTING_MAP && map->len == 1 &&
	    map->first->shape == YAML_SCALAR)
		map = map->first;
	yaml_append(section, yaml_scalar(save->arena, title, nowhere), map);
}

static void save_section(struct save *save, const char *word, const char *ns, struct yaml_node *map)
{
	struct yaml_node *section = yaml_make(save->arena, YAML_MAP, nowhere);

	for (size_t i = 0; i < save->state->len; i++) {
		const struct object *object = save->state->objects[i];

		if (text_same(object->kind->section, word) && text_same(object->ns, ns) &&
		    object->kind->door != DOOR_NETNS && !object->automatic &&
		    !is_companion(save, object))
			save_object(save, object, section);
	}
	if (section->len)
		yaml_append(map, yaml_scalar(save->arena, word, nowhere), section);
}

static void save_sections(struct save *save, const char *ns, struct yaml_node *map)
{
	struct words words = {.arena = save->arena};

	words_of_sections(&words);
	for (size_t i = 0; i < words.len; i++)
		save_section(save, words.words[i], ns, map);
}

static void save_namespaces(struct save *save, struct yaml_node *root)
{
	struct yaml_node *section = yaml_make(save->arena, YAML_MAP, nowhere);
	const char *word = NULL;

	for (size_t i = 0; i < save->state->len; i++) {
		const struct object *object = save->state->objects[i];

		if (object->kind->door != DOOR_NETNS)
			continue;
		word = object->kind->section;
		save_object(save, object, section);
		save_sections(save, object_name(object), section->last);
	}
	if (word)
		yaml_append(root, yaml_scalar(save->arena, word, nowhere), section);
}

void conf_save(const struct state *state, const char *name, struct text *out)
{
	struct arena arena;
	struct save save = {.arena = &arena, .state = state};
	struct yaml_node *root;

	arena_init(&arena);
	root = yaml_make(&arena, YAML_MAP, nowhere);
	if (name)
		yaml_append(root, yaml_scalar(&arena, "name", nowhere),
			    yaml_scalar(&arena, name, nowhere));
	save_sections(&save, "", root);
	save_namespaces(&save, root);
	yaml_write(root, out);
	arena_fini(&arena);
}
