/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/committed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/record.h"

const char *const claim_words[CLAIM_COUNT + 1] = {"made", "set", "shared", "taken", NULL};

static int by_order(const void *a, const void *b)
{
	return object_order(((const struct entry *)a)->object, ((const struct entry *)b)->object);
}

void committed_sort(struct committed *committed)
{
	if (committed->len)
		qsort(committed->entries, committed->len, sizeof(*committed->entries), by_order);
}

struct entry *committed_find(const struct committed *committed, const struct object *like)
{
	for (size_t low = 0, high = committed ? committed->len : 0; low < high;) {
		size_t middle = (low + high) / 2;
		int order = object_order(committed->entries[middle].object, like);

		if (!order)
			return &committed->entries[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void committed_add(struct committed *committed, enum claim claim, const struct object *object,
		   const struct object *prior)
{
	struct arena *arena = committed->arena;

	committed->entries =
		arena_room(arena, committed->entries, committed->len, sizeof(struct entry));
	committed->entries[committed->len++] = (struct entry){
		.claim = claim,
		.object = object_copy(arena, object),
		.prior = prior ? object_copy(arena, prior) : NULL,
	};
}

/* The header: "description NAME file=FILE keep=BOOL". */
void committed_put(const struct committed *committed, struct text *out)
{
	text_add(out, "description name=");
	record_escape(committed->name, out);
	text_add(out, " file=");
	record_escape(committed->file ? committed->file : "", out);
	text_add(out, " keep=%s\n", committed->keep ? "true" : "false");
	for (size_t i = 0; i < committed->len; i++) {
		const struct entry *entry = &committed->entries[i];

		text_add(out, "%s ", claim_words[entry->claim]);
		record_put(entry->object, out);
		text_add(out, "\n");
		if (!entry->prior)
			continue;
		text_add(out, "prior ");
		record_put(entry->prior, out);
		text_add(out, "\n");
	}
}

static char *unescape(struct arena *arena, const char *text, size_t size)
{
	char *out = arena_alloc(arena, size + 1), *end = out;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '%' && i + 2 < size) {
			char digits[3] = {text[i + 1], text[i + 2], 0};

			*end++ = (char)strtol(digits, NULL, 16);
			i += 2;
		} else {
			*end++ = text[i];
		}
	}
	return out;
}

/* The value of ` key=` in a header line; "" when it is not there. */
static char *header_value(struct arena *arena, const char *line, size_t size, const char *key)
{
	const char *end = line + size, *at = memmem(line, size, key, strlen(key)), *stop;

	if (!at)
		return arena_text(arena, "");
	at += strlen(key);
	stop = memchr(at, ' ', (size_t)(end - at));
	return unescape(arena, at, (size_t)((stop ? stop : end) - at));
}

static int header_get(const char *line, size_t size, struct arena *arena,
		      struct committed *committed, struct err *err)
{
	if (size < 12 || memcmp(line, "description ", 12) != 0)
		return err_set(err, -EINVAL,
			       "committed state: it does not begin with \"description\"");
	committed->name = header_value(arena, line, size, " name=");
	committed->file = header_value(arena, line, size, " file=");
	committed->keep = strcmp(header_value(arena, line, size, " keep="), "true") == 0;
	return 0;
}

/* What the last object was before: a device may have been read as another kind of device. */
static int prior_take(struct committed *committed, struct object *prior, struct err *err)
{
	struct entry *last = committed->len ? &committed->entries[committed->len - 1] : NULL;

	if (!last)
		return err_set(err, -EINVAL, "committed state: a prior without its object");
	if (kind_root(prior->kind) != kind_root(last->object->kind))
		return err_set(err, -EINVAL, "committed state: a %s is no prior of a %s",
			       prior->kind->name, last->object->kind->name);
	last->prior = prior;
	return 0;
}

static int entry_get(const char *line, size_t size, struct arena *arena,
		     struct committed *committed, struct err *err)
{
	const char *space = memchr(line, ' ', size);
	size_t word = space ? (size_t)(space - line) : size, rest = word + 1;
	struct entry entry = {.claim = CLAIM_COUNT};
	bool prior = word == 5 && memcmp(line, "prior", 5) == 0;
	struct object *object;

	for (int i = 0; i < CLAIM_COUNT; i++)
		if (strlen(claim_words[i]) == word && memcmp(claim_words[i], line, word) == 0)
			entry.claim = (enum claim)i;
	if (!space || (entry.claim == CLAIM_COUNT && !prior))
		return err_set(err, -EINVAL, "committed state: \"%.*s\" is not a claim",
			       (int)(word < 40 ? word : 40), line);
	if (record_recall(line + rest, size - rest, arena, &object, err))
		return err_context(err, "committed state");
	if (prior) {
		return prior_take(committed, object, err);
	}
	entry.object = object;
	committed->entries = arena_room(arena, committed->entries, committed->len, sizeof(entry));
	committed->entries[committed->len++] = entry;
	return 0;
}

int committed_get(const char *text, size_t size, struct arena *arena, struct committed *committed,
		  struct err *err)
{
	const char *end = text + size;
	bool first = true;
	int r = 0;

	*committed = (struct committed){.arena = arena};
	while (!r && text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((stop ? stop : end) - text);

		r = first ? header_get(text, line, arena, committed, err)
			  : entry_get(text, line, arena, committed, err);
		first = false;
		text += line + 1;
	}
	if (!r && first)
		r = err_set(err, -EINVAL, "committed state: it is empty");
	committed_sort(committed);
	return r;
}
