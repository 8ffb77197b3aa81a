/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Theory of operation: the tree is walked with the kinds' tables in hand. A section's name gives a
 * kind, a key a field of it, a key with children a list of objects of another kind; what fits none
 * of these is an unknown key, and the tables also tell what could have been meant. A fault is told
 * and stepped over. Objects are gathered as they are met; what was written in several forms (a
 * port in `interfaces`, in `ports` and under `path-cost`) becomes one in join.c.
 */
#include "conf/load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct err *load_error(struct load *load, struct place place, const char *object,
		       const char *format, ...)
{
	static _Thread_local struct err spare; /* takes the hints of errors that are not told */
	char message[sizeof(spare.message)];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (load->diag->error_count >= CONF_ERRORS_MAX)
		return &spare;
	return diag_error(load->diag, place, object, "%s", message);
}

void load_err(struct load *load, const struct err *err)
{
	if (load->diag->error_count < CONF_ERRORS_MAX)
		diag_add(load->diag, err);
}

const char *load_line(const struct load *load, struct place place)
{
	return place.file ? arena_print(load->arena, " (line %u)", place.line) : "";
}

size_t load_add(struct load *load, struct object *object, const struct object *owner,
		enum form form)
{
	load->loaded = arena_room(load->arena, load->loaded, load->len, sizeof(*load->loaded));
	load->loaded[load->len] = (struct loaded){.object = object, .owner = owner, .form = form};
	return load->len++;
}

/* A child without its name yet is told by its owner's. */
static const char *label(struct load *load, size_t at)
{
	const struct loaded *loaded = &load->loaded[at];
	int title = field_title(loaded->object->kind);

	if (loaded->owner && title >= 0 && !object_has(loaded->object, (unsigned int)title))
		return object_label(loaded->owner, load->arena);
	return object_label(loaded->object, load->arena);
}

static void tell_secret(struct load *load, size_t at, const struct field *field,
			const struct yaml_node *node, const char *key)
{
	const char *name = object_name(load->loaded[at].object) ?: "NAME";

	err_hint(load_error(load, node->place, label(load, at),
			    "%.60s is not an absolute path; secrets stand in files of their own, "
			    "never in a description; expected the file's path, as %s",
			    key, field->type->example),
		 "lanloom key new /etc/lanloom/%s.key; then %s: /etc/lanloom/%s.key", name,
		 field->key, name);
}

/* The text of what may be a key is never repeated in a message. */
static bool refuse_secret(struct load *load, size_t at, const struct field *field,
			  const struct yaml_node *node)
{
	if (!(field->flags & FIELD_SECRET) || node->text[0] == '/')
		return false;
	tell_secret(load, at, field, node, field->key);
	return true;
}

/* A list, or a map of one value each, for a field that holds such in one text; else the node. */
static const struct yaml_node *joined(struct load *load, const struct field *field,
				      const struct yaml_node *node)
{
	struct text text TEXT_CLEANUP = {0};
	struct yaml_node *scalar;

	if (!field->type->list || node->shape == YAML_SCALAR)
		return node;
	for (const struct yaml_node *one = node->first; one; one = one->next) {
		if (one->shape != YAML_SCALAR || yaml_null(one) || strpbrk(one->text, " ,"))
			return node;
		text_add(&text, "%s", text.size ? " " : "");
		if (node->shape == YAML_MAP)
			text_add(&text, "%s:", one->key->text);
		text_add(&text, "%s", one->text);
	}
	scalar = yaml_scalar(load->arena, text_get(&text), node->place);
	return scalar;
}

bool load_value(struct load *load, size_t at, unsigned int i, const struct yaml_node *node)
{
	struct object *object = load->loaded[at].object;
	const struct field *field = kind_field(object->kind, i);
	bool before = load->loaded[at].faulty; /* by another value, which this one does not mend */
	struct err err;

	load->loaded[at].faulty = true;
	node = joined(load, field, node);
	if (node->shape != YAML_SCALAR || yaml_null(node)) {
		load_error(load, node->place, label(load, at),
			   "%s has %s; expected one value: %s, as %s", field->key, yaml_word(node),
			   field->type->name, field->type->example);
		return false;
	}
	if (refuse_secret(load, at, field, node))
		return false;
	if (object_parse(object, i, node->text, node->place, load->arena, &err)) {
		err_at(&err, label(load, at), node->place);
		load_err(load, &err);
		return false;
	}
	load->loaded[at].faulty = before;
	return true;
}

/* "parameters.stp" as it is written: parameters: {stp: true} */
static const char *as_written(struct load *load, const char *dotted, const struct yaml_node *node)
{
	struct text text TEXT_CLEANUP = {0};
	size_t deep = 0;

	if (!node->key->place.file && !node->place.file) /* a word of the command line */
		return arena_print(load->arena, "%s=%.60s", dotted,
				   node->shape == YAML_SCALAR ? node->text : "…");
	for (; *dotted; dotted++) {
		text_addn(&text, *dotted == '.' ? ": {" : dotted, *dotted == '.' ? 3 : 1);
		deep += *dotted == '.';
	}
	text_add(&text, ": %.60s", node->shape == YAML_SCALAR ? node->text : "…");
	while (deep--)
		text_add(&text, "}");
	return arena_text(load->arena, text_get(&text));
}

/* The right word, or nearly, in the wrong place: stp for parameters.stp. NULL: there is none. */
static const char *misplaced(struct load *load, const struct kind *kind, const char *key)
{
	struct words words = {.arena = load->arena};
	unsigned int count = kind_field_count(kind);
	const char *near;

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(kind, i);
		const char *dot = strrchr(field->key, '.');

		if (dot && field_written(field))
			words_add(&words, dot + 1);
	}
	near = words_nearest(load, &words, key);
	for (unsigned int i = 0; near && i < count; i++) {
		const char *dot = strrchr(kind_field(kind, i)->key, '.');

		if (dot && strcmp(dot + 1, near) == 0)
			return kind_field(kind, i)->key;
	}
	return NULL;
}

/* What was probably meant, as a full key; NULL: nothing is near. */
static const char *meant_key(struct load *load, size_t at, size_t companion, const char *prefix,
			     const char *key)
{
	const struct kind *kind = load->loaded[at].object->kind;
	struct words words = {.arena = load->arena};
	const char *near;

	words_of_keys(&words, kind, prefix);
	if (companion != LOAD_NONE)
		words_of_keys(&words, load->loaded[companion].object->kind, prefix);
	if (kind->door == DOOR_NETNS && !prefix[0])
		words_of_sections(&words);
	near = words_nearest(load, &words, key);
	if (near)
		return arena_print(load->arena, "%s%s", prefix, near);
	return misplaced(load, kind, key);
}

/* A key written out under a word of its own (netplan's keys.private), or under a misspelt one. */
static bool is_inline_key(const struct kind *kind, const struct yaml_node *node)
{
	struct public_key key;

	return field_secret(kind) >= 0 && node->shape == YAML_SCALAR &&
	       text_base64_get(node->text, key.bytes, sizeof(key.bytes)) == 0;
}

static void unknown_key(struct load *load, size_t at, size_t companion, const char *prefix,
			const struct yaml_node *node)
{
	const struct kind *kind = load->loaded[at].object->kind;
	const char *near = meant_key(load, at, companion, prefix, node->key->text);
	const char *article = strchr("aeiou", kind->name[0]) ? "an" : "a";
	const char *key = arena_print(load->arena, "%s%.60s", prefix, node->key->text);

	load->loaded[at].faulty = true;
	if (is_inline_key(kind, node)) {
		tell_secret(load, at, kind_field(kind, (unsigned int)field_secret(kind)), node,
			    key);
		return;
	}
	if (near)
		err_hint(load_error(load, node->key->place, label(load, at),
				    "unknown key \"%s\" of %s %s; did you mean \"%s\"?", key,
				    article, kind->name, near),
			 "%s", as_written(load, near, node));
	else
		err_hint(load_error(load, node->key->place, label(load, at),
				    "unknown key \"%s\" of %s %s; expected one that `lanloom kinds "
				    "%s` lists",
				    key, article, kind->name, kind->name),
			 "lanloom kinds %s", kind->name);
}

/* Whether a longer key of the kind begins so: `parameters` of parameters.stp. */
static bool has_prefix(const struct kind *kind, const char *prefix)
{
	unsigned int count = kind_field_count(kind);
	struct child child;
	const char *key;

	for (unsigned int i = 0; i < count; i++)
		if (field_written(kind_field(kind, i)) &&
		    text_starts(kind_field(kind, i)->key, prefix))
			return true;
	for (size_t k = 0; child_next(kind, &k, &child, &key);)
		if (text_starts(key, prefix))
			return true;
	return false;
}

/* A key of one object: a value of its own, or a list of children. False: it has no such key. */
static bool load_own(struct load *load, size_t at, const char *full, const struct yaml_node *node)
{
	const struct object *object = load->loaded[at].object;
	int i = field_exact(object->kind, full);
	struct child child;

	if (child_find(object->kind, full, &child)) {
		load_children(load, object, &child, node);
		return true;
	}
	if (i < 0 || !field_written(kind_field(object->kind, (unsigned int)i)))
		return false;
	/* its name stands before the colon, its owner above it */
	if (kind_field(object->kind, (unsigned int)i)->flags & FIELD_OWNER ||
	    (i == field_title(object->kind) && object->kind->listing != LISTING_ITEMS))
		return false;
	load_value(load, at, (unsigned int)i, node);
	return true;
}

static const struct yaml_node *list_has(const struct yaml_node *list, const char *word)
{
	for (const struct yaml_node *one = list->first; one; one = one->next)
		if (one->shape == YAML_SCALAR && strcmp(one->text, word) == 0)
			return one;
	return NULL;
}

/*
 * Netplan's form of a group of truths: `checksums: [udp, remote-tx]`; those it does not name are
 * false. False: the keys are not of that sort.
 */
static bool load_switches(struct load *load, size_t at, const char *prefix,
			  const struct yaml_node *list)
{
	struct object *object = load->loaded[at].object;
	size_t size = strlen(prefix), found = 0;
	struct err unused;

	if (list->shape != YAML_LIST)
		return false;
	for (unsigned int i = 0; i < kind_field_count(object->kind); i++) {
		const struct field *field = kind_field(object->kind, i);
		const struct yaml_node *one;

		if (!text_starts(field->key, prefix) || !field_written(field))
			continue;
		if (field->type->shape != SHAPE_BOOL)
			return false;
		one = list_has(list, field->key + size);
		found += one != NULL;
		object_parse(object, i, one ? "true" : "false", one ? one->place : list->place,
			     load->arena, &unused);
	}
	for (const struct yaml_node *one = list->first; one && found < list->len; one = one->next)
		if (one->shape != YAML_SCALAR ||
		    field_exact(object->kind, arena_print(load->arena, "%s%s", prefix, one->text)) <
			    0)
			load_error(load, one->place, label(load, at),
				   "%.*s has \"%.60s\", which is not known; expected some of "
				   "those that `lanloom kinds %s` lists",
				   (int)size - 1, prefix,
				   one->shape == YAML_SCALAR ? one->text : yaml_word(one),
				   object->kind->name);
	return true;
}

/* `dhcp: {}` of a short form: something was meant, and nothing would come of it. */
static bool refuse_empty(struct load *load, size_t at, const char *prefix,
			 const struct yaml_node *node)
{
	const struct kind *kind = load->loaded[at].object->kind;
	const struct field *field = NULL;

	if (kind->door != DOOR_NONE || (!yaml_null(node) && node->len))
		return false;
	for (unsigned int i = 0; !field && i < kind_field_count(kind); i++)
		if (text_starts(kind_field(kind, i)->key, prefix))
			field = kind_field(kind, i);
	if (!field)
		return false;
	err_hint(load_error(load, node->place, label(load, at),
			    "%.*s is empty and would do nothing; expected one of its keys at least",
			    (int)strlen(prefix) - 1, prefix),
		 "%.*s: {%s: %s}", (int)strlen(prefix) - 1, prefix, field->key + strlen(prefix),
		 field->type->example);
	load->loaded[at].faulty = true;
	return true;
}

/* A map of longer keys, of the object and of its companion. */
static void load_nested(struct load *load, size_t at, size_t companion, const char *prefix,
			const struct yaml_node *node)
{
	if (refuse_empty(load, at, prefix, node) || yaml_null(node) ||
	    load_switches(load, at, prefix, node))
		return;
	if (node->shape != YAML_MAP) {
		load_error(load, node->place, label(load, at),
			   "%.*s has %s; expected a map of keys", (int)strlen(prefix) - 1, prefix,
			   yaml_word(node));
		load->loaded[at].faulty = true;
		return;
	}
	load_keys(load, at, companion, prefix, node);
}

static void load_section(struct load *load, const char *ns, const struct yaml_node *node);

static bool is_section(const char *word)
{
	return kind_of_section(word, NULL) != NULL;
}

static void load_key(struct load *load, size_t at, size_t companion, const char *prefix,
		     const struct yaml_node *node)
{
	const struct kind *kind = load->loaded[at].object->kind;
	const char *full = arena_print(load->arena, "%s%s", prefix, node->key->text);
	const char *deeper = arena_print(load->arena, "%s.", full);

	if (strchr(node->key->text, '.')) { /* dots are for the command line */
		unknown_key(load, at, companion, prefix, node);
		return;
	}
	if (load_own(load, at, full, node))
		return;
	if (companion != LOAD_NONE && load_own(load, companion, full, node))
		return;
	if (has_prefix(kind, deeper) ||
	    (companion != LOAD_NONE && has_prefix(load->loaded[companion].object->kind, deeper)))
		load_nested(load, at, companion, deeper, node);
	else if (!prefix[0] && kind->mode && strcmp(full, "mode") == 0)
		return; /* has chosen the kind */
	else if (!prefix[0] && kind->section && strcmp(full, "renderer") == 0)
		return; /* netplan's word for who sets it up: here it is always us */
	else if (!prefix[0] && kind->door == DOOR_NETNS && is_section(full))
		load_section(load, object_name(load->loaded[at].object), node);
	else
		unknown_key(load, at, companion, prefix, node);
}

void load_keys(struct load *load, size_t at, size_t companion, const char *prefix,
	       const struct yaml_node *map)
{
	struct object *object;

	for (const struct yaml_node *node = map->first; node; node = node->next)
		load_key(load, at, companion, prefix, node);
	object = load->loaded[at].object;
	if (object->kind->ops && object->kind->ops->identify)
		object->kind->ops->identify(object, load->arena);
}

/* The kind that `mode` selects among those of the section; NULL: it is missing or unknown. */
static const struct kind *choose(struct load *load, const char *section,
				 const struct yaml_node *node)
{
	const struct yaml_node *mode = yaml_get(node, "mode");
	const char *word = mode && mode->shape == YAML_SCALAR ? mode->text : NULL;
	const struct kind *kind = kind_choose(section, word);
	struct words words = {.arena = load->arena};
	const char *near;
	struct err *err;

	if (kind)
		return kind;
	words_of_modes(&words, section);
	near = word ? words_nearest(load, &words, word) : words.words[0];
	if (word)
		err = load_error(load, mode->place, node->key->text,
				 "mode \"%.60s\" is not known in %s; expected %s", word, section,
				 words_join(&words, " or "));
	else
		err = load_error(load, mode ? mode->place : node->key->place, node->key->text,
				 "mode %s%s; expected %s", mode ? "has " : "is missing",
				 mode ? yaml_word(mode) : "", words_join(&words, " or "));
	if (near)
		err_hint(err, "mode: %s", near);
	return NULL;
}

static size_t make_named(struct load *load, const struct kind *kind, const char *ns,
			 const struct yaml_node *node)
{
	struct object *object = object_make(load->arena, kind, ns);
	int title = field_title(kind);
	struct err err;

	object->place = node->key->place;
	if (title >= 0 && object_parse(object, (unsigned int)title, node->key->text,
				       node->key->place, load->arena, &err)) {
		err_at(&err, kind->section ? kind->section : kind->name, node->key->place);
		load_err(load, &err);
		return LOAD_NONE;
	}
	return load_add(load, object, NULL, FORM_NAMED);
}

void load_named(struct load *load, const char *section, const char *ns,
		const struct yaml_node *node)
{
	const struct kind *kind = choose(load, section, node);
	size_t at, companion = LOAD_NONE;

	if (!kind)
		return;
	if (kind->door == DOOR_NETNS && ns[0]) {
		load_error(load, node->key->place, node->key->text,
			   "a namespace stands inside another; expected namespaces at the root");
		return;
	}
	at = make_named(load, kind, ns, node);
	if (at == LOAD_NONE)
		return;
	if (kind->device)
		companion = make_named(load, kind_find(kind->device), ns, node);
	if (kind->listing == LISTING_MAP && node->shape != YAML_MAP && field_value(kind) >= 0)
		load_value(load, at, (unsigned int)field_value(kind), node);
	else if (node->shape == YAML_MAP)
		load_keys(load, at, companion, "", node);
	else if (!yaml_null(node))
		load_error(load, node->place, label(load, at),
			   "%s stands here; expected a map of keys, or {}", yaml_word(node));
}

static void load_section(struct load *load, const char *ns, const struct yaml_node *node)
{
	if (yaml_null(node))
		return;
	if (node->shape != YAML_MAP) {
		err_hint(load_error(load, node->place, node->key->text,
				    "%s stands here; expected a map of names", yaml_word(node)),
			 "%s: {NAME: {}}", node->key->text);
		return;
	}
	for (const struct yaml_node *one = node->first; one; one = one->next)
		load_named(load, node->key->text, ns, one);
}

static bool is_word(const char *const *words, const char *word)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static void unknown_section(struct load *load, const struct yaml_node *node,
			    const char *const *others)
{
	struct words words = {.arena = load->arena};
	const char *near;

	for (; *others; others++)
		words_add(&words, *others);
	words_of_sections(&words);
	near = words_nearest(load, &words, node->key->text);
	if (near)
		err_hint(load_error(load, node->key->place, "",
				    "unknown section \"%.60s\"; did you mean \"%s\"?",
				    node->key->text, near),
			 "%s:", near);
	else
		err_hint(load_error(load, node->key->place, "",
				    "unknown section \"%.60s\"; expected one that `lanloom kinds` "
				    "lists",
				    node->key->text),
			 "lanloom kinds");
}

void load_root(struct load *load, const struct yaml_node *map, const char *const *words)
{
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (is_section(node->key->text))
			load_section(load, "", node);
		else if (!is_word(words, node->key->text))
			unknown_section(load, node, words);
}
