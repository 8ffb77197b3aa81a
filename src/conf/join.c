/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what was loaded to a state. An object may have been written in several forms under one
 * owner (a port in `interfaces`, in `ports`, under `path-cost`); these become one. Everything else
 * that stands twice is an error with both lines.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/load.h"

static int by_order(const void *a, const void *b)
{
	const struct loaded *left = a, *right = b;
	int order = object_order(left->object, right->object);

	if (!order) /* a value spread over its owner's map comes behind the thing itself */
		order = (left->form == FORM_SPREAD) - (right->form == FORM_SPREAD);
	if (!order)
		order = (left->object->place.line > right->object->place.line) -
			(left->object->place.line < right->object->place.line);
	if (!order)
		order = (left->object->place.column > right->object->place.column) -
			(left->object->place.column < right->object->place.column);
	return order;
}

static void take_values(struct load *load, struct loaded *to, const struct loaded *from)
{
	unsigned int count = kind_field_count(to->object->kind);

	to->faulty |= from->faulty;
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = kind_field(to->object->kind, i);

		if (!object_has(from->object, i) || field->flags & (FIELD_KEY | FIELD_OWNER))
			continue;
		if (object_has(to->object, i))
			load_error(load, object_place(from->object, i),
				   object_label(to->object, load->arena),
				   "%s stands here twice%s; expected it once", field->key,
				   load_line(load, object_place(to->object, i)));
		else
			object_take(to->object, i, from->object, i, load->arena);
	}
}

static void refuse_twice(struct load *load, const struct loaded *first, const struct loaded *again)
{
	const char *label = object_label(again->object, load->arena);

	if (first->owner && again->owner && first->owner != again->owner)
		load_error(load, again->object->place, label,
			   "belongs to %s already%s; expected it once",
			   object_label(first->owner, load->arena),
			   load_line(load, first->object->place));
	else if (first->object->kind != again->object->kind)
		load_error(load, again->object->place, label,
			   "is the name of a %s already%s; expected one device of a name",
			   first->object->kind->name, load_line(load, first->object->place));
	else
		load_error(load, again->object->place, label,
			   "stands here twice%s; expected it once",
			   load_line(load, first->object->place));
}

/* A cost for what is no port: told with the port that was probably meant. */
static void refuse_stray(struct load *load, const struct loaded *stray)
{
	struct words words = {.arena = load->arena};
	const char *title =
		kind_field(stray->object->kind, (unsigned int)field_title(stray->object->kind))
			->key;
	const char *name = object_text(stray->object, title), *near;
	struct err *err;

	for (size_t i = 0; i < load->len; i++)
		if (load->loaded[i].owner == stray->owner && load->loaded[i].form != FORM_SPREAD &&
		    load->loaded[i].object->kind == stray->object->kind)
			words_add(&words, object_text(load->loaded[i].object, title));
	near = name ? words_nearest(load, &words, name) : NULL;
	err = load_error(load, stray->object->place, object_label(stray->owner, load->arena),
			 "%s is not among its %s; expected it there", name ? name : "this",
			 stray->object->kind->listed);
	if (near)
		err_hint(err, "%s", near);
}

/* All loaded objects that are the same thing, [first, end). */
static void join_same(struct load *load, struct loaded *first, const struct loaded *end)
{
	if (first->form == FORM_SPREAD) {
		for (struct loaded *one = first; one < end; one++)
			refuse_stray(load, one);
		return;
	}
	for (struct loaded *one = first + 1; one < end; one++)
		if (one->owner && one->owner == first->owner &&
		    (one->form != first->form || one->form == FORM_SPREAD))
			take_values(load, first, one);
		else
			refuse_twice(load, first, one);
}

void load_join(struct load *load)
{
	size_t kept = 0;

	if (load->len)
		qsort(load->loaded, load->len, sizeof(*load->loaded), by_order);
	for (size_t i = 0, end; i < load->len; i = end) {
		for (end = i + 1; end < load->len && object_order(load->loaded[i].object,
								  load->loaded[end].object) == 0;)
			end++;
		join_same(load, &load->loaded[i], &load->loaded[end]);
		load->loaded[kept] = load->loaded[i];
		if (load->loaded[i].form != FORM_SPREAD)
			state_add(load->state, load->loaded[kept++].object);
	}
	load->len = kept;
}
