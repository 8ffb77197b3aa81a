/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documents: a thin face over jansson, which stays out of the public header. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "lib/lib.h"

static const json_t *json_of(const struct loom_doc *doc)
{
	return (const json_t *)doc;
}

enum loom_type loom_type(const struct loom_doc *doc)
{
	if (!doc)
		return LOOM_NULL;
	switch (json_typeof(json_of(doc))) {
	case JSON_OBJECT:
		return LOOM_OBJECT;
	case JSON_ARRAY:
		return LOOM_LIST;
	case JSON_STRING:
		return LOOM_TEXT;
	case JSON_INTEGER:
	case JSON_REAL:
		return LOOM_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return LOOM_TRUTH;
	case JSON_NULL:
		break;
	}
	return LOOM_NULL;
}

size_t loom_count(const struct loom_doc *doc)
{
	if (loom_type(doc) == LOOM_LIST)
		return json_array_size(json_of(doc));
	return loom_type(doc) == LOOM_OBJECT ? json_object_size(json_of(doc)) : 0;
}

const struct loom_doc *loom_get(const struct loom_doc *doc, const char *key)
{
	return doc_of(json_object_get(json_of(doc), key));
}

const struct loom_doc *loom_at(const struct loom_doc *doc, size_t i)
{
	return doc_of(json_array_get(json_of(doc), i));
}

const char *loom_key_at(const struct loom_doc *doc, size_t i)
{
	/* iterating does not change the object, but jansson's iterators are not const */
	json_t *object = (json_t *)json_of(doc);
	void *at = json_object_iter(object);

	while (at && i--)
		at = json_object_iter_next(object, at);
	return at ? json_object_iter_key(at) : NULL;
}

static const struct loom_doc *member(const struct loom_doc *doc, const char *key)
{
	return key ? loom_get(doc, key) : doc;
}

const char *loom_text(const struct loom_doc *doc, const char *key)
{
	return json_string_value(json_of(member(doc, key)));
}

double loom_number(const struct loom_doc *doc, const char *key)
{
	return json_number_value(json_of(member(doc, key)));
}

bool loom_truth(const struct loom_doc *doc, const char *key)
{
	return json_is_true(json_of(member(doc, key)));
}

int loom_doc_print(const struct loom_doc *doc, FILE *stream)
{
	if (json_dumpf(json_of(doc), stream, JSON_INDENT(2) | JSON_REAL_PRECISION(12)))
		return -1;
	return fputc('\n', stream) == EOF ? -1 : 0;
}

void loom_doc_free(struct loom_doc *doc)
{
	json_decref((json_t *)doc);
}

struct loom_doc *loom_doc_error(const char *message, const char *try_this)
{
	json_t *error;
	struct err err;

	/* it may quote a command line: whatever stands there, there is a text */
	err_set(&err, -EINVAL, "%s", message);
	err_hint(&err, "%s", try_this ? try_this : "");
	error = json_pack("{s:s}", "message", err.message);
	if (try_this)
		json_object_set_new(error, "try", json_string(err.hint));
	return doc_of(json_pack("{s:[o]}", "errors", error));
}

const char *loom_nearest(const char *word, const char *const *words)
{
	return text_nearest(word, words);
}
