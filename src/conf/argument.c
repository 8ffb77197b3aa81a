/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects without a file: KEY=VALUE words become the same tree that a file becomes, and go through
 * the same loading, expansion and rules. All work is done on a copy of the state, which takes its
 * place when nothing is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/load.h"
#include "model/cascade.h"

static const struct place nowhere;

/* "ns1/br0", "/br0" and "br0" as namespace and name. */
static const char *split_name(const char *name, const char **ns, struct arena *arena)
{
	const char *slash = strrchr(name, '/');

	*ns = slash ? arena_textn(arena, name, (size_t)(slash - name)) : "";
	return slash ? slash + 1 : name;
}

/* a,b,c as a list. */
static struct yaml_node *split_list(const char *value, struct arena *arena)
{
	struct yaml_node *list = yaml_make(arena, YAML_LIST, nowhere);

	while (*value) {
		size_t size = strcspn(value, ",");

		if (size)
			yaml_append(list, NULL,
				    yaml_scalar(arena, arena_textn(arena, value, size), nowhere));
		value += size;
		value += *value == ',';
	}
	return list;
}

static bool is_list(const struct kind *kind, const char *key)
{
	const struct kind *companion = kind->device ? kind_find(kind->device) : NULL;
	struct child child;

	return (child_find(kind, key, &child) && child.listing == LISTING_NAMES) ||
	       (companion && child_find(companion, key, &child) && child.listing == LISTING_NAMES);
}

static struct yaml_node *value_node(struct load *load, const struct kind *kind, const char *key,
				    const char *value)
{
	struct yaml_node *node = NULL;
	struct diag diag = {0};

	if (value[0] == '[' || value[0] == '{') {
		if (yaml_read(NULL, value, strlen(value), load->arena, &node, &diag))
			for (size_t i = 0; i < diag.error_count; i++)
				load_error(load, nowhere, key, "%s", diag.errors[i].message);
		diag_fini(&diag);
		return node;
	}
	if (is_list(kind, key))
		return split_list(value, load->arena);
	return yaml_scalar(load->arena, value, nowhere);
}

/* "interfaces+=", "interfaces-=": the sign, and the key without it. */
static char take_sign(char *key)
{
	size_t size = strlen(key);
	char sign = size > 1 ? key[size - 1] : 0;

	if (sign != '+' && sign != '-')
		return 0;
	key[size - 1] = '\0';
	return sign;
}

/* The arguments with this sign before their '='; 0: those without. */
static struct yaml_node *read_arguments(struct load *load, const struct kind *kind,
					const char *const *arguments, size_t count, char sign)
{
	struct yaml_node *map = yaml_make(load->arena, YAML_MAP, nowhere), *node;

	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(arguments[i], '=');
		char *key;

		if (sign && !equals)
			continue; /* that was told already */
		if (!equals || equals == arguments[i]) {
			err_hint(load_error(load, nowhere, arguments[i],
					    "this is not KEY=VALUE; expected a key, '=' and its "
					    "value"),
				 "lanloom kinds %s", kind->name);
			continue;
		}
		key = arena_textn(load->arena, arguments[i], (size_t)(equals - arguments[i]));
		if (take_sign(key) != sign)
			continue;
		if (sign && !is_list(kind, key)) {
			load_error(load, nowhere, arguments[i],
				   "%s is no list of names; expected %s=VALUE", key, key);
			continue;
		}
		node = value_node(load, kind, key, equals + 1);
		if (node && !yaml_put(map, key, node, load->arena))
			load_error(load, nowhere, key, "stands here twice; expected it once");
	}
	return map;
}

static void argument_load(struct load *load, const struct state *state, struct diag *diag)
{
	*load = (struct load){
		.arena = state->arena, .diag = diag, .host = "", .near_budget = 1000000};
	load->state = arena_make(state->arena, struct state);
	state_init(load->state, state->arena);
	state_copy(load->state, state);
}

/* Expands and checks the copy, which then takes the state's place. */
static int finish(struct load *load, size_t errors, struct state *state)
{
	if (load->diag->error_count == errors)
		load_expand(load);
	/* what was added is no whole LAN: a name that is not among it may well be there */
	load->near_budget = 0;
	if (load->diag->error_count == errors)
		load_check(load);
	if (load->diag->error_count != errors)
		return load->diag->errors[errors].code ?: -EINVAL;
	*state = *load->state;
	return 0;
}

static const struct kind *named_kind(const char *word, struct diag *diag)
{
	const struct kind *kind = kind_find(word);
	const char *words[256], *near;
	struct err *err;
	size_t len = 0;

	if (!kind)
		kind = kind_of_section(word, NULL);
	if (kind && kind->section)
		return kind;
	if (kind && kind->owner) {
		err = diag_error(diag, nowhere, word, "a %s stands under a %s; expected a device",
				 kind->name, kind->owner);
		if (kind->listed)
			err_hint(err, "lanloom set NAME %s=…", kind->listed);
		return NULL;
	}
	for (size_t i = 0; kinds[i] && len < 255; i++)
		if (kinds[i]->section)
			words[len++] = kinds[i]->name;
	words[len] = NULL;
	near = text_nearest(word, words);
	err = diag_error(diag, nowhere, word,
			 near ? "there is no such kind; did you mean \"%s\"?"
			      : "there is no such kind; expected one that `lanloom kinds` lists",
			 near);
	err_hint(err, near ? "lanloom add %s" : "lanloom kinds", near);
	return NULL;
}

int conf_add(const char *word, const char *name, const char *const *arguments, size_t count,
	     struct state *state, struct diag *diag)
{
	const struct kind *kind = named_kind(word, diag);
	struct yaml_node *map, *mode;
	size_t errors = diag->error_count;
	struct load load;
	const char *ns;

	if (!kind)
		return -EINVAL;
	argument_load(&load, state, diag);
	name = split_name(name, &ns, load.arena);
	map = read_arguments(&load, kind, arguments, count, 0);
	mode = yaml_get(map, "mode");
	if (kind->mode && !mode && strcmp(word, kind->name) == 0)
		yaml_append(map, yaml_scalar(load.arena, "mode", nowhere),
			    yaml_scalar(load.arena, kind->mode, nowhere));
	map->key = yaml_scalar(load.arena, name, nowhere);
	if (kind->listing == LISTING_MAP && field_value(kind) >= 0 && map->len == 1 &&
	    strcmp(map->first->key->text, "value") == 0) {
		map->first->key = map->key;
		map = map->first;
	}
	load_named(&load, kind->section, ns, map);
	for (size_t i = 0; i < load.len; i++) {
		struct object *object = load.loaded[i].object;

		if (state_find(state, object)) {
			err_hint(diag_error(diag, nowhere, object_label(object, load.arena),
					    "this stands already; expected a new one"),
				 "lanloom set %s", name);
			diag->errors[diag->error_count - 1].code = -EEXIST;
		}
	}
	load_join(&load);
	return finish(&load, errors, state);
}

/* What a name on the command line means: a tunnel before its device, a device before all else. */
static struct object *find_named(const struct state *state, const char *ns, const char *name)
{
	struct object *found = NULL, *object;

	for (size_t i = 0; i < state->len; i++) {
		object = state->objects[i];
		if (!object->kind->section || !text_same(object->ns, ns) ||
		    !text_same(object_name(object), name))
			continue;
		if (object->kind->device)
			return object;
		if (!found || kind_device(object->kind))
			found = object;
	}
	return found;
}

static struct object *find_or_tell(struct load *load, const char *full)
{
	struct words words = {.arena = load->arena};
	const char *ns, *name = split_name(full, &ns, load->arena), *near;
	struct object *object = find_named(load->state, ns, name);
	struct err *err;

	if (object)
		return object;
	for (size_t i = 0; i < load->state->len; i++) {
		object = load->state->objects[i];
		if (object->kind->section && text_same(object->ns, ns) && object_name(object))
			words_add(&words, object_name(object));
	}
	near = words_nearest(load, &words, name);
	err = load_error(load, nowhere, full,
			 near ? "nothing of this name was added; did you mean \"%s\"?"
			      : "nothing of this name was added; expected what `lanloom add` made",
			 near);
	err->code = -ENOENT;
	return NULL;
}

/* Children of `owner` that stand in the list `child` and not in the new one leave the state. */
static void drop_unlisted(struct load *load, const struct object *owner, const struct child *child)
{
	int under = field_under(child->kind);
	struct state *state = load->state;
	size_t kept = 0;

	for (size_t i = 0; i < state->len; i++) {
		struct object *object = state->objects[i];
		bool stays = object->kind != child->kind || !text_same(object->ns, owner->ns) ||
			     under < 0 || !object_has(object, (unsigned int)under) ||
			     !text_same(*(const char **)object_at(object, (unsigned int)under),
					object_name(owner));

		for (size_t k = 0; !stays && k < load->len; k++)
			stays = load->loaded[k].owner == owner &&
				object_order(load->loaded[k].object, object) == 0;
		if (stays)
			state->objects[kept++] = object;
	}
	state->len = kept;
}

static void drop_all_unlisted(struct load *load, const struct object *owner,
			      const struct yaml_node *map)
{
	struct child child;

	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (child_find(owner->kind, node->key->text, &child) && child.form == FORM_LISTED &&
		    child.listing != LISTING_MAP)
			drop_unlisted(load, owner, &child);
}

/* A loaded child into the state: onto the one that is there, or as a new one. */
static void put_child(struct load *load, const struct loaded *loaded)
{
	struct object *have = state_find(load->state, loaded->object);
	unsigned int count = kind_field_count(loaded->object->kind);

	if (!have && loaded->form == FORM_SPREAD) {
		load_error(load, nowhere, object_label(loaded->owner, load->arena),
			   "%s is none of its %s; expected it there",
			   object_label(loaded->object, load->arena), loaded->object->kind->listed);
		return;
	}
	if (!have) {
		state_put(load->state, loaded->object);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		if (object_has(loaded->object, i))
			object_take(have, i, loaded->object, i, load->arena);
}

/* What a list has of these leaves it, and with it what stands under them. */
static void take_out(struct load *load, size_t own, size_t companion, const struct yaml_node *map)
{
	size_t first = load->len;
	struct state taken;

	load_keys(load, own, companion, "", map);
	for (size_t i = first; i < load->len; i++) {
		struct object *have = state_find(load->state, load->loaded[i].object);

		state_init(&taken, load->arena);
		if (have && text_same(object_owner(have), object_owner(load->loaded[i].object)))
			state_cascade(load->state, have, &taken);
		else
			load_error(load, nowhere, object_label(load->loaded[i].object, load->arena),
				   "nothing that was added by hand; expected one of those")
				->code = -ENOENT;
	}
	load->len = first;
}

int conf_set(const char *name, const char *const *arguments, size_t count, struct state *state,
	     struct diag *diag)
{
	size_t errors = diag->error_count, companion = LOAD_NONE, own;
	struct object *object, *device = NULL;
	struct yaml_node *map, *more;
	struct load load;

	argument_load(&load, state, diag);
	object = find_or_tell(&load, name);
	if (!object)
		return -ENOENT;
	own = load_add(&load, object, NULL, FORM_NAMED);
	if (object->kind->device)
		device = state_named(load.state, object->kind->device, object->ns,
				     object_name(object));
	if (device)
		companion = load_add(&load, device, NULL, FORM_NAMED);
	map = read_arguments(&load, object->kind, arguments, count, 0);
	more = read_arguments(&load, object->kind, arguments, count, '+');
	take_out(&load, own, companion, read_arguments(&load, object->kind, arguments, count, '-'));
	load_keys(&load, own, companion, "", map);
	drop_all_unlisted(&load, object, map);
	if (device)
		drop_all_unlisted(&load, device, map);
	load_keys(&load, own, companion, "", more);
	for (size_t i = device ? 2 : 1; i < load.len; i++)
		put_child(&load, &load.loaded[i]);
	return finish(&load, errors, state);
}

int conf_del(const char *name, struct state *state, struct diag *diag)
{
	size_t errors = diag->error_count;
	struct state taken;
	struct object *object, *device, *through;
	struct load load;

	argument_load(&load, state, diag);
	object = find_or_tell(&load, name);
	if (!object)
		return -ENOENT;
	/* a companion goes first, and takes what runs on it along */
	device = object->kind->device ? state_named(load.state, object->kind->device, object->ns,
						    object_name(object))
				      : NULL;
	state_init(&taken, load.arena);
	state_cascade(load.state, device ? device : object, &taken);
	if (device)
		state_remove(load.state, object);
	/* what its traffic came in through was made for it alone */
	for (size_t i = 0; i < taken.len; i++) {
		through = state_link(load.state, taken.objects[i]->ns,
				     object_text(taken.objects[i], "through") ?: "");
		if (through)
			state_cascade(load.state, through, NULL);
	}
	/* what a network made of itself was taken out before (conf_remake) */
	load_expand(&load);
	if (diag->error_count != errors)
		return diag->errors[errors].code ?: -EINVAL;
	*state = *load.state;
	return 0;
}

void conf_remake(const struct state *state, struct state *out)
{
	struct diag unheard = {0};
	struct load load = {.arena = out->arena, .diag = &unheard, .host = "", .state = out};

	for (size_t i = 0; i < state->len; i++)
		if (!(state->objects[i]->kind->flags & KIND_MADE))
			state_add(out, object_copy(out->arena, state->objects[i]));
	load_expand(&load);
	diag_fini(&unheard);
}
