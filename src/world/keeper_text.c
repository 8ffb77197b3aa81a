/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts in the keeper's messages: steps, objects, errors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/record.h"
#include "world/keeper_wire.h"

struct reader {
	const char *at, *end;
	unsigned int line; /* the one read last, from 1 */
	const char *text;
	size_t size;
	struct arena *arena;
};

static struct reader reader_of(const struct text *text, struct arena *arena)
{
	const char *bytes = text_get(text);

	return (struct reader){.at = bytes, .end = bytes + text->size, .arena = arena};
}

/* 1 and the next line, 0 at the end; -EINVAL: it is too long, or was cut off. */
static int reader_next(struct reader *reader, struct err *err)
{
	const char *stop;

	if (reader->at == reader->end)
		return 0;
	stop = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
	reader->line++;
	if (!stop || stop - reader->at > KEEPER_LINE_MOST)
		return err_set(err, -EINVAL, "line %u of the message does not end", reader->line);
	reader->text = reader->at;
	reader->size = (size_t)(stop - reader->at);
	reader->at = stop + 1;
	return 1;
}

/* Is the line "WORD …" or "WORD"? Then what stands behind it. */
static bool reader_is(const struct reader *reader, const char *word, const char **rest,
		      size_t *size)
{
	size_t len = strlen(word);

	if (reader->size < len || memcmp(reader->text, word, len) != 0)
		return false;
	if (reader->size > len && reader->text[len] != ' ')
		return false;
	*rest = reader->text + len + (reader->size > len);
	*size = reader->size - (size_t)(*rest - reader->text);
	return true;
}

static void side_put(const char *word, const struct object *object, struct text *out)
{
	if (!object)
		return;
	text_add(out, "%s ", word);
	record_put(object, out);
	text_add(out, "\n");
}

static void fields_put(const struct step *step, struct text *out)
{
	if (!step->before || !step->after)
		return;
	text_add(out, "fields");
	for (unsigned int f = 0; step->mask >> f; f++)
		if (step->mask >> f & 1)
			text_add(out, " %s", kind_field(step->after->kind, f)->key);
	text_add(out, "\n");
}

void keeper_steps_put(const struct keeper_step *steps, size_t len, struct text *out)
{
	for (size_t i = 0; i < len; i++) {
		const struct step *step = &steps[i].step;

		text_add(out, "step\n");
		side_put("before", step->before, out);
		side_put("after", step->after, out);
		fields_put(step, out);
		if (steps[i].sockets)
			text_add(out, "sockets %u\n", steps[i].sockets);
		if (steps[i].resolved)
			text_add(out, "resolved %s\n", steps[i].resolved);
	}
}

static int object_get(const char *bytes, size_t size, struct arena *arena,
		      const struct object **object, struct err *err)
{
	struct object *got;

	if (*object)
		return err_set(err, -EINVAL, "a step has two of one side");
	if (record_get(bytes, size, arena, &got, err))
		return err->code;
	if (got->kind->door != DOOR_KEEPER)
		return err_set(err, -EINVAL, "a %s is not the keeper's", got->kind->name);
	if (got->ns[0] && namespace_name_check(got->ns, err))
		return err->code;
	*object = got;
	return 0;
}

static int fields_get(const char *bytes, size_t size, struct arena *arena, struct step *step,
		      struct err *err)
{
	char *save = NULL, *words = arena_textn(arena, bytes, size);

	if (!step->after)
		return err_set(err, -EINVAL, "fields before the object");
	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		int f = kind_field_find(step->after->kind, word);

		if (f < 0)
			return err_set(err, -EINVAL, "a %s has no field %.60s",
				       step->after->kind->name, word);
		if (kind_field(step->after->kind, (unsigned int)f)->flags & FIELD_KEY)
			return err_set(err, -EINVAL, "%s cannot change", word);
		step->mask |= UINT64_C(1) << f;
	}
	return 0;
}

/* One line of a step that has begun. */
static int line_get(const struct reader *reader, struct keeper_step *step, struct err *err)
{
	const char *rest;
	size_t size;
	int64_t number;

	if (reader_is(reader, "before", &rest, &size))
		return object_get(rest, size, reader->arena, &step->step.before, err);
	if (reader_is(reader, "after", &rest, &size))
		return object_get(rest, size, reader->arena, &step->step.after, err);
	if (reader_is(reader, "fields", &rest, &size))
		return fields_get(rest, size, reader->arena, &step->step, err);
	if (reader_is(reader, "resolved", &rest, &size)) {
		step->resolved = arena_textn(reader->arena, rest, size);
		return 0;
	}
	if (reader_is(reader, "sockets", &rest, &size) &&
	    text_number(arena_textn(reader->arena, rest, size), 1, 2, &number) == 0) {
		step->sockets = (unsigned int)number;
		return 0;
	}
	return err_set(err, -EINVAL, "not a line of a step");
}

/* What has to be written is there, keys above all: whoever works with it need not ask. */
static int side_check(const struct object *object, struct err *err)
{
	for (unsigned int f = 0; object && f < kind_field_count(object->kind); f++) {
		const struct field *field = kind_field(object->kind, f);

		if (field->flags & (FIELD_KEY | FIELD_NEED) && !object_has(object, f))
			return err_set(err, -EINVAL, "a %s without %s", object->kind->name,
				       field->key);
	}
	return 0;
}

static int step_check(const struct keeper_step *step, struct err *err)
{
	const struct object *before = step->step.before, *after = step->step.after;

	if (!before && !after)
		return err_set(err, -EINVAL, "a step without objects");
	if (before && after && (before->kind != after->kind || object_order(before, after)))
		return err_set(err, -EINVAL, "a step from one object to another");
	if (!after && (step->sockets || step->resolved))
		return err_set(err, -EINVAL, "a deletion that brings something");
	return side_check(before, err) ? err->code : side_check(after, err);
}

static int steps_read(struct reader *reader, struct keeper_step **steps, size_t *len,
		      struct err *err)
{
	struct keeper_step *list = NULL;
	int r;

	while ((r = reader_next(reader, err)) > 0) {
		const char *rest;
		size_t size;

		if (reader_is(reader, "step", &rest, &size)) {
			list = arena_room(reader->arena, list, *len, sizeof(*list));
			list[(*len)++] = (struct keeper_step){0};
			r = *len > 1 ? step_check(&list[*len - 2], err) : 0;
		} else {
			r = *len ? line_get(reader, &list[*len - 1], err)
				 : err_set(err, -EINVAL, "a line before the first step");
		}
		if (r)
			break;
	}
	if (!r && *len)
		r = step_check(&list[*len - 1], err);
	*steps = list;
	return r ? err_context(err, "line %u of the message", reader->line) : 0;
}

int keeper_steps_get(const struct text *text, size_t fds, struct arena *arena,
		     struct keeper_step **steps, size_t *len, struct err *err)
{
	struct reader reader = reader_of(text, arena);
	size_t sockets = 0;

	*len = 0;
	if (steps_read(&reader, steps, len, err))
		return err->code;
	for (size_t i = 0; i < *len; i++)
		sockets += (*steps)[i].sockets;
	if (sockets != fds)
		return err_set(err, -EINVAL, "%zu descriptors came along, the steps speak of %zu",
			       fds, sockets);
	return 0;
}

int keeper_objects_get(const struct text *text, struct arena *arena, struct state *out,
		       struct err *err)
{
	struct reader reader = reader_of(text, arena);
	int r;

	while ((r = reader_next(&reader, err)) > 0) {
		const struct object *object = NULL;

		r = object_get(reader.text, reader.size, arena, &object, err);
		if (!r)
			r = side_check(object, err);
		if (r)
			return err_context(err, "what the keeper says it runs");
		state_add(out, (struct object *)object);
	}
	return r;
}

static void error_line(struct text *out, const char *word, const char *text)
{
	if (!text[0])
		return;
	text_add(out, "%s ", word);
	record_escape(text, out);
	text_add(out, "\n");
}

void keeper_error_put(const struct err *error, int step, struct keeper_message *answer)
{
	text_clear(&answer->text);
	answer->code = error->code < 0 && error->code > -4096 ? error->code : -EIO;
	error_line(&answer->text, "message", error->message);
	error_line(&answer->text, "object", error->object);
	error_line(&answer->text, "hint", error->hint);
	if (step >= 0)
		text_add(&answer->text, "step %d\n", step);
}

/* A line's text, its escapes undone, cut to what the error has room for. */
static void unescape(const char *from, size_t size, char *to, size_t room)
{
	size_t at = 0;

	for (size_t i = 0; i < size && at + 1 < room; i++) {
		char two[3] = "";

		if (from[i] == '%' && i + 2 < size) {
			int64_t number = '?';
			char text[5] = "0x";

			memcpy(two, from + i + 1, 2);
			memcpy(text + 2, two, 3);
			text_number(text, 1, 255, &number);
			to[at++] = (char)number;
			i += 2;
		} else {
			to[at++] = from[i];
		}
	}
	to[at] = '\0';
	text_tidy(to);
}

void keeper_error_get(const struct keeper_message *answer, int *step, struct err *error)
{
	struct arena arena;
	struct reader reader;
	struct err ignored;

	arena_init(&arena);
	reader = reader_of(&answer->text, &arena);
	err_set(error, answer->code, "%s", "");
	*step = -1;
	while (reader_next(&reader, &ignored) > 0) {
		const char *rest;
		size_t size;
		int64_t number;

		if (reader_is(&reader, "message", &rest, &size))
			unescape(rest, size, error->message, sizeof(error->message));
		else if (reader_is(&reader, "object", &rest, &size))
			unescape(rest, size, error->object, sizeof(error->object));
		else if (reader_is(&reader, "hint", &rest, &size))
			unescape(rest, size, error->hint, sizeof(error->hint));
		else if (reader_is(&reader, "step", &rest, &size) &&
			 text_number(arena_textn(&arena, rest, size), 0, 1 << 20, &number) == 0)
			*step = (int)number;
	}
	if (!error->message[0])
		snprintf(error->message, sizeof(error->message),
			 "the keeper refused and gave no reason");
	arena_fini(&arena);
}

const char *keeper_line(const struct text *text, const char *word, struct arena *arena)
{
	struct reader reader = reader_of(text, arena);
	struct err ignored;

	while (reader_next(&reader, &ignored) > 0) {
		const char *rest;
		size_t size;

		if (reader_is(&reader, word, &rest, &size))
			return arena_textn(arena, rest, size);
	}
	return NULL;
}
