/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan as a document: what lanloom(1) promises under "plan --json". */
#include "lib/lib.h"
#include "model/describe.h"

/* Keys say what it is, not what is done with it; what only the system says is no step's doing. */
#define NOT_TOLD (FIELD_KEY | FIELD_OWNER | FIELD_READ | FIELD_COUNTS | FIELD_FACE | FIELD_IDENT)

static json_t *value_or_null(const struct object *object, unsigned int i)
{
	return object && object_has(object, i) ? describe_value(object, i) : json_null();
}

/* {"mtu":{"from":1500,"to":1400}}; what is made has no "from". */
/* Of the identity, not the text's, or only about the order of steps. */
static bool is_told(const struct field *field)
{
	return !(field->flags & NOT_TOLD) &&
	       (field->flags & (FIELD_INNER | FIELD_LATER)) != (FIELD_INNER | FIELD_LATER);
}

static json_t *fields_describe(const struct step *step, const struct object *old)
{
	const struct object *object = step->after;
	json_t *fields = json_object();
	unsigned int count = object ? kind_field_count(object->kind) : 0;
	uint64_t mask = old ? object_differs(object, old) : 0;

	if (step->before && object)
		mask = step->mask;
	if (!step->before && object && !old)
		mask = object->set;
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);
		json_t *change;

		if (!(mask >> i & 1) || !is_told(field))
			continue;
		change = json_object();
		if (step->before || old)
			json_object_set_new(change, "from",
					    value_or_null(step->before ? step->before : old, i));
		json_object_set_new(change, "to", value_or_null(object, i));
		json_object_set_new(fields, field->key, change);
	}
	return fields;
}

/* Its name; an object without one is named by its key ("10.0.0.1/24"). */
static json_t *name_describe(const struct object *object)
{
	unsigned int count = kind_field_count(object->kind);

	if (object_name(object))
		return describe_text(object_name(object));
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);

		if (field->flags & FIELD_KEY && !(field->flags & FIELD_OWNER) &&
		    object_has(object, i))
			return describe_value(object, i);
	}
	return json_null();
}

/* A key that says nothing a reader would miss: table 254, metric 0. */
static bool is_usual(const struct field *field, const char *text)
{
	return text_same(text, field->initial ? field->initial : "0");
}

/* "bridge br0", "address 192.0.2.1/24 on ns1/br0", "route default metric 100 on br0". */
static json_t *says(const struct object *object)
{
	const char *owner = object_owner(object), *name = object_name(object);
	unsigned int count = kind_field_count(object->kind), told = 0;
	const char *slash = object->ns[0] ? "/" : "";
	struct text line TEXT_CLEANUP = {0};

	text_add(&line, "%s", object->kind->name);
	if (!owner && name) {
		text_add(&line, " %s%s%s", object->ns, slash, name);
		return describe_text(text_get(&line));
	}
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(object->kind, i);
		struct text value TEXT_CLEANUP = {0};

		if (!(field->flags & FIELD_KEY) || field->flags & FIELD_OWNER ||
		    !object_has(object, i))
			continue;
		object_print(object, i, &value);
		if (told && is_usual(field, text_get(&value)))
			continue;
		text_add(&line, " %s%s%s", told ? field->key : "", told ? " " : "",
			 text_get(&value));
		told++;
	}
	if (owner)
		text_add(&line, " on %s%s%s", object->ns, slash, owner);
	return describe_text(text_get(&line));
}

json_t *step_describe(const struct step *step, const struct object *old)
{
	const struct object *object = step_object(step);
	enum action action = step_action(step);
	json_t *json = json_object();

	/* what a replacement takes along has no other half: it simply goes, or comes */
	if (action == ACTION_REPLACE && !old)
		action = step->after ? ACTION_CREATE : ACTION_DELETE;
	if (old)
		action = ACTION_REPLACE;
	json_object_set_new(json, "action", json_string(action_word(action)));
	json_object_set_new(json, "kind", json_string(object->kind->name));
	json_object_set_new(json, "namespace", describe_text(object->ns));
	json_object_set_new(json, "name", name_describe(object));
	if (object_owner(object))
		json_object_set_new(json, "owner", describe_text(object_owner(object)));
	json_object_set_new(json, "says", says(object));
	json_object_set_new(json, "fields", fields_describe(step, old));
	json_object_set_new(json, "place", describe_place(step->place));
	if (step->flags & STEP_RIDES)
		json_object_set_new(json, "rides", json_true());
	if (step->flags & STEP_MOVES)
		json_object_set_new(json, "moves", json_true());
	if (step->flags & STEP_RESTORE)
		json_object_set_new(json, "restores", json_true());
	return json;
}

/* The other half of a replacement: the step of the same object that makes it again, or deleted it.
 */
static const struct step *other_half(const struct plan *plan, const struct step *step)
{
	for (size_t i = 0; i < plan->len; i++) {
		const struct step *other = &plan->steps[i];

		if (other != step && other->flags & STEP_REPLACE && !other->after != !step->after &&
		    object_order(step_object(other), step_object(step)) == 0)
			return other;
	}
	return NULL;
}

static json_t *list_of(json_t *to, const char *key)
{
	json_t *list = json_object_get(to, key);

	if (list)
		return list;
	list = json_array();
	json_object_set_new(to, key, list);
	return list;
}

void plan_describe(const struct plan *plan, json_t *to)
{
	json_t *steps = list_of(to, "steps"), *cuts = list_of(to, "cuts");

	for (size_t i = 0; i < plan->len; i++) {
		const struct step *step = &plan->steps[i], *half = NULL;

		if (step->flags & STEP_REPLACE)
			half = other_half(plan, step);
		if (half && step->after)
			continue; /* told with the half that deletes it, and takes others along */
		json_array_append_new(steps, half ? step_describe(half, step->before)
						  : step_describe(step, NULL));
	}
	for (size_t i = 0; i < plan->cut_count; i++)
		json_array_append_new(cuts, describe_text(plan->cuts[i]));
	list_of(to, "warnings");
}
