/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists and maps under an object, each entry of which is an object of its own: addresses, ports,
 * routes, peers. The child kind's table says under whom it stands, by what word, and in what form.
 */
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

/* The n-th way of writing children of this kind; false: it has no more. */
static bool way_of(const struct kind *kind, size_t n, struct child *child, const char **key)
{
	unsigned int count = kind_field_count(kind);

	*child = (struct child){
		.kind = kind, .form = FORM_LISTED, .listing = kind->listing, .field = -1};
	if (n == 0) {
		*key = kind->listed;
		return true;
	}
	if (n == 1) {
		*key = kind->listed_map;
		child->form = FORM_MAPPED;
		child->listing = LISTING_MAP;
		return true;
	}
	if (n - 2 >= count)
		return false;
	*key = kind_field(kind, (unsigned int)n - 2)->spread;
	child->form = FORM_SPREAD;
	child->listing = LISTING_MAP;
	child->field = (int)n - 2;
	return true;
}

/* *k counts kinds and, below, their ways: at most 64 fields and two lists each. */
#define WAYS 128

bool child_next(const struct kind *owner, size_t *k, struct child *child, const char **key)
{
	while (kinds[*k / WAYS]) {
		const struct kind *kind = kinds[*k / WAYS];

		if (!kind->owner || !kind_is(owner, kind->owner) ||
		    !way_of(kind, *k % WAYS, child, key)) {
			*k = (*k / WAYS + 1) * WAYS;
			continue;
		}
		++*k;
		if (*key)
			return true;
	}
	return false;
}

bool child_find(const struct kind *owner, const char *key, struct child *child)
{
	const char *word;

	for (size_t k = 0; child_next(owner, &k, child, &word);)
		if (strcmp(word, key) == 0)
			return true;
	return false;
}

/* Other keys of the owner that say which of its like it is go to the fields of the same name. */
static void take_keys(struct load *load, struct object *child, const struct object *owner)
{
	unsigned int count = kind_field_count(owner->kind);

	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(owner->kind, i);
		int to = field_exact(child->kind, field->key);

		if (to < 0 || to == field_title(child->kind) || !object_has(owner, i) ||
		    !(field->flags & (FIELD_KEY | FIELD_OWNER)) ||
		    kind_field(child->kind, (unsigned int)to)->type != field->type)
			continue;
		object_take(child, (unsigned int)to, owner, i, load->arena);
	}
}

struct object *child_make(struct load *load, const struct object *owner, const struct kind *kind,
			  struct place place)
{
	struct object *object = object_make(load->arena, kind, owner->ns);
	int under = field_under(kind);
	struct err err;

	object->place = place;
	take_keys(load, object, owner);
	if (under >= 0 && !object_has(object, (unsigned int)under) && object_name(owner) &&
	    object_parse(object, (unsigned int)under, object_name(owner), place, load->arena, &err))
		load_err(load, &err);
	return object;
}

static size_t child_add(struct load *load, const struct object *owner, const struct child *child,
			struct place place)
{
	return load_add(load, child_make(load, owner, child->kind, place), owner, child->form);
}

/* Gives the child the name it is listed by. */
static bool child_name(struct load *load, size_t at, const struct yaml_node *name)
{
	int title = field_title(load->loaded[at].object->kind);

	if (title >= 0 && load_value(load, at, (unsigned int)title, name))
		return true;
	load->len--; /* without a name it is nothing; it was the last one added */
	return false;
}

static const char *owner_label(struct load *load, const struct object *owner)
{
	return object_label(owner, load->arena);
}

/* {10.0.0.1/24: {label: "br0:0"}}, or an entry of a map: name and keys. */
static void load_entry(struct load *load, const struct object *owner, const struct child *child,
		       const struct yaml_node *node)
{
	size_t at = child_add(load, owner, child, node->key->place);
	int value = child->field >= 0 ? child->field : field_value(child->kind);

	if (!child_name(load, at, node->key))
		return;
	if (node->shape == YAML_MAP && child->field < 0)
		load_keys(load, at, LOAD_NONE, "", node);
	else if (child->field >= 0 || (node->shape == YAML_SCALAR && !yaml_null(node) &&
				       child->kind->listing == LISTING_MAP && value >= 0))
		load_value(load, at, (unsigned int)value, node);
	else if (!yaml_null(node))
		load_error(load, node->place, owner_label(load, owner),
			   "%.60s has %s; expected a map of keys", node->key->text,
			   yaml_word(node));
}

/* A host's name where a peer could stand. */
static bool load_far(struct load *load, const struct object *owner, const struct kind *kind,
		     const struct yaml_node *node, const char *host)
{
	bool far = field_public(kind) >= 0 && field_exact(kind, "endpoint") >= 0;

	if (!far)
		return false;
	if (!load->hosts) {
		err_hint(load_error(load, node->place, owner_label(load, owner),
				    "\"%.60s\" names a host, but the file has no hosts; expected "
				    "the peer's own keys",
				    node->text),
			 "{name: %.60s, keys: {public: KEY}, endpoint: \"HOST:PORT\"}",
			 host ? host : "NAME");
		return true;
	}
	load->peers = arena_room(load->arena, load->peers, load->peer_count, sizeof(*load->peers));
	load->peers[load->peer_count++] =
		(struct far_peer){.owner = owner, .kind = kind, .place = node->place, .host = host};
	return true;
}

static void load_item(struct load *load, const struct object *owner, const struct child *child,
		      const struct yaml_node *node)
{
	bool scalar = node->shape == YAML_SCALAR && !yaml_null(node);
	size_t at;

	if (child->listing == LISTING_NAMES && scalar) {
		child_name(load, child_add(load, owner, child, node->place), node);
	} else if (child->listing == LISTING_NAMES && node->shape == YAML_MAP && node->len == 1) {
		load_entry(load, owner, child, node->first);
	} else if (child->listing == LISTING_ITEMS && node->shape == YAML_MAP) {
		at = child_add(load, owner, child, node->place);
		load_keys(load, at, LOAD_NONE, "", node);
	} else if (scalar && load_far(load, owner, child->kind, node, node->text)) {
		return;
	} else {
		load_error(load, node->place, owner_label(load, owner),
			   "an entry of %s is %s; expected %s", child->kind->listed,
			   node->shape == YAML_SCALAR ? yaml_word(node)
			   : node->shape == YAML_MAP  ? "a map of several keys"
						      : "a list",
			   child->listing == LISTING_NAMES ? "a name or a map of one name"
							   : "a map of keys");
	}
}

static void wrong_shape(struct load *load, const struct object *owner, const struct child *child,
			const struct yaml_node *node, const char *key)
{
	struct err *err;

	if (child->listing == LISTING_MAP) {
		load_error(load, node->place, owner_label(load, owner),
			   "%s has %s; expected a map, as {NAME: …}", key, yaml_word(node));
		return;
	}
	err = load_error(load, node->place, owner_label(load, owner), "%s has %s; expected a list",
			 key, yaml_word(node));
	if (node->shape == YAML_SCALAR && child->listing == LISTING_NAMES)
		err_hint(err, "%s: [%.100s]", key, node->text);
	else
		err_hint(err, "%s: [{…}]", key);
}

void load_children(struct load *load, const struct object *owner, const struct child *child,
		   const struct yaml_node *node)
{
	bool map = child->listing == LISTING_MAP;

	if (yaml_null(node))
		return;
	if (node->shape == YAML_SCALAR && strcmp(node->text, "all") == 0 &&
	    child->listing == LISTING_ITEMS && load_far(load, owner, child->kind, node, NULL))
		return;
	if (node->shape != (map ? YAML_MAP : YAML_LIST)) {
		wrong_shape(load, owner, child, node, node->key->text);
		return;
	}
	for (const struct yaml_node *one = node->first; one; one = one->next)
		if (map)
			load_entry(load, owner, child, one);
		else
			load_item(load, owner, child, one);
}
